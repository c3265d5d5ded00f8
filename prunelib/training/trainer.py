"""The SGD protocol, as one frozen specification, and evaluation."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.kernels.cuda_graph import WORTHWHILE, Replayed, Step, record_cuda
from prunelib.nets.wideresnet import Gate, WideResNet
from prunelib.pruning.saliency import Fisher
from prunelib.training.data import Dataset, Split, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import Protocol

EVALUATION_BATCH = 500

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all and a short text."""


class NotFinite(PrunelibError):
    """A loss became infinite or not a number."""


class Epoch(NamedTuple):
    """One epoch: mean training loss, test error (per cent) and loss after it.

    `seconds` are those of training, `evaluation_seconds` come on top.
    """

    train_loss: float
    test_error: float
    test_loss: float
    seconds: float
    evaluation_seconds: float


def sgd(model: nn.Module, lr: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD over all parameters, fused: one pass over the weights a step."""
    return torch.optim.SGD(
        model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True
    )


def sgd_step(
    model: WideResNet,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    machine: Machine,
    gates: Sequence[Gate] | None = None,
) -> Tensor:
    """One update on one batch; returns the batch's mean loss, on the device."""
    with machine.autocast():
        loss = F.cross_entropy(model(x) if gates is None else model(x, gates), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach()


def stepper(
    model: WideResNet,
    optimizer: torch.optim.Optimizer,
    machine: Machine,
    steps: int,
    fisher: Fisher | None = None,
) -> Step:
    """What makes updates of a model: `sgd_step`; as a CUDA graph, if many come on a GPU.

    With `fisher` it reads saliency too.
    """

    def step(x: Tensor, y: Tensor) -> Tensor:
        return sgd_step(model, optimizer, x, y, machine, fisher.gates if fisher else None)

    if torch.device(machine.device).type != "cuda" or steps < WORTHWHILE:
        return step
    record = partial(record_cuda, device=machine.device)
    return Replayed(step, model, optimizer, fisher.totals if fisher else (), record)


def train(
    model: WideResNet,
    data: Dataset,
    protocol: Protocol,
    seed: int,
    machine: Machine | None = None,
    progress: Progress | None = None,
) -> list[Epoch]:
    """Train a model in place by a protocol and evaluate it after every epoch.

    Args:
        model: on any device; it is moved to the machine's.
        data: likewise.
        protocol: what to do.
        seed: of the order of images, crops and flips. Initial weights are the caller's.
        machine: by default the best there is.
        progress: called after every step on a CPU, after every epoch on a GPU.

    Raises:
        NotFinite: the loss became infinite or not a number; says at which step.
    """
    machine = machine or Machine.here()
    machine.place(model)
    data = data.to(machine.device)
    optimizer = sgd(model, protocol.lr, protocol.momentum, protocol.weight_decay)
    batches = train_batches(data, protocol.batch_size, protocol.pad, protocol.flip, seed)
    steps = -(-len(data.train.y) // protocol.batch_size)
    losses = torch.zeros(steps, device=machine.device)
    update = stepper(model, optimizer, machine, steps)
    # Asking a GPU how far it is would stop it; a CPU has no such queue.
    every_step = progress is not None and torch.device(machine.device).type == "cpu"
    history = []
    for epoch in range(protocol.epochs):
        started = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = protocol.lr_at(epoch)
        model.train()
        for step in range(steps):
            losses[step] = update(*next(batches))
            if every_step:
                note = f"error {history[-1].test_error:.2f} %" if history else ""
                progress(epoch * steps + step + 1, protocol.epochs * steps, note)
        check_finite(losses, epoch * steps)
        trained = time.perf_counter()
        error, loss = evaluate(model, data, machine=machine)
        check_finite(torch.tensor([loss]), (epoch + 1) * steps, "test")
        seconds = trained - started, time.perf_counter() - trained
        history.append(Epoch(losses.mean().item(), error, loss, *seconds))
        if progress:
            done = (epoch + 1) * steps
            progress(done, protocol.epochs * steps, f"error {error:.2f} %")
    return history


def check_finite(losses: Tensor, first_step: int, what: str = "training") -> None:
    """Raise NotFinite if a loss is not finite; `losses` are those of steps from `first_step` on."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        step = int(bad[0, 0])
        raise NotFinite(
            f"the {what} loss became {losses[step].item()} at step {first_step + step}; "
            "try a lower learning rate"
        )


@torch.no_grad()
def evaluate(
    model: nn.Module, data: Dataset, split: Split | None = None, machine: Machine | None = None
) -> tuple[float, float]:
    """Test error in per cent, and mean cross-entropy, in eval mode.

    Args:
        model: its mode is restored afterwards.
        data: gives the normalisation.
        split: images to evaluate; by default the test set.
        machine: by default the best there is.
    """
    machine = machine or Machine.here()
    split = split or data.test
    training = model.training
    model.eval()
    wrong = torch.zeros((), device=machine.device, dtype=torch.int64)
    loss = torch.zeros((), device=machine.device, dtype=torch.float64)
    for i in range(0, len(split.y), EVALUATION_BATCH):
        x = data.normalise(split.x[i : i + EVALUATION_BATCH])
        y = split.y[i : i + EVALUATION_BATCH]
        with machine.autocast():
            logits = model(x).float()
        wrong += (logits.argmax(1) != y).sum()
        loss += F.cross_entropy(logits, y, reduction="sum")
    model.train(training)
    return 100 * wrong.item() / len(split.y), loss.item() / len(split.y)
