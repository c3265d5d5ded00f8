"""Networks beside each other, at equal seed and size: a view in, DataFrames or exact values out."""

import math
import operator
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import pandas as pd

from prunelib.evidence.by_size import Values
from prunelib.evidence.statistics import (
    Number,
    exact,
    interpolated,
    mean,
    rank_correlation,
)
from prunelib.evidence.view import View
from prunelib.study.families import BASE, BOTTLENECK, FAMILIES, PRUNED, REDUCED

SIMPLE = (REDUCED, BOTTLENECK)


def column(view: View, family: str, name: str = "error") -> Values:
    """A column of the networks of a family, exactly, by budget and seed, where it has numbers."""
    found: Values = {budget: {} for budget in view.scale.budgets}
    rows = (view.networks[wanted].tolist() for wanted in ("family", "budget", "seed", name))
    for member, budget, seed, value in zip(*rows, strict=True):
        if member == family and budget in found and math.isfinite(value):
            found[budget][seed] = exact(value)
    return found


def combined(parts: tuple[Values, ...], how: Callable[..., Number]) -> Values:
    """Values made of several ones of equal size and seed, where all of them are there."""
    sizes = [size for size in parts[0] if all(size in part for part in parts)]
    return {
        size: {
            seed: how(*(part[size][seed] for part in parts))
            for seed in sorted(set.intersection(*(set(part[size]) for part in parts)))
        }
        for size in sizes
    }


def between(view: View, better: str, others: tuple[str, ...]) -> Values:
    """error(others, their mean) - error(better), points."""
    parts = (column(view, better), *(column(view, name) for name in others))
    return combined(parts, lambda ours, *theirs: mean(theirs) - ours)


def against_pruned(view: View, families: tuple[str, ...], name: str = "difference") -> Values:
    """A column of `advantage`, mean over families: networks beside the pruned-and-tuned ones.

    By default error(pruned and tuned) - error(the network), of equal seed and parameters.
    """
    rows = advantage(view.networks, view.trajectories, families)
    parts = []
    for family in families:
        found: Values = {budget: {} for budget in view.scale.budgets}
        for row in rows[rows["family"] == family].to_dict("records"):
            value = row[name]
            if row["budget"] in found and math.isfinite(value):
                found[int(row["budget"])][int(row["seed"])] = exact(value)
        parts.append(found)
    return combined(tuple(parts), lambda *values: mean(values))


def advantage(
    networks: pd.DataFrame, trajectories: pd.DataFrame, families: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """Each network from scratch beside the pruned-and-tuned one of its seed and exact size.

    The error of the latter is interpolated between the measured points of the trajectory; networks
    outside its range are left out. By default those of all families.

    Columns: those of the network, `tuned_error`, `difference` (tuned minus the network's, in
    points of error), `tuned_macs` (spent on base and pruning up to there), and `ratio` (of those
    to the network's own training).
    """
    base = networks[networks["family"] == BASE].set_index("seed")["training_macs"]
    by_seed = dict(list(trajectories.groupby("seed")))
    curves = {seed: curve(trajectory, "params") for seed, trajectory in by_seed.items()}
    trained = families or [name for name, family in FAMILIES.items() if family.rule is not None]
    rest = {seed: spent_at(trajectory) for seed, trajectory in by_seed.items()}
    rows = []
    for row in networks[networks["family"].isin(trained)].to_dict("records"):
        seed = row["seed"]
        tuned = interpolated(row["params"], *curves[seed]) if seed in by_seed else None
        if tuned is None:
            continue
        spent = rest[seed](row["params"]) + float(base.get(seed, math.nan))
        rows.append(
            row
            | {
                "tuned_error": float(tuned),
                "difference": float(tuned - exact(row["error"])),
                "tuned_macs": float(spent),
                "ratio": spent / row["training_macs"],
            }
        )
    columns = [*networks.columns, "tuned_error", "difference", "tuned_macs", "ratio"]
    return pd.DataFrame(rows, columns=columns)


def spent_at(trajectory: pd.DataFrame) -> Callable[[float], int]:
    """MACs that a pruning run has spent when it has come down to a size (parameters)."""
    sizes = trajectory["params"].tolist()
    steps = zip(trajectory["macs"].tolist(), trajectory["images"].tolist(), strict=True)
    spent = [0, *accumulate(3 * macs * images for macs, images in steps)]
    return lambda size: spent[bisect_right(sizes, -size, key=operator.neg)]


def curve(trajectory: pd.DataFrame, axis: str) -> tuple[list[float], list[float]]:
    """Sizes and errors of the measured points of a pruning run, ascending in size."""
    sizes, errors = trajectory[axis].tolist(), trajectory["error"].tolist()
    points = zip(sizes, errors, strict=True)
    measured = sorted((x, e) for x, e in points if e is not None and not math.isnan(e))
    return [size for size, _ in measured], [error for _, error in measured]


def trajectory_gap(view: View, family: str, axis: str = "params") -> Values:
    """error(pruned as this family is) - error(pruned and tuned), at equal size, points.

    Where the pruned-and-tuned network is the largest within a budget; both errors are read off
    between measured points.
    """
    plain, sizes = column(view, PRUNED), column(view, PRUNED, axis)
    runs = view.all_trajectories[view.all_trajectories["family"] == family]
    curves = {seed: curve(trajectory, axis) for seed, trajectory in runs.groupby("seed")}
    found: Values = {}
    for budget, errors in plain.items():
        there = {s: interpolated(sizes[budget][s], *curves[s]) for s in errors if s in curves}
        found[budget] = {s: other - errors[s] for s, other in there.items() if other is not None}
    return found


def log_ratios(view: View, better: str, other: str) -> Values:
    """log(error(other) / error(better)): how many times as many errors, as a logarithm.

    Without any error there is no ratio: that seed is left out.
    """
    ours, theirs = (
        {size: {seed: value for seed, value in at.items() if value} for size, at in part.items()}
        for part in (column(view, better), column(view, other))
    )
    return combined((ours, theirs), lambda ours, theirs: exact(math.log(theirs / ours)))


def saliency_ranks(saliencies: pd.DataFrame, by: str = "seed") -> pd.DataFrame:
    """Rank correlation of each criterion with the measured change, one row per seed.

    With `by="block"` one row per block: within that block, mean over seeds.
    """
    criteria = [c for c in saliencies if c.startswith("fisher_") or c == "l1"]
    found: dict[int, dict[str, list[float]]] = {}
    for (group, _), run in saliencies.groupby([by, "seed"]):
        row = found.setdefault(int(group), {})
        for criterion in criteria:
            rank = rank_correlation(run[criterion].tolist(), run["actual"].tolist())
            if run[criterion].notna().all() and math.isfinite(rank):
                row.setdefault(criterion, []).append(rank)
    rows = {g: {c: float(mean(ranks)) for c, ranks in row.items()} for g, row in found.items()}
    return pd.DataFrame(rows).T.rename_axis(by)
