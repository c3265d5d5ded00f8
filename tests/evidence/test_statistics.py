"""Statistics are exact where they can be, and those of SciPy and NumPy everywhere."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from prunelib.evidence import by_size
from prunelib.evidence.statistics import (
    deviation,
    exact,
    holm,
    interpolated,
    mean,
    mean_interval,
    rank_correlation,
    slope,
)
from prunelib.text import fixed, plain, rounded, snapped

hundredths = st.integers(-9_000, 9_000).map(lambda n: n / 100)
samples = st.lists(hundredths, min_size=2, max_size=9)
NOISE = 1 + 1e-13


def close(x):
    return pytest.approx(x, rel=1e-9, abs=1e-9)


@given(samples, st.randoms())
def test_a_mean_is_exact_in_any_order(values, random):
    shuffled = random.sample(values, len(values))
    assert (
        mean(values)
        == mean(shuffled)
        == Fraction(sum(round(100 * v) for v in values)) / (100 * len(values))
    )


@given(samples)
def test_deviations_are_those_of_numpy(values):
    assert deviation(values) == close(np.std(values, ddof=1))


@given(st.lists(st.tuples(hundredths, hundredths), min_size=2, max_size=9))
def test_slopes_and_rank_correlations_are_those_of_scipy(points):
    xs, ys = zip(*points, strict=True)
    assume(len(set(xs)) > 1)
    assert float(slope(xs, ys)) == close(stats.linregress(xs, ys).slope)
    if len(set(ys)) > 1:
        assert rank_correlation(xs, ys) == close(stats.spearmanr(xs, ys).statistic)
    else:
        assert math.isnan(rank_correlation(xs, ys))


@given(st.lists(st.integers(0, 500), min_size=1, max_size=8, unique=True), st.integers(-5, 505))
def test_lines_through_points_are_those_of_numpy_and_end_where_these_do(xs, x):
    xs = sorted(xs)
    ys = [((37 * i) % 101) / 10 for i in xs]
    found = interpolated(x, xs, ys)
    if xs[0] <= x <= xs[-1]:
        assert float(found) == close(np.interp(x, xs, ys))
    else:
        assert found is None


def test_an_interval_of_one_value_is_none():
    assert mean_interval([2.5])[0] == 2.5
    assert all(math.isnan(end) for end in mean_interval([2.5])[1:])
    assert math.isnan(mean_interval([])[0])


@given(st.dictionaries(st.text("abcdef", min_size=1), st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_steps_reject(ps):
    """Step down: the smallest of m against 5% / m, the next against 5% / (m - 1), and so on."""
    left, rejected = dict(ps), set()
    while left:
        name = min(left, key=left.get)
        if left[name] * len(left) >= 0.05:
            break
        rejected.add(name)
        del left[name]
    assert {name for name, p in holm(ps).items() if p < 0.05} == rejected


@given(st.integers(-90_000, 90_000), st.sampled_from([1, 2, 3, 4, 8, 12, 16, 24]))
def test_noise_changes_no_number_that_leaves(hundredths, count):
    x = hundredths / 100 / count
    for noisy in (x * NOISE, x / NOISE):
        assert rounded(noisy) == rounded(x)
        assert fixed(noisy) == fixed(x)
    assert fixed(x) == fixed(Fraction(hundredths, 100 * count))


@given(st.integers(-1_000, 1_000).map(lambda n: 10 * n + 5))
def test_ties_are_rounded_to_even(thousandths):
    text = fixed(Fraction(thousandths, 1000))
    assert int(text[-1]) % 2 == 0
    assert abs(exact(float(text)) - Fraction(thousandths, 1000)) == Fraction(5, 1000)


def test_six_digits_leave_and_counts_stay_whole():
    assert rounded(math.pi) == 3.14159
    assert rounded(1234567.8) == 1234570.0
    assert rounded(2_243_546.0) == 2_243_546.0
    assert math.isnan(rounded(math.nan))
    assert str(snapped(1e-13)) == "0"
    assert plain({"a": (1, 0.1 + 0.2, None, ["x", math.e])}) == {
        "a": [1, 0.3, None, ["x", 2.71828]]
    }


def table(rows):
    """Sizes 1, 2, ... from rows of seeds."""
    return {i: dict(enumerate(row)) for i, row in enumerate(rows, 1)}


cells = st.integers(2, 4).flatmap(
    lambda seeds: st.lists(
        st.lists(hundredths, min_size=seeds, max_size=seeds), min_size=1, max_size=5
    )
)


@given(cells)
def test_spread_is_pooled_over_sizes(rows):
    pooled = by_size.spread(table(rows))
    sizes, seeds = len(rows), len(rows[0])
    assert pooled.deviation**2 == close(np.mean([np.var(row, ddof=1) for row in rows]))
    assert (seeds - 1) * (1 - 1e-9) <= pooled.freedom <= sizes * (seeds - 1)


@given(cells)
def test_degrees_of_freedom_are_satterthwaites(rows):
    """With mean squares of seeds and of the rest, where seeds deviate alike at all sizes."""
    sizes, seeds = len(rows), len(rows[0])
    x = np.array(rows)
    x = x - x.mean(1, keepdims=True)
    a = sizes * np.var(x.mean(0), ddof=1)
    assume(sizes > 1 and (x**2).sum() > 1e-6)
    rest = ((x - x.mean(0)) ** 2).sum() / (sizes - 1) / (seeds - 1)
    alike = (a - rest) / (a + (sizes - 1) * rest)
    assume(abs(alike) <= 1)
    expected = (a + (sizes - 1) * rest) ** 2 * (seeds - 1) / (a**2 + (sizes - 1) * rest**2)
    assert by_size.spread(table(rows)).freedom == pytest.approx(expected, rel=1e-6)


@given(cells)
def test_sizes_differ_by_the_f_test_of_two_ways(rows):
    x = np.array(rows)
    found = by_size.sizes_differ(table(rows))
    if len(rows) < 2:
        assert found is None
        return
    sizes, seeds = x.shape
    rest = ((x - x.mean(0) - x.mean(1, keepdims=True) + x.mean()) ** 2).sum()
    assume(rest > 1e-6)
    between = seeds * ((x.mean(1) - x.mean()) ** 2).sum()
    ratio = between / (sizes - 1) / (rest / (sizes - 1) / (seeds - 1))
    assert found == pytest.approx(stats.f.sf(ratio, sizes - 1, (sizes - 1) * (seeds - 1)), abs=1e-9)


def test_one_size_alone_has_students_interval():
    assert by_size.intervals({1: {0: 1.0, 1: 2.0, 2: 4.5}})[1] == mean_interval([1.0, 2.0, 4.5])


def test_a_seed_that_some_sizes_lack_counts_at_the_others():
    values = {1: {0: 1.0, 1: 2.0, 2: 3.0}, 2: {0: 5.0}, 3: {}}
    found = by_size.intervals(values)
    assert found[1] == mean_interval([1.0, 2.0, 3.0])
    assert found[2][0] == 5.0
    assert math.isnan(found[2][1])
    assert found.keys() == {1, 2}
    assert by_size.seed_means(values) == {}
    assert by_size.seed_means({1: {0: 1.0, 1: 2.0}, 2: {1: 4.0}}) == {1: 3}


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_intervals_of_all_sizes_together_hold_what_they_say(alike):
    """Made-up studies of three seeds and four sizes: the truth is in 95% of the intervals."""
    random = np.random.default_rng(5)
    inside, studies = 0, 400
    for _ in range(studies):
        seed, run = random.normal(size=(1, 3)), random.normal(size=(4, 3))
        rows = np.round(math.sqrt(alike) * seed + math.sqrt(1 - alike) * run, 2).tolist()
        ends = by_size.intervals(table(rows)).values()
        inside += all(low <= 0 <= high for _, low, high in ends)
    assert 0.92 <= inside / studies <= 0.99


def test_exact_is_the_decimal_that_was_written():
    assert exact(np.float64(0.1)) == Fraction(1, 10)
    assert mean(pd.Series([2.64, 2.65])) == Fraction(2645, 1000)
