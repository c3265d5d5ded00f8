"""The rule of each claim: a view of a study in, values by size and seed out.

A value is there where all networks that it compares are there. Sizes are the budgets of the scale;
what is measured once a run stands at one of them. Errors are compared at exactly equal seed, and at
equal parameters where a pruning run is one side: it is read off between its measured points.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from prunelib.evidence.by_size import Values
from prunelib.evidence.comparisons import (
    SIMPLE,
    against_pruned,
    between,
    column,
    combined,
    trajectory_gap,
)
from prunelib.evidence.published import SNIP
from prunelib.evidence.statistics import (
    Number,
    exact,
    interpolated,
    mean,
    on_line,
    rank_correlation,
    slope,
)
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import (
    BASE,
    BASE_LONG,
    BOTTLENECK,
    COPYCAT,
    PENALISED,
    PRUNED,
    RECALIBRATED,
    REDUCED_DEPTH,
    SCRATCH,
)
from prunelib.study.profile_rules import copied_after


@dataclass(frozen=True)
class Rule:
    """What is measured for a claim, and the families whose records that takes."""

    measure: Callable[[View], Values]
    families: tuple[str, ...]

    def __call__(self, view: View) -> Values:
        """The values at a scale."""
        return self.measure(view)


def reads(*families: str) -> Callable[[Callable[[View], Values]], Rule]:
    """A decorator: makes a rule of a function that reads the records of these families."""
    return lambda measure: Rule(measure, families)


def beaten_by(*families: str) -> Rule:
    """error(pruned and tuned) - error(others, their mean), at equal parameters, points."""
    return Rule(lambda view: against_pruned(view, families), (PRUNED, *families))


def beats(better: str, *others: str) -> Rule:
    """error(others, their mean) - error(better), both within one budget, points."""
    return Rule(lambda view: between(view, better, others), (better, *others))


def pruned_otherwise(family: str) -> Rule:
    """error(pruned as this family is) - error(pruned and tuned), at equal parameters, points."""
    return Rule(lambda view: trajectory_gap(view, family), (PRUNED, family))


@reads(PRUNED, *SIMPLE)
def gap_grows(view: View) -> Values:
    """C2: by how many points the gap of C1 grows when the parameters halve (least squares)."""
    if len(view.scale.budgets) < 2:
        return {}
    gaps, halvings = {}, {}
    for family in SIMPLE:
        for budget, at in against_pruned(view, (family,)).items():
            gaps[family, budget] = at
        for budget, at in column(view, family, "params").items():
            halvings[family, budget] = {seed: -math.log2(size) for seed, size in at.items()}
    return {
        min(view.scale.budgets): {
            seed: slope([halvings[at][seed] for at in gaps], [gaps[at][seed] for at in gaps])
            for seed in sorted(set.intersection(*map(set, gaps.values())))
        }
    }


def pruned_profiles(view: View) -> dict[int, dict[int, ChannelProfile]]:
    """The profiles that pruning reached at the budgets, by budget and seed."""
    base, rows = view.scale.base, view.networks[view.networks["family"] == PRUNED]
    found: dict[int, dict[int, ChannelProfile]] = {budget: {} for budget in view.scale.budgets}
    for budget, seed, middle in zip(rows["budget"], rows["seed"], rows["middle"], strict=True):
        found[int(budget)][int(seed)] = ChannelProfile(base.depth, base.width, middle)
    return found


def finite(values: Values) -> Values:
    """Without what is not a number."""
    return {
        size: {seed: value for seed, value in at.items() if math.isfinite(value)}
        for size, at in values.items()
    }


@reads(PRUNED)
def later_lose_more(view: View) -> Values:
    """C6: rank correlation of block number and share of channels left."""
    found: Values = {
        budget: {
            seed: rank_correlation(range(len(profile.middle)), profile.shares())
            for seed, profile in at.items()
        }
        for budget, at in pruned_profiles(view).items()
    }
    return finite(found)


@reads(PRUNED)
def strided_keep_more(view: View) -> Values:
    """C7: share left in strided blocks - that in the other blocks of their stages, points."""
    found: Values = {}
    for budget, at in pruned_profiles(view).items():
        found[budget] = {}
        for seed, profile in at.items():
            shares, stage = [exact(s) for s in profile.shares()], profile.depth // 6
            gaps = [
                100 * (shares[number - 1] - mean(others))
                for number in profile.strided
                if (others := shares[number : number - 1 + stage])
            ]
            if gaps:
                found[budget][seed] = mean(gaps)
    return found


@reads(PRUNED)
def shape_is_kept(view: View) -> Values:
    """C8: rank correlation of the profile that copycats scale with that at the smallest budget."""
    after, smallest = copied_after(view.scale.base), min(view.scale.budgets)
    found: dict[int, Number] = {
        seed: rank_correlation(view.trajectory(seed).after(after).shares(), late.shares())
        for seed, late in pruned_profiles(view)[smallest].items()
    }
    return finite({smallest: found})


@reads(BASE, PRUNED, *SIMPLE)
def pruning_costs_more(view: View) -> Values:
    """C9: MACs of base and pruning over MACs of training a simple network of that size."""
    return against_pruned(view, SIMPLE, "ratio")


@reads(PRUNED, *PENALISED)
def penalty_matters(view: View) -> Values:
    """C10: error(with a penalty) - error(without), points.

    Of all penalties, at equal parameters and, where they reach them, at equal MACs, the one
    furthest from zero: little difference means little in all of them.
    """
    params = [trajectory_gap(view, family) for family in PENALISED]
    macs = [trajectory_gap(view, family, "macs") for family in PENALISED]
    furthest = combined(tuple(params), furthest_from_zero)
    return {
        size: {
            seed: furthest_from_zero(gap, *(at[size][seed] for at in macs if seed in at[size]))
            for seed, gap in at_size.items()
        }
        for size, at_size in furthest.items()
    }


def furthest_from_zero(*values: Number) -> Number:
    """Of some values the one that is furthest from zero."""
    return max(values, key=lambda value: abs(float(value)))


NEAR = 0.05
"""Share of its size by which a network may lie outside of the measured ones."""


def bottlenecks_of_equal(axis: str, view: View, family: str) -> Values:
    """error(bottleneck network of equal size) - error(a family's), points.

    The error is read off between the measured bottleneck networks, of which the base network is the
    largest, and up to 5 % beyond the smallest on the line of the two smallest.
    """
    rows = view.networks[view.networks["family"].isin((BASE, BOTTLENECK))]
    lines = {
        seed: (others[axis].tolist(), others["error"].tolist())
        for seed, others in rows.sort_values(axis).groupby("seed")
        if len(others) == 1 + len(view.scale.budgets)
    }

    def read(size: Number, sizes: list[float], errors: list[float]) -> Number | None:
        if (1 - NEAR) * sizes[0] <= size < sizes[0]:
            return exact(errors[0]) + slope(sizes[:2], errors[:2]) * (size - exact(sizes[0]))
        return interpolated(size, sizes, errors)

    found: Values = {}
    sizes = column(view, family, axis)
    for budget, errors in column(view, family).items():
        others = {s: read(sizes[budget][s], *lines[s]) for s in errors if s in lines}
        found[budget] = {s: o - errors[s] for s, o in others.items() if o is not None}
    return found


@reads(BASE, BOTTLENECK, SCRATCH)
def shape_wins_at_equal_macs(view: View) -> Values:
    """K11: error(bottleneck of equal MACs) - error(pruned architecture from scratch), points."""
    return bottlenecks_of_equal("macs", view, SCRATCH)


@reads(BASE, BOTTLENECK, REDUCED_DEPTH)
def fewer_blocks_beat_narrower(view: View) -> Values:
    """K24: error(bottleneck of equal parameters) - error(fewer blocks), points."""
    return bottlenecks_of_equal("params", view, REDUCED_DEPTH)


@reads(BASE, BASE_LONG)
def longer_base_is_better(view: View) -> Values:
    """K16: error(base) - error(base, trained longer), points; it has one size, its own."""
    errors: dict[str, dict[int, Number]] = {BASE: {}, BASE_LONG: {}}
    rows = view.networks[view.networks["family"].isin(errors)]
    for family, seed, error in zip(rows["family"], rows["seed"], rows["error"], strict=True):
        errors[family][int(seed)] = exact(error)
    usual, longer = errors.values()
    size = view.scale.shape.params(view.scale.base)
    return {size: {seed: usual[seed] - longer[seed] for seed in longer if seed in usual}}


@reads(RECALIBRATED)
def statistics_were_stale(view: View) -> Values:
    """K25: error(pruned and tuned) - error(with batch-norm statistics renewed), points.

    Both are those of the same weights, measured in one run.
    """
    before, after = (column(view, RECALIBRATED, name) for name in ("first_error", "error"))
    return combined((before, after), operator.sub)


@reads(COPYCAT)
def copycats_compete(view: View) -> Values:
    """C11: error(copycat) - error that SNIP published at that size, points; scale paper only."""
    if view.scale.name != "paper":
        return {}
    params, errors = zip(*sorted((p.params, p.error) for p in SNIP), strict=True)
    sizes, ours = column(view, COPYCAT, "params"), column(view, COPYCAT)

    def gap(size: Number, error: Number) -> Number:
        nearest = min(max(size, exact(params[0])), exact(params[-1]))
        return exact(error) - on_line(nearest, params, errors)

    near = [b for b in view.scale.budgets if 0.85 * params[0] < b < 1.15 * params[-1]]
    found = combined((sizes, ours), gap)
    return {budget: found[budget] for budget in near}
