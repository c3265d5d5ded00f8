"""Run a spec: train or prune, and make the record."""

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from prunelib.files import save_tensors
from prunelib.nets.inputs import PRUNING, SLICED, WEIGHTS
from prunelib.nets.surgery import remove_channels
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.criteria import CriterionInputs, l1_scores
from prunelib.pruning.loop import fine_tune
from prunelib.pruning.public import prune
from prunelib.pruning.saliency import Fisher, loss_changes
from prunelib.study.images import data_of
from prunelib.study.measured import columns, images_tuned, packed_wrong_images, seven_digits
from prunelib.study.outcome_checks import macs_an_image
from prunelib.study.specs import PruneSpec, SaliencySpec, Spec, TrainSpec
from prunelib.study.start_weights import (
    RunContext,
    first_within,
    load_or_make,
    load_or_replay,
    new_model,
    snapshot_watch,
)
from prunelib.study.store import Record, Store, removed
from prunelib.training.checkpoint import forget
from prunelib.training.data import Dataset, generator, train_batches
from prunelib.training.distillation import Distilled
from prunelib.training.machine import Machine
from prunelib.training.source import Source
from prunelib.training.trainer import Epoch, Progress, check_finite, evaluate, train
from prunelib.training.updates import Loss, of_labels, sgd, sgd_step


def run(
    spec: Spec,
    store: Store,
    machine: Machine,
    root: str | Path | Source | None = None,
    progress: Progress | None = None,
    snapshots: tuple[int, ...] = (),
) -> Record:
    """Compute a spec, write its weights and then its record, and return the record.

    Args:
        spec: what to run.
        store: where records and weights are.
        machine: how to compute.
        root: folder with CIFAR-10.
        progress: called as the run goes on.
        snapshots: see `RunContext`.

    Raises:
        NotFinite: the loss became infinite or not a number; there is no record then.
        PrunelibError: the data are not there, or the record cannot be written.
    """
    torch.set_num_threads(machine.threads)
    return run_on(spec, RunContext(store, data_of(spec, root), machine, progress, snapshots))


def run_on(spec: Spec, context: RunContext) -> Record:
    """The same as `run`, with the data at hand."""
    store, data, machine = context.store, context.data, context.machine
    torch.set_num_threads(machine.threads)
    started, cpu = time.perf_counter(), time.process_time()
    follows = isinstance(spec, PruneSpec) and store.order_path(spec).exists()
    outcome = make(spec, context)
    circumstances: dict[str, Any] = machine.describe() | {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "data_digest": data.digest,
    }
    if data.classes:
        circumstances["data"] = {
            "classes": list(data.classes),
            "mean": data.mean.tolist(),
            "std": data.std.tolist(),
        }
    if follows:
        circumstances["order_followed"] = True
    record = Record(spec, outcome, circumstances)
    store.put(record)
    forget(store.checkpoint(spec))
    return record


def make(spec: Spec, context: RunContext) -> dict:
    """Do what a spec says; the outcome for the record."""
    if isinstance(spec, TrainSpec):
        return run_train(spec, context)
    if isinstance(spec, PruneSpec):
        return run_prune(spec, context)
    return run_saliency(spec, context)


def run_train(spec: TrainSpec, context: RunContext) -> dict:
    """Train and save the weights; the outcome for the record."""
    store, data, machine = context.store, context.data, context.machine
    model = initial_model(spec, context)
    first = first_error(spec, model, context)
    loss, checkpoint = training_loss(spec, context), store.checkpoint(spec)
    history = train(
        model, data, spec.protocol, spec.seed, machine, context.progress, checkpoint, loss
    )
    save_tensors(store.weights(spec), model.state_dict(), spec.profile.to_json())
    images = len(data.train.y) * spec.protocol.epochs
    macs = data.shape.macs(spec.profile)
    return {
        "params": data.shape.params(spec.profile),
        "macs": macs,
        "error": history[-1].test_error,
        "images_seen": images,
        "training_macs": images * macs_an_image(spec),
        "seconds": round(sum(epoch.seconds for epoch in history), 3),
        "evaluation_seconds": round(sum(epoch.evaluation_seconds for epoch in history), 3),
        "epochs": columns([epoch._asdict() for epoch in history], Epoch._fields),
        "wrong": packed_wrong_images(model, data, machine),
        **({} if first is None else {"first_error": first}),
    }


def first_error(spec: TrainSpec, model: WideResNet, context: RunContext) -> float | None:
    """Test error of the weights that training begins with, per cent, if they were trained."""
    if spec.start is None or spec.start.weights != "tuned":
        return None
    machine = context.machine
    return evaluate(machine.place(model), context.data.to(machine.device), machine=machine)[0]


def training_loss(spec: TrainSpec, context: RunContext) -> Loss:
    """The loss that training makes small."""
    if spec.teacher is None:
        return of_labels
    teacher = load_or_train(spec.teacher.base, context)
    return Distilled(teacher, spec.teacher.temperature, spec.teacher.weight)


def run_prune(spec: PruneSpec, context: RunContext) -> dict:
    """Prune from the base's weights, training the base first if there are none.

    A run that was made before, wherever that was, goes through the same profiles again: other runs
    rest on them.
    """
    store, data, machine = context.store, context.data, context.machine
    order, model = store.order(spec), unpruned_model(spec, context)
    p, total = spec.protocol, len(data.train.y)
    points = prune(
        model,
        data,
        p,
        spec.seed,
        machine,
        context.progress,
        replay=order,
        checkpoint=store.checkpoint(spec),
        watch=snapshot_watch(spec, context),
    )
    save_tensors(store.weights(spec), model.state_dict(), model.profile.to_json())
    times = 1 if p.ranked == "once" else len(points)
    images = images_tuned(total, p.batch_size, p.steps, times) + [0] * (len(points) - times)
    blocks = [point.block for point in points if point.block is not None]
    kept = first_within([point.params for point in points], context.snapshots)
    return {
        "params": points[-1].params,
        "macs": points[-1].macs,
        "error": points[-1].error,
        "images_seen": sum(images),
        "training_macs": sum(3 * q.macs * n for q, n in zip(points, images, strict=True)),
        "seconds": round(sum(point.seconds for point in points), 3),
        "evaluation_seconds": round(sum(point.evaluation_seconds for point in points), 3),
        "points": columns([asdict(point) for point in points], tuple(asdict(points[0])))
        | {"images": images},
        "wrong": {
            str(removals): packed_wrong_images(
                pruned_model(spec, removals, blocks, context), data, machine
            )
            for removals in kept
        },
    }


def run_saliency(spec: SaliencySpec, context: RunContext) -> dict:
    """Score every channel as before the first removal, then remove each in turn."""
    machine, progress = context.machine, context.progress
    model = load_or_train(spec.base, context)
    data = context.data.to(machine.device)
    started = time.perf_counter()
    scores = tuned_scores(spec, model, data, machine)
    tuned = time.perf_counter()
    scores["l1"] = l1_scores(CriterionInputs(model, None, generator(spec.seed, PRUNING)))

    def tell(done: int, total: int) -> None:
        if progress:
            progress(done, total, f"channel {done} of {total}")

    images = data.normalise(data.train.x[: spec.images])
    scores["actual"] = loss_changes(model, images, data.train.y[: spec.images], machine, tell)
    error, _ = evaluate(model, data, machine=machine)
    seen = images_tuned(len(data.train.y), spec.protocol.batch_size, max(spec.steps), 1)[0]
    return {
        "params": data.shape.params(model.profile),
        "macs": data.shape.macs(model.profile),
        "error": error,
        "images_seen": seen,
        "training_macs": 3 * data.shape.macs(model.profile) * seen,
        "seconds": round(tuned - started, 3),
        "evaluation_seconds": round(time.perf_counter() - tuned, 3),
        "channels": {
            "block": [n for n, c in enumerate(model.profile.middle, 1) for _ in range(c)],
            "channel": [k for c in model.profile.middle for k in range(c)],
            **{
                name: [seven_digits(v) for v in torch.cat(s).tolist()] for name, s in scores.items()
            },
        },
    }


def tuned_scores(
    spec: SaliencySpec, model: WideResNet, data: Dataset, machine: Machine
) -> dict[str, list[Tensor]]:
    """Fisher saliency after each number of fine-tuning steps that a spec names, by column."""
    p, fisher, scores = spec.protocol, Fisher(model), {}
    optimizer = sgd(model, p.lr, p.momentum, p.weight_decay)
    batches = train_batches(data, p.batch_size, p.pad, p.flip, spec.seed, stream=PRUNING)

    def update(x: Tensor, y: Tensor) -> Tensor:
        return sgd_step(model, optimizer, x, y, machine, fisher.gates)

    for before, steps in pairwise((0, *sorted(set(spec.steps)))):
        check_finite(fine_tune(model, update, batches, steps - before, fisher), before)
        scores[f"fisher_{steps}"] = fisher.scores()
    return scores


def initial_model(spec: TrainSpec, context: RunContext) -> WideResNet:
    """The network that a training run begins with."""
    if spec.start is None:
        return new_model(spec.profile, context.data, spec.seed)
    pruning, removals = spec.start.pruning, spec.start.removals
    record = context.store.find(pruning) or run_on(pruning, context)
    if spec.start.weights == "tuned":
        blocks = [block for block, _ in removed(record)]
        return pruned_model(pruning, removals, blocks, context)
    sliced = spec.start.weights == "sliced"
    seed, stream = (spec.seed, SLICED) if sliced else (pruning.base.seed, WEIGHTS)
    model = new_model(pruning.base.profile, context.data, seed, stream)
    remove_channels(model, removed(record)[:removals])
    return model


def unpruned_model(spec: PruneSpec, context: RunContext) -> WideResNet:
    """The network that a pruning run begins with."""
    if spec.start == "initial":
        return new_model(spec.base.profile, context.data, spec.base.seed)
    return load_or_train(spec.base, context)


def pruned_model(
    spec: PruneSpec, removals: int, blocks: list[int], context: RunContext
) -> WideResNet:
    """The network of a pruning run after some removals; see `start_weights.load_or_replay`."""
    return load_or_replay(spec, removals, blocks, context, lambda: unpruned_model(spec, context))


def load_or_train(spec: TrainSpec, context: RunContext) -> WideResNet:
    """The network that a spec trains, from its weights, or trained now if they are not there."""
    store, alone = context.store, replace(context, progress=None, snapshots=())

    def train_now() -> None:
        if store.find(spec):
            run_train(spec, alone)
            forget(store.checkpoint(spec))
        else:
            run_on(spec, alone)

    model = load_or_make(store.weights(spec), spec.profile, context.data, train_now)
    return context.machine.place(model)
