"""Run a spec: train or prune, and make the record."""

import base64
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors, save_tensors, set_aside
from prunelib.nets.inputs import PRUNING, SLICED, WEIGHTS
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channels
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.checkpoint import Point
from prunelib.pruning.criteria import CriterionInputs, l1_scores
from prunelib.pruning.loop import fine_tune, prune
from prunelib.pruning.order import sizes
from prunelib.pruning.saliency import Fisher, loss_changes
from prunelib.study.specs import DataSpec, PruneSpec, SaliencySpec, Spec, TrainSpec
from prunelib.study.store import Record, Store, removed
from prunelib.training.checkpoint import forget
from prunelib.training.data import Dataset, generator, load, train_batches
from prunelib.training.machine import Machine
from prunelib.training.source import Source, load_source
from prunelib.training.trainer import (
    Epoch,
    Progress,
    assess,
    check_finite,
    evaluate,
    sgd,
    sgd_step,
    train,
)


@lru_cache(maxsize=2)
def dataset(name: str, image_size: int, root: str | None) -> Dataset:
    """A data set, read once a process."""
    return load(name, image_size, root)


def build(profile: ChannelProfile, data: Dataset, seed: int, stream: int = WEIGHTS) -> WideResNet:
    """A new network; its weights depend on the seed alone, not on what was drawn before."""
    with torch.random.fork_rng():
        torch.manual_seed(generator(seed, stream).initial_seed())
        return WideResNet(profile, data.shape.num_classes, data.shape.in_channels)


def run(
    spec: Spec,
    store: Store,
    machine: Machine,
    root: str | Path | Source | None = None,
    progress: Progress | None = None,
    keep: tuple[int, ...] = (),
) -> Record:
    """Compute a spec, write its weights and then its record, and return the record.

    Args:
        spec: what to run.
        store: where records and weights are.
        machine: how to compute.
        root: folder with CIFAR-10.
        progress: called as the run goes on.
        keep: pruning saves its weights also when it first has at most so many parameters, for
            runs that start from them.

    Raises:
        NotFinite: the loss became infinite or not a number; there is no record then.
        PrunelibError: the data are not there, or the record cannot be written.
    """
    torch.set_num_threads(machine.threads)
    return run_on(data_of(spec, root), spec, store, machine, progress, keep)


def data_of(spec: Spec, root: str | Path | Source | None) -> Dataset:
    """The data set of a spec."""
    data = spec.data if isinstance(spec, TrainSpec) else spec.base.data
    if data.content is not None:
        return own_images(data, root)
    return dataset(data.name, data.image_size, None if root is None else str(root))


def own_images(wanted: DataSpec, root: str | Path | Source | None) -> Dataset:
    """Images of one's own.

    Raises:
        PrunelibError: nobody says where they are, or what is there are other images.
    """
    if root is None:
        raise PrunelibError(f"say where the images {wanted.name!r} are: --data")
    source = root if isinstance(root, Source) else Source(Path(root), name=wanted.name)
    data, _ = load_source(source, wanted.image_size, wanted.channels)
    if DataSpec.of(data) != wanted:
        raise PrunelibError(
            f"the images in {source.path} are others than those that this run is about; "
            "their number or content has changed"
        )
    return data


def run_on(
    data: Dataset,
    spec: Spec,
    store: Store,
    machine: Machine,
    progress: Progress | None = None,
    keep: tuple[int, ...] = (),
) -> Record:
    """The same as `run`, with the data at hand."""
    torch.set_num_threads(machine.threads)
    started, cpu = time.perf_counter(), time.process_time()
    followed = isinstance(spec, PruneSpec) and store.order_path(spec).exists()
    make = {TrainSpec: run_train, PruneSpec: run_prune, SaliencySpec: run_saliency}[type(spec)]
    outcome = make(spec, store, data, machine, progress, keep)
    circumstances = machine.describe() | {
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
    if followed:
        circumstances["order_followed"] = True
    record = Record(spec, outcome, circumstances)
    store.put(record)
    forget(store.checkpoint(spec))
    return record


def reads(spec: Spec, store: Store) -> list[Path]:
    """The files of a store that a run uses if they are there."""
    if isinstance(spec, TrainSpec) and spec.start is None:
        return []
    if isinstance(spec, TrainSpec):
        pruning, removals = spec.start.pruning, spec.start.removals
        base = pruning.base
        own = [
            store.path(pruning),
            store.order_path(pruning),
            store.pruned_weights(pruning, removals),
        ]
    else:
        base, own = spec.base, [store.checkpoint(spec), store.order_path(spec)]
    return [path for path in (store.path(base), store.weights(base), *own) if path.exists()]


def run_train(
    spec: TrainSpec,
    store: Store,
    data: Dataset,
    machine: Machine,
    progress: Progress | None,
    keep: tuple[int, ...],
) -> dict:
    """Train and save the weights; the outcome for the record."""
    model = started(spec, store, data, machine, progress, keep)
    checkpoint = store.checkpoint(spec)
    history = train(model, data, spec.protocol, spec.seed, machine, progress, checkpoint)
    save_tensors(store.weights(spec), model.state_dict(), spec.profile.to_json())
    images = len(data.train.y) * spec.protocol.epochs
    macs = data.shape.macs(spec.profile)
    return {
        "params": data.shape.params(spec.profile),
        "macs": macs,
        "error": history[-1].test_error,
        "images_seen": images,
        "training_macs": 3 * macs * images,
        "seconds": round(sum(epoch.seconds for epoch in history), 3),
        "evaluation_seconds": round(sum(epoch.evaluation_seconds for epoch in history), 3),
        "epochs": columns([epoch._asdict() for epoch in history], Epoch._fields),
        "wrong": wrong_images(model, data, machine),
    }


def run_prune(
    spec: PruneSpec,
    store: Store,
    data: Dataset,
    machine: Machine,
    progress: Progress | None,
    keep: tuple[int, ...],
) -> dict:
    """Prune from the base's weights, training the base first if there are none.

    A run that was made before, wherever that was, goes through the same profiles again: other runs
    rest on them.
    """
    follow = store.order(spec)
    model = unpruned(spec, store, data, machine)
    checkpoint, watch = store.checkpoint(spec), keeper(spec, store, keep)
    points = prune(
        model, data, spec.protocol, spec.seed, machine, progress, checkpoint, watch, follow
    )
    save_tensors(store.weights(spec), model.state_dict(), model.profile.to_json())
    p, total = spec.protocol, len(data.train.y)
    images = images_tuned(total, p.batch_size, p.steps, len(points))
    blocks = [point.block for point in points if point.block is not None]
    kept = at_sizes([point.params for point in points], keep)
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
            str(removals): wrong_images(
                pruned_network(spec, removals, blocks, store, data, machine, keep), data, machine
            )
            for removals in kept
        },
    }


def unpruned(spec: PruneSpec, store: Store, data: Dataset, machine: Machine) -> WideResNet:
    """The network that a pruning run begins with."""
    if spec.start == "initial":
        return build(spec.base.profile, data, spec.base.seed)
    return trained(spec.base, store, data, machine)


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


def run_saliency(
    spec: SaliencySpec,
    store: Store,
    data: Dataset,
    machine: Machine,
    progress: Progress | None,
    keep: tuple[int, ...],
) -> dict:
    """Score every channel as before the first removal, then remove each in turn."""
    model = trained(spec.base, store, data, machine)
    data = data.to(machine.device)
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
    blocks = [n for n, c in enumerate(model.profile.middle, 1) for _ in range(c)]
    return {
        "params": data.shape.params(model.profile),
        "macs": data.shape.macs(model.profile),
        "error": error,
        "images_seen": seen,
        "training_macs": 3 * data.shape.macs(model.profile) * seen,
        "seconds": round(tuned - started, 3),
        "evaluation_seconds": round(time.perf_counter() - tuned, 3),
        "channels": {
            "block": blocks,
            "channel": [k for c in model.profile.middle for k in range(c)],
            **{name: [rounded(v) for v in torch.cat(s).tolist()] for name, s in scores.items()},
        },
    }


def started(
    spec: TrainSpec,
    store: Store,
    data: Dataset,
    machine: Machine,
    progress: Progress | None,
    keep: tuple[int, ...],
) -> WideResNet:
    """The network that a training run begins with."""
    if spec.start is None:
        return build(spec.profile, data, spec.seed)
    pruning, removals = spec.start.pruning, spec.start.removals
    record = store.find(pruning) or run_on(data, pruning, store, machine, progress, keep)
    if spec.start.weights != "tuned":
        seed, stream = (
            (spec.seed, SLICED) if spec.start.weights == "sliced" else (pruning.base.seed, WEIGHTS)
        )
        model = build(pruning.base.profile, data, seed, stream)
        remove_channels(model, removed(record)[:removals])
        return model
    blocks = [block for block, _ in removed(record)]
    return pruned_network(pruning, removals, blocks, store, data, machine, keep)


def pruned_network(
    spec: PruneSpec,
    removals: int,
    blocks: list[int],
    store: Store,
    data: Dataset,
    machine: Machine,
    keep: tuple[int, ...],
) -> WideResNet:
    """The network of a pruning run, which removes channels of `blocks`, after some removals.

    Where its weights were not kept, or cannot be used, the run is walked again.
    """
    path, profile = store.pruned_weights(spec, removals), spec.base.profile
    for block in blocks[:removals]:
        profile = profile.without(block)
    model = kept_network(path, profile, data)
    if model is None:
        passed = [params for params, _ in sizes(blocks, spec.base.profile, data.shape)]
        wanted = sorted({removals, *at_sizes(passed, keep)})
        walk_again(spec, blocks, wanted, store, data, machine)
        model = kept_network(path, profile, data)
    assert model is not None
    return model


def kept_network(path: Path, profile: ChannelProfile, data: Dataset) -> WideResNet | None:
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


def wrong_images(model: WideResNet, data: Dataset, machine: Machine) -> str:
    """Which test images a network gets wrong: a bit each, packed (first image in the highest bit),
    compressed with zlib, in base64.
    """
    wrong, _ = assess(machine.place(model), data.to(machine.device), machine=machine)
    return base64.b64encode(zlib.compress(np.packbits(wrong.numpy()).tobytes(), 9)).decode()


def at_sizes(passed: list[int], budgets: tuple[int, ...]) -> list[int]:
    """Removals after which a pruning run, which passes these sizes, first is within each budget."""
    reached = (next((i for i, p in enumerate(passed) if p <= n), None) for n in budgets)
    return [i for i in reached if i is not None]


def walk_again(
    spec: PruneSpec,
    blocks: list[int],
    wanted: list[int],
    store: Store,
    data: Dataset,
    machine: Machine,
) -> None:
    """Repeat a pruning run, without evaluations, and keep its weights after `wanted` removals.

    It removes channels of the recorded blocks, so that the profiles are those of the record on any
    machine.
    """
    follow = blocks[: wanted[-1]]
    protocol = replace(
        spec.protocol, removals=len(follow), stop_params=None, eval_every=len(follow) + 1
    )

    def watch(model: WideResNet, point: Point) -> None:
        if point.removals in wanted:
            save_pruned(store, spec, model, point.removals)

    model = unpruned(spec, store, data, machine)
    prune(model, data, protocol, spec.seed, machine, watch=watch, replay=follow)


def keeper(
    spec: PruneSpec, store: Store, sizes: tuple[int, ...]
) -> Callable[[WideResNet, Point], None]:
    """Saves the weights of a pruning run when it first has at most each of some sizes."""
    left = sorted(sizes)

    def watch(model: WideResNet, point: Point) -> None:
        if left and point.params <= left[-1]:
            save_pruned(store, spec, model, point.removals)
            while left and point.params <= left[-1]:
                left.pop()

    return watch


def save_pruned(store: Store, spec: PruneSpec, model: WideResNet, removals: int) -> None:
    """Keep a network on its way through pruning."""
    path = store.pruned_weights(spec, removals)
    save_tensors(path, model.state_dict(), model.profile.to_json())


def images_tuned(total: int, batch: int, steps: int, times: int) -> list[int]:
    """Images seen while fine-tuning so many times: the last batch of an epoch may be smaller."""
    per_epoch = -(-total // batch)

    def seen(step: int) -> int:
        epochs, rest = divmod(step, per_epoch)
        return epochs * total + min(rest * batch, total)

    return [seen((i + 1) * steps) - seen(i * steps) for i in range(times)]


def trained(
    spec: TrainSpec,
    store: Store,
    data: Dataset,
    machine: Machine,
) -> WideResNet:
    """The network that a spec trains, from its weights, or trained now if they are not there."""
    path = store.weights(spec)
    model = kept_network(path, spec.profile, data)
    if model is None:
        if store.find(spec):
            run_train(spec, store, data, machine, None, ())
            forget(store.checkpoint(spec))
        else:
            run_on(data, spec, store, machine)
        model = kept_network(path, spec.profile, data)
    assert model is not None
    return machine.place(model)


def columns(rows: list[dict], names: tuple[str, ...]) -> dict[str, list]:
    """Rows as columns, with floats rounded to 7 significant digits."""
    return {name: [rounded(row[name]) for row in rows] for name in names}


def rounded(value: object) -> object:
    """A float to 7 significant digits; anything else as it is."""
    return float(f"{value:.7g}") if isinstance(value, float) else value
