"""Verdicts as sentences, lists and a table, in Markdown."""

from prunelib.book.prose.words import capital, signed
from prunelib.evidence.claims import CLAIMS, Claim
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import MOST_SEEDS, Verdict, verdicts
from prunelib.evidence.view import View

MARKS = {"supported": "✔", "refuted": "✘", "open": "?"}


def told(verdict: Verdict) -> str:
    """A verdict as part of a sentence."""
    if verdict.mean is None:
        return f"at {verdict.scale} **open**, for nothing was measured that could tell"
    spread = "no interval"
    if verdict.low is not None:
        spread = f"95 % interval {signed(verdict.low)} to {signed(verdict.high)}"
    return (
        f"at {verdict.scale} **{verdict.verdict}**, {signed(verdict.mean)} "
        f"({spread}, {seeds(verdict)})"
    )


def brief(verdict: Verdict) -> str:
    """The numbers of a verdict, between brackets; behind ±, half of the interval."""
    if verdict.mean is None:
        return "not measured"
    half = "" if verdict.low is None else f" ± {(verdict.high - verdict.low) / 2:.2f}"
    return f"{signed(verdict.mean)}{half}, {seeds(verdict)}"


def seeds(verdict: Verdict) -> str:
    """How many seeds a verdict rests on, of how many if some are missing."""
    of = f" of {verdict.planned}" if verdict.seeds < verdict.planned else ""
    return f"{verdict.seeds}{of} {'seed' if verdict.seeds == 1 and not of else 'seeds'}"


def claims(studies: dict[str, View], *numbers: str) -> str:
    """What all scales say of some claims, in the order asked for, as a Markdown list."""
    asked = tuple(claim for claim in CLAIMS + QUESTIONS if claim.number in numbers)
    found = {name: verdicts(view, asked) for name, view in studies.items()}
    lines = []
    for claim in sorted(asked, key=lambda claim: numbers.index(claim.number)):
        each = [told(v) for rows in found.values() for v in rows if v.claim == claim.number]
        lines.append(
            f"- {claim.number}: *{claim.text}* {f'({claim.where}) ' if claim.where else ''}"
            f"{capital('; '.join(each))}. Measured: {claim.statistic}."
        )
    return "\n".join(lines)


def reasons(view: View) -> str:
    """Of the claims that do not hold: the controls that tell why, and the seeds that would settle.

    A Markdown list; empty where nothing was measured.
    """
    by = {v.claim: v for v in verdicts(view, CLAIMS + QUESTIONS)}
    lines = []
    for claim in CLAIMS:
        found = by[claim.number]
        if found.mean is None or found.verdict == "supported":
            continue
        lines += [f"- {said(found)}", *(f"  - {said(by[control])}" for control in claim.why)]
        if found.verdict == "open" and found.low is not None:
            enough = f"about {found.enough}" if found.enough else f"over {MOST_SEEDS}"
            lines.append(
                f"  - Were its mean and spread to stay as they are, {enough} seeds would settle "
                f"it; {found.seeds} seeds tell either only roughly."
            )
    return "\n".join(lines)


def said(verdict: Verdict) -> str:
    """A claim and its verdict, as a sentence each."""
    return f"{verdict.claim}: *{verdict.text}* {capital(told(verdict))}."


def sources(studies: dict[str, View]) -> str:
    """The keys of the records behind each verdict, folded away, as Markdown."""
    parts = []
    for name, view in studies.items():
        lines = [
            f"<li>{v.claim}: {', '.join(f'<code>{key}</code>' for key in v.records)}</li>"
            for v in verdicts(view, CLAIMS + QUESTIONS)
            if v.records
        ]
        parts.append(
            f"<details><summary>Scale {name}: the records behind each verdict</summary>"
            f"<ul>{''.join(lines)}</ul></details>"
        )
    return "\n\n".join(parts)


def table(studies: dict[str, View], asked: tuple[Claim, ...] | None = None) -> str:
    """All claims and what each scale says of them, as a Markdown table."""
    asked = CLAIMS if asked is None else asked
    found = {name: verdicts(view, asked) for name, view in studies.items()}
    lines = [
        "| | claim | " + " | ".join(found) + " |",
        "|---|---|" + "---|" * len(found),
    ]
    for i, claim in enumerate(asked):
        cells = []
        for rows in found.values():
            v = rows[i]
            number = "" if v.mean is None else f" {signed(v.mean)}"
            interval = "" if v.low is None else f" ({signed(v.low)} to {signed(v.high)})"
            cells.append(f"{MARKS[v.verdict]} {v.verdict}{number}{interval}")
        lines.append(f"| {claim.number} | {claim.text} | {' | '.join(cells)} |")
    return "\n".join(lines)
