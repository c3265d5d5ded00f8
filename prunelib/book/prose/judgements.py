"""Verdicts as sentences, lists and tables, in Markdown."""

import html
from urllib.parse import quote

from prunelib.book.escape import markdown
from prunelib.book.prose.phrases import ALIKE, FACTS, PHRASES, unit
from prunelib.book.prose.words import capital, length_of
from prunelib.evidence.claims import CLAIMS, Claim
from prunelib.evidence.questions import IDENTITIES, QUESTIONS
from prunelib.evidence.verdicts import DEPENDS, Verdict, judge_claims
from prunelib.evidence.view import View, by_length
from prunelib.text import counted, fixed, short

EVERY = CLAIMS + QUESTIONS
MARKS = {"supported": "✔", "refuted": "✘", "equal": "=", DEPENDS: "±", "open": "?"}
TOLD = {"supported": "yes", "refuted": "no", "equal": "about equal"}
"""Where a reader is told a verdict in another word than programs."""
PAGE = "verdicts.html"
"""The page with the table that names of claims link to."""


def name(claim: Claim | Verdict, page: str = PAGE) -> str:
    """The short name of a claim, linked to its row in the table, and its number as a label."""
    number = claim.number if isinstance(claim, Claim) else claim.claim
    plain = " ".join(claim.short.replace("<br>", " ").split())
    return f"[{capital(plain)}]({page}#{number.lower()}) <small>{number}</small>"


def amount(claim: str, x: float) -> str:
    """A number without its sign, with its unit."""
    return f"{fixed(abs(x))}{unit(claim)}"


def said(verdict: Verdict) -> str:
    """What a verdict says: who is better, and by how much."""
    if verdict.mean is None:
        return "no seed has all sizes yet" if verdict.sizes else "it has not been measured"
    above, below = PHRASES[verdict.claim, verdict.verdict]
    text = above if verdict.mean >= 0 else below
    return text.format(x=amount(verdict.claim, verdict.mean))


def seeds(verdict: Verdict) -> str:
    """How many seeds a verdict rests on, of how many if some are missing."""
    if verdict.seeds < verdict.planned:
        return f"{verdict.seeds} of {counted(verdict.planned, 'seed')}"
    return counted(verdict.seeds, "seed")


def sizes_text(verdict: Verdict) -> str:
    """What is said at each size, smallest first; nothing where the mean says it, of one only."""
    if len(verdict.sizes) < 2 and verdict.mean is not None:
        return ""
    return "; ".join(
        f"{short(at.size)}: {TOLD.get(at.verdict, at.verdict)}, {toward(verdict.claim, at.mean)}"
        + (f" ({counted(at.seeds, 'seed')})" if at.seeds != verdict.seeds else "")
        for at in verdict.sizes
        if at.mean is not None
    )


def toward(claim: str, x: float) -> str:
    """A number of a table: how many points for the claim, or against it."""
    sides = sides_of(claim)
    return f"{fixed(abs(x))} {sides[x >= 0]}" if sides else minus(x)


def sides_of(claim: str) -> tuple[str, str] | None:
    """What a number of a claim below zero is for, and one above it; None where it has its sign."""
    if claim in FACTS:
        return FACTS[claim].sides
    return ("better", "worse") if claim in ALIKE else ("against", "for")


def minus(x: float) -> str:
    """A number with its sign, if that is a minus."""
    return fixed(x).replace("-", "−")


def asked_of(view: View, verdict: Verdict, claim: Claim) -> bool:
    """Whether a claim is about a scale, whose study has its networks."""
    if claim.only not in (None, view.scale.name):
        return False
    return bool(verdict.sizes) or set(claim.families) <= set(view.scale.families)


def claims(studies: dict[str, View], *numbers: str, settled: bool = False) -> str:
    """What some claims come to, in the order asked for, as a Markdown list.

    Each claim has its short name, which links to its text in the table of all verdicts. Those that
    no study has measured come last, in one line, and with `settled` before them those that none
    has settled.
    """
    asked = tuple(claim for claim in EVERY if claim.number in numbers)
    views = by_length(studies).items()
    found = {scale: {v.claim: v for v in judge_claims(view, asked)} for scale, view in views}
    lines, unsettled, unmeasured = [], [], []
    for claim in sorted(asked, key=lambda claim: numbers.index(claim.number)):
        by_scale = {scale: by[claim.number] for scale, by in found.items()}
        rows = [v for scale, v in by_scale.items() if asked_of(studies[scale], v, claim)]
        rows = [v for v in rows if v.sizes] or rows[:1]
        if rows and not any(v.sizes for v in rows):
            unmeasured.append(name(claim))
        elif settled and {v.verdict for v in rows} == {"open"}:
            unsettled.append(name(claim))
        elif claim.only and not rows:
            lines.append(f"- {name(claim)}: asked at {markdown(claim.only)} only.")
        else:
            lines.append(f"- {name(claim)}: {at_scales(rows, studies)}")
    if unsettled:
        lines.append(f"- Not settled: {', '.join(unsettled)}.")
    if unmeasured:
        lines.append(f"- Not measured yet: {', '.join(unmeasured)}.")
    return "\n".join(lines)


def at_scales(rows: list[Verdict], studies: dict[str, View]) -> str:
    """Verdicts on one claim: a sentence for one scale, then the words of the others.

    The sentence is for the longest that has all its seeds, of those with an interval if there are
    any: a single seed settles nothing. The scale of a single study is not named.
    """
    if not rows:
        return "not asked."
    whole = [v for v in rows if v.mean is not None and v.seeds >= v.planned]
    settling = [v for v in whole if v.low is not None]
    told = (settling or whole or rows[:1])[-1]
    sentence = f"{MARKS[told.verdict]} {capital(said(told))}{qualified(told)}."
    if len(studies) == 1:
        return sentence
    others = [
        f"at {markdown(v.scale)}: {MARKS[v.verdict]} {TOLD.get(v.verdict, v.verdict)}"
        for v in rows
        if v is not told
    ]
    rest = f" {capital(', '.join(others))}." if others else ""
    length = next(length_of(v) for v in studies.values() if v.scale.name == told.scale)
    return f"At {markdown(told.scale)} ({length}): {sentence}{rest}"


def qualified(verdict: Verdict) -> str:
    """What must be added to the sentence of a verdict: sizes that say something else, and if it is
    one of too many."""
    parts = [size_by_size(verdict)]
    if verdict.survives is False and verdict.verdict != "open":
        parts.append("with so many claims, this could be chance")
    told = "; ".join(filter(None, parts))
    return f" ({told})" if told else ""


def size_by_size(verdict: Verdict) -> str:
    """The number of each size, where not all say what the mean does, or nothing is settled.

    Numbers are for what the sentence of the verdict says, those below zero against it.
    """
    known = [(at, at.mean) for at in verdict.sizes if at.mean is not None]
    alike = {at.verdict for at, _ in known} <= {verdict.verdict}
    if len(known) < 2 or verdict.mean is None or (alike and verdict.verdict != "open"):
        return ""
    alike_is_said = verdict.verdict == "supported" and verdict.claim in ALIKE
    if verdict.claim in FACTS or verdict.verdict == "equal" or alike_is_said:
        return sizes_text(verdict)
    sign = 1 if verdict.mean >= 0 else -1
    words = {"open": "not settled", "equal": "about equal"}
    return "; ".join(
        f"{short(at.size)}: {minus(sign * mean)}"
        + (f", {words[at.verdict]}" if at.verdict in words and not alike else "")
        for at, mean in known
    )


def statistics_list(*numbers: str) -> str:
    """How some claims are measured, by default all, as a Markdown list."""
    return "\n".join(
        f"- {name(claim)}{f', {claim.where} of the paper' if claim.where else ''}: "
        f"{claim.statistic}."
        for claim in EVERY
        if not numbers or claim.number in numbers
    )


def sources(studies: dict[str, View]) -> str:
    """The keys of the records behind each verdict, linked to them, folded away, as Markdown."""
    parts = []
    for scale, view in by_length(studies).items():
        lines = [
            f"<li>{v.claim}: {', '.join(record_link(scale, key) for key in v.records)}</li>"
            for v in judge_claims(view, EVERY)
            if v.records
        ]
        parts.append(
            f"<details><summary>Scale {html.escape(scale)}: the records behind each verdict"
            f"</summary><ul>{''.join(lines)}</ul></details>"
        )
    return "\n\n".join(parts)


def record_link(scale: str, key: str) -> str:
    """HTML of a record's key that links to it in the book."""
    return f'<a href="../records/{quote(scale)}/{key}.json"><code>{key}</code></a>'


def claims_table(
    studies: dict[str, View], asked: tuple[Claim, ...] | None = None, key: bool = True
) -> str:
    """All claims and what each scale says of them, as a Markdown table, with a key below.

    A scale that has nothing to say of any is left out, unless there is no other.
    """
    asked = CLAIMS if asked is None else asked
    found = {scale: judge_claims(view, asked) for scale, view in by_length(studies).items()}
    found = {scale: v for scale, v in found.items() if any(x.sizes for x in v)} or found
    studies = {scale: studies[scale] for scale in found}
    lines = [
        "| claim | "
        + " | ".join(f"{markdown(scale)}, {length_of(view)}" for scale, view in studies.items())
        + " |",
        "|---|" + "---|" * len(found),
    ]
    for i, claim in enumerate(asked):
        rows = zip(studies.values(), found.values(), strict=True)
        cells = " | ".join(
            verdict_cell(v[i]) if asked_of(view, v[i], claim) else "not asked" for view, v in rows
        )
        anchor = f'<span id="{claim.number.lower()}"></span>'
        lines.append(f"| {anchor}{claim.text} <small>{claim.number}</small> | {cells} |")
    return "\n".join([KEY, "", *lines] if key else lines)


KEY = (
    "Each cell has the verdict, the mean over sizes for or against the claim with its 95% "
    "interval, and below them each size (in parameters). ✔ yes, ✘ no, = about equal, ± depends on "
    "the size, ? open: these seeds do not settle it. Points are percentage points of test error. "
    "† would not survive the correction for so many claims (Holm's method, 5%)."
)


def verdict_cell(verdict: Verdict) -> str:
    """A verdict in a table: word, mean, interval, and below these what is said at each size."""
    word = TOLD.get(verdict.verdict, verdict.verdict)
    falls = "" if verdict.survives is not False or verdict.verdict == "open" else " †"
    sizes = f"<br><small>{sizes_text(verdict)}</small>" if sizes_text(verdict) else ""
    if verdict.mean is None:
        return f"{MARKS[verdict.verdict]} {word}: {said(verdict)}{sizes}"
    span = f" ({interval_text(verdict)}, {seeds(verdict)})"
    mean = with_unit(verdict.claim, verdict.mean)
    return f"{MARKS[verdict.verdict]} **{word}**{falls}: {mean}{span}{sizes}"


def with_unit(claim: str, mean: float) -> str:
    """A mean, for the claim or against it, with its unit."""
    before = FACTS[claim].before if claim in FACTS else ""
    number, *side = toward(claim, mean).split()
    return " ".join([f"{before}{number}{unit(claim)}", *side])


def interval_text(verdict: Verdict) -> str:
    """An interval in a table."""
    low, high = verdict.low, verdict.high
    if low is None or high is None:
        return "no interval"
    if sides_of(verdict.claim) is None:
        return f"{minus(low)} to {minus(high)}"
    if low * high >= 0:
        low, high = sorted((abs(low), abs(high)))
        return f"{fixed(low)} to {fixed(high)}"
    return " to ".join(toward(verdict.claim, x) for x in (low, high))


def identities() -> str:
    """Which claims are sums of others, as a sentence."""
    parts = [
        f"{claim} = {first} {'+' if sign > 0 else '−'} {second}"
        for claim, ((first, _), (second, sign)) in IDENTITIES.items()
    ]
    return (
        f"Some verdicts follow from others and are no further evidence: {', '.join(parts)}. This "
        "holds nearly, for networks within one budget differ a little in size."
    )
