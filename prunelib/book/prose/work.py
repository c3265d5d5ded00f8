"""What the lead of pruned shapes takes in work, in words."""

from prunelib.book.escape import markdown
from prunelib.book.prose.words import span
from prunelib.evidence.curves import lead_at_equal_macs
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.statistics import mean
from prunelib.evidence.verdicts import Verdict, judge_claims
from prunelib.evidence.view import View
from prunelib.study.families import BOTTLENECK, SCRATCH
from prunelib.text import fixed

AT_EQUAL_WORK = {
    "supported": "at equal work, after {epochs} epochs, {x}",
    "refuted": "at equal work, after {epochs} epochs, they lose by {x}",
    "equal": "at equal work, after {epochs} epochs, hardly any lead is left",
}
"""By the verdict on K11; any other says that it is not settled."""


def lead_takes_work(view: View, shape: Verdict) -> str:
    """How much more pruned shapes compute than bottleneck networks of their size, where they lead.

    Empty where they do not lead, or where nothing was measured.

    Args:
        view: with the records.
        shape: the verdict on K8.
    """
    ratios = work_ratios(view)
    if shape.verdict != "supported" or not ratios or max(ratios) <= 1:
        return ""
    times = span(fixed(min(ratios), 1), fixed(max(ratios), 1))
    return f"That takes {times} times the work; {at_equal_work(at_equal_macs(view), view)}."


def at_equal_work(judged: Verdict, view: View) -> str:
    """What of the lead is left at equal work: as K11 judges it, and as read off by the logarithm.

    The epochs are told, since K8 is about networks that are trained for longer.
    It is not settled where the two readings have different signs.
    """
    readings = [x for x in (judged.mean, lead_at_equal_macs(view)) if x is not None]
    if judged.verdict not in AT_EQUAL_WORK or min(readings) < 0 < max(readings):
        return "at equal work the lead is not settled"
    low, *_, high = sorted(map(abs, [*readings, *readings]))
    x, epochs = span(fixed(low, 1), fixed(high, 1)), view.scale.train.epochs
    return AT_EQUAL_WORK[judged.verdict].format(x=x, epochs=epochs)


def at_equal_macs(view: View) -> Verdict:
    """The verdict on K11."""
    return next(v for v in judge_claims(view, QUESTIONS) if v.claim == "K11")


def straight_line(view: View) -> str:
    """What the straight line of K11 does to its number; empty where that is not known."""
    found, other = at_equal_macs(view), lead_at_equal_macs(view)
    if found.mean is None or other is None:
        return ""
    return (
        "K11 reads the error of a bottleneck network on a straight line between two that were "
        "measured. Errors follow the logarithm of the size more closely, so that is a little too "
        f"high. Read off by the logarithm, the {fixed(found.mean)} points at "
        f"{markdown(view.scale.name)} become {fixed(other)}."
    )


def work_ratios(view: View) -> list[float]:
    """Multiply-accumulates of pruned shapes over those of bottleneck networks, by budget."""
    means = view.networks.groupby(["budget", "family"])["macs"]
    macs = {key: float(mean(own)) for key, own in means}
    return [
        macs[budget, SCRATCH] / macs[budget, BOTTLENECK]
        for budget in view.scale.budgets
        if (budget, SCRATCH) in macs and (budget, BOTTLENECK) in macs
    ]
