"""What is recommended, in words, a table, and a page with learning curves that opens offline."""

from pathlib import Path

from prunelib.evidence.recommendation import Measured, clearly_better, error_text, rank_networks
from prunelib.files import write_atomically
from prunelib.study.families import BOTTLENECK, COPYCAT, PRUNED, REDUCED
from prunelib.text import short

CANDIDATE_TITLES = {
    BOTTLENECK: "bottleneck",
    REDUCED: "reduced width",
    COPYCAT: "copycat (pruned shape)",
    PRUNED: "pruned on these images",
}


def candidates_table(networks: list[Measured]) -> str:
    """One line per network, the best first."""
    rows = [("network", "error (95% interval)", "params", "macs", "here", "key")]
    for n in rank_networks(networks):
        here = "-" if n.milliseconds is None else f"{n.milliseconds:.2f} ms"
        title, sizes = CANDIDATE_TITLES[n.family], (f"{n.params:,}", short(n.macs))
        rows.append((title, error_text(n), *sizes, here, n.key[:8]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([f"{name:<{widths[0]}}", *map(str.rjust, cells, widths[1:])])
        for name, *cells in rows
    )


def sentence(networks: list[Measured]) -> str:
    """Which network to take, and how sure that is."""
    best, *others = rank_networks(networks)
    take = f"Take this network: {CANDIDATE_TITLES[best.family]}, error {error_text(best)}"
    if not others:
        return (
            f"{take}. It is the only candidate: no other kind fits the budget, or all are this one."
        )
    equal = [CANDIDATE_TITLES[n.family] for n in others if not clearly_better(best, n)]
    runs = len(best.errors)
    each = "one training run each" if runs == 1 else f"{runs} training runs each"
    limits = f"{best.images:,} test images and {each}"
    if not equal:
        return f"{take}. It is better than the others by more than {limits} leave open."
    return (
        f"{take}. But {limits} cannot tell it from: {', '.join(equal)}. "
        "More time, or more test images, may."
    )


def write_curves(
    histories: dict[str, tuple[list[float], list[float]]], path: Path, title: str
) -> None:
    """Write a page with the test error of each network along its training.

    Args:
        histories: for each family epochs, and the error after them.
        path: of the page.
        title: of the figure.

    Raises:
        PrunelibError: it cannot be written.
    """
    import plotly.graph_objects as go

    figure = go.Figure(
        layout={
            "title": {"text": title},
            "xaxis": {"title": "Epoch"},
            "yaxis": {"title": "Test error (%)", "rangemode": "tozero"},
            "hovermode": "x unified",
        }
    )
    dashes = ("solid", "dash", "dot", "dashdot")
    for (family, (epochs, errors)), dash in zip(histories.items(), dashes, strict=False):
        figure.add_scatter(x=epochs, y=errors, name=CANDIDATE_TITLES[family], line={"dash": dash})
    write_atomically(path, figure.to_html(include_plotlyjs=True).encode("utf-8"))
