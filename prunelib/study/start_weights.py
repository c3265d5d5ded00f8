"""The weights that runs begin with: drawn anew, read from a file, or made again."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors, save_tensors, set_aside
from prunelib.nets.inputs import WEIGHTS
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.checkpoint import Point
from prunelib.pruning.loop import Watch
from prunelib.pruning.order import sizes
from prunelib.pruning.public import prune
from prunelib.study.specs import PruneSpec
from prunelib.study.store import Store
from prunelib.training.data import Dataset, generator
from prunelib.training.machine import Machine
from prunelib.training.trainer import Progress


@dataclass(frozen=True)
class RunContext:
    """What a run needs beside its spec.

    Args:
        store: where records and weights are.
        data: that of the spec.
        machine: how to compute.
        progress: called as the run goes on.
        snapshots: pruning keeps its weights also when it first has at most so many parameters,
            for runs that start from them.
    """

    store: Store
    data: Dataset
    machine: Machine
    progress: Progress | None = None
    snapshots: tuple[int, ...] = ()


def new_model(
    profile: ChannelProfile, data: Dataset, seed: int, stream: int = WEIGHTS
) -> WideResNet:
    """A new network; its weights depend on the seed alone, not on what was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(generator(seed, stream).initial_seed())
        return WideResNet(profile, data.shape.num_classes, data.shape.in_channels)


def load_model(path: Path, profile: ChannelProfile, data: Dataset) -> WideResNet | None:
    """The network whose weights a run has kept; None if there are none.

    Weights that are damaged, or were saved under another name, are set aside. Those of another
    profile are older than the record.
    """
    if not os.path.lexists(path):
        return None
    try:
        tensors, text = load_tensors(path, own=True)
        if ChannelProfile.from_json(text) != profile:
            return None
        model = WideResNet(profile, data.shape.num_classes, data.shape.in_channels)
        model.load_state_dict(tensors)
    except (PrunelibError, RuntimeError) as error:
        reason = error if isinstance(error, PrunelibError) else f"{path} is of another network"
        set_aside(path, reason)
        return None
    return model


def load_or_make(
    path: Path, profile: ChannelProfile, data: Dataset, make: Callable[[], object]
) -> WideResNet:
    """The network whose weights are in a file; `make` writes the file where there is none."""
    model = load_model(path, profile, data)
    if model is None:
        make()
        model = load_model(path, profile, data)
    assert model is not None
    return model


def load_or_replay(
    spec: PruneSpec,
    removals: int,
    blocks: Sequence[int],
    context: RunContext,
    unpruned: Callable[[], WideResNet],
) -> WideResNet:
    """The network of a pruning run, which removes channels of `blocks`, after some removals.

    Where its weights were not kept, or cannot be used, the run is gone through again, from the
    network that `unpruned` gives.
    """
    profile, data = spec.base.profile, context.data
    passed = [params for params, _ in sizes(blocks, profile, data.shape)]
    wanted = sorted({removals, *first_within(passed, context.snapshots)})
    for block in blocks[:removals]:
        profile = profile.without(block)
    return load_or_make(
        context.store.pruned_weights(spec, removals),
        profile,
        data,
        lambda: replay(spec, blocks, wanted, context, unpruned()),
    )


def replay(
    spec: PruneSpec,
    blocks: Sequence[int],
    wanted: Sequence[int],
    context: RunContext,
    model: WideResNet,
) -> None:
    """Repeat a pruning run, without evaluations, and keep its weights after `wanted` removals.

    It removes channels of the recorded blocks, so that the profiles are those of the record on any
    machine.
    """
    order = blocks[: wanted[-1]]
    protocol = replace(
        spec.protocol, removals=len(order), stop_params=None, eval_every=len(order) + 1
    )

    def watch(model: nn.Module, points: Sequence[Point]) -> None:
        if points[-1].removals in wanted:
            save_snapshot(context.store, spec, model, points[-1].removals)

    prune(model, context.data, protocol, spec.seed, context.machine, watch=watch, replay=order)


def snapshot_watch(spec: PruneSpec, context: RunContext) -> Watch:
    """Keeps the weights of a pruning run when it first has at most each of some sizes."""

    def watch(model: nn.Module, points: Sequence[Point]) -> None:
        sizes = [point.params for point in points]
        if len(sizes) - 1 in first_within(sizes, context.snapshots):
            save_snapshot(context.store, spec, model, points[-1].removals)

    return watch


def save_snapshot(store: Store, spec: PruneSpec, model: nn.Module, removals: int) -> None:
    """Keep a network on its way through pruning."""
    assert isinstance(model, WideResNet)
    path = store.pruned_weights(spec, removals)
    save_tensors(path, model.state_dict(), model.profile.to_json())


def first_within(passed: Sequence[int], budgets: Sequence[int]) -> list[int]:
    """Removals after which a pruning run, which passes these sizes, first is within each budget."""
    reached = (next((i for i, p in enumerate(passed) if p <= n), None) for n in budgets)
    return [i for i in reached if i is not None]
