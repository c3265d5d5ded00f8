"""Why a claim of the paper does not hold, in words."""

from collections.abc import Iterator

from prunelib.book.escape import markdown
from prunelib.book.prose.judgements import EVERY, MARKS, TOLD, name, said, with_unit
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.verdicts import CHANCE, MAX_SAMPLE_SIZE, Verdict, judge_claims
from prunelib.evidence.view import View, by_length


def reasons(studies: dict[str, View], scale: str) -> str:
    """Of the claims that do not hold: the controls that tell why, and the seeds that would settle.

    A control that was not measured at this scale is told from the longest one where it was. A
    Markdown list below the name of the scale; empty where nothing was measured.
    """
    judged = {
        at: {v.claim: v for v in judge_claims(view, EVERY)}
        for at, view in by_length(studies).items()
    }
    lines = []
    for claim in CLAIMS:
        found = judged[scale][claim.number]
        if found.mean is None or found.verdict == "supported":
            continue
        lines.append(f"- {name(found)}: {in_short(found)}.")
        lines += [f"  - {control(number, judged, scale)}." for number in claim.why]
        lines += [f"  - {sentence}" for sentence in seeds_to_settle_it(found)]
    return "\n".join([f"At {markdown(scale)}:", "", *lines]) if lines else ""


def control(number: str, judged: dict[str, dict[str, Verdict]], scale: str) -> str:
    """What a control says at a scale, or else at the longest other one where it was measured."""
    here = judged[scale][number]
    if here.mean is None:
        others = (by[number] for by in reversed(judged.values()))
        found = next((v for v in others if v.mean is not None), None)
        if found is not None:
            return f"{name(found)}: {in_short(found)} (at {markdown(found.scale)})"
    return f"{name(here)}: {in_short(here)}"


def seeds_to_settle_it(verdict: Verdict) -> Iterator[str]:
    """How many seeds would settle a verdict, or that none would; nothing where neither is known."""
    if verdict.enough is not None:
        yield (
            f"About {verdict.enough} seeds would settle it if mean and spread stayed as they are; "
            f"with {verdict.seeds} seeds both are known only roughly."
        )
    elif settles_not(verdict):
        yield f"As many as {MAX_SAMPLE_SIZE} seeds like these would not settle it."


def in_short(verdict: Verdict) -> str:
    """The word of a verdict, and its mean."""
    if verdict.mean is None:
        return f"{MARKS[verdict.verdict]} {said(verdict)}"
    word = TOLD.get(verdict.verdict, verdict.verdict)
    return f"{MARKS[verdict.verdict]} {word}, {with_unit(verdict.claim, verdict.mean)}"


def settles_not(verdict: Verdict) -> bool:
    """Whether it is open though sizes are alike, and no number of seeds tried would settle it."""
    alike = verdict.differ is None or verdict.differ >= CHANCE
    return verdict.verdict == "open" and verdict.low is not None and alike
