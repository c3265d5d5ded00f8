"""Prune and tune: fine-tune for some steps, remove the least salient channel, and again."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from prunelib.files import Cadence
from prunelib.kernels.cuda_graph import Step
from prunelib.nets.inputs import PRUNING, REMOVALS, InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.checkpoint import Point, PruningState, begin_or_resume, save_pruning_state
from prunelib.pruning.criteria import (
    WITHOUT_FISHER,
    CriterionInputs,
    criterion_named,
    least_salient,
    scores_of,
)
from prunelib.pruning.order import check_order, finished
from prunelib.pruning.prunable import Prunable, PrunableWideResNet
from prunelib.pruning.saliency import Fisher
from prunelib.training.data import Dataset, generator, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.trainer import Progress, check_finite, evaluate

Watch = Callable[[nn.Module, Sequence[Point]], None]
"""Called with the model and all points so far, each time one is added, before the removal."""
Batches = Iterator[tuple[Tensor, Tensor]]
Removal = tuple[int, int, float]
"""Block (from 1), channel (from 0, of those that the block has now) and score."""


@dataclass(frozen=True)
class Run:
    """What stays the same while a network is pruned; `data` are on the machine's device."""

    network: Prunable
    data: Dataset
    protocol: PruneProtocol
    seed: int
    machine: Machine


def prune_and_tune(
    run: Run,
    progress: Progress | None,
    checkpoint: Path | None,
    watch: Watch | None,
    replay: Sequence[int] | None = None,
) -> list[Point]:
    """Fine-tune and remove until the trajectory ends; other arguments as of `prunelib.prune`."""
    whole, once = run.network.params(), run.protocol.ranked == "once"
    if once:  # there is nothing to train after the first removal, and so nothing to lose
        checkpoint = None
    state = begin_or_resume(checkpoint, run.network, run.protocol, run.machine, replay)
    batches, cadence, removing = tuning_batches(run, len(state.points)), Cadence(), 0.0
    scores: list[Tensor] = []
    while not state.finished:
        started = time.perf_counter()
        last = finished(run.network.params(), len(state.points), run.protocol)
        if not (once and state.points):
            loss, fisher = tune(run, state, batches)
            scores = [] if last else score(run, state, fisher)
        removal = None if last else choose(run, state, scores)
        seconds = removing + time.perf_counter() - started
        state.points.append(record_step(run, state, loss, removal, seconds))
        if watch:
            watch(state.model, state.points)
        started = time.perf_counter()
        if removal:
            remove(run, state, removal, scores)
        removing = time.perf_counter() - started
        if progress:
            progress(*share_done(state.points[-1], whole, run.protocol), progress_note(state))
        if checkpoint and removal and cadence.due():
            cadence.save(partial(save_pruning_state, checkpoint, state))
    return state.points


def remove(run: Run, state: PruningState, removal: Removal, scores: list[Tensor]) -> None:
    """Take a channel away from the network, from those that are alive, and its score."""
    number, place, _ = removal
    run.network.remove(number, place, state.optimizer)
    del state.alive[number - 1][place]
    left = torch.arange(len(scores[number - 1]), device=scores[number - 1].device) != place
    scores[number - 1] = scores[number - 1][left]


def tuning_batches(run: Run, removals: int) -> Batches:
    """The batches of a run, from a removal on."""
    p = run.protocol
    start = removals * p.steps
    return train_batches(run.data, p.batch_size, p.pad, p.flip, run.seed, PRUNING, start)


def tune(run: Run, state: PruningState, batches: Batches) -> tuple[float, Fisher | None]:
    """Fine-tune between two removals: the mean loss, and the saliency that was read meanwhile."""
    steps, fisher = run.protocol.steps, None
    if criterion_named(run.protocol.criterion) not in WITHOUT_FISHER:
        fisher = Fisher(state.model, run.network.widths())
    with run.network.updates(state.optimizer, steps, fisher) as update:
        losses = fine_tune(state.model, update, batches, steps, fisher)
    check_finite(losses, len(state.points) * steps)
    return losses.mean().item(), fisher


def fine_tune(
    model: nn.Module, update: Step, batches: Batches, steps: int, fisher: Fisher | None = None
) -> Tensor:
    """Make some updates in train mode; their losses (steps,), on the model's device."""
    model.train()
    losses = []
    for _ in range(steps):
        x, y = next(batches)
        losses.append(update(x, y).clone())
        if fisher:
            fisher.samples += len(y)
    return torch.stack(losses)


def score(run: Run, state: PruningState, fisher: Fisher | None) -> list[Tensor]:
    """A score for every channel, (C,) for each block."""
    random = generator(run.seed, REMOVALS, len(state.points))
    inputs = CriterionInputs(
        state.model, fisher.scores() if fisher else None, random, run.network.makers
    )
    return scores_of(run.protocol.criterion, inputs)


def choose(run: Run, state: PruningState, scores: list[Tensor]) -> Removal:
    """The channel to remove next: the least salient one, of its block if the run follows others."""
    removals, protocol = len(state.points), run.protocol
    if state.replay is not None:
        number = state.replay[removals]
        value, place = scores[number - 1].min(0)
        return number, int(place), value.item()
    savings = run.network.savings() if protocol.flop_penalty else None
    return least_salient(scores, savings, protocol.flop_penalty)


def record_step(
    run: Run, state: PruningState, loss: float, removal: Removal | None, seconds: float
) -> Point:
    """The next point of the trajectory; measures the error where the protocol wants it."""
    removals, started = len(state.points), time.perf_counter()
    error = None
    if removal is None or removals % run.protocol.eval_every == 0:
        error, _ = evaluate(state.model, run.data, machine=run.machine)
    return Point(
        removals=removals,
        params=run.network.params(),
        macs=run.network.macs(),
        train_loss=loss,
        error=error,
        block=removal[0] if removal else None,
        channel=state.alive[removal[0] - 1][removal[1]] if removal else None,
        saliency=removal[2] if removal else None,
        seconds=seconds,
        evaluation_seconds=time.perf_counter() - started,
    )


def prunable_wideresnet(
    model: WideResNet,
    data: Dataset,
    protocol: PruneProtocol,
    machine: Machine,
    replay: Sequence[int] | None = None,
) -> PrunableWideResNet:
    """A `WideResNet` for the loop.

    Raises:
        PrunelibError: it cannot be pruned by this protocol, or in this order.
    """
    check_protocol(protocol, model.profile, data.shape)
    if replay is not None:
        check_order(replay, model.profile, protocol, data.shape)
    return PrunableWideResNet(model, data.shape, machine)


def check_protocol(protocol: PruneProtocol, profile: ChannelProfile, shape: InputShape) -> None:
    """Raise PrunelibError if a `WideResNet` of this profile cannot be pruned so."""
    criterion_named(protocol.criterion)
    protocol.check(profile, shape)


def share_done(point: Point, whole: int, protocol: PruneProtocol) -> tuple[int, int]:
    """How far a trajectory has come, as (done, total); it began with `whole` parameters."""
    if protocol.removals is not None:
        return point.removals, protocol.removals
    assert protocol.stop_params is not None
    return whole - point.params, max(1, whole - protocol.stop_params)


def progress_note(state: PruningState) -> str:
    """Where a trajectory is: parameters, and the last measured error."""
    errors = [point.error for point in state.points if point.error is not None]
    measured = f", error {errors[-1]:.2f}%" if errors else ""
    return f"{state.points[-1].params:,} parameters{measured}"
