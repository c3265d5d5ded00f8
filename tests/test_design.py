import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples

from prunelib.design import copycat_source, design
from prunelib.errors import PrunelibError
from prunelib.notebook import open_study
from prunelib.profile import ChannelProfile

SMOKE = open_study("smoke", run_missing=False)


@examples(20)
@given(st.integers(6_000, 40_000))
def test_designs_are_within_the_budget_and_sorted_by_error(budget):
    found = design(SMOKE, budget)
    assert {d.family for d in found} == {"copycat", "bottleneck", "reduced-width"}
    for d in found:
        assert d.params == SMOKE.scale.shape.params(d.profile) <= budget
        assert d.macs == SMOKE.scale.shape.macs(d.profile)
        assert eval(d.python, {"ChannelProfile": ChannelProfile}) == d.profile
    errors = [math.inf if d.expected.error is None else d.expected.error for d in found]
    assert errors == sorted(errors)


@examples(20)
@given(st.integers(130_000, 460_000))
def test_a_budget_of_macs_is_kept_too(budget):
    for d in design(SMOKE, budget, what="macs"):
        assert d.macs <= budget


def test_copycats_of_the_measured_width_are_those_of_the_study():
    source = SMOKE.trajectory(0).after(round(500 / 1344 * SMOKE.scale.base.prunable))
    assert copycat_source(SMOKE, SMOKE.scale.base) == source


def test_the_error_after_longer_training_is_that_of_the_longer_runs():
    rows = SMOKE.networks
    long = rows[rows["family"] == "bottleneck-long"].groupby("budget")
    assert len(long) == len(SMOKE.scale.budgets)
    for budget, runs in long:
        found = {d.family: d for d in design(SMOKE, int(budget))}
        d = found["bottleneck"]
        assert d.longer.error == pytest.approx(runs["error"].mean(), abs=1e-3)
        usual = rows[(rows["family"] == "bottleneck") & (rows["budget"] == budget)]
        assert d.times == pytest.approx(runs["images_seen"].mean() / usual["images_seen"].mean())
        assert d.times > 1
        assert found["copycat"].longer.error is found["copycat"].times is None


def test_another_width_keeps_the_shape_and_expects_nothing():
    wide = SMOKE.scale.base.reduced(1)
    for d in design(SMOKE, 60_000, wide):
        assert d.expected.error is d.longer.error is d.times is None
        assert d.params <= 60_000
    shares = copycat_source(SMOKE, wide).shares()
    assert shares == pytest.approx(copycat_source(SMOKE, SMOKE.scale.base).shares(), abs=0.1)


def test_impossible_wishes_are_refused():
    with pytest.raises(PrunelibError, match=r"10 parameters: possible are .* to"):
        design(SMOKE, 10)
    with pytest.raises(PrunelibError, match="possible"):
        design(SMOKE, 10**8)
    with pytest.raises(PrunelibError, match="depth 16, not 40"):
        design(SMOKE, 10_000, ChannelProfile.full(40, 1))
