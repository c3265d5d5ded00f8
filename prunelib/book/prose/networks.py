"""Networks within a budget, in words."""

from prunelib.book.escape import code
from prunelib.book.prose.words import missing
from prunelib.errors import PrunelibError
from prunelib.evidence.curves import Reading
from prunelib.evidence.design import Design, design
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES
from prunelib.text import short

NAMES = {
    "pruned-from-scratch": "pruned shape",
    "copycat": "copycat",
    "bottleneck": "bottleneck",
    "reduced-width": "reduced width",
}
"""Names of families in a narrow table."""


def designs(view: View, budget: int, found: list[Design]) -> str:
    """Networks within a budget as a table, the best first, and a line of Python that makes it."""
    if not found:
        return missing(view, "networks to design from")
    rows = []
    for d in found:
        measured = d.expected.error is not None
        error = approximately(d.expected) if measured else "not measured"
        longer = (
            f"**{approximately(d.longer)}** after {epochs(view, d.times):.0f} epochs"
            if d.times
            else "not measured"
        )
        title = FAMILIES[d.family].title
        rows.append(f"| {title} | {error} | {longer} | {d.params:,} | {d.macs:,} |")
    table = "\n".join(rows)
    return (
        f"Within **{budget:,} parameters**, best first:\n\n"
        f"| family | error after {view.scale.train.epochs} epochs | trained longer | parameters | "
        f"multiply-accumulates |\n"
        f"|---|---|---|---|---|\n{table}\n\n"
        f"*Trained longer*: for as many images as training and pruning the base network takes. "
        f"≈ means read off between two measured sizes.\n\n"
        f"```python\nfrom prunelib import ChannelProfile, WideResNet\n\n"
        f"network = WideResNet(\n    {found[0].python}\n)\n```"
    )


def epochs(view: View, times: float | None) -> float:
    """Epochs of training so many times as long as the scale's."""
    return view.scale.train.epochs * (times or 1)


def budgets(view: View, sizes: tuple[int, ...]) -> str:
    """The best network within each of some budgets, as a narrow Markdown table."""
    rows = []
    for size in sizes:
        try:
            best = design(view, size)[0]
        except PrunelibError:
            continue
        reading = best.longer if best.longer.error is not None else best.expected
        if reading.error is None:
            continue
        length = epochs(view, best.times if reading is best.longer else None)
        rows.append(
            f"| **{short(size)}** | {NAMES[best.family]}, {length:.0f} epochs | "
            f"{approximately(reading)} |"
        )
    if not rows:
        return missing(view, "networks to design from")
    table = "\n".join(rows)
    return (
        "**Your budget**\n\n| size | train a | error |\n|---|---|---|\n"
        f"{table}\n\n[Design yours](design.html), or {code('prunelib fit --params 150k')}"
    )


def approximately(reading: Reading) -> str:
    """An error, with a sign if no run had that size."""
    sign = "" if reading.note.startswith("mean") else "≈ "
    return f"{sign}{reading.error:.1f} %"
