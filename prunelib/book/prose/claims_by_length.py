"""Every claim against the length of training, as a table."""

from prunelib.book.prose.judgements import (
    EVERY,
    MARKS,
    asked_of,
    name,
    sides_of,
    toward,
    with_unit,
)
from prunelib.book.prose.phrases import unit
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.verdicts import AtSize, Verdict, judge_claims
from prunelib.evidence.view import View
from prunelib.text import counted, fixed, short

PAPERS = {claim.number for claim in CLAIMS}


def against_length(views: dict[str, View]) -> str:
    """Every claim that is asked at two lengths, as a Markdown table: mark, mean, and each size.

    Claims of which nothing is known are left out, and lengths at which nothing was trained yet.
    """
    found = {
        scale: {v.claim: v for v in judge_claims(view, EVERY)} for scale, view in views.items()
    }
    there = {scale: view for scale, view in views.items() if view.there}
    if not there:
        return "No run of any length is on record yet."
    heads = (f"{view.scale.train.epochs} epochs" for view in there.values())
    lines = [f"| claim | {' | '.join(heads)} |", "|---|" + "---|" * len(there)]
    for claim in EVERY:
        known = {scale: by[claim.number] for scale, by in found.items()}
        asked = {scale: v for scale, v in known.items() if asked_of(views[scale], v, claim)}
        measured = any(verdict.sizes for verdict in asked.values())
        if not measured or len(asked) < min(2, len(views)):
            continue
        by_size = claim.number in PAPERS or any(differ(verdict) for verdict in asked.values())
        cells = [brief(asked[scale], by_size) if scale in asked else "not asked" for scale in there]
        lines.append(f"| {name(claim)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differ(verdict: Verdict) -> bool:
    """Whether a size says something else than the mean, or is known without one."""
    known = [size for size in verdict.sizes if size.mean is not None]
    return bool(known) and (
        verdict.mean is None or any(size.verdict != verdict.verdict for size in known)
    )


def brief(verdict: Verdict, by_size: bool) -> str:
    """A verdict in few words: mark and mean, and below them each size if that is asked for.

    While a size is missing there is no mean.
    """
    sizes = [
        f"{short(size.size)}: {in_brief(verdict, size)}"
        for size in verdict.sizes
        if size.mean is not None
    ]
    if verdict.mean is None:
        return f"<small>{'<br>'.join(sizes)}</small>" if sizes else "no run yet"
    below = f"<br><small>{'<br>'.join(sizes)}</small>" if len(sizes) > 1 and by_size else ""
    return in_brief(verdict, verdict) + below


def in_brief(of: Verdict, found: Verdict | AtSize) -> str:
    """What was found of a claim, on the whole or at one size; its seeds, if they are few."""
    assert found.mean is not None
    first = found is of or of.mean is None
    plain = unit(of.claim) == " points" or not first
    mean = in_column(of.claim, found.mean) if plain else with_unit(of.claim, found.mean)
    few = found.seeds < max(of.planned, 2) and (first or of.seeds != found.seeds)
    seeds = f" ({counted(found.seeds, 'seed')})" if few else ""
    return f"{MARKS[found.verdict]} {mean}{seeds}"


def in_column(claim: str, x: float) -> str:
    """A number for a claim (+) or against it (−); in words where it compares likeness."""
    if sides_of(claim) == ("against", "for"):
        return fixed(x, sign=True).replace("-", "−")
    return toward(claim, x)
