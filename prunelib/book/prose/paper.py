"""The paper's figure 1 in words, beside ours."""

from prunelib.book.prose.judgements import MARKS, name, qualified, said
from prunelib.book.prose.words import capital, length_of
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.statistics import mean
from prunelib.evidence.verdicts import Verdict, judge_claims
from prunelib.evidence.view import View
from prunelib.study.families import BASE, PRUNED

FIGURE = {
    "C1": "Pruned and tuned (red) lies above reduced width (yellow) and bottleneck (green).",
    "C2": "The smaller the networks, the wider this gap.",
    "C3": "Pruned shapes from scratch (blue) lie below the red curve that they come from.",
    "C4": "At most sizes blue lies below yellow and green, too.",
    "C5": "Copycats (pink) lie about as low as blue.",
}
"""What the paper's text says of its figure 1, in our words, by claim."""


def figure_one(view: View) -> str:
    """A table of what the paper's figure 1 shows and what ours does, and why they differ."""
    by = {v.claim: v for v in judge_claims(view, CLAIMS + QUESTIONS)}
    rows = [
        f"| {text} | {MARKS[by[claim].verdict]} {capital(said(by[claim]))}{qualified(by[claim])}. "
        f"{name(by[claim])} |"
        for claim, text in FIGURE.items()
    ]
    table = "\n".join(["| the paper's figure 1 | ours |", "|---|---|", *rows])
    reason = "" if by["C1"].verdict == "supported" else why(view, by["C1"], by["K7"])
    return f"{table}\n\n{reason}".strip()


def why(view: View, unfair: Verdict, fair: Verdict) -> str:
    """Why pruned networks look better here than in the paper, as far as it is known.

    Args:
        view: with the records.
        unfair: the verdict at equal epochs.
        fair: the verdict at equal images.
    """
    ratio = images_ratio(view)
    if ratio is None:
        return ""
    return (
        f"**Why ours differs.** A pruned network has seen more images than a small one that trains "
        f"for {length_of(view)}: {ratio[0]:.1f} times as many at the largest size, {ratio[1]:.1f} "
        "times as many at the smallest. In short training every extra image helps. "
        f"{not_alone(unfair)}With the paper's 200 epochs extra images should matter less; that was "
        f"not measured here. The open markers say: {said(fair)}{qualified(fair)}. "
        "Also, our images are smaller and our base network is half as wide: "
        "[Departures](../book/departures.html) lists all differences."
    )


def not_alone(unfair: Verdict) -> str:
    """That extra images are not the whole reason, where those who saw the most gain the least."""
    means = [at.mean for at in unfair.sizes if at.mean is not None]
    if len(means) < 2 or means[0] <= min(means[1:]):
        return ""
    return (
        "But extra images are not the whole story: at the smallest size pruned networks saw the "
        "most of them, and do not do best. "
    )


def images_ratio(view: View) -> tuple[float, float] | None:
    """Images of pruned-and-tuned networks over those of the base: at the largest size, smallest."""
    seen = view.networks.groupby(["family", "budget"], dropna=False)["images_seen"]
    means = {key: float(mean(images)) for key, images in seen}
    base = [n for (family, _), n in means.items() if family == BASE]
    sizes = max(view.scale.budgets), min(view.scale.budgets)
    most, least = (means.get((PRUNED, size)) for size in sizes)
    if not base or most is None or least is None:
        return None
    return most / base[0], least / base[0]
