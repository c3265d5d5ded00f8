"""What networks cost, in words: the work of training, pruning, and searching for a shape."""

from prunelib.book.escape import markdown
from prunelib.book.prose.answer import hedged, leading, not_at_all_sizes, told_by_size
from prunelib.book.prose.judgements import EVERY, name, verdict_cell
from prunelib.book.prose.words import capital, length_of, listed, missing
from prunelib.evidence.questions import EQUAL_MACS
from prunelib.evidence.verdicts import DEPENDS, judge_claims
from prunelib.evidence.view import View, by_length
from prunelib.study.families import BOTTLENECK, BOTTLENECK_LONG, PRUNED, SCRATCH_LONG
from prunelib.text import fixed, short

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
        verdict = found["K14"]
        words = "that is not known" if verdict.mean is None else SEARCH_PAYS[verdict.verdict]
        told.setdefault(words, []).append(str(view.scale.train.epochs))
    parts = [f"after {listed(lengths)} epochs {words}" for words, lengths in told.items()]
    return (
        "*Is a search for a shape of your own worth its work?* "
        f"{capital(', '.join(parts))}: {name(found['K14'])}."
    )


def cost(view: View) -> str:
    """What the smallest and the largest networks cost by each way, beside pruning."""
    means = view.networks.groupby(["budget", "family"])[["total_macs", "error"]].mean()
    ways = (BOTTLENECK, BOTTLENECK_LONG, SCRATCH_LONG)
    lines = []
    for budget in sorted({view.scale.budgets[0], view.scale.budgets[-1]}):
        if any((budget, family) not in means.index for family in (PRUNED, *ways)):
            continue
        at = means.loc[budget]
        work = at["total_macs"] / at["total_macs"][PRUNED]
        simple, longer, shape = (
            f"**{at['error'][family]:.1f}%** for {times(work[family])}" for family in ways
        )
        lines.append(
            f"- At {short(budget)} parameters, training and pruning the base ends at "
            f"**{at['error']['pruned-and-tuned']:.1f}%**. A bottleneck network reaches {simple}, "
            f"and {longer} if it is trained longer. The shape that pruning found, trained longer, "
            f"reaches {shape}, including the search."
        )
    if not lines:
        return missing(view, "longer training")
    return "\n".join([f"With a base network that is trained for {length_of(view)}:", "", *lines])


def times(share: float) -> str:
    """A share of the work of training and pruning the base, in words."""
    return f"{share:.0%} of that work" if share < 1 else f"{share:.1f} times that work"


def costs(studies: dict[str, View]) -> str:
    """Where a shape is compared, as a table: its search free, its search counted in, and at equal
    multiply-accumulates instead of parameters. It is of the study that has measured most of it.
    """
    rows = {name: compared(view) for name, view in by_length(studies).items()}
    most = max(rows, key=lambda name: len(rows[name]))
    if not rows[most]:
        return ""
    view = studies[most]
    which = f"At {markdown(view.scale.name)} ({length_of(view)}), where most of it was measured:"
    head = "| the shape is given | its search counts | at equal multiply-accumulates |"
    return "\n".join([which, "", head, "|---|---|---|", *rows[most]])


def compared(view: View) -> list[str]:
    """The rows of that table."""
    by = {v.claim: v for v in judge_claims(view, EVERY)}
    lines: list[str] = []
    told: set[str] = set()
    for free in by.values():
        others = [by.get(free.counted or ""), by.get(EQUAL_MACS.get(free.claim, ""))]
        if free.sizes and any(v is not None and v.sizes for v in others):
            row = [v if v and v.sizes else None for v in (free, *others)]
            cells = [
                f"{name(v)}: {'as above' if v.claim in told else verdict_cell(v)}" if v else ""
                for v in row
            ]
            told |= {v.claim for v in row if v}
            lines.append(f"| {' | '.join(cells)} |")
    return lines
