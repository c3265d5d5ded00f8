"""Records in, tidy pandas DataFrames out: one row per network, or one row per removal."""

from collections.abc import Sequence
from math import nan

import pandas as pd

from prunelib.evidence.statistics import interpolated
from prunelib.study.families import FAMILIES
from prunelib.study.lookup import Find
from prunelib.study.profile_rules import copied_after, copycat, pruned
from prunelib.study.request import Request
from prunelib.study.specs import PruneSpec, TrainSpec
from prunelib.study.store import Record
from prunelib.study.trajectory import Trajectory

Planned = Sequence[tuple[Request, Record | None]]
"""Each request of a plan with its record, or None while it is missing."""


def networks(planned: Planned, find: Find) -> pd.DataFrame:
    """One row for each network of a plan whose record is there.

    Pruned-and-tuned networks are the largest one of the trajectory within each budget of the plan.

    Columns: `family`, `budget`, `seed`, `params`, `macs`, `error` (per cent), `first_error` (of
    trained weights that training began with, where that is on record), `training_macs` (of
    this network alone), `search_macs` (spent before it: training the base, and pruning),
    `total_macs` (both), `images_seen`, `middle` (bottleneck widths), `key` (of the
    record).
    """
    budgets = sorted({request.budget for request, _ in planned if request.budget})
    rows = []
    for request, record in planned:
        if record is None:
            continue
        if isinstance(record.spec, TrainSpec):
            rows.append(trained_row(request, record, record.spec, find))
        elif isinstance(record.spec, PruneSpec) and record.spec.start is None:
            # Otherwise its weights were never trained.
            rows += pruned_rows(request, record, budgets, find)
    columns = (
        "family budget seed params macs error first_error training_macs search_macs total_macs "
        "images_seen middle key"
    )
    for row in rows:
        row["total_macs"] = row["training_macs"] + row["search_macs"]
    return pd.DataFrame(rows, columns=columns.split())


def trained_row(request: Request, record: Record, spec: TrainSpec, find: Find) -> dict:
    """The row of a network trained from scratch."""
    outcome = record.outcome
    return {
        "family": request.family,
        "budget": request.budget,
        "seed": request.seed,
        **{name: outcome[name] for name in ("params", "macs", "error", "training_macs")},
        "first_error": outcome.get("first_error", nan),
        "search_macs": search_macs(request, find),
        "images_seen": outcome["images_seen"],
        "middle": spec.profile.middle,
        "key": record.key,
    }


def search_macs(request: Request, find: Find) -> float:
    """MACs spent on the pruning run, and its base, that gave a network its shape, or on the base
    that it learnt from; 0 without one.
    """
    family = FAMILIES[request.family]
    rule, pruning = family.rule, find(request.pruning_spec)
    if family.distilled and not family.needs_trajectory:
        base = find(request.scale.base_spec(request.seed))
        return base.outcome["training_macs"] if base else nan
    if rule not in (pruned, copycat) or pruning is None or request.budget is None:
        return 0
    removals = copied_after(request.scale.base)
    if rule is pruned:
        removals = Trajectory.of(pruning).at(request.budget) or 0
    return spent(pruning, removals, find)


def pruned_rows(request: Request, record: Record, budgets: list[int], find: Find) -> list[dict]:
    """The rows of a pruning run: its largest network within each budget that it has passed.

    Where that was not measured, its error is read off between the measured ones before and after.
    """
    points, trajectory = record.outcome["points"], Trajectory.of(record)
    measured = sorted(
        (params, error)
        for params, error in zip(points["params"], points["error"], strict=True)
        if error is not None
    )
    base = base_of(record, find)
    before = base.outcome if base else dict.fromkeys(("training_macs", "images_seen"), nan)
    rows = []
    for budget in budgets:
        i = trajectory.at(budget)
        if i is None or not measured:
            continue
        error = interpolated(points["params"][i], *zip(*measured, strict=True))
        if error is None:
            continue
        rows.append(
            {
                "family": request.family,
                "budget": budget,
                "seed": request.seed,
                **{name: points[name][i] for name in ("params", "macs")},
                "error": float(error),
                "training_macs": spent(record, i, find) - before["training_macs"],
                "search_macs": before["training_macs"],
                "images_seen": sum(points["images"][: i + 1]) + before["images_seen"],
                "middle": trajectory.after(i).middle,
                "key": record.key,
            }
        )
    return rows


def base_of(pruning: Record, find: Find) -> Record | None:
    """The record of the network that a pruning run began with, if it is there."""
    return find(pruning.spec.base) if isinstance(pruning.spec, PruneSpec) else None


def spent(pruning: Record, removals: int, find: Find) -> float:
    """MACs of training the base and of pruning it for so many removals.

    Not a number without the base's record.
    """
    points = pruning.outcome["points"]
    steps = zip(points["macs"], points["images"], strict=True)
    tuning = sum(3 * macs * images for macs, images in list(steps)[: removals + 1])
    if isinstance(pruning.spec, PruneSpec) and pruning.spec.start is not None:
        return tuning
    base = base_of(pruning, find)
    return tuning + (base.outcome["training_macs"] if base else nan)


def trajectories(planned: Planned) -> pd.DataFrame:
    """One row for each removal of each pruning run of a plan that is there.

    Columns: `family`, `seed`, those of `checkpoint.Point`, `images` and `key`.
    """
    frames = []
    for request, record in planned:
        if record is not None and isinstance(record.spec, PruneSpec):
            frame = pd.DataFrame(record.outcome["points"])
            frame.insert(0, "seed", request.seed)
            frame.insert(0, "family", request.family)
            frames.append(frame.assign(key=record.key))
    if not frames:
        return pd.DataFrame(columns=["family", "seed", "removals", "params", "macs", "error"])
    return pd.concat(frames, ignore_index=True)


def saliencies(planned: Planned) -> pd.DataFrame:
    """One row for each channel of each saliency run of a plan that is there.

    Columns: `seed`, `block` (from 1), `channel` (from 0), `fisher_N` (after N steps), `l1`,
    `actual` (change of the mean loss without the channel, nats), and `key`.
    """
    frames = [
        pd.DataFrame(record.outcome["channels"]).assign(seed=request.seed, key=record.key)
        for request, record in planned
        if record is not None and "channels" in record.outcome
    ]
    columns = ["seed", "block", "channel", "l1", "actual", "key"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def epochs(planned: Planned) -> pd.DataFrame:
    """One row for each epoch of each training run of a plan that is there.

    Columns: `family`, `budget`, `seed`, `epoch` (from 1), those of `trainer.Epoch`, and `key`.
    """
    frames = []
    for request, record in planned:
        if record is not None and "epochs" in record.outcome:
            frame = pd.DataFrame(record.outcome["epochs"])
            frame.insert(0, "epoch", range(1, len(frame) + 1))
            frames.append(
                frame.assign(
                    family=request.family,
                    budget=request.budget,
                    seed=request.seed,
                    key=record.key,
                )
            )
    if not frames:
        return pd.DataFrame(columns=["family", "budget", "seed", "epoch", "test_error"])
    return pd.concat(frames, ignore_index=True)
