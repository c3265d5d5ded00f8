"""Statistics of a few numbers: values in, values out, the same on every machine.

Errors are counts of test images, and records hold them as decimals. Sums and means of them are
taken as fractions, without any rounding, so that no order of summation and no processor can change
a digit; a number is rounded once, when it leaves (`text.rounded`, `text.fixed`).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction

import pandas as pd

Number = float | Fraction
LEVEL = 0.95
"""Of intervals."""


def exact(x: Number) -> Fraction:
    """The decimal that a number was written as, not the binary one next to it.

    >>> exact(0.1) + exact(0.2)
    Fraction(3, 10)
    """
    return x if isinstance(x, Fraction) else Fraction(repr(float(x)))


def mean(values: Iterable[Number]) -> Fraction:
    """The mean, exactly.

    >>> float(mean([2.64, 2.65]))
    2.645
    """
    numbers = [exact(value) for value in values]
    return Fraction(sum(numbers), len(numbers))


def squares(values: Iterable[Number]) -> Fraction:
    """Sum of the squared distances from the mean, exactly."""
    numbers = [exact(value) for value in values]
    middle = mean(numbers)
    return sum(((x - middle) ** 2 for x in numbers), Fraction(0))


def deviation(values: Sequence[Number]) -> float:
    """Standard deviation of a sample of at least two values.

    >>> deviation([1, 2, 3])
    1.0
    """
    return math.sqrt(squares(values) / (len(values) - 1))


def interpolated(x: Number, xs: Sequence[Number], ys: Sequence[Number]) -> Fraction | None:
    """What a line through points says at x; None outside of them.

    Args:
        x: where to read.
        xs: of the points, ascending.
        ys: of the points.

    >>> float(interpolated(1.5, [1, 2], [10.0, 10.3]))
    10.15
    """
    return on_line(x, xs, ys) if xs and xs[0] <= x <= xs[-1] else None


def on_line(x: Number, xs: Sequence[Number], ys: Sequence[Number]) -> Fraction:
    """As `interpolated`, for an x that is known to be between the points."""
    right = bisect_left(xs, x)
    if xs[right] == x:
        return exact(ys[right])
    low, high, left, end = (exact(v) for v in (xs[right - 1], xs[right], ys[right - 1], ys[right]))
    return left + (end - left) * (exact(x) - low) / (high - low)


def slope(xs: Sequence[Number], ys: Sequence[Number]) -> Fraction:
    """The slope of the line through points that is nearest by least squares.

    >>> float(slope([0, 1, 2], [1.0, 1.5, 2.0]))
    0.5
    """
    at, of = mean(xs), mean(ys)
    both = sum((exact(x) - at) * (exact(y) - of) for x, y in zip(xs, ys, strict=True))
    return both / squares(xs)


def ranks(values: Sequence[Number]) -> list[Fraction]:
    """Ranks from 1; equal values share the mean of theirs.

    >>> [float(rank) for rank in ranks([5, 7, 5])]
    [1.5, 3.0, 1.5]
    """
    order = sorted(values)
    return [
        Fraction(bisect_left(order, value) + bisect_right(order, value) + 1, 2) for value in values
    ]


def rank_correlation(x: Sequence[Number], y: Sequence[Number]) -> float:
    """Spearman's; not a number where one side is constant.

    >>> rank_correlation([1, 2, 3], [9, 7, 5])
    -1.0
    """
    a, b = ranks(list(x)), ranks(list(y))
    spread = squares(a) * squares(b)
    if not spread:
        return math.nan
    middle = mean(a)
    both = sum((p - middle) * (q - middle) for p, q in zip(a, b, strict=True))
    return math.copysign(math.sqrt(both**2 / spread), both)


def quantile(freedom: float, level: float = LEVEL) -> float:
    """How many standard errors (Student's t) an interval of this level reaches to either side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def beyond(t: float, freedom: float) -> float:
    """Probability of a Student's t above t."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


def half_width(spread: float, count: int) -> float:
    """Half of the 95% interval of a mean of `count` values of standard deviation `spread`."""
    return quantile(count - 1) * spread / math.sqrt(count)


def mean_interval(values: Sequence[Number]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95% interval: not numbers for fewer than two values.

    >>> mean_interval([1.0, 1.0, 1.0])
    (1.0, 1.0, 1.0)
    """
    if not len(values):
        return math.nan, math.nan, math.nan
    middle = float(mean(values))
    if len(values) < 2:
        return middle, math.nan, math.nan
    half = half_width(deviation(values), len(values))
    return middle, middle - half, middle + half


def between_seeds(networks: pd.DataFrame) -> float | None:
    """Standard deviation of the error between seeds of one network, pooled over networks.

    None where no network was trained with two seeds. Those whose widths differ between seeds do
    not count.

    Args:
        networks: of `tables.networks`.
    """
    same = networks.groupby(["family", "budget", "middle"], dropna=False)["error"]
    groups = [errors.tolist() for _, errors in same]
    freedom = sum(len(errors) - 1 for errors in groups)
    return math.sqrt(sum(map(squares, groups)) / freedom) if freedom else None


def repeatability_limit(spread: float) -> float:
    """What two runs of different seeds differ by at most, in 19 of 20 cases, points."""
    return 1.96 * math.sqrt(2) * spread


def holm(probabilities: dict[str, float]) -> dict[str, float]:
    """Probabilities of a family of tests, raised for their number by Holm's method.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    raised, least = {}, 0.0
    ordered = sorted(probabilities.items(), key=lambda item: item[1])
    for i, (name, p) in enumerate(ordered):
        least = max(least, min(1.0, (len(ordered) - i) * p))
        raised[name] = least
    return raised
