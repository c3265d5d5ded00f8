"""The error to expect of a size, read off the curve that was measured for a family."""

from typing import NamedTuple

from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View
from prunelib.study.families import PRUNED
from prunelib.text import counted, fixed


class Curve(NamedTuple):
    """Mean error (per cent) over seeds at some sizes (parameters), ascending, and runs at each.

    `walk`: all points are of the same runs, those of pruning.
    """

    params: tuple[float, ...]
    errors: tuple[float, ...]
    runs: tuple[int, ...]
    walk: bool = False


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
    removals at which every seed was measured. Other families have a point for each budget.
    """
    if family == PRUNED:
        rows, by = view.trajectories.dropna(subset=["error"]), "removals"
        seeds = rows["seed"].nunique()
    else:
        rows, by, seeds = view.networks, "budget", 1
        rows = rows[rows["family"] == family]
    points: dict[float, tuple[float, int]] = {}
    for _, runs in rows.groupby(by):
        if len(runs) >= seeds:
            size, error = float(fixed(mean(runs["params"]))), float(fixed(mean(runs["error"]), 4))
            points.setdefault(size, (error, len(runs)))
    sizes = sorted(points)
    errors, counts = zip(*(points[size] for size in sizes), strict=True) if sizes else ((), ())
    return Curve(tuple(sizes), errors, counts, family == PRUNED)


def reading(curve: Curve | None, params: float) -> Reading:
    """The error at a size, interpolated linearly; refused outside the measured range."""
    if curve is None or not curve.params:
        return Reading(None, "no runs of this family yet")
    xs, ys, runs, walk = curve
    if len(xs) == 1 and params != xs[0]:
        return Reading(None, f"measured at {whole(xs[0])} parameters only")
    if not xs[0] <= params <= xs[-1]:
        return Reading(None, f"outside {whole(xs[0])} to {whole(xs[-1])} parameters")
    right = next(i for i, x in enumerate(xs) if x >= params)
    if xs[right] == params:
        return Reading(ys[right], f"mean of {counted(runs[right], 'run')}")
    left = right - 1
    slope = (ys[right] - ys[left]) / (xs[right] - xs[left])
    number = min(runs[left], runs[right]) if walk else runs[left] + runs[right]
    return Reading(
        slope * (params - xs[left]) + ys[left],
        f"interpolated between {whole(xs[left])} and {whole(xs[right])} parameters, "
        f"{counted(number, 'run')}",
    )
