"""The answer to the book's question, from the verdicts."""

from prunelib.book.escape import markdown
from prunelib.book.prose.judgements import brief
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import DEPENDS, Verdict, verdicts
from prunelib.evidence.view import View

TRIAL = "smoke"
"""The scale that shows that the machinery works, and hardly more."""

SIGN = (
    "In brackets: points of test error, averaged over sizes, ± half of the 95 % interval that the "
    "seeds give. Above zero the pruned network is the worse one; of shapes and of retraining, what "
    "it is compared with. *As many images* are those that base and pruning saw together, and "
    "retraining too where there is one; *as many epochs as the base* is the paper's comparison."
)


def headline(studies: dict[str, View]) -> str:
    """The answer to the book's question in two sentences a scale, as a Markdown list.

    The digits of `TRIAL` are no evidence beside another scale, and are left out there.
    """
    lines = []
    for name, view in studies.items():
        if name == TRIAL and lines:
            continue
        by = {v.claim: v for v in verdicts(view, CLAIMS + QUESTIONS)}
        if any(by[claim].mean is not None for claim in ("C1", "C4", "K7")):
            asked = (by[claim] for claim in ("K7", "C1", "C4", "K10", "K9"))
            lines.append(f"- Scale {markdown(name)}: {worth_pruning(*asked)}")
    return "\n".join([*lines, "", SIGN] if lines else ["Nothing is measured yet that could tell."])


PHRASES = {
    "K7": {
        "supported": "with as many images, a bottleneck network beats a pruned one of equal size",
        "refuted": "even with as many images, a bottleneck network loses to a pruned one of equal "
        "size",
        "equal": "with as many images, a bottleneck network does as well as a pruned one of equal "
        "size",
        DEPENDS: "whether a bottleneck network beats a pruned one of equal size that saw as many "
        "images depends on the size",
        "open": "whether a bottleneck network beats a pruned one of equal size that saw as many "
        "images is not settled",
    },
    "C1": {
        "supported": "even with only as many epochs as the base, reduced width and bottleneck win",
        "refuted": "with only as many epochs as the base, reduced width and bottleneck lose",
        "equal": "with only as many epochs as the base, reduced width and bottleneck do as well",
        DEPENDS: "with only as many epochs as the base, it depends on the size for reduced width "
        "and bottleneck",
        "open": "with only as many epochs as the base, it is open for reduced width and bottleneck",
    },
    "C4": {
        "supported": "trained from scratch, they beat the simple networks",
        "refuted": "trained from scratch, it does not beat the simple networks",
        "equal": "trained from scratch, they do as well as the simple networks",
        DEPENDS: "Whether the shapes that pruning finds are better than simple ones depends on the "
        "size",
        "open": "Whether the shapes that pruning finds are better than simple ones is open",
    },
    "K10": {
        "supported": "retrained with the whole schedule, a pruned network does beat a bottleneck "
        "network that saw as many images",
        "refuted": "even retrained with the whole schedule, a pruned network loses to a bottleneck "
        "network that saw as many images",
        "equal": "retrained with the whole schedule, a pruned network does as well as a bottleneck "
        "network that saw as many images, and no better",
        DEPENDS: "whether a pruned network that is retrained with the whole schedule beats a "
        "bottleneck network that saw as many images depends on the size",
        "open": "whether a pruned network that is retrained with the whole schedule beats a "
        "bottleneck network that saw as many images is open",
    },
    "K9": {
        "supported": "and new weights in its shape do worse",
        "refuted": "but new weights in its shape do better than the retrained ones",
        "equal": "and new weights in its shape do as well",
        DEPENDS: "and whether new weights in its shape do better depends on the size",
        "open": "and whether new weights in its shape do better is open",
    },
}
"""What a verdict on a claim is in the answer, by its word."""


def said(verdict: Verdict) -> str:
    """The phrase for a verdict, with its numbers."""
    return f"{PHRASES[verdict.claim][verdict.verdict]} ({brief(verdict)})"


def worth_pruning(
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
    begin = {"supported": f"{better}: ", "refuted": f"{worse}: ", "equal": "As to its shapes: "}
    second = f"{begin.get(shape.verdict, '')}{said(shape)}"
    if retrained.mean is not None and kept.mean is not None:
        second += f"; {said(retrained)}, {said(kept)}"
    return f"{first}: {said(images)}; {said(epochs)}. {second}."
