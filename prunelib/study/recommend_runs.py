"""Train what a plan for one's own images consists of; what is there is not trained again."""

from collections.abc import Callable

from prunelib.study.recommend import EVALUATIONS, Candidate, Plan, protocol
from prunelib.study.runs import run
from prunelib.study.specs import DataSpec, PruneSpec, TrainSpec
from prunelib.study.store import Record, Store
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.source import Source


def spec_of(candidate: Candidate, data: Dataset, seed: int) -> TrainSpec | PruneSpec:
    """The run of a candidate."""
    training = protocol(data.shape, len(data.train.y), candidate.epochs)
    spec = TrainSpec(candidate.profile, DataSpec.of(data), training, seed)
    if candidate.stop_params is None:
        return spec
    pruning = PruneProtocol(
        batch_size=training.batch_size,
        pad=training.pad,
        steps=candidate.steps,
        stop_params=candidate.stop_params,
        eval_every=max(1, candidate.profile.prunable // EVALUATIONS),
    )
    return PruneSpec(spec, pruning, seed)


def train_all(
    plan: Plan,
    data: Dataset,
    store: Store,
    source: Source,
    machine: Machine,
    show: Callable[[float, float, str], None],
) -> dict[str, list[Record]]:
    """The records of each candidate, one per seed."""
    records: dict[str, list[Record]] = {candidate.family: [] for candidate in plan.candidates}
    passed = 0.0

    def made(spec: TrainSpec | PruneSpec, seconds: float, family: str) -> Record:
        nonlocal passed

        def tick(done: float, total: float, note: str) -> None:
            show(passed + seconds * min(1.0, done / total), plan.seconds, f"{family} {note}")

        there = store.find(spec)
        if there is None or not store.weights(spec).exists():
            there = run(spec, store, machine, source, tick)
        passed += seconds
        show(passed, plan.seconds, family)
        return there

    for seed in range(plan.seeds):
        for candidate in plan.candidates:
            spec, seconds = spec_of(candidate, data, seed), candidate.seconds
            if isinstance(spec, PruneSpec):
                made(spec.base, seconds / 2, candidate.family)
                seconds /= 2
            records[candidate.family].append(made(spec, seconds, candidate.family))
    return records


def history(record: Record, store: Store) -> tuple[list[float], list[float]]:
    """The learning curve of a run: test errors (per cent), and after how many epochs they were.

    That of a pruning run begins with the training of its base network.
    """
    spec, outcome = record.spec, record.outcome
    if isinstance(spec, TrainSpec):
        errors = outcome["epochs"]["test_error"]
        return list(range(1, len(errors) + 1)), errors
    base = store.find(spec.base)
    epochs, errors = history(base, store) if base else ([], [])
    seen, points = base.outcome["images_seen"] if base else 0, outcome["points"]
    for images, error in zip(points["images"], points["error"], strict=True):
        seen += images
        if error is not None:
            epochs.append(seen / spec.base.data.training_count)
            errors = [*errors, error]
    return epochs, errors
