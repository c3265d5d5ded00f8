"""What networks cost, in words: the work of training, pruning, and searching for a shape."""

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.answer import hedged, leading, not_at_all_sizes, told_by_size
from prunelib.book.prose.judgements import EVERY, name, verdict_cell
from prunelib.book.prose.words import capital, length_of, listed, missing
from prunelib.evidence.questions import EQUAL_MACS
from prunelib.evidence.statistics import mean
from prunelib.evidence.verdicts import DEPENDS, Verdict, judge_claims
from prunelib.evidence.view import View, by_length
from prunelib.study.families import (
    BOTTLENECK,
    BOTTLENECK_LONG,
    PRUNED,
    RETRAINED,
    SCRATCH,
    SCRATCH_LONG,
)
from prunelib.text import counted, fixed, short

WORTH = {
    "supported": "**No**: a bottleneck network that is trained on as many images takes less work, "
    "and is {x} better{mixed}.",
    "refuted": "**It buys something**: a bottleneck network that is trained on as many images "
    "takes less work, but is {x} worse{mixed}.",
    "equal": "**No**: a bottleneck network that is trained on as many images takes less work, and "
    "is as good.",
    DEPENDS: "**It depends on the size**: a bottleneck network that is trained on as many images "
    "always takes less work. But {sizes}.",
    "open": "**It is open**: a bottleneck network that is trained on as many images takes less "
    "work, but the two are too close to call.",
}
"""Whether pruning is the way to spend work, by the verdict on K7."""


SEARCH_PAYS = {
    "supported": "it is",
    "refuted": "it is not",
    "equal": "it makes no difference",
    DEPENDS: "that depends on the size",
    "open": "it is too close to call",
}
"""Whether a search for a shape is worth its work, by the verdict on K14."""


def worth_the_work(view: View) -> str:
    """Whether pruning is the way to spend work, by K7; empty where that was not measured."""
    found = leading(view)[0]
    if found.mean is None:
        return ""
    x = f"{fixed(abs(found.mean), 1)} points"
    text = WORTH[found.verdict].format(
        x=x, sizes=told_by_size(found), mixed=not_at_all_sizes(found)
    )
    word, colon, rest = text.partition(":")
    return f"{hedged(word, found)}{colon}{rest}"


def search_pays(studies: dict[str, View]) -> str:
    """Whether a shape of one's own is worth its search, by K14 and the length of training."""
    told: dict[str, list[str]] = {}
    found = {}
    for view in by_length(studies).values():
        found = {v.claim: v for v in judge_claims(view, EVERY)}
        told.setdefault(pays(found["K14"]), []).append(str(view.scale.train.epochs))
    parts = [f"after {listed(lengths)} epochs {words}" for words, lengths in told.items()]
    return (
        "*Is a search for a shape of your own worth its work?* "
        f"{capital(', '.join(parts))}: {name(found['K14'])}."
    )


def pays(verdict: Verdict) -> str:
    """Whether a search pays, by K14; while a size is missing, what the others say."""
    if verdict.mean is not None:
        return SEARCH_PAYS[verdict.verdict]
    parts = [
        f"{fixed(abs(at.mean), 1)} points {'for' if at.mean > 0 else 'against'} it at "
        f"{short(at.size)} with {counted(at.seeds, 'seed')}"
        for at in verdict.sizes
        if at.mean is not None
    ]
    return f"that is not settled ({listed(parts)})" if parts else "that is not known"


WAYS = {
    PRUNED: ("pruned and tuned", "total_macs"),
    BOTTLENECK: ("bottleneck", "training_macs"),
    BOTTLENECK_LONG: ("bottleneck, trained longer", "training_macs"),
    SCRATCH: ("pruned shape that is given", "training_macs"),
    SCRATCH_LONG: ("pruned shape that must be found, trained longer", "total_macs"),
    RETRAINED: ("pruned and retrained", "total_macs"),
}
"""Ways to a network: what each is called, and the work that counts."""
WITHIN = (
    "Work is told as a multiple of that of training and pruning the base. These are the largest "
    "networks of each kind within a budget: they differ a little in size; the lead above is at "
    "exactly the same size."
)


def cost(view: View) -> str:
    """What the smallest and the largest networks cost by each way, beside pruning, as a table."""
    columns = ["training_macs", "total_macs", "error"]
    groups = view.networks.groupby(["budget", "family"])[columns]
    means = groups.agg(lambda own: float(mean(own)))
    found = {budget: means.loc[budget] for budget in view.scale.budgets if budget in means.index}
    told = {n: at for n, at in found.items() if {PRUNED, BOTTLENECK_LONG} <= set(at.index)}
    sizes = sorted({min(told), max(told)}) if told else []
    if not sizes:
        return missing(view, "longer training")
    heads = " | ".join(f"{short(size)} parameters" for size in sizes)
    lines = [
        f"| {name} | {' | '.join(way(told[size], family, work) for size in sizes)} |"
        for family, (name, work) in WAYS.items()
        if any(family in told[size].index for size in sizes)
    ]
    begin = f"With a base network that is trained for {length_of(view)}:"
    return "\n".join(
        [begin, "", f"| | {heads} |", f"|---|{'---|' * len(sizes)}", *lines, "", WITHIN]
    )


def way(at: pd.DataFrame, family: str, work: str) -> str:
    """The error of a family at one size, and its work over that of training and pruning."""
    if family not in at.index:
        return "–"
    share = at[work][family] / at["total_macs"][PRUNED]
    return f"**{fixed(at['error'][family], 1)}%** for {fixed(share)}×"


def costs(studies: dict[str, View]) -> str:
    """Where a shape is compared, as a table: its search free, its search counted in, and at equal
    multiply-accumulates instead of parameters. It is of the study that has measured most of it at
    all sizes; of several such, of the one with the longest training.
    """
    rows = {name: compared(view) for name, view in by_length(studies).items()}

    def whole(name: str) -> int:
        return sum(v is not None and v.mean is not None for row in rows[name] for v in row)

    most = max(reversed(rows), key=whole)
    if not rows[most]:
        return ""
    view = studies[most]
    which = f"At {markdown(view.scale.name)} ({length_of(view)}), where most of it was measured:"
    head = "| the shape is given | its search counts | at equal multiply-accumulates |"
    lines, told = [which, "", head, "|---|---|---|"], set[str]()
    for row in rows[most]:
        cells = [
            f"{name(v)}: {'as above' if v.claim in told else verdict_cell(v)}" if v else ""
            for v in row
        ]
        told |= {v.claim for v in row if v}
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def compared(view: View) -> list[tuple[Verdict | None, ...]]:
    """The rows of that table: a claim on a shape that is given, and what it comes to otherwise."""
    by = {v.claim: v for v in judge_claims(view, EVERY)}
    rows = []
    for free in by.values():
        others = [by.get(free.counted or ""), by.get(EQUAL_MACS.get(free.claim, ""))]
        if free.sizes and any(v is not None and v.sizes for v in others):
            rows.append(tuple(v if v and v.sizes else None for v in (free, *others)))
    return rows
