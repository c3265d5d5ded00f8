from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples, seeds

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import CONTROLS, FAMILIES, PENALISED
from prunelib.study.plan import largest_left
from prunelib.study.profile_rules import (
    COPYCAT_SHARE,
    RuleInputs,
    bottleneck,
    copycat,
    pruned,
    random_profile,
    reduced_width,
)
from prunelib.study.scales import SCALES
from prunelib.study.specs import DataSpec, PruneSpec, TrainSpec
from prunelib.study.store import Record
from prunelib.study.trajectory import Trajectory
from prunelib.training.protocols import PruneProtocol, TrainProtocol

CIFAR, DIGITS = SHAPES["cifar10"], SHAPES["digits"]
bases = st.sampled_from(
    [ChannelProfile.full(d, w) for d in (10, 16, 40) for w in (0.25, 0.5, 1, 2) if d < 40 or w > 1]
)
shapes = st.sampled_from([CIFAR, DIGITS])


def walk(base, shape, seed, removals=None) -> Trajectory:
    """Removals in a random order, down to one channel a block or so many."""
    random = np.random.default_rng(seed)
    order = [b for b, c in enumerate(base.middle, 1) for _ in range(c - 1)]
    order = random.permutation(order).tolist()[:removals]
    params = [shape.params(base)]
    for block in order:
        _, c_in, _, c_out, _ = base.blocks[block - 1]
        params.append(params[-1] - 9 * (c_in + c_out) - 2)
    return Trajectory(base, (*order, None), tuple(params))


def budgets(draw, least, most):
    return draw.draw(st.integers(least, most) | st.sampled_from([least, most]))


def rounded(x):
    return max(1, int(x + Fraction(1, 2)))


def larger(source, profile):
    """The next larger scaled copy of the source, found by trying every factor that matters."""
    full = source.unpruned.middle
    steps = {
        Fraction(2 * n - 1, 2 * c)
        for c, most in zip(source.middle, full, strict=True)
        for n in range(2, most + 1)
    }
    for factor in sorted(steps):
        copy = tuple(
            min(most, rounded(c * factor)) for c, most in zip(source.middle, full, strict=True)
        )
        if any(a > b for a, b in zip(copy, profile.middle, strict=True)):
            return replace(source, middle=copy)
    return None


def have_one_factor(profile, source):
    """Whether some factor, rounded, at least 1 and at most full, makes it from the source."""
    low, high = Fraction(0), Fraction(10**9)
    for m, c, full in zip(profile.middle, source.middle, source.unpruned.middle, strict=True):
        low = max(low, Fraction(2 * m - 1, 2 * c)) if m > 1 else low
        high = min(high, Fraction(2 * m + 1, 2 * c)) if m < full else high
    return low < high


def check_largest(profile, source, budget, shape):
    assert shape.params(profile) <= budget
    assert (profile.depth, profile.width) == (source.depth, source.width)
    following = larger(source, profile)
    if following is None:
        assert profile == source.unpruned
    else:
        assert shape.params(following) > budget


@examples(25)
@given(bases, shapes, seeds, st.data())
def test_the_reduced_network_is_the_widest_full_one_within_the_budget(base, shape, seed, draw):
    least = shape.params(ChannelProfile.full(base.depth, 1 / 128))
    budget = budgets(draw, least, shape.params(base))
    profile = reduced_width(RuleInputs(base, budget, seed, shape, None))
    assert shape.params(profile) <= budget
    assert profile == ChannelProfile.full(base.depth, profile.width)
    assert profile.width <= base.width
    for step in range(1, 129):
        wider = ChannelProfile.full(base.depth, profile.width + step / 128)
        if wider.middle != profile.middle and wider.width <= base.width:
            assert shape.params(wider) > budget
            break


@examples(25)
@given(bases, shapes, seeds, st.data())
def test_the_bottleneck_network_is_the_largest_with_one_factor(base, shape, seed, draw):
    budget = budgets(draw, shape.params(base.scaled(0)), shape.params(base))
    profile = bottleneck(RuleInputs(base, budget, seed, shape, None))
    check_largest(profile, base, budget, shape)
    assert have_one_factor(profile, base)


@examples(25)
@given(bases, shapes, seeds, st.data())
def test_a_copycat_is_the_scaled_profile_after_its_share_of_removals(base, shape, seed, draw):
    trajectory = walk(base, shape, seed)
    gone = Counter(trajectory.blocks[: round(500 / 1344 * sum(base.middle))])
    left = tuple(c - gone[number] for number, c in enumerate(base.middle, 1))
    source = replace(base, middle=left)
    budget = budgets(draw, shape.params(base.scaled(0)), shape.params(source))
    profile = copycat(RuleInputs(base, budget, seed, shape, trajectory))
    check_largest(profile, source, budget, shape)
    assert have_one_factor(profile, source)


def test_a_copycat_keeps_the_ratios_of_its_source():
    base = ChannelProfile.full(10, 2)
    order = [3] * 30 + [2] * 20 + [1] * 4
    gone = round(COPYCAT_SHARE * base.prunable)
    order = (order + [3] * gone)[:gone]
    trajectory = Trajectory(base, (*order, None), (CIFAR.params(base),))
    source = np.array(trajectory.after(gone).middle)
    for budget in (20_000, 40_000, 60_000):
        middle = np.array(copycat(RuleInputs(base, budget, 0, CIFAR, trajectory)).middle)
        factor = middle.sum() / source.sum()
        assert factor < 1
        assert np.abs(middle - factor * source).max() <= 1


def test_the_papers_copycats_scale_the_profile_after_500_removals():
    paper = SCALES["paper"]
    assert paper.base.prunable == 1344
    trajectory = walk(paper.base, CIFAR, 0)
    source = trajectory.after(500)
    whole = copycat(RuleInputs(paper.base, CIFAR.params(source), 0, CIFAR, trajectory))
    assert whole == source
    assert source.prunable == 844


@examples(25)
@given(bases, shapes, seeds, st.data())
def test_a_random_profile_is_within_the_budget_and_depends_on_the_seed_alone(
    base, shape, seed, draw
):
    budget = budgets(draw, shape.params(base.scaled(0)), shape.params(base))
    profile = random_profile(RuleInputs(base, budget, seed, shape, None))
    assert shape.params(profile) <= budget
    np.random.seed(0)
    np.random.random(draw.draw(st.integers(0, 3)))
    assert random_profile(RuleInputs(base, budget, seed, shape, None)) == profile
    assert all(1 <= m <= c for m, c in zip(profile.middle, base.middle, strict=True))


def test_random_profiles_differ_by_seed_and_cover_each_blocks_range():
    base = ChannelProfile.full(16, 1)
    found = {random_profile(RuleInputs(base, 60_000, seed, CIFAR, None)) for seed in range(40)}
    assert len(found) == 40
    shares = np.array([p.shares() for p in found])
    assert (shares.min(0) < 0.25).all()
    assert (shares.max(0) > 0.5).all()
    assert len(set(shares.argmax(1))) >= 5


def test_a_random_profile_at_a_larger_budget_is_wider_everywhere():
    base = ChannelProfile.full(16, 1)
    for seed in range(10):
        sizes = [
            random_profile(RuleInputs(base, b, seed, CIFAR, None)).middle
            for b in range(20_000, 90_000, 5_000)
        ]
        for small, large in pairwise(sizes):
            assert all(a <= b for a, b in zip(small, large, strict=True))
        assert sizes[0] != sizes[-1]


@examples(25)
@given(bases, shapes, seeds, st.data())
def test_the_pruned_profile_is_the_first_of_the_trajectory_within_the_budget(
    base, shape, seed, draw
):
    trajectory = walk(base, shape, seed)
    budget = budgets(draw, trajectory.params[-1], trajectory.params[0])
    profile = pruned(RuleInputs(base, budget, seed, shape, trajectory))
    assert shape.params(profile) <= budget
    removals = base.prunable - profile.prunable
    gone = Counter(trajectory.blocks[:removals])
    assert profile.middle == tuple(c - gone[n] for n, c in enumerate(base.middle, 1))
    assert all(params > budget for params in trajectory.params[:removals])


@examples(30)
@given(bases, shapes, seeds, st.data())
def test_a_trajectory_counts_removals_by_block(base, shape, seed, draw):
    trajectory = walk(base, shape, seed, draw.draw(st.integers(0, 30)))
    for removals, params in enumerate(trajectory.params):
        profile = trajectory.after(removals)
        assert shape.params(profile) == params
        assert trajectory.at(params) == removals
    assert trajectory.at(trajectory.params[-1] - 1) is None
    assert trajectory.at(10**9) == 0


def test_a_trajectory_is_read_from_a_pruning_record():
    base = ChannelProfile.full(10, 0.25)
    spec = PruneSpec(
        TrainSpec(base, DataSpec("digits", 8), TrainProtocol(), 4), PruneProtocol(removals=2), 4
    )
    points = {"block": [3, 1, None], "params": [300, 200, 100], "error": [1.0, 2.0, 3.0]}
    trajectory = Trajectory.of(Record(spec, {"points": points}, {}))
    assert trajectory == Trajectory(base, (3, 1, None), (300, 200, 100))
    assert trajectory.after(2).middle == (3, 8, 15)
    assert trajectory.after(3 - 1) == trajectory.after(2)


@cache
def limits(name, base, shape):
    scaled = ChannelProfile.full(base.depth, 1 / 128) if name == "reduced-width" else base.scaled(0)
    return shape.params(scaled), shape.params(base)


@pytest.mark.parametrize("name", ["reduced-width", "bottleneck"])
@pytest.mark.parametrize("base", [ChannelProfile.full(10, 0.5), ChannelProfile.full(16, 1)])
@pytest.mark.parametrize("shape", [CIFAR, DIGITS])
def test_a_budget_outside_a_family_is_refused_with_its_limits(name, base, shape):
    least, most = limits(name, base, shape)
    for budget in (least - 1, most + 1):
        with pytest.raises(PrunelibError, match=f"choose {least:,} to {most:,}"):
            FAMILIES[name].rule(RuleInputs(base, budget, 0, shape, None))
    for budget in (least, most):
        assert shape.params(FAMILIES[name].rule(RuleInputs(base, budget, 0, shape, None))) == budget


def test_families_know_what_they_need():
    assert all(name == family.name for name, family in FAMILIES.items())
    needy = {name for name, family in FAMILIES.items() if family.needs_trajectory}
    assert needy - set(CONTROLS) == {"pruned-from-scratch", "copycat"}
    pruning = {name for name, family in FAMILIES.items() if family.pruning is not None}
    assert pruning - set(CONTROLS) == {"pruned-and-tuned"}
    assert {n for n, f in FAMILIES.items() if f.rule is None} == pruning | {
        "base",
        "base-long",
        "saliency",
    }
    assert set(PENALISED) < set(CONTROLS)
    assert len({family.title for family in FAMILIES.values()}) == len(FAMILIES)


@examples(40)
@given(bases, shapes, seeds, st.data())
def test_no_order_of_removals_leaves_more_than_is_said(base, shape, seed, data):
    removals = data.draw(st.integers(0, base.prunable - len(base.middle)))
    most = largest_left(base, removals)
    assert base.prunable - most.prunable == removals
    assert shape.params(most) >= walk(base, shape, seed, removals).params[-1]


@examples(40)
@given(bases, shapes, st.data())
def test_a_taper_thins_the_last_stages_and_is_the_largest_such_network(base, shape, data):
    least, most = shape.params(base.scaled(0)), shape.params(base)
    budget = data.draw(st.integers(least, most))
    found = FAMILIES["taper"].rule(RuleInputs(base, budget, 0, shape, None))
    stage = len(base.middle) // 3
    stages = [found.middle[i * stage : (i + 1) * stage] for i in range(3)]
    assert all(len(set(widths)) == 1 for widths in stages)
    thinned = [i for i in range(3) if stages[i] != base.middle[i * stage : (i + 1) * stage]]
    assert all(stages[i][0] == 1 for i in range(min(thinned, default=2) + 1, 3))
    assert shape.params(found) <= budget
    if thinned:
        first = thinned[0] * stage
        wider = (*found.middle[:first], *(m + 1 for m in found.middle[first : first + stage]))
        profile = ChannelProfile(base.depth, base.width, wider + found.middle[first + stage :])
        assert shape.params(profile) > budget
    with pytest.raises(PrunelibError, match=f"{least:,}"):
        FAMILIES["taper"].rule(RuleInputs(base, least - 1, 0, shape, None))


@pytest.mark.parametrize(("budget", "depth"), [(175_066, 16), (272_282, 22), (272_281, 16)])
def test_reduced_depth_takes_whole_blocks_away(budget, depth):
    base, shape = ChannelProfile.full(40, 1), SHAPES["cifar10"]
    found = FAMILIES["reduced-depth"].rule(RuleInputs(base, budget, 0, shape, None))
    assert found == ChannelProfile.full(depth, 1)
    assert shape.params(found) <= budget < shape.params(ChannelProfile.full(depth + 6, 1))
