"""The paper's claims and questions of ours, each with the rule by which it is judged.

Every rule gives one number for each seed, already averaged over budgets, for budgets of one seed
share a base network and are not independent. A seed counts when all networks that the rule compares
are there: effects depend on the budget, and a mean over some budgets is not that over all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from prunelib.book.answers import SIMPLE, advantage, rank_correlation
from prunelib.book.notebook import Records
from prunelib.evidence.curves import PRUNED
from prunelib.evidence.published import SNIP
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import PENALISED, copied_after

EQUAL = 1.0
"""Points of error within which two families do "about as well" (C5), or compete (C11)."""

Cells = pd.DataFrame
"""Values by seed (rows), and by budget and family (columns)."""

Rule = Callable[[Records], dict[int, float]]
"""Records -> the statistic of each seed for which it can be computed."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and how it is judged: it holds where `low` < statistic < `high`.

    `short` is a label for pictures. `families` are those whose records the rule reads. `why` are
    the controls that tell why it does not hold, where it does not.
    """

    number: str
    text: str
    short: str
    where: str
    statistic: str
    rule: Rule
    families: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    why: tuple[str, ...] = ()


def differences(records: Records, families: tuple[str, ...], column: str = "difference") -> Cells:
    """A column of `answers.advantage`: networks of some families beside the pruned-and-tuned ones.

    By default error(pruned and tuned) - error(the network), of equal seed and parameters.
    """
    rows = advantage(records.networks, records.trajectories)
    rows = rows.assign(ratio=rows["tuned_macs"] / rows["training_macs"])
    return cells(records, rows, families, column)


def cells(
    records: Records, rows: pd.DataFrame, families: tuple[str, ...], column: str = "error"
) -> Cells:
    """A column of networks, (seed) by (budget, family); only seeds where no cell is missing."""
    table = rows.pivot_table(index="seed", columns=["budget", "family"], values=column)
    wanted = pd.MultiIndex.from_product(
        [records.scale.budgets, families], names=["budget", "family"]
    )
    return table.reindex(columns=wanted).dropna()


def seed_means(table: Cells) -> dict[int, float]:
    """Mean of each row."""
    return {int(seed): float(mean) for seed, mean in table.mean(axis=1).items()}


def beaten_by_simple(records: Records) -> dict[int, float]:
    """C1: error(pruned and tuned) - error(simple), points."""
    return seed_means(differences(records, SIMPLE))


def gap_grows(records: Records) -> dict[int, float]:
    """C2: by how many points that gap grows when the parameters halve (least squares)."""
    if len(records.scale.budgets) < 2:
        return {}
    gaps, sizes = differences(records, SIMPLE), differences(records, SIMPLE, "params")
    return {
        int(seed): float(np.polyfit(-np.log2(sizes.loc[seed].astype(float)), row, 1)[0])
        for seed, row in gaps.iterrows()
    }


def beaten_by_scratch(records: Records) -> dict[int, float]:
    """C3: error(pruned and tuned) - error(the same architecture from scratch), points."""
    return seed_means(differences(records, ("pruned-from-scratch",)))


def between(records: Records, better: str, others: tuple[str, ...]) -> dict[int, float]:
    """error(others) - error(better), points."""
    table = cells(records, records.networks, (better, *others)).T.groupby("family").mean().T
    if table.empty:
        return {}
    gaps = table[list(others)].mean(axis=1) - table[better]
    return {int(seed): float(gap) for seed, gap in gaps.items()}


def scratch_beats_simple(records: Records) -> dict[int, float]:
    """C4: error(simple) - error(pruned architecture from scratch), points."""
    return between(records, "pruned-from-scratch", SIMPLE)


def copycat_equals_scratch(records: Records) -> dict[int, float]:
    """C5: error(copycat) - error(pruned architecture from scratch), points."""
    return between(records, "pruned-from-scratch", ("copycat",))


def pruned_profiles(records: Records) -> dict[int, list[ChannelProfile]]:
    """The profiles that pruning reached at the budgets, by seed."""
    profiles: dict[int, list[ChannelProfile]] = {}
    base = records.scale.base
    for row in records.networks[records.networks["family"] == PRUNED].itertuples():
        profile = ChannelProfile(base.depth, base.width, row.middle)
        profiles.setdefault(int(row.seed), []).append(profile)
    return profiles


def later_lose_more(records: Records) -> dict[int, float]:
    """C6: rank correlation of block number and share of channels left, mean over budgets."""
    return {
        seed: float(np.mean([rank_correlation(range(len(p.middle)), p.shares()) for p in profiles]))
        for seed, profiles in pruned_profiles(records).items()
    }


def strided_keep_more(records: Records) -> dict[int, float]:
    """C7: share left in strided blocks - that in the other blocks of their stages, points."""
    found = {}
    for seed, profiles in pruned_profiles(records).items():
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


def shape_is_kept(records: Records) -> dict[int, float]:
    """C8: rank correlation of the profile that copycats scale with that at the smallest budget."""
    found = {}
    for seed, profiles in pruned_profiles(records).items():
        early = records.trajectory(seed).after(copied_after(records.scale.base))
        late = min(profiles, key=lambda profile: profile.params)
        found[seed] = rank_correlation(early.shares(), late.shares())
    return found


def pruning_costs_more(records: Records) -> dict[int, float]:
    """C9: MACs of base and pruning over MACs of training a simple network of that size."""
    return seed_means(differences(records, SIMPLE, "ratio"))


def penalty_matters(records: Records) -> dict[int, float]:
    """C10: error(with a penalty) - error(without), mean over the budgets of a seed.

    Of all penalties, at equal parameters and at equal MACs, the one furthest from zero: little
    difference means little in all of them.
    """
    found: dict[int, list[float]] = {}
    for family in PENALISED:
        for axis in ("params", "macs"):
            for seed, apart in walks_apart(records, family, axis).items():
                found.setdefault(seed, []).append(apart)
    return {
        seed: max(filter(math.isfinite, gaps), key=abs, default=math.nan)
        for seed, gaps in found.items()
        if len(gaps) == 2 * len(PENALISED)
    }


def walks_apart(records: Records, family: str, axis: str = "params") -> dict[int, float]:
    """error(pruned as this family is) - error(pruned and tuned), at equal size, points."""
    walks = records.walks.dropna(subset=["error"])
    plain = dict(list(walks[walks["family"] == PRUNED].groupby("seed")))
    return {
        int(seed): gap(walk, plain[seed], records.scale.budgets, axis)
        for seed, walk in walks[walks["family"] == family].groupby("seed")
        if seed in plain
    }


def gap(walk: pd.DataFrame, plain: pd.DataFrame, budgets: tuple[int, ...], axis: str) -> float:
    """Mean difference of error of two walks where the plain one meets the budgets, points."""
    gaps = []
    for budget in budgets:
        reached = plain[plain["params"] <= budget]
        if len(reached):
            at = reached[axis].iloc[0]
            if walk[axis].min() <= at <= walk[axis].max():
                error = np.interp(at, walk[axis][::-1], walk["error"][::-1])
                gaps.append(error - reached["error"].iloc[0])
    return float(np.mean(gaps)) if gaps else math.nan


def by_chance(records: Records) -> dict[int, float]:
    """K1: error(pruned at random) - error(pruned and tuned), points."""
    return walks_apart(records, "random-removal")


def by_weights(records: Records) -> dict[int, float]:
    """K2: error(pruned by the size of the weights) - error(pruned and tuned), points."""
    return walks_apart(records, "l1-removal")


def shape_matters(records: Records) -> dict[int, float]:
    """K3: error(random profile) - error(pruned architecture from scratch), points."""
    return between(records, "pruned-from-scratch", ("random-profile",))


def initial_weights_help(records: Records) -> dict[int, float]:
    """K4: error(pruned architecture from scratch) - error(the same from its first weights)."""
    return between(records, "initial-weights", ("pruned-from-scratch",))


def retraining_helps(records: Records) -> dict[int, float]:
    """K5: error(pruned and tuned) - error(retrained with the whole schedule), points."""
    return seed_means(differences(records, ("retrained",)))


def beaten_by_long_scratch(records: Records) -> dict[int, float]:
    """K6: error(pruned and tuned) - error(its architecture from scratch, longer), points."""
    return seed_means(differences(records, ("pruned-from-scratch-long",)))


def beaten_by_long_bottleneck(records: Records) -> dict[int, float]:
    """K7: error(pruned and tuned) - error(bottleneck, longer), points."""
    return seed_means(differences(records, ("bottleneck-long",)))


def shape_wins_longer(records: Records) -> dict[int, float]:
    """K8: error(bottleneck, longer) - error(pruned architecture from scratch, longer), points."""
    return between(records, "pruned-from-scratch-long", ("bottleneck-long",))


def weights_worth_keeping(records: Records) -> dict[int, float]:
    """K9: error(pruned architecture from scratch, longest) - error(retrained), points."""
    return between(records, "retrained", ("pruned-from-scratch-longest",))


def retrained_wins(records: Records) -> dict[int, float]:
    """K10: error(bottleneck, longest) - error(retrained), points."""
    return between(records, "retrained", ("bottleneck-longest",))


def shape_wins_at_equal_macs(records: Records) -> dict[int, float]:
    """K11: error(bottleneck of equal MACs) - error(pruned architecture from scratch), points.

    The base network is the largest bottleneck network.
    """
    networks, found = records.networks, {}
    simple = networks[networks["family"].isin(("base", "bottleneck"))]
    shapes = networks[networks["family"] == "pruned-from-scratch"]
    for seed, ours in shapes.groupby("seed"):
        others = simple[simple["seed"] == seed].sort_values("macs")
        wanted = 1 + len(records.scale.budgets)
        within = len(others) == wanted and ours["macs"].between(
            others["macs"].min(), others["macs"].max()
        )
        if len(ours) == len(records.scale.budgets) and np.all(within):
            error = np.interp(ours["macs"], others["macs"], others["error"])
            found[int(seed)] = float((error - ours["error"]).mean())
    return found


def copycats_compete(records: Records) -> dict[int, float]:
    """C11: error(copycat) - error that SNIP published at that size, points; scale paper only."""
    if records.scale.name != "paper":
        return {}
    rows = records.networks[records.networks["family"] == "copycat"]
    params, errors = zip(*sorted((p.params, p.error) for p in SNIP), strict=True)
    near = tuple(b for b in records.scale.budgets if 0.85 * params[0] < b < 1.15 * params[-1])
    rows = rows.assign(difference=rows["error"] - np.interp(rows["params"], params, errors))
    columns = cells(records, rows, ("copycat",), "difference")[list(near)]
    return seed_means(columns)


CLAIMS = (
    Claim(
        "C1",
        "At equal parameters, pruned-and-tuned networks are beaten by simpler ones trained from "
        "scratch.",
        "simple networks win",
        "fig. 1, 3.1",
        "error of pruned-and-tuned minus error of reduced width and bottleneck, points",
        beaten_by_simple,
        (PRUNED, *SIMPLE),
        low=0,
        why=("K7", "K5", "K10", "K1", "K2"),
    ),
    Claim(
        "C2",
        "That gap grows as networks get smaller.",
        "more so when smaller",
        "3.1",
        "growth of the gap of C1 for each halving of the parameters, points",
        gap_grows,
        (PRUNED, *SIMPLE),
        low=0,
    ),
    Claim(
        "C3",
        "Architectures found by pruning, trained from scratch, beat their own pruned-and-tuned "
        "weights.",
        "its shape alone wins",
        "fig. 1, 3.2",
        "error of pruned-and-tuned minus error of the same architecture from scratch, points",
        beaten_by_scratch,
        (PRUNED, "pruned-from-scratch"),
        low=0,
        why=("K6", "K5", "K9", "K4"),
    ),
    Claim(
        "C4",
        "And they beat the simpler networks at most budgets.",
        "its shape beats simple ones",
        "fig. 1, 3.2",
        "error of reduced width and bottleneck minus that of the pruned architecture from "
        "scratch, mean over the budgets, points",
        scratch_beats_simple,
        ("pruned-from-scratch", *SIMPLE),
        low=0,
        why=("K3", "K8", "K11"),
    ),
    Claim(
        "C5",
        "Copycats do about as well as the pruned architectures from scratch.",
        "copycats do as well",
        "fig. 1, 3.2",
        f"error of copycat minus that of the pruned architecture from scratch, points; about as "
        f"well: within {EQUAL:g}; at the size of the profile that is scaled both are the same "
        f"network, and the difference is zero by construction",
        copycat_equals_scratch,
        ("pruned-from-scratch", "copycat"),
        low=-EQUAL,
        high=EQUAL,
        why=("K3",),
    ),
    Claim(
        "C6",
        "Later layers lose more channels than earlier ones.",
        "later blocks lose more",
        "fig. 2c",
        "rank correlation of block number and share of channels left",
        later_lose_more,
        (PRUNED,),
        high=0,
    ),
    Claim(
        "C7",
        "Strided blocks lose less than the later blocks of their stages (the paper: hardly any).",
        "strided blocks keep more",
        "fig. 2c",
        "share left in strided blocks minus that in the other blocks of their stages, "
        "percentage points",
        strided_keep_more,
        (PRUNED,),
        low=0,
    ),
    Claim(
        "C8",
        "The profile keeps its shape under further pruning.",
        "the shape is kept",
        "footnote 2",
        "rank correlation of the shares left early on and at the smallest budget, which tells of "
        "the order of the blocks only; kept: above 0.5",
        shape_is_kept,
        (PRUNED,),
        low=0.5,
    ),
    Claim(
        "C9",
        "Pruning costs more than training a small network.",
        "pruning costs more",
        "abstract, 4",
        "multiply-accumulates of base and pruning over those of training a simple network for as "
        "many epochs as the base, mean over the budgets; counted, and above 1 by counting alone",
        pruning_costs_more,
        ("base", PRUNED, *SIMPLE),
        low=1,
    ),
    Claim(
        "C10",
        "The FLOP penalty makes little difference.",
        "FLOP penalty: no matter",
        "implementation details",
        f"error with a penalty minus error without, points; of three penalties, at equal "
        f"parameters and at equal MACs, the one furthest from zero; little: within {EQUAL:g}",
        penalty_matters,
        (PRUNED, *PENALISED),
        low=-EQUAL,
        high=EQUAL,
    ),
    Claim(
        "C11",
        "Copycats compete with SNIP's networks.",
        "copycats match SNIP",
        "3.2",
        f"error of copycat minus SNIP's at that size, points; competes: less than {EQUAL:g} worse; "
        "scale paper only",
        copycats_compete,
        ("copycat",),
        high=EQUAL,
    ),
)


CONTROLS = (
    Claim(
        "K1",
        "Fisher saliency chooses better than chance.",
        "Fisher beats chance",
        "",
        "error of networks pruned at random and tuned minus that of pruned-and-tuned, at equal "
        "parameters, points",
        by_chance,
        (PRUNED, "random-removal"),
        low=0,
    ),
    Claim(
        "K2",
        "Fisher saliency chooses better than the size of the weights.",
        "Fisher beats weight size",
        "",
        "error of networks pruned by weight size and tuned minus that of pruned-and-tuned, at "
        "equal parameters, points",
        by_weights,
        (PRUNED, "l1-removal"),
        low=0,
    ),
    Claim(
        "K3",
        "The shape matters: random profiles do worse than the pruned architecture.",
        "the shape matters",
        "",
        "error of random profile minus that of the pruned architecture, both from scratch, points",
        shape_matters,
        ("pruned-from-scratch", "random-profile"),
        low=0,
    ),
    Claim(
        "K4",
        "The first weights matter: the pruned architecture does better from those that the base "
        "network began with.",
        "first weights matter",
        "",
        "error of the pruned architecture from new weights minus that from its first ones, points",
        initial_weights_help,
        ("pruned-from-scratch", "initial-weights"),
        low=0,
    ),
    Claim(
        "K5",
        "Retraining helps: with a whole training more, the pruned network does better.",
        "retraining helps",
        "",
        "error of pruned-and-tuned minus that of the same network retrained, which sees the images "
        "of a whole training more, points",
        retraining_helps,
        (PRUNED, "retrained"),
        low=0,
    ),
    Claim(
        "K6",
        "Once its shape is known, training that from scratch for as many images beats the pruned "
        "network.",
        "its shape alone wins,<br>equal images",
        "",
        "error of pruned-and-tuned minus that of its architecture from scratch, trained for as "
        "many images as base and pruning saw, points",
        beaten_by_long_scratch,
        (PRUNED, "pruned-from-scratch-long"),
        low=0,
    ),
    Claim(
        "K7",
        "A bottleneck network trained for as many images beats the pruned network.",
        "bottlenecks win,<br>equal images",
        "",
        "error of pruned-and-tuned minus that of the bottleneck network, trained for as many "
        "images as base and pruning saw, points",
        beaten_by_long_bottleneck,
        (PRUNED, "bottleneck-long"),
        low=0,
    ),
    Claim(
        "K8",
        "Once its shape is known, it beats a bottleneck network, both trained for as many images "
        "as the pruned network.",
        "its shape beats bottlenecks,<br>equal images",
        "",
        "error of the bottleneck network minus that of the pruned architecture from scratch, both "
        "trained for as many images as base and pruning saw, points",
        shape_wins_longer,
        ("pruned-from-scratch-long", "bottleneck-long"),
        low=0,
    ),
    Claim(
        "K9",
        "The weights that pruning leaves are worth keeping: retrained, they beat new ones in the "
        "same shape, trained for as many images.",
        "weights worth keeping",
        "",
        "error of the pruned architecture from scratch minus that of the retrained network; "
        "images: those of base, pruning and retraining; points",
        weights_worth_keeping,
        ("retrained", "pruned-from-scratch-longest"),
        low=0,
    ),
    Claim(
        "K10",
        "A pruned network that is retrained beats a bottleneck network trained for as many images.",
        "retrained beats bottlenecks",
        "",
        "error of the bottleneck network minus that of the retrained network; images: those of "
        "base, pruning and retraining; points",
        retrained_wins,
        ("retrained", "bottleneck-longest"),
        low=0,
    ),
    Claim(
        "K11",
        "At equal multiply-accumulates for an image, too, the pruned architecture from scratch "
        "beats a bottleneck network.",
        "its shape wins at equal MACs",
        "",
        "error of a bottleneck network with as many multiply-accumulates, read off between the "
        "measured ones, minus that of the pruned architecture from scratch, points",
        shape_wins_at_equal_macs,
        ("base", "bottleneck", "pruned-from-scratch"),
        low=0,
    ),
)
"""Questions of ours that explain the verdicts, judged as the paper's claims are."""
