"""The rule of each claim: a view of a study in, one number for each seed out.

The number is already averaged over budgets, for budgets of one seed share a base network and are
not independent. A seed counts when all networks that the rule compares are there: effects depend on
the budget, and a mean over some budgets is not that over all.
"""

import math
from collections.abc import Callable

import numpy as np

from prunelib.evidence.comparisons import (
    SIMPLE,
    between,
    cells,
    differences,
    seed_means,
    walks_apart,
)
from prunelib.evidence.published import SNIP
from prunelib.evidence.statistics import rank_correlation
from prunelib.evidence.tables import PRUNED
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import PENALISED, copied_after

Rule = Callable[[View], dict[int, float]]
"""View -> the statistic of each seed for which it can be computed."""


def beaten_by_simple(view: View) -> dict[int, float]:
    """C1: error(pruned and tuned) - error(simple), points."""
    return seed_means(differences(view, SIMPLE))


def gap_grows(view: View) -> dict[int, float]:
    """C2: by how many points that gap grows when the parameters halve (least squares)."""
    if len(view.scale.budgets) < 2:
        return {}
    gaps, sizes = differences(view, SIMPLE), differences(view, SIMPLE, "params")
    return {
        int(seed): float(np.polyfit(-np.log2(sizes.loc[seed].astype(float)), row, 1)[0])
        for seed, row in gaps.iterrows()
    }


def beaten_by_scratch(view: View) -> dict[int, float]:
    """C3: error(pruned and tuned) - error(the same architecture from scratch), points."""
    return seed_means(differences(view, ("pruned-from-scratch",)))


def scratch_beats_simple(view: View) -> dict[int, float]:
    """C4: error(simple) - error(pruned architecture from scratch), points."""
    return between(view, "pruned-from-scratch", SIMPLE)


def copycat_equals_scratch(view: View) -> dict[int, float]:
    """C5: error(copycat) - error(pruned architecture from scratch), points."""
    return between(view, "pruned-from-scratch", ("copycat",))


def pruned_profiles(view: View) -> dict[int, list[ChannelProfile]]:
    """The profiles that pruning reached at the budgets, by seed."""
    profiles: dict[int, list[ChannelProfile]] = {}
    base = view.scale.base
    for row in view.networks[view.networks["family"] == PRUNED].itertuples():
        profile = ChannelProfile(base.depth, base.width, row.middle)
        profiles.setdefault(int(row.seed), []).append(profile)
    return profiles


def later_lose_more(view: View) -> dict[int, float]:
    """C6: rank correlation of block number and share of channels left, mean over budgets."""
    return {
        seed: float(np.mean([rank_correlation(range(len(p.middle)), p.shares()) for p in profiles]))
        for seed, profiles in pruned_profiles(view).items()
    }


def strided_keep_more(view: View) -> dict[int, float]:
    """C7: share left in strided blocks - that in the other blocks of their stages, points."""
    found = {}
    for seed, profiles in pruned_profiles(view).items():
        gaps = []
        for profile in profiles:
            shares, stage = profile.shares(), profile.depth // 6
            for number in profile.strided:
                others = shares[number : number - 1 + stage]
                if others:
                    gaps.append(100 * (shares[number - 1] - np.mean(others)))
        if gaps:
            found[seed] = float(np.mean(gaps))
    return found


def shape_is_kept(view: View) -> dict[int, float]:
    """C8: rank correlation of the profile that copycats scale with that at the smallest budget."""
    found = {}
    for seed, profiles in pruned_profiles(view).items():
        early = view.trajectory(seed).after(copied_after(view.scale.base))
        late = min(profiles, key=lambda profile: profile.params)
        found[seed] = rank_correlation(early.shares(), late.shares())
    return found


def pruning_costs_more(view: View) -> dict[int, float]:
    """C9: MACs of base and pruning over MACs of training a simple network of that size."""
    return seed_means(differences(view, SIMPLE, "ratio"))


def penalty_matters(view: View) -> dict[int, float]:
    """C10: error(with a penalty) - error(without), mean over the budgets of a seed.

    Of all penalties, at equal parameters and at equal MACs, the one furthest from zero: little
    difference means little in all of them.
    """
    found: dict[int, list[float]] = {}
    for family in PENALISED:
        for axis in ("params", "macs"):
            for seed, apart in walks_apart(view, family, axis).items():
                found.setdefault(seed, []).append(apart)
    return {
        seed: max(filter(math.isfinite, gaps), key=abs, default=math.nan)
        for seed, gaps in found.items()
        if len(gaps) == 2 * len(PENALISED)
    }


def by_chance(view: View) -> dict[int, float]:
    """K1: error(pruned at random) - error(pruned and tuned), points."""
    return walks_apart(view, "random-removal")


def by_weights(view: View) -> dict[int, float]:
    """K2: error(pruned by the size of the weights) - error(pruned and tuned), points."""
    return walks_apart(view, "l1-removal")


def shape_matters(view: View) -> dict[int, float]:
    """K3: error(random profile) - error(pruned architecture from scratch), points."""
    return between(view, "pruned-from-scratch", ("random-profile",))


def initial_weights_help(view: View) -> dict[int, float]:
    """K4: error(pruned architecture from scratch) - error(the same from its first weights)."""
    return between(view, "initial-weights", ("pruned-from-scratch",))


def retraining_helps(view: View) -> dict[int, float]:
    """K5: error(pruned and tuned) - error(retrained with the whole schedule), points."""
    return seed_means(differences(view, ("retrained",)))


def beaten_by_long_scratch(view: View) -> dict[int, float]:
    """K6: error(pruned and tuned) - error(its architecture from scratch, longer), points."""
    return seed_means(differences(view, ("pruned-from-scratch-long",)))


def beaten_by_long_bottleneck(view: View) -> dict[int, float]:
    """K7: error(pruned and tuned) - error(bottleneck, longer), points."""
    return seed_means(differences(view, ("bottleneck-long",)))


def shape_wins_longer(view: View) -> dict[int, float]:
    """K8: error(bottleneck, longer) - error(pruned architecture from scratch, longer), points."""
    return between(view, "pruned-from-scratch-long", ("bottleneck-long",))


def weights_worth_keeping(view: View) -> dict[int, float]:
    """K9: error(pruned architecture from scratch, longest) - error(retrained), points."""
    return between(view, "retrained", ("pruned-from-scratch-longest",))


def retrained_wins(view: View) -> dict[int, float]:
    """K10: error(bottleneck, longest) - error(retrained), points."""
    return between(view, "retrained", ("bottleneck-longest",))


def shape_wins_at_equal_macs(view: View) -> dict[int, float]:
    """K11: error(bottleneck of equal MACs) - error(pruned architecture from scratch), points.

    The base network is the largest bottleneck network.
    """
    networks, found = view.networks, {}
    simple = networks[networks["family"].isin(("base", "bottleneck"))]
    shapes = networks[networks["family"] == "pruned-from-scratch"]
    for seed, ours in shapes.groupby("seed"):
        others = simple[simple["seed"] == seed].sort_values("macs")
        wanted = 1 + len(view.scale.budgets)
        within = len(others) == wanted and ours["macs"].between(
            others["macs"].min(), others["macs"].max()
        )
        if len(ours) == len(view.scale.budgets) and np.all(within):
            error = np.interp(ours["macs"], others["macs"], others["error"])
            found[int(seed)] = float((error - ours["error"]).mean())
    return found


def copycats_compete(view: View) -> dict[int, float]:
    """C11: error(copycat) - error that SNIP published at that size, points; scale paper only."""
    if view.scale.name != "paper":
        return {}
    rows = view.networks[view.networks["family"] == "copycat"]
    params, errors = zip(*sorted((p.params, p.error) for p in SNIP), strict=True)
    near = tuple(b for b in view.scale.budgets if 0.85 * params[0] < b < 1.15 * params[-1])
    rows = rows.assign(difference=rows["error"] - np.interp(rows["params"], params, errors))
    columns = cells(view, rows, ("copycat",), "difference")[list(near)]
    return seed_means(columns)
