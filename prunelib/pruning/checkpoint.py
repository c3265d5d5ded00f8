"""The state of a pruning run, and the file that an interrupted run resumes from."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.pruning.prunable import Prunable
from prunelib.training.checkpoint import packed, restored, save, unpack
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.updates import sgd


@dataclass(frozen=True)
class Point:
    """The network after `removals` removals and fine-tuning, and the channel that goes next.

    `error` (per cent) is None where it was not measured. `block` counts from 1; `channel` is the
    index that the channel had in the unpruned network, from 0; both are None at the end of the
    trajectory. `seconds` are those of the removal before and of fine-tuning; evaluation comes on
    top.
    """

    removals: int
    params: int
    macs: int
    train_loss: float
    error: float | None
    block: int | None
    channel: int | None
    saliency: float | None
    seconds: float
    evaluation_seconds: float


@dataclass
class PruningState:
    """All that a pruning run needs to resume: this is what a checkpoint holds.

    `alive` has, for each block, the indices in the unpruned network of the channels that are left.
    `replay` is the order that the run follows, if it follows one.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    alive: list[list[int]]
    points: list[Point] = field(default_factory=list)
    replay: list[int] | None = None

    @property
    def finished(self) -> bool:
        """Whether the trajectory has come to its end."""
        return bool(self.points) and self.points[-1].block is None


def begin_or_resume(
    checkpoint: Path | None,
    network: Prunable,
    protocol: PruneProtocol,
    machine: Machine,
    replay: Sequence[int] | None = None,
) -> PruningState:
    """The state in a checkpoint that went the same way, put into the network, or that of a start.

    A damaged checkpoint is set aside.

    Raises:
        PrunelibError: the checkpoint is of another network.
    """
    order = None if replay is None else list(replay)
    found = restored(checkpoint, lambda tensors, text: _same_way(tensors, text, order))
    alive = [list(range(width)) for width in network.widths()]
    tensors: dict[str, Tensor] = {}
    points: list[Point] = []
    if found:
        tensors, saved_alive, points = found
        _check_same_network(network, saved_alive, tensors.keys(), str(checkpoint))
        alive = saved_alive
        for number, (width, left) in enumerate(zip(network.widths(), alive, strict=True), 1):
            for _ in range(width - len(left)):
                network.remove(number, 0)
    machine.place(network.model)
    optimizer = sgd(network.model, protocol.lr, protocol.momentum, protocol.weight_decay)
    if tensors:
        unpack(tensors, network.model, optimizer)
    return PruningState(network.model, optimizer, alive, points, order)


def _same_way(
    tensors: dict[str, Tensor], text: str, order: list[int] | None
) -> tuple[dict[str, Tensor], list[list[int]], list[Point]] | None:
    """What a checkpoint holds, if its run followed the same order."""
    saved = json.loads(text)
    if saved["replay"] != order:
        return None
    points = [Point(*values) for values in saved["points"]]
    alive = [[int(channel) for channel in left] for left in saved["alive"]]
    if not points or not any(name.startswith("model.") for name in tensors):
        raise ValueError("it holds no network")
    for number, left in enumerate(alive, 1):
        gone = sum(point.block == number for point in points)
        if not left or gone + len(left) <= max(left):
            raise ValueError("its channels are not those that its removals leave")
    return tensors, alive, points


def _check_same_network(
    network: Prunable, alive: list[list[int]], names: Iterable[str], checkpoint: str
) -> None:
    """Raise PrunelibError for a checkpoint of a network that this one cannot become."""
    whole = [set(range(width)) for width in network.widths()]
    missing = {f"model.{name}" for name in network.model.state_dict()} - set(names)
    narrower = len(alive) == len(whole) and all(map(set.issuperset, whole, alive))
    if missing or not narrower:
        raise PrunelibError(f"{checkpoint} is of another network; name another file")


def save_pruning_state(path: Path, state: PruningState) -> None:
    """Write a checkpoint, whole or not at all."""
    points = [[getattr(point, f.name) for f in fields(Point)] for point in state.points]
    text = {"replay": state.replay, "alive": state.alive, "points": points}
    save(path, packed(state.model, state.optimizer), json.dumps(text))
