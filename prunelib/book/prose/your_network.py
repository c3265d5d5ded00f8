"""What the chapter on networks of one's own says (Markdown)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prunelib.book.escape import code, markdown
from prunelib.book.prose.words import mean_and_range
from prunelib.evidence import your_network
from prunelib.text import fixed

if TYPE_CHECKING:
    from prunelib.pruning.any_network.layers import Layer


def layers_table(found: "Sequence[Layer]") -> str:
    """A table of the convolutions of a network: which can lose channels, and why others cannot."""
    lines = ["| number | layer | channels | read by | left alone |", "|--|--|--|--|--|"]
    for layer in found:
        cells = (
            layer.number or "–",
            code(layer.name),
            layer.channels,
            code(layer.reader) if layer.number else "–",
            markdown(layer.reason or ""),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def pruned_or_narrower(record: dict) -> str:
    """Which is better, pruned or narrower, in all and at each size."""
    rows = your_network.compared_networks(record)
    lines, fewer = [], []
    for share, group in rows[rows["family"] != "base"].groupby("share", sort=False):
        by_family = {name: frame.set_index("seed") for name, frame in group.groupby("family")}
        pruned, narrower = (by_family[name] for name in your_network.FAMILY_OF.values())
        fewer += (narrower["error"] < pruned["error"]).tolist()
        work = (narrower["macs"] / pruned["macs"]).mean()
        lines.append(
            f"- At {share:.0%} of the parameters the pruned network has an error of "
            f"**{mean_and_range(pruned['error'])}**, the narrower one of "
            f"**{mean_and_range(narrower['error'])}**, with {fixed(work)} times its "
            "multiply-accumulates."
        )
    base = mean_and_range(rows[rows["family"] == "base"]["error"])
    before = f"Before pruning the error was {base}."
    source = markdown(your_network.setup_text(record))
    return "\n".join([f"**{which_to_take(fewer)}** {before}", "", *lines, "", source])


def which_to_take(fewer: Sequence[bool]) -> str:
    """Which to take, by whether the narrower network had less error in each comparison."""
    wins, count = sum(fewer), len(fewer)
    if wins == count:
        every = "both" if count == 2 else f"all {count}"
        return f"Rather train a narrower one: it had the lower error in {every} comparisons."
    if wins == 0:
        return f"Prune it: the narrower network had the lower error in none of {count} comparisons."
    return f"It depends: the narrower network had the lower error in {wins} of {count} comparisons."
