"""Prune and tune, and Fisher saliency, for any convolutional network."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.files import Cadence, load_tensors
from prunelib.nets.inputs import PRUNING, REMOVALS
from prunelib.pruning import loop
from prunelib.pruning.any_network import channels
from prunelib.pruning.any_network.layers import Layer, prunable_layers
from prunelib.pruning.criteria import (
    WITHOUT_FISHER,
    CriterionInputs,
    criterion_named,
    least_salient,
    scores_of,
)
from prunelib.pruning.loop import Point, State
from prunelib.pruning.saliency import Fisher
from prunelib.training.checkpoint import unpack
from prunelib.training.data import Dataset, generator, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.trainer import Progress, check_finite, evaluate, sgd, sgd_step


@dataclass(frozen=True)
class Run:
    """What stays the same while a network is pruned; `example` is one image."""

    layers: tuple[Layer, ...]
    example: Tensor
    data: Dataset
    protocol: PruneProtocol
    seed: int
    machine: Machine


def fisher_saliency(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    example: Tensor,
    machine: Machine | None = None,
) -> list[Tensor]:
    """See `prunelib.fisher_saliency`."""
    layers = candidates(model, example)
    fisher = Fisher(model, channels.widths(model, layers))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with channels.gated(model, layers, fisher.gates):
        for x, y in batches:
            with machine.autocast() if machine else torch.autocast(x.device.type, enabled=False):
                loss = F.cross_entropy(model(x), y)
            torch.autograd.grad(loss, parameters, allow_unused=True)
            fisher.samples += len(y)
    return fisher.scores()


def prune(
    model: nn.Module,
    data: Dataset,
    protocol: PruneProtocol,
    seed: int,
    example: Tensor,
    machine: Machine | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[nn.Module, Point], None] | None = None,
) -> list[Point]:
    """See `prunelib.prune`."""
    machine = machine or Machine.here()
    machine.place(model)
    layers = candidates(model, example)
    example = example.to(machine.device)
    check(model, layers, example, data, protocol)
    whole = channels.params(model)
    state = resumed(checkpoint, model, layers, protocol)
    run = Run(layers, example[:1], data.to(machine.device), protocol, seed, machine)
    batches = run_batches(run, len(state.points))
    cadence = Cadence()
    while not state.points or state.points[-1].block is not None:
        point, goes = visited(run, state, batches)
        if watch:
            watch(model, point)
        started = time.perf_counter()
        if goes:
            remove(run, state, *goes)
        seconds = point.seconds + time.perf_counter() - started
        state.points.append(replace(point, seconds=seconds))
        if progress:
            progress(*share_done(point, whole, protocol), loop.progress_note(state.points))
        if checkpoint and goes and cadence.due():
            cadence.save(partial(loop.save_state, checkpoint, state, False))
    return state.points


def candidates(model: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """The layers whose channels can be removed.

    Raises:
        PrunelibError: there is none, or one is frozen.
    """
    layers = tuple(layer for layer in prunable_layers(model, example) if layer.number)
    for layer in layers:
        if not model.get_submodule(layer.name).weight.requires_grad:
            raise PrunelibError(
                f"{layer.name} is frozen, so its channels get no gradients to be scored by; "
                "call model.requires_grad_() first"
            )
    return layers


def check(
    model: nn.Module,
    layers: tuple[Layer, ...],
    example: Tensor,
    data: Dataset,
    protocol: PruneProtocol,
) -> None:
    """Raise PrunelibError for data that do not suit a network, or an end that it cannot reach."""
    shape = data.shape
    images = shape.in_channels, shape.image_size, shape.image_size
    if tuple(example.shape[1:]) != images:
        raise PrunelibError(
            f"the example's images are {tuple(example.shape[1:])}, those of the data {images}"
        )
    with torch.no_grad():
        classes = deepcopy(model).eval()(example).shape[1]
    if classes < shape.num_classes:
        raise PrunelibError(
            f"the network knows {classes} classes, the data have {shape.num_classes}"
        )
    smallest = deepcopy(model)
    for layer in layers:
        channels.keep(smallest, layer, torch.zeros(1, dtype=torch.int64, device=example.device))
    removable = sum(channels.widths(model, layers)) - len(layers)
    protocol.check_ends(removable, channels.params(smallest), "layer")


def run_batches(run: Run, removals: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a run from a removal on."""
    p = run.protocol
    start = removals * p.steps
    return train_batches(run.data, p.batch_size, p.pad, p.flip, run.seed, PRUNING, start)


def visited(
    run: Run, state: State, batches: Iterator[tuple[Tensor, Tensor]]
) -> tuple[Point, tuple[int, int] | None]:
    """Fine-tune, measure and choose: the next point, and what goes; nothing at the end.

    That is the number of a layer, and the place of the channel among those that it has left. The
    point's seconds are those of fine-tuning.
    """
    model, removals, protocol = state.model, len(state.points), run.protocol
    started = time.perf_counter()
    loss, fisher = tuned(run, state, batches)
    done = time.perf_counter()
    params = channels.params(model)
    last = removals == protocol.removals or params <= (protocol.stop_params or 0)
    error = None
    if last or removals % protocol.eval_every == 0:
        error, _ = evaluate(model, run.data, machine=run.machine)
    evaluated = time.perf_counter()
    goes = None if last else chosen(run, state, fisher)
    point = Point(
        removals=removals,
        params=params,
        macs=channels.macs(model, run.example)[channels.TOTAL],
        train_loss=loss,
        error=error,
        block=goes[0] if goes else None,
        channel=state.alive[goes[0] - 1][goes[1]] if goes else None,
        saliency=goes[2] if goes else None,
        seconds=done - started,
        evaluation_seconds=evaluated - done,
    )
    return point, goes and goes[:2]


def tuned(
    run: Run, state: State, batches: Iterator[tuple[Tensor, Tensor]]
) -> tuple[float, Fisher | None]:
    """Fine-tune between two removals: mean loss, and the saliency that was read meanwhile."""
    model, steps = state.model.train(), run.protocol.steps
    fisher = None
    if criterion_named(run.protocol.criterion) not in WITHOUT_FISHER:
        fisher = Fisher(model, channels.widths(model, run.layers))
    losses = torch.zeros(steps, device=run.machine.device)
    gates = fisher.gates if fisher else []
    with channels.gated(model, run.layers[: len(gates)], gates):
        for step in range(steps):
            x, y = next(batches)
            losses[step] = sgd_step(model, state.optimizer, x, y, run.machine)
            if fisher:
                fisher.samples += len(y)
    check_finite(losses, len(state.points) * steps)
    return losses.mean().item(), fisher


def chosen(run: Run, state: State, fisher: Fisher | None) -> tuple[int, int, float]:
    """Number of the layer, index among its channels, and saliency of the channel to remove next."""
    model, protocol = state.model, run.protocol
    random = generator(run.seed, REMOVALS, len(state.points))
    inputs = CriterionInputs(
        model,
        fisher.scores() if fisher else None,
        random,
        channels.makers(model, run.layers),
    )
    saved = None
    if protocol.flop_penalty:
        saved = channels.savings(model, run.example, run.layers)
    return least_salient(scores_of(protocol.criterion, inputs), saved, protocol.flop_penalty)


def remove(run: Run, state: State, number: int, place: int) -> None:
    """Take away the channel at one place of those that a layer has left."""
    alive = state.alive[number - 1]
    left = torch.arange(len(alive), device=run.example.device)
    channels.keep(state.model, run.layers[number - 1], left[left != place], state.optimizer)
    del alive[place]


def share_done(point: Point, whole: int, protocol: PruneProtocol) -> tuple[int, int]:
    """How far a trajectory has come, as (done, total); it began with `whole` parameters."""
    if protocol.removals is not None:
        return point.removals, protocol.removals
    return whole - point.params, max(1, whole - (protocol.stop_params or 0))


def resumed(
    checkpoint: Path | None, model: nn.Module, layers: tuple[Layer, ...], protocol: PruneProtocol
) -> State:
    """The state in a checkpoint, put into `model`, or that of a start.

    Raises:
        PrunelibError: the checkpoint is damaged, or of another network.
    """
    tensors, text = load_tensors(checkpoint) if checkpoint and checkpoint.exists() else ({}, "{}")
    saved = json.loads(text)
    alive = [list(range(width)) for width in channels.widths(model, layers)]
    if saved:
        names = {f"model.{name}" for name in model.state_dict()}
        narrower = len(alive) == len(saved["alive"]) and all(
            set(left) <= set(whole) for left, whole in zip(saved["alive"], alive, strict=True)
        )
        if names - tensors.keys() or not narrower:
            raise PrunelibError(f"{checkpoint} is of another network; name another file")
        alive = saved["alive"]
        for layer, left in zip(layers, alive, strict=True):
            places = torch.arange(len(left), device=next(model.parameters()).device)
            channels.keep(model, layer, places)
    optimizer = sgd(model, protocol.lr, protocol.momentum, protocol.weight_decay)
    if saved:
        unpack(tensors, model, optimizer)
    points = [Point(*values) for values in saved.get("points", [])]
    return State(model, optimizer, alive, points)  # type: ignore[arg-type]  # any network will do
