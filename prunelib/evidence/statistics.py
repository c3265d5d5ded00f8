"""Statistics of a few numbers: values in, values out."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd


def half_width(deviation: float, count):
    """Half of the 95 % interval (Student's t) of a mean of `count` values, a number or an array.

    `deviation` is the standard deviation of the values.
    """
    from scipy.special import stdtrit

    return stdtrit(count - 1, 0.975) * deviation / np.sqrt(count)


def mean_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % interval: not numbers for fewer than two values.

    >>> mean_interval([1.0, 1.0, 1.0])
    (1.0, 1.0, 1.0)
    """
    values = np.asarray(list(values), float)
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = float(half_width(values.std(ddof=1), len(values)))
    return mean, mean - half, mean + half


def rank_correlation(x, y) -> float:
    """Spearman's; not a number where one side is constant."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return np.nan
    return float(pd.Series(x).rank().corr(pd.Series(y).rank()))


def between_seeds(networks: pd.DataFrame) -> float | None:
    """Standard deviation of the error between seeds of one network, pooled over networks.

    None where no network was trained with two seeds. Those whose widths differ between seeds do
    not count.

    Args:
        networks: of `tables.networks`.
    """
    same = networks.groupby(["family", "budget", "middle"], dropna=False)["error"]
    squares, freedom = 0.0, 0
    for _, errors in same:
        squares += ((errors - errors.mean()) ** 2).sum()
        freedom += len(errors) - 1
    return math.sqrt(squares / freedom) if freedom else None


def repeatability_limit(deviation: float) -> float:
    """What two runs of different seeds differ by at most, in 19 of 20 cases, points."""
    return 1.96 * math.sqrt(2) * deviation
