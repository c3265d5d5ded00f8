"""What the records say of each claim.

A verdict rests on the mean over seeds and its 95 % interval (Student's t): a claim is *supported*
if the whole interval lies where the claim holds, *refuted* if none of it does, and otherwise
*open*; with fewer than two seeds it is open.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from prunelib.book.answers import half_width
from prunelib.book.notebook import Records
from prunelib.errors import Missing
from prunelib.evidence.claims import CLAIMS, CONTROLS, Claim
from prunelib.study.families import FAMILIES

MOST_SEEDS = 100


@dataclass(frozen=True)
class Verdict:
    """What the records of one scale say of a claim, from `seeds` of the `planned` ones.

    `enough` seeds would settle an open claim, were mean and spread to stay as they are.
    """

    claim: str
    text: str
    short: str
    where: str
    scale: str
    statistic: str
    verdict: str
    mean: float | None
    low: float | None
    high: float | None
    seeds: int
    planned: int
    enough: int | None
    records: tuple[str, ...]


def judge(values: list[float], low: float, high: float) -> tuple[str, float, float, float]:
    """Verdict, mean and 95 % interval of the values of some seeds.

    >>> judge([1.0, 1.1, 0.9], 0, float("inf"))[0]
    'supported'
    """
    values = np.asarray(values, float)
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < 2:
        return "open", mean, math.nan, math.nan
    half = half_width(values.std(ddof=1), len(values))
    left, right = mean - half, mean + half
    if left > low and right < high:
        return "supported", mean, left, right
    if right < low or left > high:
        return "refuted", mean, left, right
    return "open", mean, left, right


def seeds_to_settle(values: list[float], low: float, high: float) -> int | None:
    """Seeds whose interval would no longer hold `low` or `high`, were mean and spread to stay.

    None where fewer than two seeds tell no spread, or where `MOST_SEEDS` are not enough.

    >>> seeds_to_settle([2.0, -1.0, 2.0], 0, float("inf"))
    15
    """
    if len(values) < 2:
        return None
    values = np.asarray(values, float)
    away = min(abs(values.mean() - low), abs(values.mean() - high))
    seeds = np.arange(2, MOST_SEEDS + 1)
    settled = half_width(values.std(ddof=1), seeds) < away
    return int(seeds[settled][0]) if settled.any() else None


def verdicts(records: Records, asked: tuple[Claim, ...] | None = None) -> list[Verdict]:
    """A verdict on every claim from the records of one scale; by default on `CLAIMS`."""
    networks, found = records.networks, []
    for claim in CLAIMS if asked is None else asked:
        try:
            by_seed = claim.rule(records)
        except Missing:
            by_seed = {}
        by_seed = {seed: v for seed, v in by_seed.items() if math.isfinite(v)}
        values = list(by_seed.values())
        behind = networks[networks["family"].isin(claim.families) & networks["seed"].isin(by_seed)]
        verdict, *numbers = judge(values, claim.low, claim.high)
        mean, low, high = (None if math.isnan(n) else n for n in numbers)
        found.append(
            Verdict(
                claim.number,
                claim.text,
                claim.short,
                claim.where,
                records.scale.name,
                claim.statistic,
                verdict,
                mean,
                low,
                high,
                len(values),
                min(records.scale.seeds_of(FAMILIES[name]) for name in claim.families),
                seeds_to_settle(values, claim.low, claim.high) if verdict == "open" else None,
                tuple(sorted(set(behind["key"]))),
            )
        )
    return found


def as_rows(found: list[Verdict]) -> list[dict]:
    """Verdicts as plain data, for JSON and for tables."""
    return [asdict(verdict) for verdict in found]


def signed(x: float) -> str:
    """A statistic with its sign and three significant digits or two decimals."""
    return f"{x:+.2f}"


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


def claims(studies: dict[str, Records], *numbers: str) -> str:
    """What all scales say of some claims, in the order asked for, as a Markdown list."""
    asked = tuple(claim for claim in CLAIMS + CONTROLS if claim.number in numbers)
    found = {name: verdicts(records, asked) for name, records in studies.items()}
    lines = []
    for claim in sorted(asked, key=lambda claim: numbers.index(claim.number)):
        each = [told(v) for rows in found.values() for v in rows if v.claim == claim.number]
        lines.append(
            f"- {claim.number}: *{claim.text}* {f'({claim.where}) ' if claim.where else ''}"
            f"{capital('; '.join(each))}. Measured: {claim.statistic}."
        )
    return "\n".join(lines)


def reasons(records: Records) -> str:
    """Of the claims that do not hold: the controls that tell why, and the seeds that would settle.

    A Markdown list; empty where nothing was measured.
    """
    by = {v.claim: v for v in verdicts(records, CLAIMS + CONTROLS)}
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


def sources(studies: dict[str, Records]) -> str:
    """The keys of the records behind each verdict, folded away, as Markdown."""
    parts = []
    for name, records in studies.items():
        lines = [
            f"<li>{v.claim}: {', '.join(f'<code>{key}</code>' for key in v.records)}</li>"
            for v in verdicts(records, CLAIMS + CONTROLS)
            if v.records
        ]
        parts.append(
            f"<details><summary>Scale {name}: the records behind each verdict</summary>"
            f"<ul>{''.join(lines)}</ul></details>"
        )
    return "\n\n".join(parts)


MARKS = {"supported": "✔", "refuted": "✘", "open": "?"}


def table(studies: dict[str, Records], asked: tuple[Claim, ...] | None = None) -> str:
    """All claims and what each scale says of them, as a Markdown table."""
    asked = CLAIMS if asked is None else asked
    found = {name: verdicts(records, asked) for name, records in studies.items()}
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


def headline(studies: dict[str, Records]) -> str:
    """The answer to the book's question in two sentences a scale, as a Markdown list.

    The digits of `TRIAL` are no evidence beside another scale, and are left out there.
    """
    lines = []
    for name, records in studies.items():
        if name == TRIAL and lines:
            continue
        by = {v.claim: v for v in verdicts(records, CLAIMS + CONTROLS)}
        if any(by[claim].mean is not None for claim in ("C1", "C4", "K7")):
            asked = (by[claim] for claim in ("K7", "C1", "C4", "K10", "K9"))
            lines.append(f"- Scale {name}: {answer(*asked)}")
    return "\n".join([*lines, "", SIGN] if lines else ["Nothing is measured yet that could tell."])


TRIAL = "smoke"
"""The scale that shows that the machinery works, and hardly more."""

SIGN = (
    "In brackets: points of test error, averaged over sizes, ± half of the 95 % interval that the "
    "seeds give. Above zero the pruned network is the worse one; of shapes and of retraining, what "
    "it is compared with. *As many images* are those that base and pruning saw together, and "
    "retraining too where there is one; *as many epochs as the base* is the paper's comparison."
)


def answer(
    images: Verdict, epochs: Verdict, shape: Verdict, retrained: Verdict, kept: Verdict
) -> str:
    """Is it worth pruning a network? What K7 and C1 say to that, C4 of the shape, and K10 and K9 of
    retraining.

    Equal images decide, for with equal epochs the pruned network has seen more: to win with fewer
    is a stronger win, to lose with fewer tells nothing.
    """
    seen = {images.verdict, epochs.verdict}
    if "supported" in seen and images.verdict != "refuted":
        first = "**No, not as the paper does it**"
        better, worse = "But pruning finds better shapes", "Nor for its shape"
    elif images.verdict == "refuted" and epochs.verdict != "supported":
        first = "**Yes, at this scale**"
        better, worse = "And pruning finds better shapes", "It is not the shape"
    else:
        first = "**It is open at this scale**"
        better, worse = "Pruning finds better shapes", "Its shape is no reason"
    equal = {
        "supported": "with as many images, a bottleneck network beats a pruned one of equal size",
        "refuted": "even with as many images, a bottleneck network loses to a pruned one of equal "
        "size",
        "open": "whether a bottleneck network beats a pruned one of equal size that saw as many "
        "images is not settled",
    }[images.verdict]
    fewer = {
        "supported": "even with only as many epochs as the base, reduced width and bottleneck win",
        "refuted": "with only as many epochs as the base, reduced width and bottleneck lose",
        "open": "with only as many epochs as the base, it is open for reduced width and bottleneck",
    }[epochs.verdict]
    first += f": {equal} ({brief(images)}); {fewer} ({brief(epochs)})"
    second = {
        "supported": f"{better}: trained from scratch, they beat the simple networks",
        "refuted": f"{worse}: trained from scratch, it does not beat the simple networks",
        "open": "Whether the shapes that pruning finds are better than simple ones is open",
    }[shape.verdict]
    second += f" ({brief(shape)})"
    if retrained.mean is not None and kept.mean is not None:
        again = {
            "supported": "retrained with the whole schedule, a pruned network does beat a "
            "bottleneck network that saw as many images",
            "refuted": "even retrained with the whole schedule, a pruned network loses to a "
            "bottleneck network that saw as many images",
            "open": "whether a pruned network that is retrained with the whole schedule beats a "
            "bottleneck network that saw as many images is open",
        }[retrained.verdict]
        new = {
            "supported": "and new weights in its shape do worse",
            "refuted": "but new weights in its shape do better than the retrained ones",
            "open": "and whether new weights in its shape do better is open",
        }[kept.verdict]
        second += f"; {again} ({brief(retrained)}), {new} ({brief(kept)})"
    return f"{first}. {second}."


def capital(text: str) -> str:
    """With a capital letter at the beginning."""
    return text[:1].upper() + text[1:]
