"""A quantity at several sizes, from a few seeds each: means, intervals, and whether sizes differ.

The model is a mixed one: value = mean of the size + deviation of the seed + deviation of the run.
A seed has one base network and one pruning run for all sizes, so that its deviations go together.
The spread is that of one value, taken to be the same at all sizes, and estimated from all of them:
two or three seeds by themselves tell a spread too badly.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

from prunelib.evidence.statistics import LEVEL, Number, exact, mean, quantile, squares

Values = dict[int, dict[int, Number]]
"""By size (parameters), then by seed; a size without values is a size that was planned."""


@dataclass(frozen=True)
class Spread:
    """Standard deviation of one value, and on how many degrees of freedom that rests."""

    deviation: float
    freedom: float


def complete_seeds(values: Values) -> list[int]:
    """Seeds with a value at every size."""
    sets = [set(at) for at in values.values()]
    return sorted(set.intersection(*sets)) if sets else []


def seed_means(values: Values) -> dict[int, Fraction]:
    """Mean over sizes of each seed that has all of them."""
    return {seed: mean(at[seed] for at in values.values()) for seed in complete_seeds(values)}


def spread(values: Values) -> Spread | None:
    """The spread of one value, pooled over the sizes; None where no size has two seeds.

    Each size with n seeds adds n - 1 degrees of freedom if seeds deviate at each size as they
    like. If a seed deviates at all sizes alike, more sizes tell nothing more. With r, the
    correlation between sizes (estimated; its square counts), and F, the shared degrees of two
    sizes, the sum f of all is worth f² / (f + r² · sum of F over all pairs of sizes): with n seeds
    at each of k sizes, k (n - 1) / (1 + (k - 1) r²).
    """
    sizes = [{s: exact(v) for s, v in at.items()} for at in values.values() if len(at) > 1]
    if not sizes:
        return None
    freedom = sum(len(at) - 1 for at in sizes)
    variance = sum(squares(at.values()) for at in sizes) / freedom
    if not variance:
        return Spread(0.0, float(freedom))
    together = shared = Fraction(0)
    for one, other in permutations(sizes, 2):
        both = one.keys() & other.keys()
        a, b = mean(one.values()), mean(other.values())
        together += sum((one[seed] - a) * (other[seed] - b) for seed in both)
        n, here, there = len(both), len(one), len(other)
        shared += n - Fraction(n, here) - Fraction(n, there) + Fraction(n * n, here * there)
    alike = min(Fraction(1), (together / shared / variance) ** 2) if shared else Fraction(0)
    worth = Fraction(freedom**2) / (freedom + alike * shared)
    return Spread(math.sqrt(variance), float(worth))


def intervals(values: Values) -> dict[int, tuple[float, float, float]]:
    """Mean at each size that has values, and the ends of its interval; all hold together at 95%.

    Student's t with the pooled spread, by Bonferroni's inequality. Not numbers where fewer than
    two seeds are there.
    """
    pooled, found = spread(values), {}
    several = sum(len(at) > 1 for at in values.values())
    for size, at in sorted(values.items()):
        if at:
            middle, half = float(mean(at.values())), math.nan
            if pooled is not None and len(at) > 1:
                reach = quantile(pooled.freedom, 1 - (1 - LEVEL) / several)
                half = reach * pooled.deviation / math.sqrt(len(at))
            found[size] = (middle, middle - half, middle + half)
    return found


def sizes_differ(values: Values) -> float | None:
    """Probability of sizes that are this far apart, or further, if none differs from another.

    The F test of a two-way analysis of variance over the seeds that have all sizes; None with fewer
    than two of them, or one size.
    """
    seeds = complete_seeds(values)
    if len(seeds) < 2 or len(values) < 2:
        return None
    rows = [[exact(at[seed]) for seed in seeds] for at in values.values()]
    between = len(seeds) * squares(mean(row) for row in rows)
    by_seed = len(rows) * squares(mean(column) for column in zip(*rows, strict=True))
    rest = squares(value for row in rows for value in row) - between - by_seed
    sizes, runs = len(rows) - 1, (len(rows) - 1) * (len(seeds) - 1)
    if not rest:
        return 0.0 if between else 1.0
    from scipy.special import fdtrc

    return float(fdtrc(sizes, runs, float(between / sizes / (rest / runs))))
