"""Updates of weights: SGD on batches, with what reads saliency along, as CUDA graphs on a GPU."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.kernels.cuda_graph import WORTHWHILE, Recorder, Replayed, Step
from prunelib.kernels.onednn import sound_gradients
from prunelib.nets.wideresnet import Gate
from prunelib.training.machine import Machine

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The mean loss of a batch: logits (N, classes), images and labels in."""


def of_labels(logits: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy with the labels."""
    return F.cross_entropy(logits, y)


class Tap(Protocol):
    """What reads saliency in the backward passes of updates: gates, and what they add up in."""

    totals: list[Tensor]

    @property
    def gates(self) -> list[Gate]:
        """One gate per block for `WideResNet.forward`."""


def sgd(model: nn.Module, lr: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD over all parameters, fused: one pass over the weights a step."""
    return torch.optim.SGD(
        model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True
    )


def sgd_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    machine: Machine,
    gates: Sequence[Gate] | None = None,
    loss_of: Loss = of_labels,
) -> Tensor:
    """One update on one batch; returns the batch's mean loss, on the device."""
    with sound_gradients(model):
        with machine.autocast():
            loss = loss_of(model(x) if gates is None else model(x, gates), x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
    optimizer.step()
    return loss.detach()


def stepper(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    machine: Machine,
    steps: int,
    tap: Tap | None = None,
    recorder: Recorder | None = None,
    loss_of: Loss = of_labels,
) -> Step:
    """What makes updates of a model: `sgd_step`; as a CUDA graph, if many come on a GPU.

    With `tap` they read saliency too. What makes updates of one run shares a recorder.
    """

    def step(x: Tensor, y: Tensor) -> Tensor:
        return sgd_step(model, optimizer, x, y, machine, tap.gates if tap else None, loss_of)

    if torch.device(machine.device).type != "cuda" or steps < WORTHWHILE:
        return step
    recorder = recorder or Recorder.on(machine.device)
    return Replayed(step, model, optimizer, tap.totals if tap else (), recorder)
