"""Networks within a budget, in words."""

from prunelib.book.prose.words import missing, provenance
from prunelib.evidence.curves import Reading
from prunelib.evidence.design import Design
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES


def designs(view: View, budget: int, found: list[Design]) -> str:
    """Networks within a budget as a table, the best first, and a line of Python that makes it."""
    rows = []
    for d in found:
        measured = d.expected.error is not None
        error = approximately(d.expected) if measured else "not measured"
        longer = f"**{approximately(d.longer)}** ({d.times:.1f} ×)" if d.times else "not measured"
        title = FAMILIES[d.family].title
        rows.append(f"| {title} | {error} | {longer} | {d.params:,} | {d.macs:,} |")
    if not rows:
        return missing(view, "networks to design from")
    table = "\n".join(rows)
    return (
        f"Within **{budget:,} parameters**, best first:\n\n"
        f"| family | error to expect | trained longer | parameters | MACs |\n"
        f"|---|---|---|---|---|\n{table}\n\n"
        f"*Trained longer*: for as many images as it takes to train the base network and to prune "
        f"it to that size.\n\n"
        f"```python\nfrom prunelib import ChannelProfile, WideResNet\n\n"
        f"network = WideResNet(\n    {found[0].python}\n)\n```\n\n{provenance(view)}"
    )


def approximately(reading: Reading) -> str:
    """An error, with a sign if no run had that size."""
    sign = "" if reading.note.startswith("mean") else "≈ "
    return f"{sign}{reading.error:.1f} %"
