"""What the experiments say in numbers: a view of the records in, sentences (Markdown) out.

No number is typed by hand: a changed record changes the sentence, and where records are missing the
sentence says so.
"""

import numpy as np

from prunelib.book.prose.words import correlation, missing, provenance, spread
from prunelib.evidence.comparisons import SIMPLE, advantage, saliency_ranks
from prunelib.evidence.statistics import rank_correlation
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES, copied_after
from prunelib.study.trajectory import Trajectory
from prunelib.text import counted, short


def base(view: View) -> str:
    """How good the base network is, and how much seeds differ."""
    rows = view.networks[view.networks["family"] == "base"]
    if rows.empty:
        return missing(view, "the base network")
    params, macs = int(rows["params"].iloc[0]), int(rows["macs"].iloc[0])
    size = f"{short(params)} parameters and {short(macs)} multiply-accumulates for one image"
    return (
        f"With {size} the base network reaches a test error of **{spread(rows['error'])}**. "
        f"{provenance(view)}"
    )


def pruned(view: View) -> str:
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
                f"**{spread(errors)}** with {share:.0%} of the parameters "
                f"({np.mean(removed):.0f} channels removed)"
            )
    return (
        f"Before the first removal the error is {spread(first['error'])}"
        f"{'; it is ' if sentences else ''}{', '.join(sentences)}. {provenance(view)}"
    )


def simple(view: View) -> str:
    """Pruned-and-tuned networks against reduced width and bottleneck, at equal parameters."""
    rows = advantage(view.networks, view.trajectories)
    rows = rows[rows["family"].isin(SIMPLE)]
    if rows.empty:
        return missing(view, "simple networks and the pruning runs of the same seeds")
    parts = []
    for family, group in rows.groupby("family"):
        apart = group["difference"]
        more = "more" if apart.mean() > 0 else "less"
        parts.append(
            f"- **{FAMILIES[family].title}**: at equal parameters the pruned-and-tuned network has "
            f"**{abs(apart.mean()):.2f} points {more} error** on average (single comparisons: "
            f"{apart.min():+.2f} to {apart.max():+.2f}); it is the better one in "
            f"{(apart < 0).sum()} of {len(group)} comparisons."
        )
    ratios = rows["tuned_macs"] / rows["training_macs"]
    effort = ""
    if ratios.notna().all():
        cost = ratios.groupby(rows["budget"]).mean()
        effort = (
            f"The comparison is not one of equal images: training the base and pruning it took "
            f"**{cost.iloc[-1]:.1f} times** (largest size) to **{cost.iloc[0]:.1f} times** "
            f"(smallest) the multiply-accumulates of training a simple network. "
        )
    return "\n".join([*parts, "", f"{effort}{provenance(view)}"])


def cost(view: View) -> str:
    """What the smallest and the largest networks cost by each way, beside pruning."""
    means = view.networks.groupby(["budget", "family"])[["total_macs", "error"]].mean()
    ways = ("bottleneck", "bottleneck-long", "pruned-from-scratch-long")
    lines = []
    for budget in sorted({view.scale.budgets[0], view.scale.budgets[-1]}):
        if any((budget, family) not in means.index for family in ("pruned-and-tuned", *ways)):
            continue
        at = means.loc[budget]
        work = at["total_macs"] / at["total_macs"]["pruned-and-tuned"]
        simple, longer, shape = (
            f"**{at['error'][family]:.1f} %** for {work[family]:.2f} of that work"
            for family in ways
        )
        lines.append(
            f"- At {short(budget)} parameters base and pruning end at "
            f"**{at['error']['pruned-and-tuned']:.1f} %**. A bottleneck network reaches {simple}, "
            f"and trained longer {longer}. The shape that pruning found, trained longer, reaches "
            f"{shape}, its search included."
        )
    if not lines:
        return missing(view, "longer training")
    return "\n".join([*lines, "", provenance(view)])


def shape(view: View) -> str:
    """Whether further pruning keeps the order of the blocks and their shares; and what chance does.

    Chance: runs in which any channel could go. Even of these a later profile is like an earlier
    one, for it is a part of it.
    """
    scale, whole = view.scale, copied_after(view.scale.base)
    kept: dict[str, list[float]] = {"fisher": [], "random": []}
    spared: list[float] = []
    for criterion, found in kept.items():
        for seed in range(scale.seeds):
            changes = {} if criterion == "fisher" else {"criterion": criterion}
            record = view.find(scale.prune_spec(seed, changes))
            if record is None:
                continue
            run = Trajectory.of(record)
            early, late = run.after(whole).shares(), run.after(run.at(scale.budgets[0])).shares()
            found.append(rank_correlation(early, late))
            if criterion == "fisher":
                spared += [b for a, b in zip(early, late, strict=True) if a > 0.95]
    if not kept["fisher"]:
        return missing(view, "pruning")
    order = f"**{np.mean(kept['fisher']):.2f}** ({counted(len(kept['fisher']), 'seed')})"
    chance = ""
    if kept["random"]:
        chance = (
            f"; where any channel could go it is {np.mean(kept['random']):.2f} "
            f"({counted(len(kept['random']), 'seed')}), for a later profile is part of an earlier "
            "one"
        )
    shares = ""
    if spared:
        shares = (
            f" Were the shares kept, too, blocks that had lost no more than a twentieth when "
            f"{whole} channels were gone would now be alike: {100 * min(spared):.0f} to "
            f"{100 * max(spared):.0f} % of them are left at {short(scale.budgets[0])} parameters."
        )
    return (
        f"The order of the blocks after {whole} removals and at {short(scale.budgets[0])} "
        f"parameters has a rank correlation of {order}{chance}.{shares} {provenance(view)}"
    )


def saliency(view: View) -> str:
    """How well Fisher saliency and the weights' size rank the channels."""
    ranks = saliency_ranks(view.saliencies)
    if ranks.empty:
        return missing(view, "saliencies")
    most = max((c for c in ranks if c.startswith("fisher_")), key=lambda c: int(c[7:]))
    negative = 100 * (view.saliencies["actual"] < 0).mean()
    ratio = (view.saliencies["actual"] / view.saliencies[most]).median()
    return (
        f"After {most[7:]} steps the rank correlation of Fisher saliency with the measured change "
        f"is **{correlation(ranks[most])}**; that of the mean absolute weight, which needs no data "
        f"at all, is {correlation(ranks['l1'])}. In size the estimate is off: the median channel "
        f"changes the loss by {ratio:.1f} times its saliency. Fisher saliency cannot be negative, "
        f"but removing a channel by itself lowers the loss in {negative:.0f} % of the cases. "
        f"{provenance(view)}"
    )
