"""What longer training than was measured would give, if errors went on as they have begun.

A straight line against the epochs, both as logarithms, for each seed; seeds are independent. The
intervals know of seeds alone. Whether the line is right they do not know: `missed` is a check.
"""

import math
from collections.abc import Mapping
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

    `longest` is the longest training that was measured, in epochs, and `seeds` have all lengths.
    `missed` is what the line through all but the longest says of the ratio there, over the ratio
    that was measured, mean over seeds.
    """

    size: int
    simple: Estimate
    shape: Estimate
    ratio: Estimate
    longest: float
    missed: float
    seeds: int
    further: "Further | None" = None


@dataclass(frozen=True)
class Further:
    """A bottleneck network of one of the seeds that was trained for longer than all seeds were.

    After `epochs` the line of its seed says `told`, and its error was `measured`, per cent.
    """

    epochs: float
    told: float
    measured: float


def extrapolations(views: Mapping[str, View], at: float = PAPER_EPOCHS) -> list[Extrapolation]:
    """What is to be expected at each size where three lengths have two seeds in common."""
    sizes = sorted({size for view in views.values() for size in view.scale.budgets})
    rows = []
    for size in sizes:
        lengths = measured_points(views, size)
        found = extrapolation_at(size, lengths, at)
        if found is not None:
            rows.append(replace(found, further=further_at(views, size, lengths, found.longest)))
    return rows


def further_at(
    views: Mapping[str, View], size: int, lengths: list[dict[int, LogPoint]], longest: float
) -> Further | None:
    """The longest training of a bottleneck network that the lines did not know; None without."""
    seeds = set.intersection(*map(set, lengths))
    known = [
        (epochs_of_images(view, images), seed, float(column(view, family)[size][seed]))
        for view in views.values()
        for family in (AT_LENGTH[PLAIN, length] for length in LENGTHS)
        for seed, images in column(view, family, "images_seen").get(size, {}).items()
        if seed in seeds
    ]
    epochs, seed, measured = max(known)
    if round(epochs) <= round(longest):
        return None
    xs, ones, _ = zip(*(points[seed] for points in lengths), strict=True)
    return Further(epochs, math.exp(on_fitted_line(xs, ones, math.log(epochs))), measured)


def measured_points(views: Mapping[str, View], size: int) -> list[dict[int, LogPoint]]:
    """The points at a size by seed, one entry for each length that two seeds have."""
    lengths = []
    for view in views.values():
        for length in LENGTHS:
            pair = (AT_LENGTH[PLAIN, length], AT_LENGTH[SCRATCH, length])
            simple, shape = (column(view, family).get(size, {}) for family in pair)
            images = column(view, pair[0], "images_seen").get(size, {})
            points = {
                seed: (
                    math.log(epochs_of_images(view, images[seed])),
                    math.log(simple[seed]),
                    math.log(shape[seed]),
                )
                for seed in images
                if simple.get(seed, 0) > 0 and shape.get(seed, 0) > 0
            }
            if len(points) > 1:
                lengths.append(points)
    return lengths


def extrapolation_at(
    size: int, lengths: list[dict[int, LogPoint]], at: float
) -> Extrapolation | None:
    """What is to be expected at a size; None where too little was measured."""
    seeds = sorted(set.intersection(*map(set, lengths))) if len(lengths) > 2 else []
    if len(seeds) < 2:
        return None
    ordered = sorted(lengths, key=lambda points: points[seeds[0]][0])
    simple, shape, ratio, missed = [], [], [], []
    for seed in seeds:
        xs, ones, others = zip(*(points[seed] for points in ordered), strict=True)
        apart = [a - b for a, b in zip(ones, others, strict=True)]
        simple.append(on_fitted_line(xs, ones, math.log(at)))
        shape.append(on_fitted_line(xs, others, math.log(at)))
        ratio.append(on_fitted_line(xs, apart, math.log(at)))
        missed.append(on_fitted_line(xs[:-1], apart[:-1], xs[-1]) - apart[-1])
    return Extrapolation(
        size=size,
        simple=as_factor(simple),
        shape=as_factor(shape),
        ratio=as_factor(ratio),
        longest=math.exp(max(points[seed][0] for points in ordered for seed in seeds)),
        missed=math.exp(mean(missed)),
        seeds=len(seeds),
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
