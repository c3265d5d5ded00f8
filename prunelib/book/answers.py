"""What the book's chapters say in numbers: records in, sentences (Markdown) out.

No number is typed by hand: a changed record changes the sentence, and where records are missing the
sentence says so.
"""

import numpy as np
import pandas as pd

from prunelib.book.notebook import Records
from prunelib.evidence.curves import Reading
from prunelib.evidence.design import Design
from prunelib.study.families import FAMILIES, Trajectory, copied_after
from prunelib.text import counted, short

SIMPLE = ("reduced-width", "bottleneck")


def base(records: Records) -> str:
    """How good the base network is, and how much seeds differ."""
    rows = records.networks[records.networks["family"] == "base"]
    if rows.empty:
        return missing(records, "the base network")
    params, macs = int(rows["params"].iloc[0]), int(rows["macs"].iloc[0])
    size = f"{short(params)} parameters and {short(macs)} multiply-accumulates for one image"
    return (
        f"With {size} the base network reaches a test error of **{spread(rows['error'])}**. "
        f"{records.provenance()}"
    )


def pruned(records: Records) -> str:
    """How far the base can be pruned before it gets worse."""
    runs = records.trajectories.dropna(subset=["error"])
    if runs.empty:
        return missing(records, "pruning")
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
        f"{'; it is ' if sentences else ''}{', '.join(sentences)}. {records.provenance()}"
    )


def simple(records: Records) -> str:
    """Pruned-and-tuned networks against reduced width and bottleneck, at equal parameters."""
    rows = advantage(records.networks, records.trajectories)
    rows = rows[rows["family"].isin(SIMPLE)]
    if rows.empty:
        return missing(records, "simple networks and the pruning runs of the same seeds")
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
    return "\n".join([*parts, "", f"{effort}{records.provenance()}"])


def cost(records: Records) -> str:
    """What the smallest and the largest networks cost by each way, beside pruning."""
    means = records.networks.groupby(["budget", "family"])[["total_macs", "error"]].mean()
    ways = ("bottleneck", "bottleneck-long", "pruned-from-scratch-long")
    lines = []
    for budget in sorted({records.scale.budgets[0], records.scale.budgets[-1]}):
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
        return missing(records, "longer training")
    return "\n".join([*lines, "", records.provenance()])


def shape(records: Records) -> str:
    """Whether further pruning keeps the order of the blocks and their shares; and what chance does.

    Chance: runs in which any channel could go. Even of these a later profile is like an earlier
    one, for it is a part of it.
    """
    scale, whole = records.scale, copied_after(records.scale.base)
    kept: dict[str, list[float]] = {"fisher": [], "random": []}
    spared: list[float] = []
    for criterion, found in kept.items():
        for seed in range(scale.seeds):
            changes = {} if criterion == "fisher" else {"criterion": criterion}
            record = records.find(scale.prune_spec(seed, changes))
            if record is None:
                continue
            run = Trajectory.of(record)
            early, late = run.after(whole).shares(), run.after(run.at(scale.budgets[0])).shares()
            found.append(rank_correlation(early, late))
            if criterion == "fisher":
                spared += [b for a, b in zip(early, late, strict=True) if a > 0.95]
    if not kept["fisher"]:
        return missing(records, "pruning")
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
        f"parameters has a rank correlation of {order}{chance}.{shares} {records.provenance()}"
    )


def rank_correlation(x, y) -> float:
    """Spearman's; not a number where one side is constant."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return np.nan
    return float(pd.Series(x).rank().corr(pd.Series(y).rank()))


def designs(records: Records, budget: int, found: list[Design]) -> str:
    """Networks within a budget as a table, the best first, and a line of Python that makes it."""
    rows = []
    for d in found:
        measured = d.expected.error is not None
        error = approximately(d.expected) if measured else "not measured"
        longer = f"**{approximately(d.longer)}** ({d.times:.1f} ×)" if d.times else "not measured"
        title = FAMILIES[d.family].title
        rows.append(f"| {title} | {error} | {longer} | {d.params:,} | {d.macs:,} |")
    if not rows:
        return missing(records, "networks to design from")
    table = "\n".join(rows)
    return (
        f"Within **{budget:,} parameters**, best first:\n\n"
        f"| family | error to expect | trained longer | parameters | MACs |\n"
        f"|---|---|---|---|---|\n{table}\n\n"
        f"*Trained longer*: for as many images as it takes to train the base network and to prune "
        f"it to that size.\n\n"
        f"```python\nfrom prunelib import ChannelProfile, WideResNet\n\n"
        f"network = WideResNet(\n    {found[0].python}\n)\n```\n\n{records.provenance()}"
    )


def approximately(reading: Reading) -> str:
    """An error, with a sign if no run had that size."""
    sign = "" if reading.note.startswith("mean") else "≈ "
    return f"{sign}{reading.error:.1f} %"


def saliency(records: Records) -> str:
    """How well Fisher saliency and the weights' size rank the channels."""
    ranks = saliency_ranks(records.saliencies)
    if ranks.empty:
        return missing(records, "saliencies")
    most = max((c for c in ranks if c.startswith("fisher_")), key=lambda c: int(c[7:]))
    negative = 100 * (records.saliencies["actual"] < 0).mean()
    ratio = (records.saliencies["actual"] / records.saliencies[most]).median()
    return (
        f"After {most[7:]} steps the rank correlation of Fisher saliency with the measured change "
        f"is **{correlation(ranks[most])}**; that of the mean absolute weight, which needs no data "
        f"at all, is {correlation(ranks['l1'])}. In size the estimate is off: the median channel "
        f"changes the loss by {ratio:.1f} times its saliency. Fisher saliency cannot be negative, "
        f"but removing a channel by itself lowers the loss in {negative:.0f} % of the cases. "
        f"{records.provenance()}"
    )


def saliency_ranks(saliencies: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each criterion with the measured change, one row a seed."""
    criteria = [c for c in saliencies if c.startswith("fisher_") or c == "l1"]
    rows = {
        seed: run[[*criteria, "actual"]].corr("spearman")["actual"][criteria]
        for seed, run in saliencies.groupby("seed")
    }
    return pd.DataFrame(rows).T.dropna(axis=1, how="all")


def correlation(values: pd.Series) -> str:
    """Mean and range over seeds of a correlation."""
    if len(values) == 1:
        return f"{values.iloc[0]:.2f} (one seed)"
    return f"{values.mean():.2f} ({len(values)} seeds: {values.min():.2f} to {values.max():.2f})"


def advantage(networks: pd.DataFrame, trajectories: pd.DataFrame) -> pd.DataFrame:
    """Each network from scratch beside the pruned-and-tuned one of its seed and exact size.

    The error of the latter is interpolated between the measured points of the trajectory; networks
    outside its range are left out.

    Columns: those of the network, `tuned_error`, `difference` (tuned minus the network's, in
    points of error), and `tuned_macs` (spent on base and pruning up to there).
    """
    measured = trajectories.dropna(subset=["error"])
    base = networks[networks["family"] == "base"].set_index("seed")["training_macs"]
    rows = []
    trained = [name for name, family in FAMILIES.items() if family.rule is not None]
    for row in networks[networks["family"].isin(trained)].itertuples():
        run = measured[measured["seed"] == row.seed].sort_values("params")
        if run.empty or not run["params"].min() <= row.params <= run["params"].max():
            continue
        tuned = float(np.interp(row.params, run["params"], run["error"]))
        walk = trajectories[trajectories["seed"] == row.seed]
        walk = walk[walk["params"] >= row.params]
        spent = float((3 * walk["macs"].astype(float) * walk["images"]).sum())
        rows.append(
            row._asdict()
            | {
                "tuned_error": tuned,
                "difference": tuned - row.error,
                "tuned_macs": spent + float(base.get(row.seed, np.nan)),
            }
        )
    columns = [*networks.columns, "tuned_error", "difference", "tuned_macs"]
    return pd.DataFrame(rows, columns=columns)


def half_width(deviation: float, count):
    """Half of the 95 % interval (Student's t) of a mean of `count` values, a number or an array.

    `deviation` is the standard deviation of the values.
    """
    from scipy.special import stdtrit

    return stdtrit(count - 1, 0.975) * deviation / np.sqrt(count)


def interval(values: pd.Series) -> str:
    """Mean with a 95 % interval, or the single value, marked as such."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return f"{values[0]:+.2f} (one comparison, no interval)"
    half = half_width(values.std(ddof=1), len(values))
    mean = values.mean()
    return f"{mean:+.2f} (95 % interval {mean - half:+.2f} to {mean + half:+.2f})"


def spread(values: pd.Series) -> str:
    """Mean and range over seeds, per cent."""
    values = np.asarray(values, float)
    if len(values) == 1:
        return f"{values[0]:.2f} % (one seed)"
    low, high = values.min(), values.max()
    return f"{values.mean():.2f} % ({len(values)} seeds: {low:.2f} to {high:.2f})"


def missing(records: Records, what: str) -> str:
    """That there is nothing to say yet, and how to change that."""
    return (
        f"There are no records of {what} at scale {records.scale.name} yet: "
        f"`prunelib study {records.scale.name}` makes them."
    )
