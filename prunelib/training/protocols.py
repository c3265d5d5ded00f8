"""How networks are trained and pruned, as frozen values; variations are other values."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from prunelib.errors import PrunelibError, check_integers, check_numbers, is_number
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile

TEMPERATURE, WEIGHT = 4.0, 0.9
"""Of distillation, as is usual on CIFAR (Tian et al., 2020)."""


@dataclass(frozen=True)
class TrainProtocol:
    """How a network is trained: by default as in the paper's section 3.

    SGD with momentum and weight decay; the learning rate is multiplied by `gamma` at each of the
    `milestones` (epochs); zero padding, random crops, random flips.
    """

    epochs: int = 200
    batch_size: int = 128
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    milestones: tuple[int, ...] = (60, 120, 180)
    gamma: float = 0.2
    pad: int = 4
    flip: bool = True

    def check(self) -> None:
        """Raise PrunelibError if no network can be trained like this."""
        check_integers(0, epochs=self.epochs, pad=self.pad)
        check_integers(1, batch_size=self.batch_size)
        for epoch in self.milestones:
            check_integers(0, milestone=epoch)
        numbers = ("lr", "momentum", "weight_decay", "gamma")
        check_numbers(**{name: getattr(self, name) for name in numbers})

    def lr_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.lr * self.gamma ** sum(epoch >= m for m in self.milestones)

    def lasting(self, epochs: int) -> "TrainProtocol":
        """The same protocol with another number of epochs, milestones in proportion.

        Where there are few epochs, the first milestone is not before the second epoch, and the last
        not after the last one; a single epoch has the full learning rate.
        """
        last = max(1, epochs - 1)
        scaled = (min(max(round(m * epochs / self.epochs), 1), last) for m in self.milestones)
        return replace(self, epochs=epochs, milestones=tuple(scaled))


@dataclass(frozen=True)
class PruneProtocol:
    """How a trained network is pruned: by default as in the paper's section 3.

    Between removals the network is fine-tuned for `steps` updates at the lowest learning rate of
    its training, while saliency accumulates. Pruning ends after `removals`, or as soon as there
    are no more than `stop_params` parameters. Test error is measured before every `eval_every`-th
    removal and at the end. `flop_penalty` is beta, in nats per million MACs.

    With `ranked="once"`, the network is fine-tuned and scored only before the first removal, and
    channels go in the order of these scores.
    """

    batch_size: int = 128
    lr: float = 8e-4
    momentum: float = 0.9
    weight_decay: float = 5e-4
    pad: int = 4
    flip: bool = True
    steps: int = 100
    criterion: str = "fisher"
    flop_penalty: float = 0.0
    removals: int | None = None
    stop_params: int | None = None
    eval_every: int = 1
    ranked: Literal["once"] | None = None

    def check(self, profile: ChannelProfile, shape: InputShape) -> None:
        """Raise PrunelibError if a network of this profile cannot be pruned so."""
        least = shape.params(profile.scaled(0))
        self.check_ends(profile.prunable - len(profile.middle), least, "block")

    def check_ends(self, possible: int, least: int, unit: str) -> None:
        """Raise PrunelibError if a network cannot be pruned so.

        Args:
            possible: removals, after which each unit has one channel.
            least: parameters that are left then.
            unit: `block` or `layer`.
        """
        if self.removals is None and self.stop_params is None:
            raise PrunelibError("pruning needs an end: a number of removals or of parameters")
        self.check_values()
        if self.removals is not None and not 0 <= self.removals <= possible:
            raise PrunelibError(f"removals must be 0 to {possible}, not {self.removals}")
        if self.removals is None and (self.stop_params or 0) < least:
            raise PrunelibError(
                f"pruning cannot reach {self.stop_params:,} parameters: "
                f"{least:,} are left with one channel a {unit}"
            )

    def check_values(self) -> None:
        """Raise PrunelibError if a value could be that of no network."""
        if not is_number(self.flop_penalty) or not math.isfinite(self.flop_penalty):
            raise PrunelibError(f"flop_penalty must be a finite number, not {self.flop_penalty}")
        if self.ranked not in (None, "once"):
            raise PrunelibError(f"ranked must be None or 'once', not {self.ranked!r}")
        check_integers(0, pad=self.pad)
        for name in ("steps", "batch_size", "eval_every"):
            check_integers(1, **{name: getattr(self, name)})
        for name in ("removals", "stop_params"):
            if getattr(self, name) is not None:
                check_integers(-(2**63), **{name: getattr(self, name)})
        check_numbers(lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
