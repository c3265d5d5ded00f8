"""What longer training than was measured would give, if errors went on as they have begun.

A straight line against the epochs, both as logarithms, for each seed, through all shorter lengths
that it was trained for; seeds are independent. The intervals know of seeds alone. Whether the line
is right they do not know: `missed` is a check.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from prunelib.evidence.comparisons import column
from prunelib.evidence.lengths import epochs_of_images
from prunelib.evidence.statistics import mean, mean_interval, slope
from prunelib.evidence.view import View
from prunelib.study.families import AT_LENGTH, BOTTLENECK, LENGTHS, SCRATCH

PAPER_EPOCHS = 200
PLAIN = BOTTLENECK
Estimate = tuple[float, float, float]
"""A value and the ends of its 95% interval."""
LogPoint = tuple[float, float, float]
"""Logarithms of the epochs, of the error of a bottleneck network, and of that of a shape."""


@dataclass(frozen=True)
class Extrapolation:
    """Errors (per cent) after so many epochs at one size, and the ratio of simple to shape.

    `longest` is the longest training that was measured, in epochs, of the seed where it is shortest
    and of the one where it is longest. `missed` is what the line through all but the longest says
    of the ratio there, over the ratio that was measured, mean over seeds. `reached` says whether
    a seed was trained for that long, so that no line is needed.
    """

    size: int
    simple: Estimate
    shape: Estimate
    ratio: Estimate
    longest: tuple[float, float]
    missed: float
    seeds: int
    further: "tuple[Further, ...]" = ()
    reached: bool = False


@dataclass(frozen=True)
class Further:
    """A network that was trained for longer than its line knows: the longest training of a seed.

    `family` is a bottleneck network or a shape. After `epochs` the line of its seed says `told`,
    and its error was `measured`, per cent.
    """

    family: str
    epochs: float
    told: float
    measured: float


def extrapolations(views: Mapping[str, View], at: float = PAPER_EPOCHS) -> list[Extrapolation]:
    """What is to be expected at each size where two seeds have three lengths each."""
    sizes = sorted({size for view in views.values() for size in view.scale.budgets})
    rows = []
    for size in sizes:
        points = measured_points(views, size)
        shorter = {
            seed: [point for point in own if point[0] < math.log(at)]
            for seed, own in points.items()
        }
        known = {seed: own for seed, own in shorter.items() if len(own) > 2}
        found = extrapolation_at(size, known, at)
        if found is not None:
            further = tuple(further_at(views, size, known))
            rows.append(replace(found, further=further, reached=shorter != points))
    return rows


def further_at(
    views: Mapping[str, View], size: int, points: Mapping[int, Sequence[LogPoint]]
) -> Iterator[Further]:
    """Of each seed, the longest training of either network, if its line did not know it."""
    for seed, line in sorted(points.items()):
        xs, *errors = zip(*line, strict=True)
        for family, known in zip((PLAIN, SCRATCH), errors, strict=True):
            epochs, measured = longest_of(views, family, size, seed)
            if round(epochs) > round(math.exp(xs[-1])):
                told = math.exp(on_fitted_line(xs, known, math.log(epochs)))
                yield Further(family, epochs, told, measured)


def longest_of(views: Mapping[str, View], name: str, size: int, seed: int) -> tuple[float, float]:
    """The epochs of the longest training of a network, and its error after them, per cent."""
    return max(
        (epochs_of_images(view, images[size][seed]), float(column(view, family)[size][seed]))
        for view in views.values()
        for family in (AT_LENGTH[name, length] for length in LENGTHS)
        for images in [column(view, family, "images_seen")]
        if seed in images.get(size, {})
    )


def measured_points(views: Mapping[str, View], size: int) -> dict[int, list[LogPoint]]:
    """The points at a size of each seed that has three or more, the shortest training first."""
    points: dict[int, list[LogPoint]] = {}
    for view in views.values():
        for length in LENGTHS:
            pair = (AT_LENGTH[PLAIN, length], AT_LENGTH[SCRATCH, length])
            simple, shape = (column(view, family).get(size, {}) for family in pair)
            for seed, images in column(view, pair[0], "images_seen").get(size, {}).items():
                if simple.get(seed, 0) > 0 and shape.get(seed, 0) > 0:
                    point = epochs_of_images(view, images), simple[seed], shape[seed]
                    x, one, other = map(math.log, point)
                    points.setdefault(seed, []).append((x, one, other))
    return {seed: sorted(own) for seed, own in points.items() if len(own) > 2}


def extrapolation_at(
    size: int, points: Mapping[int, Sequence[LogPoint]], at: float
) -> Extrapolation | None:
    """What is to be expected at a size, from the points of its seeds; None of fewer than two."""
    if len(points) < 2:
        return None
    simple, shape, ratio, missed, longest = [], [], [], [], []
    for own in points.values():
        xs, ones, others = zip(*own, strict=True)
        apart = [a - b for a, b in zip(ones, others, strict=True)]
        simple.append(on_fitted_line(xs, ones, math.log(at)))
        shape.append(on_fitted_line(xs, others, math.log(at)))
        ratio.append(on_fitted_line(xs, apart, math.log(at)))
        missed.append(on_fitted_line(xs[:-1], apart[:-1], xs[-1]) - apart[-1])
        longest.append(math.exp(xs[-1]))
    return Extrapolation(
        size=size,
        simple=as_factor(simple),
        shape=as_factor(shape),
        ratio=as_factor(ratio),
        longest=(min(longest), max(longest)),
        missed=math.exp(mean(missed)),
        seeds=len(points),
    )


def on_fitted_line(xs: tuple[float, ...], ys: list[float] | tuple[float, ...], x: float) -> float:
    """What the line that is nearest to some points by least squares says at x.

    >>> on_fitted_line((0.0, 1.0, 2.0), (1.0, 1.5, 2.0), 4.0)
    3.0
    """
    return float(mean(ys) + slope(xs, ys) * (mean([x]) - mean(xs)))


def as_factor(logs: list[float]) -> Estimate:
    """The mean of logarithms and its interval, no longer as logarithms."""
    middle, low, high = map(math.exp, mean_interval(logs))
    return middle, low, high
