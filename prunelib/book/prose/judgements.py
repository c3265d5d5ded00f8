"""Verdicts as sentences, lists and tables, in Markdown."""

import html

from prunelib.book.escape import markdown
from prunelib.book.prose.words import capital, signed
from prunelib.evidence.claims import CLAIMS, Claim
from prunelib.evidence.questions import IDENTITIES, QUESTIONS
from prunelib.evidence.verdicts import CHANCE, DEPENDS, MOST_SEEDS, AtSize, Verdict, verdicts
from prunelib.evidence.view import View
from prunelib.text import fixed, short

EVERY = CLAIMS + QUESTIONS
MARKS = {"supported": "✔", "refuted": "✘", "equal": "=", DEPENDS: "±", "open": "?"}
WORDS = {"equal": "about equal"}
"""Where a reader is told a verdict in another word than programs."""


def told(verdict: Verdict) -> str:
    """A verdict as part of a sentence."""
    scale = markdown(verdict.scale)
    if not verdict.sizes and not verdict.planned:
        return f"at {scale} it is not asked"
    if not verdict.sizes:
        return f"at {scale} **open**, for nothing was measured that could tell"
    word = WORDS.get(verdict.verdict, verdict.verdict)
    if verdict.mean is None:
        return f"at {scale} **{word}**, for no seed has all sizes"
    spread = "no interval"
    if verdict.low is not None:
        spread = f"95 % interval {signed(verdict.low)} to {signed(verdict.high)}"
    return f"at {scale} **{word}**, {signed(verdict.mean)} ({spread}, {seeds(verdict)})"


def brief(verdict: Verdict) -> str:
    """The numbers of a verdict, between brackets; behind ±, half of the interval."""
    if verdict.mean is None:
        return "not measured"
    return f"{signed(verdict.mean)}{half(verdict)}, {seeds(verdict)}"


def half(found: Verdict | AtSize) -> str:
    """Half of an interval, behind ±."""
    return "" if found.low is None else f" ± {fixed((found.high - found.low) / 2)}"


def seeds(verdict: Verdict) -> str:
    """How many seeds a verdict rests on, of how many if some are missing."""
    of = f" of {verdict.planned}" if verdict.seeds < verdict.planned else ""
    return f"{verdict.seeds}{of} {'seed' if verdict.seeds == 1 and not of else 'seeds'}"


def by_size(verdict: Verdict) -> str:
    """What is said at each size; nothing where there is one only."""
    if len(verdict.sizes) < 2:
        return ""
    parts = [
        f"{short(at.size)} {signed(at.mean)}{half(at)} {MARKS[at.verdict]}" for at in verdict.sizes
    ]
    return ", ".join(parts)


def claims(studies: dict[str, View], *numbers: str) -> str:
    """What all scales say of some claims, in the order asked for, as a Markdown list."""
    asked = tuple(claim for claim in EVERY if claim.number in numbers)
    found = {name: verdicts(view, asked) for name, view in studies.items()}
    lines = []
    for claim in sorted(asked, key=lambda claim: numbers.index(claim.number)):
        rows = [v for rows in found.values() for v in rows if v.claim == claim.number]
        rows = [v for v in rows if v.planned or v.sizes] or rows
        lines.append(
            f"- {claim.number}: *{claim.text}* {f'({claim.where}) ' if claim.where else ''}"
            f"{capital('; '.join(map(told, rows)))}. Measured: {claim.statistic}."
        )
        lines += [f"  - By size, at {markdown(v.scale)}: {by_size(v)}." for v in rows if by_size(v)]
    return "\n".join(lines)


def reasons(view: View) -> str:
    """Of the claims that do not hold: the controls that tell why, and the seeds that would settle.

    A Markdown list; empty where nothing was measured.
    """
    by = {v.claim: v for v in verdicts(view, EVERY)}
    lines = []
    for claim in CLAIMS:
        found = by[claim.number]
        if found.mean is None or found.verdict == "supported":
            continue
        lines += [f"- {said(found)}", *(f"  - {said(by[control])}" for control in claim.why)]
        if found.enough is not None:
            lines.append(
                f"  - Were its mean and spread to stay as they are, about {found.enough} seeds "
                f"would settle it; {found.seeds} seeds tell either only roughly."
            )
        elif settles_not(found):
            lines.append(f"  - As many as {MOST_SEEDS} seeds like these would not settle it.")
    return "\n".join(lines)


def settles_not(verdict: Verdict) -> bool:
    """Whether it is open though sizes are alike, and no number of seeds tried would settle it."""
    alike = verdict.differ is None or verdict.differ >= CHANCE
    return verdict.verdict == "open" and verdict.low is not None and alike


def said(verdict: Verdict) -> str:
    """A claim and its verdict, as a sentence each."""
    sizes = f" By size: {by_size(verdict)}." if by_size(verdict) else ""
    return f"{verdict.claim}: *{verdict.text}* {capital(told(verdict))}.{sizes}"


def sources(studies: dict[str, View]) -> str:
    """The keys of the records behind each verdict, folded away, as Markdown."""
    parts = []
    for name, view in studies.items():
        lines = [
            f"<li>{v.claim}: {', '.join(f'<code>{key}</code>' for key in v.records)}</li>"
            for v in verdicts(view, EVERY)
            if v.records
        ]
        parts.append(
            f"<details><summary>Scale {html.escape(name)}: the records behind each verdict"
            "</summary>"
            f"<ul>{''.join(lines)}</ul></details>"
        )
    return "\n\n".join(parts)


def table(studies: dict[str, View], asked: tuple[Claim, ...] | None = None) -> str:
    """All claims and what each scale says of them, as a Markdown table with a key below."""
    asked = CLAIMS if asked is None else asked
    found = {name: verdicts(view, asked) for name, view in studies.items()}
    lines = [
        "| | claim | " + " | ".join(map(markdown, found)) + " |",
        "|---|---|" + "---|" * len(found),
    ]
    for i, claim in enumerate(asked):
        cells = " | ".join(cell(rows[i]) for rows in found.values())
        lines.append(f"| {claim.number} | {claim.text} | {cells} |")
    return "\n".join([*lines, "", KEY])


KEY = (
    "First the mean over the sizes with its 95 % interval, then each size: ✔ supported, ✘ refuted, "
    "= equal for all that matters, ± depends on the size, ? open. † would not stand among so many "
    "claims (Holm's method, 5 %)."
)


def cell(verdict: Verdict) -> str:
    """A verdict in a table: word, mean, interval, and below these what is said at each size."""
    if not verdict.sizes and not verdict.planned:
        return "–"
    number = "" if verdict.mean is None else f" {signed(verdict.mean)}"
    span = "" if verdict.low is None else f" ({signed(verdict.low)} to {signed(verdict.high)})"
    falls = "" if verdict.survives is not False or verdict.verdict == "open" else " †"
    sizes = f"<br><small>{by_size(verdict)}</small>" if by_size(verdict) else ""
    word = WORDS.get(verdict.verdict, verdict.verdict)
    return f"{MARKS[verdict.verdict]} {word}{falls}{number}{span}{sizes}"


def costs(view: View) -> str:
    """Where a shape is compared: with its search free, and with its search counted in; a table."""
    by = {v.claim: v for v in verdicts(view, EVERY)}
    lines = ["| the shape given | | its search counted in | |", "|---|---|---|---|"]
    for free in by.values():
        counted = by.get(free.counted)
        if counted is not None and free.sizes and counted.sizes:
            both = (f"{v.claim}: {v.text} | {cell(v)}" for v in (free, counted))
            lines.append(f"| {' | '.join(both)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def identities() -> str:
    """Which claims are sums of others, as a sentence."""
    parts = [
        f"{claim} = {first} {'+' if sign > 0 else '−'} {second}"
        for claim, ((first, _), (second, sign)) in IDENTITIES.items()
    ]
    return (
        f"Some verdicts follow from others and are no further evidence: {', '.join(parts)}, up to "
        "the few parameters by which networks miss a budget."
    )
