"""Prune and tune: fine-tune for some steps, remove the least salient channel, and again."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import torch

from prunelib.files import Cadence, load_tensors, save_tensors
from prunelib.nets.inputs import PRUNING, REMOVALS
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channel
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.order import check_order, finished
from prunelib.pruning.saliency import CRITERIA, Evidence, Fisher, flop_savings, least_salient
from prunelib.training.checkpoint import packed, unpack
from prunelib.training.data import Dataset, generator, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.trainer import Progress, check_finite, evaluate, sgd, stepper


@dataclass(frozen=True)
class Point:
    """The network after `removals` channels are gone and it was fine-tuned, and what goes next.

    `error` (per cent) is None where it was not measured. `block` counts from 1; `channel` is the
    index that the channel had in the unpruned network, from 0; both are None at the end of the
    trajectory. `seconds` are those of fine-tuning and removal; evaluation comes on top.
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
class State:
    """All that a pruning run needs to go on: it is what a checkpoint holds."""

    model: WideResNet
    optimizer: torch.optim.Optimizer
    alive: list[list[int]]
    points: list[Point]


def prune(
    model: WideResNet,
    data: Dataset,
    protocol: PruneProtocol,
    seed: int,
    machine: Machine | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[WideResNet, Point], None] | None = None,
    follow: Sequence[int] | None = None,
) -> list[Point]:
    """Prune a trained model in place, channel by channel, and record the trajectory.

    Removed channels leave the network, its gradients and its momentum physically, so that every
    update computes less than the one before.

    Args:
        model: trained; on return the pruned and tuned network.
        data: for fine-tuning and evaluation.
        protocol: what to do.
        seed: of batches and of the random criterion.
        machine: by default the best there is.
        progress: called after every removal.
        checkpoint: file from which an interrupted run goes on, if it is there, and into which the
            state is written from time to time; it stays until the caller has kept the result.
        watch: called with the model and each new point, before the removal.
        follow: the block (from 1) of each removal, as of another run: of its channels the least
            salient goes. So the profiles are those of the other run, and the channels suit these
            weights. A checkpoint that came through other profiles is not gone on from.

    Returns:
        One point for each removal and one for the final network.

    Raises:
        PrunelibError: unknown criterion, no end given, an end that cannot be reached, or an order
            that does not fit.
        NotFinite: the loss became infinite or not a number.
    """
    machine = machine or Machine.here()
    data.check()
    protocol.check(model.profile, data.shape)
    if follow is not None:
        check_order(follow, model.profile, protocol, data.shape)
    data = data.to(machine.device)
    full = model.profile
    state = resumed(checkpoint, model, protocol, machine, follow)
    model = state.model
    batches = train_batches(
        data,
        protocol.batch_size,
        protocol.pad,
        protocol.flip,
        seed,
        stream=PRUNING,
        start=len(state.points) * protocol.steps,
    )
    cadence = Cadence()
    while not state.points or state.points[-1].block is not None:
        removals = len(state.points)
        started = time.perf_counter()
        model.train()
        fisher = Fisher(model) if protocol.criterion == "fisher" else None
        losses = torch.zeros(protocol.steps, device=machine.device)
        update = stepper(model, state.optimizer, machine, protocol.steps, fisher)
        for step in range(protocol.steps):
            x, y = next(batches)
            losses[step] = update(x, y)
            if fisher:
                fisher.samples += len(y)
        check_finite(losses, removals * protocol.steps)
        tuned = time.perf_counter()

        last = finished(data.shape.params(model.profile), removals, protocol)
        error = None
        if last or removals % protocol.eval_every == 0:
            error, _ = evaluate(model, data, machine=machine)
        evaluated = time.perf_counter()

        chosen = None
        if not last:
            evidence = Evidence(
                model, fisher.scores() if fisher else None, generator(seed, REMOVALS, removals)
            )
            scores = CRITERIA[protocol.criterion](evidence)
            if follow is None:
                savings = flop_savings(model.profile, data.shape) if protocol.flop_penalty else None
                chosen = least_salient(scores, savings, protocol.flop_penalty)
            else:
                value, place = scores[follow[removals] - 1].min(0)
                chosen = follow[removals], int(place), value.item()
        point = Point(
            removals=removals,
            params=data.shape.params(model.profile),
            macs=data.shape.macs(model.profile),
            train_loss=losses.mean().item(),
            error=error,
            block=chosen[0] if chosen else None,
            channel=state.alive[chosen[0] - 1][chosen[1]] if chosen else None,
            saliency=chosen[2] if chosen else None,
            seconds=0.0,
            evaluation_seconds=evaluated - tuned,
        )
        if watch:
            watch(model, point)
        removing = time.perf_counter()
        if chosen:
            remove_channel(model, chosen[0], chosen[1], state.optimizer)
            del state.alive[chosen[0] - 1][chosen[1]]
        seconds = tuned - started + time.perf_counter() - removing
        state.points.append(Point(**asdict(point) | {"seconds": seconds}))
        if progress:
            progress(*share_done(point, full, protocol, data), progress_note(state.points))
        if checkpoint and not last and cadence.due():
            cadence.save(partial(save_state, checkpoint, state, follow is not None))
    return state.points


def share_done(
    point: Point, full: ChannelProfile, protocol: PruneProtocol, data: Dataset
) -> tuple[int, int]:
    """How far a trajectory has come, as (done, total)."""
    if protocol.removals is not None:
        return point.removals, protocol.removals
    start = data.shape.params(full)
    return start - point.params, max(1, start - protocol.stop_params)


def progress_note(points: list[Point]) -> str:
    """Where a trajectory is: parameters, and the last measured error."""
    errors = [point.error for point in points if point.error is not None]
    return f"{points[-1].params:,} parameters, error {errors[-1]:.2f} %"


def resumed(
    checkpoint: Path | None,
    model: WideResNet,
    protocol: PruneProtocol,
    machine: Machine,
    follow: Sequence[int] | None,
) -> State:
    """The state in a checkpoint that went the same way, put into `model`, or that of a start."""
    tensors, text = load_tensors(checkpoint) if checkpoint and checkpoint.exists() else ({}, "{}")
    saved = json.loads(text)
    points = [Point(*values) for values in saved.get("points", [])]
    gone = [point.block for point in points]
    followed = saved.get("followed", False)
    if points and followed == (follow is not None) and gone == list(follow or gone)[: len(gone)]:
        alive = saved["alive"]
        for number, channels in enumerate(alive, 1):
            while model.profile.middle[number - 1] > len(channels):
                remove_channel(model, number, 0)
    else:
        tensors, alive, points = {}, [list(range(c)) for c in model.profile.middle], []
    machine.place(model)
    optimizer = sgd(model, protocol.lr, protocol.momentum, protocol.weight_decay)
    if tensors:
        unpack(tensors, model, optimizer)
    return State(model, optimizer, alive, points)


def save_state(path: Path, state: State, followed: bool) -> None:
    """Write a checkpoint, whole or not at all; it says whether the run follows an order."""
    tensors = packed(state.model, state.optimizer)
    points = [[getattr(p, f.name) for f in fields(Point)] for p in state.points]
    save_tensors(
        path, tensors, json.dumps({"followed": followed, "alive": state.alive, "points": points})
    )
