from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples

from prunelib.book.notebook import open_study
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.budget import (
    best_designs,
    comparable_scales,
    known_designs,
    released,
    worth_training,
)
from prunelib.evidence.curves import measured_curve
from prunelib.evidence.design import (
    DESIGN_FAMILIES,
    MARGIN,
    copycat_source,
    design_within,
    expected_error,
    largest_designs,
    largest_passed,
)
from prunelib.evidence.view import open_view
from prunelib.nets.profile import ChannelProfile
from prunelib.study.folder import PACKAGED
from prunelib.study.scales import SCALES
from prunelib.study.store import Store

SMOKE = open_study("smoke", run_missing=False)


@examples(20)
@given(st.integers(6_000, 40_000))
def test_designs_are_within_the_budget_and_sorted_by_error(budget):
    found = largest_designs(SMOKE, budget)
    assert {d.family for d in found} == set(DESIGN_FAMILIES)
    for d in found:
        assert d.params == SMOKE.scale.shape.params(d.profile) <= budget
        assert d.macs == SMOKE.scale.shape.macs(d.profile)
        assert eval(d.python, {"ChannelProfile": ChannelProfile}) == d.profile
    errors = [d.error for d in found]
    assert errors == sorted(errors)


@examples(20)
@given(st.integers(130_000, 460_000))
def test_a_budget_of_macs_is_kept_too(budget):
    for d in largest_designs(SMOKE, budget, what="macs"):
        assert d.macs <= budget


@examples(20)
@given(st.integers(5_000, 40_000))
def test_the_pruned_shape_is_the_largest_that_pruning_passed_within_the_budget(budget):
    run, count = SMOKE.trajectory(0), SMOKE.scale.shape.params
    passed = [run.after(n) for n in range(len(run.params))]
    within = [p for p in passed if count(p) <= budget]
    assert largest_passed(run, budget, count, "parameters") == max(within, key=count)
    for outside in (count(passed[-1]) - 1, count(passed[0]) + 1):
        with pytest.raises(Missing, match="pruning passed no network"):
            largest_passed(run, outside, count, "parameters")


def test_a_size_next_to_a_measured_one_is_as_good_as_that():
    curve = measured_curve(SMOKE, "copycat")
    least, most = curve.params[0], curve.params[-1]
    for size, error in ((least, curve.errors[0]), (most, curve.errors[-1])):
        for nearby in (1 - 0.9 * MARGIN, 1 + 0.9 * MARGIN):
            found = expected_error(SMOKE, "copycat", round(nearby * size))
            assert found.error == pytest.approx(error, abs=1)
    assert expected_error(SMOKE, "copycat", round(0.95 * least)).error is None


def test_only_the_measured_base_has_pruned_shapes():
    with pytest.raises(Missing, match="measured base"):
        largest_designs(
            SMOKE, 60_000, SMOKE.scale.base.reduced(1), families=("pruned-from-scratch",)
        )


def test_copycats_of_the_measured_width_are_those_of_the_study():
    source = SMOKE.trajectory(0).after(round(500 / 1344 * SMOKE.scale.base.prunable))
    assert copycat_source(SMOKE, SMOKE.scale.base) == source


@pytest.mark.parametrize("length", ["-long", "-longest"])
def test_the_error_after_longer_training_is_that_of_the_longer_runs(length):
    rows = SMOKE.networks
    long = rows[rows["family"] == f"bottleneck{length}"].groupby("budget")
    assert len(long) == len(SMOKE.scale.budgets)
    for budget, runs in long:
        found = {(d.family, d.length): d for d in largest_designs(SMOKE, int(budget))}
        d = found["bottleneck", length]
        assert d.error == pytest.approx(runs["error"].mean(), abs=1e-3)
        epochs = runs["images_seen"].mean() / SMOKE.scale.data.training_count
        assert d.epochs == round(epochs) > SMOKE.scale.train.epochs
        assert {run.protocol.epochs for run in d.runs} == {d.epochs}
        assert ("copycat", length) not in found


def test_another_width_keeps_the_shape_and_expects_nothing():
    wide = SMOKE.scale.base.reduced(1)
    for d in largest_designs(SMOKE, 60_000, wide):
        assert d.expected.error is None
        assert d.epochs == SMOKE.scale.train.epochs
        assert d.params <= 60_000
    shares = copycat_source(SMOKE, wide).shares()
    assert shares == pytest.approx(copycat_source(SMOKE, SMOKE.scale.base).shares(), abs=0.1)


def test_impossible_wishes_are_refused():
    with pytest.raises(PrunelibError, match=r"10 parameters: choose .* to"):
        largest_designs(SMOKE, 10)
    with pytest.raises(PrunelibError, match="choose"):
        largest_designs(SMOKE, 10**8)
    with pytest.raises(PrunelibError, match="depth 16, not 40"):
        largest_designs(SMOKE, 10_000, ChannelProfile.full(40, 1), families=("copycat",))


def test_families_that_cannot_be_so_small_leave_the_others():
    least = largest_designs(SMOKE, 10_000, families=("bottleneck",))[0].profile.scaled(0)
    below = SMOKE.scale.shape.params(least) - 1
    assert {d.family for d in largest_designs(SMOKE, below)} == {"reduced-width"}
    with pytest.raises(PrunelibError, match=f"choose {below + 1:,} to"):
        largest_designs(SMOKE, below, families=("bottleneck",))


@cache
def views():
    return [open_view(scale, PACKAGED) for scale in comparable_scales(SCALES["mini"])]


def test_both_budgets_are_kept_and_ranked_by_what_was_measured():
    view = views()[0]
    alone = {d.family: d for d in design_within(view, params=150_000)}
    limit = sorted(d.macs for d in alone.values())[1]
    both = design_within(view, params=150_000, macs=limit)
    assert all(d.params <= 150_000 and d.macs <= limit for d in both)
    assert [d.error for d in both] == sorted(d.error for d in both)
    least = min(alone, key=lambda f: alone[f].macs)
    assert {d.family: d for d in both}[least] == alone[least]
    assert design_within(view, 150_000, 10**9) == design_within(view, 150_000)


@examples(10)
@given(st.integers(80_000, 700_000), st.none() | st.integers(5_000_000, 30_000_000))
def test_an_answer_is_the_best_of_what_there_is_of_each_kind_and_length(params, macs):
    known = known_designs(views(), params, macs, DESIGN_FAMILIES)
    assert [d.error for d in known] == sorted(d.error for d in known)
    assert all(d.params <= params and (macs is None or d.macs <= macs) for d in known)
    try:
        found = best_designs(views(), params, macs)
    except PrunelibError:
        assert params > 563_930
        return
    assert found[0] == known[0]
    kinds = [(d.scale, d.family, d.length) for d in found]
    assert len(set(kinds)) == len(kinds)
    for kind, d in zip(kinds, found, strict=True):
        errors = [k.error for k in known if (k.scale, k.family, k.length) == kind]
        assert d.expected.error == min(errors, default=None)


def test_worth_training_is_what_nothing_beats_for_as_little():
    found = best_designs(views(), 150_000)
    kept = worth_training(found)
    assert kept[0] == found[0]
    assert [d for d in found if d in kept] == kept
    costs = {d: np.array([d.error, d.epochs, d.macs]) for d in found}
    for d in found:
        better = [o for o in found if (costs[o] <= costs[d]).all() and (costs[o] < costs[d]).any()]
        assert (d in kept) == (not better)
        assert not better or any(o in kept for o in better)
    assert len(kept) < len(found)
    wide = largest_designs(views()[0], 150_000, ChannelProfile.full(40, 2))
    assert worth_training(wide) == wide


def test_what_was_trained_counts_beside_what_is_read_off():
    """A smaller network that was measured is better than a larger one of unknown error."""
    first = best_designs(views(), 563_000)[0]
    assert first.expected.note.startswith("mean of")
    assert all(run.profile.depth == 40 for run in first.runs)
    records = [views()[0].find(run) for run in first.runs]
    assert first.error == pytest.approx(np.mean([r.outcome["error"] for r in records]))


def test_released_weights_are_those_of_the_best_network_that_has_some(tmp_path):
    known = [d for d in known_designs(views(), 150_000) if d.expected.note.startswith("mean")]
    assert released(views(), 150_000, tmp_path) is None
    for d in reversed(known):
        path = Store(tmp_path / d.scale).released(d.runs[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert released(views(), 150_000, tmp_path).spec == d.runs[-1]


def test_of_several_seeds_whose_weights_are_released_the_best_is_taken(tmp_path):
    known = {view.scale.name: view.find for view in views()}
    network = next(
        d
        for d in known_designs(views(), 150_000)
        if len(d.runs) > 1 and all(map(known[d.scale], d.runs))
    )
    for spec in network.runs:
        path = Store(tmp_path / network.scale).released(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    errors = [known[network.scale](spec).outcome["error"] for spec in network.runs]
    assert released(views(), 150_000, tmp_path).outcome["error"] == min(errors)
