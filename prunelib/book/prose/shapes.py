"""How shapes rank that were found in many ways, in words."""

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.words import capital, listed, missing
from prunelib.evidence.shapes import shapes_of_size, work_and_error
from prunelib.evidence.view import View, by_length
from prunelib.study.families import SCRATCH
from prunelib.text import counted, fixed, short

ENOUGH = 6
"""Of shapes of one size, for a rank correlation."""
KEY = (
    "Numbers are points by which a shape is better (+) or worse (−) than the pruned one, over "
    "the seeds that both have. *About as good*: no further apart than two seeds of one network "
    "usually are (95%), for that many pairs."
)


def shapes_at(studies: dict[str, View]) -> str:
    """At each scale, which shapes of the smallest size are better and worse than the pruned one.

    A Markdown list, with what is called about as good.
    """
    told = {
        name: shapes_of_size(view, min(view.scale.budgets))
        for name, view in by_length(studies).items()
    }
    told = {name: rows for name, rows in told.items() if rows["usual"].notna().any()}
    if not told:
        return missing(next(iter(studies.values())), "shapes that were found in other ways")
    lines = [line for name, rows in told.items() for line in at_scale(studies[name], rows)]
    return "\n".join([*lines, "", KEY])


def work_of_shapes(studies: dict[str, View]) -> str:
    """How the error goes with the work for one image, at each scale and size of many shapes.

    A Markdown list; sizes with fewer than `ENOUGH` shapes are left out.
    """
    lines = []
    for name, view in by_length(studies).items():
        sizes = {budget: shapes_of_size(view, budget) for budget in view.scale.budgets}
        told = [
            f"{fixed(work_and_error(rows)).replace('-', '−')} at {short(budget)} "
            f"({len(rows)} shapes)"
            for budget, rows in sizes.items()
            if len(rows) >= ENOUGH
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
