"""What longer training would give, and what the same images say, in words."""

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.length import WATCHED
from prunelib.book.prose.words import listed
from prunelib.evidence.extrapolation import (
    PAPER_EPOCHS,
    Estimate,
    Extrapolation,
    Further,
    extrapolations,
)
from prunelib.evidence.lengths import errors_by_length
from prunelib.evidence.paired import Paired, paired_rows
from prunelib.evidence.view import View
from prunelib.study.families import (
    BOTTLENECK,
    BOTTLENECK_LONG,
    FAMILIES,
    PRUNED,
    SCRATCH,
    SCRATCH_LONG,
)
from prunelib.text import counted, fixed, short

PAIRS = (
    (PRUNED, BOTTLENECK_LONG),
    (BOTTLENECK_LONG, SCRATCH_LONG),
    (BOTTLENECK, SCRATCH),
)
"""Families that are compared on the same images."""


def two_hundred(views: dict[str, View]) -> str:
    """What the paper's 200 epochs would add, as far as the measured lengths tell; Markdown."""
    reached, rows = at_last(views), extrapolations(views)
    lines = [row for row in rows if not row.reached]
    if not lines:
        return reached or (
            f"What {PAPER_EPOCHS} epochs would add cannot be said yet: that takes three lengths of "
            "training with two seeds in common."
        )
    table = [
        f"| parameters | bottleneck after {PAPER_EPOCHS} epochs | pruned shape | ratio of errors | "
        "measured up to | the check |",
        "|---|---|---|---|---|---|",
        *(table_row(row) for row in lines),
    ]
    known = f"{reached}\n\nAt other sizes" if reached else "Here"
    lead = f"{known} it was not measured. {ASSUMED} {ahead(lines)}. {CAVEAT}"
    return "\n".join([lead, "", *table, *put_to_the_test(rows)])


def at_last(views: dict[str, View]) -> str:
    """What was measured after the paper's epochs or more, at sizes where both networks were."""
    rows = errors_by_length(views)
    rows = rows[rows["family"].isin(WATCHED) & (rows["epochs"].round() >= PAPER_EPOCHS)]
    return " ".join(
        f"At {short(size)} parameters it was measured, with {counted(own['seeds'].min(), 'seed')}: "
        + ", and ".join(errors_told(str(family), runs) for family, runs in own.groupby("family"))
        + "."
        for size, own in rows.groupby("size")
        if own["family"].nunique() == len(WATCHED)
    )


def errors_told(family: str, runs: pd.DataFrame) -> str:
    """The errors of a network after each of some lengths of training."""
    told = [f"{fixed(r.error, 1)}% after {r.epochs:.0f}" for r in runs.itertuples()]
    return f"{WATCHED[family]} has {listed(told)} epochs"


def put_to_the_test(rows: list[Extrapolation]) -> list[str]:
    """What longer training of single networks says of the lines; nothing where there is none."""
    found: dict[tuple[str, int, int], list[Further]] = {}
    for row in rows:
        for one in row.further:
            found.setdefault((one.family, row.size, round(one.epochs)), []).append(one)
    if not found:
        return []
    above = all(one.measured > one.told for runs in found.values() for one in runs)
    each = ", and all end above their lines" if above else ""
    lines = [
        f"| {WATCHED[family].removeprefix('a ')} | {short(size)} | {epochs} | "
        f"{percentages([one.measured for one in runs])} | "
        f"{percentages([one.told for one in runs])} |"
        for (family, size, epochs), runs in found.items()
    ]
    head = ["| network | parameters | epochs | measured | the line says |", "|---|---|---|---|---|"]
    return ["", f"Single networks were trained for longer{each}:", "", *head, *lines]


def percentages(values: list[float]) -> str:
    """Errors of several networks in a cell.

    >>> percentages([15.94, 14.6])
    '15.9% and 14.6%'
    """
    return listed([f"{fixed(x, 1)}%" for x in values])


ASSUMED = "If errors kept falling along a straight line against epochs, with both axes logarithmic,"
CAVEAT = (
    "Errors level off in the end, so the real ones will probably be higher. The 95% intervals are "
    "over seeds and say nothing about whether the line is right. *The check* leaves out the "
    "longest training, and compares the ratio that the line says there with the measured one."
)


def table_row(row: Extrapolation) -> str:
    """A row of the table."""
    cells = (
        short(row.size),
        estimate_text(row.simple, 1, "%"),
        estimate_text(row.shape, 1, "%"),
        estimate_text(row.ratio, 2),
        f"{span_of_epochs(*row.longest)} epochs, {row.seeds} seeds",
        f"{fixed(100 * abs(row.missed - 1), 1)}% too {'high' if row.missed > 1 else 'low'}",
    )
    return f"| {' | '.join(cells)} |"


def span_of_epochs(least: float, most: float) -> str:
    """How long seeds were trained.

    >>> span_of_epochs(33.6, 99.8), span_of_epochs(33.6, 34.2)
    ('34 to 100', '34')
    """
    return " to ".join(dict.fromkeys(f"{epochs:.0f}" for epochs in (least, most)))


def estimate_text(estimate: Estimate, digits: int, unit: str = "") -> str:
    """A value and its interval."""
    middle, low, high = (fixed(x, digits) for x in estimate)
    return f"{middle}{unit} ({low} to {high})"


def ahead(rows: list[Extrapolation]) -> str:
    """At which sizes which kind of network would lead."""
    sides = {
        "the pruned shape would lead": [row for row in rows if row.ratio[1] > 1],
        "the bottleneck network would lead": [row for row in rows if row.ratio[2] < 1],
        "it would be too close to call": [row for row in rows if row.ratio[1] <= 1 <= row.ratio[2]],
    }
    parts = [
        f"at {listed([short(row.size) for row in own])} parameters {who}"
        for who, own in sides.items()
        if own
    ]
    return "; ".join(parts)


def same_images(views: dict[str, View]) -> str:
    """Families beside each other on the same test images, as a Markdown table."""
    rows = [
        (name, pair, row)
        for name, view in views.items()
        for pair in PAIRS
        for row in paired_rows(view, *pair)
    ]
    if not rows:
        return "Which images were wrong has not been measured for two families of one size yet."
    heads = "scale, size | first; second | only first wrong | only second wrong | both wrong"
    lines = [f"| {heads} | difference, points |", "|---" * 6 + "|"]
    lines += [row_of(name, pair, row) for name, pair, row in rows]
    return "\n".join(lines)


def row_of(scale: str, pair: tuple[str, str], row: Paired) -> str:
    """A row of that table."""
    shares = (row.first_only, row.second_only, row.both)
    cells = (
        f"{markdown(scale)}, {short(row.size)}",
        "; ".join(FAMILIES[family].title for family in pair),
        *(f"{fixed(share, 1)}%" for share in shares),
        f"{fixed(row.difference).replace('-', '−')} ± {fixed(row.half)}",
    )
    return f"| {' | '.join(cells)} |"
