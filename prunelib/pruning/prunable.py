"""What the loop must know of a network whose channels can be removed, and do to it."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from prunelib.errors import PrunelibError
from prunelib.kernels.cuda_graph import Recorder, Step
from prunelib.nets.inputs import InputShape
from prunelib.nets.surgery import remove_channel
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.criteria import flop_savings
from prunelib.pruning.saliency import Fisher
from prunelib.training.machine import Machine
from prunelib.training.updates import stepper


class Prunable(Protocol):
    """A network whose channels can be removed; they lie in blocks that count from 1."""

    @property
    def model(self) -> nn.Module:
        """The network itself."""

    @property
    def makers(self) -> Sequence[nn.Conv2d]:
        """The convolution that makes the channels of each block."""

    def widths(self) -> list[int]:
        """How many channels each block has now."""

    def params(self) -> int:
        """Parameters of the network now."""

    def macs(self) -> int:
        """Multiply-accumulates for one image now."""

    def savings(self) -> list[int]:
        """Multiply-accumulates that go with one channel of each block; 0 for the last channel."""

    def updates(
        self, optimizer: torch.optim.Optimizer, steps: int, fisher: Fisher | None
    ) -> AbstractContextManager[Step]:
        """A context with what makes updates, of which many will come; `fisher` reads along."""

    def remove(
        self, number: int, channel: int, optimizer: torch.optim.Optimizer | None = None
    ) -> None:
        """Take a channel (from 0, of those that its block has now) away, and its momentum."""


@dataclass
class PrunableWideResNet:
    """A `WideResNet`, whose channels between the convolutions of a block can go."""

    model: WideResNet
    shape: InputShape
    machine: Machine
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder.on(self.machine.device)

    @property
    def makers(self) -> Sequence[nn.Conv2d]:
        """The first convolution of each block."""
        return [block.conv1 for block in self.model.residual_blocks]

    def widths(self) -> list[int]:
        """How many channels each block has now."""
        return list(self.model.profile.middle)

    def params(self) -> int:
        """Parameters of the network now."""
        return self.shape.params(self.model.profile)

    def macs(self) -> int:
        """Multiply-accumulates for one image now."""
        return self.shape.macs(self.model.profile)

    def savings(self) -> list[int]:
        """Multiply-accumulates that go with one channel of each block; 0 for the last channel."""
        return flop_savings(self.model.profile, self.shape)

    @contextmanager
    def updates(
        self, optimizer: torch.optim.Optimizer, steps: int, fisher: Fisher | None
    ) -> Iterator[Step]:
        """A context with what makes updates; on a GPU they are recorded where many come."""
        yield stepper(self.model, optimizer, self.machine, steps, fisher, self.recorder)

    def remove(
        self, number: int, channel: int, optimizer: torch.optim.Optimizer | None = None
    ) -> None:
        """Take a channel (from 0, of those that its block has now) away, and its momentum."""
        remove_channel(self.model, number, channel, optimizer)


def check_channels(model: WideResNet) -> None:
    """Raise PrunelibError for a network whose channels cannot be scored or taken away."""
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    if len(names) > len(list(model.parameters())):
        raise PrunelibError("layers of the network share parameters: give each its own")
    for number, block in enumerate(model.residual_blocks, 1):
        for layer in (block.conv1, block.bn2, block.conv2):
            if weight_is_computed(layer):
                raise PrunelibError(
                    f"block {number} has a weight that is computed from others (weight norm, or a "
                    "mask): make it a parameter of its own first"
                )
        check_not_frozen(f"the first convolution of block {number}", block.conv1)


def check_not_frozen(name: str, maker: nn.Conv2d) -> None:
    """Raise PrunelibError for a convolution that gets no gradients: scores would all be 0."""
    if not maker.weight.requires_grad:
        raise PrunelibError(
            f"{name} is frozen, so its channels get no gradients to be scored by; "
            "call model.requires_grad_() first"
        )


def weight_is_computed(module: nn.Module) -> bool:
    """Whether the weight of a layer is not a parameter of its own."""
    has_weight = getattr(module, "weight", None) is not None
    return is_parametrized(module) or (has_weight and "weight" not in module._parameters)
