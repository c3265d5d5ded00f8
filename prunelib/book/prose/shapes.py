"""How shapes rank that were found in many ways, in words."""

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.words import capital, listed, missing, span
from prunelib.evidence.budget import comparable_views
from prunelib.evidence.shapes import FOUND, shapes_of_size, work_and_error
from prunelib.evidence.view import View, by_length
from prunelib.study.families import SCRATCH, SNIP_SHAPE, TAPER, UNTRAINED_SHAPE
from prunelib.text import counted, fixed, short

NO_PRUNING = (TAPER, SNIP_SHAPE, UNTRAINED_SHAPE)
"""Families whose shapes are meant to be as good as pruned ones, but take no trained network."""
ENOUGH = 6
"""Of shapes of one size, for a rank correlation."""
KEY = (
    "Numbers are points by which a shape is better (+) or worse (−) than the pruned one, over "
    "the seeds that both have. *About as good*: no further apart than two seeds of one network "
    "usually are (95%), for that many pairs."
)


def shapes_at(studies: dict[str, View]) -> str:
    """At each scale, which shapes of the smallest size are better and worse than the pruned one.

    A Markdown list, with what is called about as good, folded away.
    """
    told = {
        name: shapes_of_size(view, min(view.scale.budgets))
        for name, view in by_length(studies).items()
    }
    told = {name: rows for name, rows in told.items() if rows["usual"].notna().any()}
    if not told:
        return missing(next(iter(studies.values())), "shapes that were found in other ways")
    lines = [line for name, rows in told.items() for line in at_scale(studies[name], rows)]
    summary = "<details><summary>Each shape at each length</summary>"
    return "\n".join([summary, "", *lines, "", KEY, "", "</details>"])


def without_pruning(studies: dict[str, View]) -> str:
    """Whether shapes of the smallest size keep up with the pruned one if they need no training.

    Of every length at which such a shape was trained; empty where there is none.
    """
    leads = beside_pruned_shape(studies)
    free = leads[leads["family"].isin(NO_PRUNING)]
    if free.empty:
        return ""
    lengths = sorted(set(free["epochs"]))
    leads = leads[leads["epochs"].isin(lengths)]
    everywhere = leads.groupby("family")["epochs"].transform("nunique") == len(lengths)
    leads = leads[everywhere]
    worse = (leads["lead"] > leads["usual"]).groupby(leads["family"]).agg(["any", "all"])
    kept_up = [f for f in NO_PRUNING if f in worse.index and not worse["any"][f]]
    never = [f for f in FOUND if f in worse.index[worse["all"]]]
    answer = "Probably not" if len(kept_up) == free["family"].nunique() else "Not always"
    answer = answer if kept_up else "Probably"
    where = f"{listed([short(size) for size in sorted(set(free['size']))])} parameters"
    when = f"after {listed([str(n) for n in lengths])} epochs"
    few, many = int(free["pairs"].min()), int(free["pairs"].max())
    seeds = f"{'' if few == many else f'{few} to '}{counted(many, 'seed')}"
    if kept_up:
        work = free[free["family"].isin(kept_up)]["work"]
        told = (
            f"These need no trained network and kept up {when} ({seeds}): "
            f"{listed([FOUND[f] for f in kept_up])}. For one image they compute "
            f"{span(fixed(work.min(), 1), fixed(work.max(), 1))} times as much as the pruned shape."
        )
    else:
        told = f"No shape that needs no trained network kept up {when} ({seeds})."
    last = f" {capital(listed([FOUND[f] for f in never]))} never did." if never else ""
    return f"**{answer}, at {where}.** {told}{last}"


def beside_pruned_shape(studies: dict[str, View]) -> pd.DataFrame:
    """Shapes of the smallest size that can be compared with the pruned one, at each length.

    Of the first study, and of those that differ from it in the length of training alone. Columns:
    those of `shapes_of_size`, and `work` (for one image, over that of the pruned shape), `epochs`
    and `size`.
    """
    parts = []
    for view in comparable_views(studies.values()):
        size = min(view.scale.budgets)
        rows = shapes_of_size(view, size)
        ours = rows.loc[rows["family"] == SCRATCH, "macs"]
        told = rows[rows["usual"].notna()]
        if len(ours):
            epochs = view.scale.train.epochs
            parts.append(told.assign(work=told["macs"] / ours.iloc[0], epochs=epochs, size=size))
    columns = ["family", "lead", "usual", "pairs", "work", "epochs", "size"]
    return pd.concat(parts) if parts else pd.DataFrame(columns=columns)


def work_of_shapes(studies: dict[str, View]) -> str:
    """How the error goes with the work for one image, at each scale and size of many shapes.

    A Markdown list; sizes with fewer than `ENOUGH` shapes are left out.
    """
    lines = []
    for name, view in by_length(studies).items():
        sizes = {budget: shapes_of_size(view, budget) for budget in view.scale.budgets}
        told = [
            f"{fixed(work_and_error(rows)).replace('-', '−')} at {short(budget)} "
            f"({rows['lead'].count()} shapes)"
            for budget, rows in sizes.items()
            if rows["lead"].count() >= ENOUGH
        ]
        if told:
            lines.append(f"- At {markdown(name)} the rank correlation is {listed(told)}.")
    return "\n".join(lines) or missing(next(iter(studies.values())), "so many shapes of one size")


def at_scale(view: View, rows: pd.DataFrame) -> list[str]:
    """The lines of a scale: the pruned shape, then those better, about as good and worse."""
    ours = rows[rows["family"] == SCRATCH].iloc[0]
    others = rows[rows["usual"].notna()].sort_values("lead")
    groups = {
        "better": others[others["lead"] < -others["usual"]],
        "about as good": others[others["lead"].abs() <= others["usual"]],
        "worse": others[others["lead"] > others["usual"]],
    }
    first = (
        f"- At {markdown(view.scale.name)}, with {short(min(view.scale.budgets))} parameters and "
        f"{view.scale.train.epochs} epochs, the shape that pruning by Fisher saliency found has a "
        f"test error of {fixed(ours['error'])}% ({counted(int(ours['seeds']), 'seed')}). Of "
        f"{counted(len(others), 'other shape')}, {amounts(groups)}."
    )
    return [
        first,
        *(
            f"  - *{capital(word)}*: {listed(named_leads(part))}."
            for word, part in groups.items()
            if len(part)
        ),
    ]


def amounts(groups: dict[str, pd.DataFrame]) -> str:
    """How many shapes are in each group that has any."""
    does = {"better": "better", "about as good": "about as well", "worse": "worse"}
    there = {word: len(part) for word, part in groups.items() if len(part)}
    return listed([f"{n} {'does' if n == 1 else 'do'} {does[word]}" for word, n in there.items()])


def named_leads(rows: pd.DataFrame) -> list[str]:
    """Shapes, and by how many points each is better (above zero) or worse than the pruned one."""
    return [
        f"{found} ({fixed(-lead, sign=True).replace('-', '−')}, {counted(pairs, 'seed')})"
        for found, lead, pairs in zip(rows["found"], rows["lead"], rows["pairs"], strict=True)
    ]
