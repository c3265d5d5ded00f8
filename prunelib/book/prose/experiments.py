"""What the experiments say in numbers: a view of the records in, sentences (Markdown) out.

No number is typed by hand: a changed record changes the sentence, and where records are missing the
sentence says so.
"""

from itertools import combinations

import numpy as np
import pandas as pd

from prunelib.book.prose.words import (
    correlation,
    length_of,
    listed,
    mean_and_range,
    missing,
)
from prunelib.evidence.budget import comparable_views
from prunelib.evidence.comparisons import SIMPLE, advantage, saliency_ranks
from prunelib.evidence.statistics import mean, rank_correlation
from prunelib.evidence.view import View
from prunelib.study.families import (
    FAMILIES,
    PRUNED,
    RANDOM_REMOVAL,
)
from prunelib.study.profile_rules import copied_after
from prunelib.study.trajectory import Trajectory
from prunelib.text import counted, fixed, short


def base(view: View) -> str:
    """How good the base network is, and how much seeds differ."""
    rows = view.networks[view.networks["family"] == "base"]
    if rows.empty:
        return missing(view, "the base network")
    params, macs = int(rows["params"].iloc[0]), int(rows["macs"].iloc[0])
    return (
        f"The base network has {short(params)} parameters and computes {short(macs)} "
        f"multiply-accumulates per image. After {length_of(view)} of training, its test error is "
        f"**{mean_and_range(rows['error'])}**."
    )


def prunable_share(view: View) -> str:
    """How far the base can be pruned before it gets worse."""
    runs = view.trajectories.dropna(subset=["error"])
    if runs.empty:
        return missing(view, "pruning")
    first = runs.groupby("seed").first()
    sentences = []
    for share in (0.5, 0.25, 0.1):
        errors, removed = [], []
        for seed, run in runs.groupby("seed"):
            reached = run[run["params"] <= share * first.loc[seed, "params"] + 1]
            if len(reached):
                errors.append(float(reached["error"].iloc[0]))
                removed.append(int(reached["removals"].iloc[0]))
        if errors:
            sentences.append(
                f"- With {share:.0%} of the parameters it is **{mean_and_range(errors)}**, after "
                f"{np.mean(removed):.0f} removals"
            )
    begin = f"Before the first removal the test error is {mean_and_range(first['error'])}."
    lost = lost_before_worse(runs)
    if not lost:
        return "\n".join([begin, "", *sentences])
    told = f"{len(lost)} seeds, from {fixed(min(lost), 0)} to {fixed(max(lost), 0)}"
    seeds = "one seed" if len(lost) == 1 else told
    answer = (
        f"Trained for {length_of(view)}, the network can lose {fixed(mean(lost), 0)}% of its "
        "parameters before the error rises by a point"
    )
    return "\n".join([f"**{answer}** ({seeds}). {begin}", "", *sentences])


def prunable_by_length(studies: dict[str, View]) -> str:
    """The shares of parameters that networks can lose which were trained for longer or less long.

    The studies are those that differ from the first in the length of training alone; empty for one.
    """
    found = {
        view.scale.train.epochs: lost_before_worse(view.trajectories.dropna(subset=["error"]))
        for view in comparable_views(studies.values())
    }
    told = [f"{fixed(mean(lost), 0)}% after {n}" for n, lost in sorted(found.items()) if lost]
    if len(told) < 2:
        return ""
    first, *others = told
    shares = listed([f"{first} epochs of training", *others])
    return f"What can go before the error rises by a point: {shares}."


def lost_before_worse(runs: pd.DataFrame) -> list[float]:
    """Per cent of the parameters that go before the error is one point higher, of each seed; none
    where some seed never gets there.
    """
    lost = []
    for _, run in runs.groupby("seed"):
        worse = (run["error"] - run["error"].iloc[0]).round(2) >= 1
        if worse.any():
            last = run["params"][~worse.cummax()].iloc[-1]
            lost.append(100 * (1 - last / run["params"].iloc[0]))
    return lost if len(lost) == runs["seed"].nunique() else []


def simple(view: View) -> str:
    """Pruned-and-tuned networks against reduced width and bottleneck, at equal parameters."""
    rows = advantage(view.networks, view.trajectories)
    rows = rows[rows["family"].isin(SIMPLE)]
    if rows.empty:
        return missing(view, "simple networks and the pruning runs of the same seeds")
    parts = [f"At equal epochs, as in the paper, here {view.scale.train.epochs}:", ""]
    for family, group in rows.groupby("family"):
        apart = group["difference"]
        worse = "worse" if apart.mean() > 0 else "better"
        parts.append(
            f"- **{FAMILIES[family].title}**: the pruned network of the same size is "
            f"{fixed(abs(apart.mean()))} points {worse} on average, and the better one in "
            f"{(apart < 0).sum()} of {len(group)} comparisons."
        )
    ratios = rows["tuned_macs"] / rows["training_macs"]
    if ratios.notna().all():
        cost = ratios.groupby(rows["budget"]).mean()
        parts += [
            "",
            f"But pruning takes more work: training the base and pruning it cost "
            f"**{cost.iloc[-1]:.1f} times** (largest size) to **{cost.iloc[0]:.1f} times** "
            "(smallest) the multiply-accumulates of training the simple network.",
        ]
    return "\n".join(parts)


def shape(view: View) -> str:
    """Whether further pruning keeps the order of the blocks and their shares; and what chance does.

    Chance: runs in which channels went at random. Even there a later profile is like an earlier
    one, for it is nested in it.
    """
    scale, whole = view.scale, copied_after(view.scale.base)
    kept: dict[str, list[float]] = {PRUNED: [], RANDOM_REMOVAL: []}
    spared: list[float] = []
    for family, found in kept.items():
        for seed in range(scale.seeds):
            record = view.find(scale.prune_spec(seed, FAMILIES[family].pruning))
            if record is None:
                continue
            run = Trajectory.of(record)
            small_shape = run.after(run.reach(scale.budgets[0]))
            early, late = run.after(whole).shares(), small_shape.shares()
            found.append(rank_correlation(early, late))
            if family == PRUNED:
                spared += [b for a, b in zip(early, late, strict=True) if a > 0.95]
    if not kept[PRUNED]:
        return missing(view, "pruning")
    small = short(scale.budgets[0])
    sentences = [
        f"Rank the blocks by the share of channels left, once after {whole} removals and once at "
        f"{small} parameters. After {length_of(view)} of training, the two orders have a rank "
        f"correlation of **{fixed(mean(kept[PRUNED]))}** ({counted(len(kept[PRUNED]), 'seed')})."
    ]
    if kept[RANDOM_REMOVAL]:
        sentences.append(
            f"Part of that is no surprise: later shapes are nested in earlier ones, so even random "
            f"pruning gives {fixed(mean(kept[RANDOM_REMOVAL]))} "
            f"({counted(len(kept[RANDOM_REMOVAL]), 'seed')})."
        )
    if spared:
        sentences.append(
            f"But the shares change: blocks that were still whole after {whole} removals keep "
            f"anything from {100 * min(spared):.0f} to {100 * max(spared):.0f}% of their channels "
            f"at {small} parameters."
        )
    return " ".join(sentences)


def seeds_agree(view: View) -> str:
    """Whether pruning finds the same shape with each seed: blocks by the share of channels left."""
    small = view.scale.budgets[0]
    shares = []
    for seed in range(view.scale.seeds):
        record = view.pruning(seed)
        if record is not None:
            run = Trajectory.of(record)
            shares.append(run.after(run.reach(small)).shares())
    pairs = [rank_correlation(a, b) for a, b in combinations(shares, 2)]
    if not pairs:
        return missing(view, "pruning with two seeds")
    span = f", {fixed(min(pairs))} to {fixed(max(pairs))}" if len(pairs) > 1 else ""
    middle = float(mean(pairs))
    return (
        f"**{how_well(middle)}.** After {length_of(view)} of training, the blocks of two seeds, "
        f"ordered by the share of channels left at {short(small)} parameters, have a rank "
        f"correlation of **{fixed(middle)}** "
        f"({counted(len(pairs), 'pair')} of seeds{span})."
    )


def how_well(rank: float) -> str:
    """A rank correlation as the answer to a question.

    >>> how_well(0.95), how_well(0.2)
    ('Yes, nearly', 'Hardly')
    """
    words = {0.9: "Yes, nearly", 0.7: "Mostly", 0.4: "In part"}
    return next((word for least, word in words.items() if rank >= least), "Hardly")


def saliency(view: View) -> str:
    """How well Fisher saliency and the weights' size rank the channels."""
    ranks = saliency_ranks(view.saliencies)
    if ranks.empty:
        return missing(view, "saliencies")
    steps = sorted(int(c[7:]) for c in ranks if c.startswith("fisher_"))
    most = f"fisher_{steps[-1]}"
    fewer = (
        f", with {steps[0]} steps one of {fixed(mean(ranks[f'fisher_{steps[0]}']))}"
        if steps[1:]
        else ""
    )
    negative = 100 * (view.saliencies["actual"] < 0).mean()
    ratio = (view.saliencies["actual"] / view.saliencies[most]).median()
    return (
        f"**{how_well(ranks[most].mean())}.** After {length_of(view)} of training and {steps[-1]} "
        "steps of tuning, Fisher saliency and the measured change have a rank correlation of "
        f"**{correlation(ranks[most])}**{fewer}. "
        "The mean absolute weight, which needs no data at all, "
        f"comes to {correlation(ranks['l1'])}. The median channel changes the loss by "
        f"{ratio:.1f} times its saliency. And {negative:.0f}% of the channels lower the loss when "
        "they go, which Fisher saliency cannot predict: it is never negative."
    )
