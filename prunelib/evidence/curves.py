"""The error to expect of a size, read off the curve that was measured for a family."""

import math
from typing import NamedTuple

import pandas as pd

from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View
from prunelib.study.families import BASE, BOTTLENECK, PRUNED, SCRATCH
from prunelib.text import counted, fixed


class Curve(NamedTuple):
    """Mean error (per cent) over seeds at some sizes (parameters), ascending, and runs at each.

    `walk`: all points are of the same runs, those of pruning. `log`: between two points the error
    is taken to follow the logarithm of the size. Sizes lie far apart there, and a straight line
    reads up to two points too high.
    """

    params: tuple[float, ...]
    errors: tuple[float, ...]
    runs: tuple[int, ...]
    walk: bool = False
    log: bool = False


class Reading(NamedTuple):
    """What a curve says of a size; `error` is None where it says nothing, and `note` tells why."""

    error: float | None
    note: str


def whole(n: float) -> str:
    """A count without decimals, half up, with commas."""
    return f"{int(n + 0.5):,}"


def measured_curve(view: View, family: str) -> Curve:
    """The mean curve of a family over seeds.

    Pruned-and-tuned networks are measured along the whole walk: a point for each number of
    removals at which every seed was measured, and below these the end of each run. Other families
    have a point for each budget.
    """
    points: dict[float, tuple[float, int]] = {}
    for runs in along_the_walk(view) if family == PRUNED else at_budgets(view, family):
        size, error = float(fixed(mean(runs["params"]))), float(fixed(mean(runs["error"]), 4))
        if family != PRUNED or size < min(points, default=math.inf):
            points.setdefault(size, (error, len(runs)))
    sizes = sorted(points)
    errors, counts = zip(*(points[size] for size in sizes), strict=True) if sizes else ((), ())
    walk = family == PRUNED
    return Curve(tuple(sizes), errors, counts, walk, not walk)


def lead_at_equal_macs(view: View) -> float | None:
    """By how much pruned shapes from scratch beat bottleneck networks of equal work, points.

    As claim K11, but the error of the bottleneck network is read off by the logarithm of its
    multiply-accumulates. Mean over sizes; None while a size is missing.
    """
    rows = view.networks.sort_values("macs")
    plain = {
        seed: Curve(tuple(own["macs"]), tuple(own["error"]), (1,) * len(own), log=True)
        for seed, own in rows[rows["family"].isin((BASE, BOTTLENECK))].groupby("seed")
        if len(own) == 1 + len(view.scale.budgets)
    }
    leads: dict[int, list[float]] = {budget: [] for budget in view.scale.budgets}
    for shape in rows[rows["family"] == SCRATCH].itertuples():
        other = reading(plain.get(shape.seed), shape.macs).error
        if other is not None:
            leads[shape.budget].append(other - shape.error)
    if not all(leads.values()):
        return None
    return float(mean([mean(own) for own in leads.values()]))


def along_the_walk(view: View) -> list[pd.DataFrame]:
    """Points of the pruning runs, larger networks first: those of all seeds, then the ends of each.

    The smallest network of a seed may be smaller than the mean of all.
    """
    rows = view.trajectories.dropna(subset=["error"])
    seeds = rows["seed"].nunique()
    common = [runs for _, runs in rows.groupby("removals") if len(runs) == seeds]
    ends = [runs for _, runs in rows.groupby("seed").tail(1).groupby("params")]
    return common + ends[::-1]


def at_budgets(view: View, family: str) -> list[pd.DataFrame]:
    """Networks of a family, by their budget."""
    rows = view.networks
    return [runs for _, runs in rows[rows["family"] == family].groupby("budget")]


def reading(curve: Curve | None, params: float) -> Reading:
    """The error at a size, interpolated; refused outside the measured range."""
    if curve is None or not curve.params:
        return Reading(None, "no runs of this family yet")
    xs, ys, runs, walk, log = curve
    if len(xs) == 1 and params != xs[0]:
        return Reading(None, f"measured at {whole(xs[0])} parameters only")
    if not xs[0] <= params <= xs[-1]:
        return Reading(None, f"outside {whole(xs[0])} to {whole(xs[-1])} parameters")
    right = next(i for i, x in enumerate(xs) if x >= params)
    if xs[right] == params:
        return Reading(ys[right], f"mean of {counted(runs[right], 'run')}")
    left = right - 1
    at, begin, end = (math.log(x) if log else x for x in (params, xs[left], xs[right]))
    slope = (ys[right] - ys[left]) / (end - begin)
    number = min(runs[left], runs[right]) if walk else runs[left] + runs[right]
    return Reading(
        slope * (at - begin) + ys[left],
        f"interpolated between {whole(xs[left])} and {whole(xs[right])} parameters, "
        f"{counted(number, 'run')}",
    )
