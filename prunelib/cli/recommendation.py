"""What is recommended, in words, a table, and a page with learning curves that opens offline."""

from pathlib import Path

from prunelib.evidence.recommendation import Measured, clearly_better, ranked
from prunelib.files import write_atomically

TITLES = {
    "bottleneck": "bottleneck",
    "reduced-width": "reduced width",
    "copycat": "shape that pruning found on CIFAR-10",
}


def table(networks: list[Measured]) -> str:
    """One line a network, the best first."""
    lines = [f"{'network':<38}{'error':>16}{'params':>10}{'macs':>13}{'here':>11}"]
    for n in ranked(networks):
        error = f"{n.error:.1f} ± {n.half_width:.1f} %"
        here = "-" if n.milliseconds is None else f"{n.milliseconds:.2f} ms"
        lines.append(f"{TITLES[n.family]:<38}{error:>16}{n.params:>10,}{n.macs:>13,}{here:>11}")
    return "\n".join(lines)


def sentence(networks: list[Measured]) -> str:
    """Which network to take, and how sure that is."""
    best, *others = ranked(networks)
    take = f"Take the {TITLES[best.family]} network ({best.error:.1f} % error)"
    if not others:
        return f"{take}: it is the only one that fits the budget."
    equal = [TITLES[n.family] for n in others if not clearly_better(best, n)]
    limits = f"{best.images:,} test images and one training run each"
    if not equal:
        return f"{take}: it is better than the others by more than {limits} leave open."
    return (
        f"{take}, but {limits} cannot tell it from: {', '.join(equal)}. "
        "More time, or more test images, may."
    )


def curves(histories: dict[str, list[float]], path: Path, title: str) -> None:
    """Write a page with the test error after each epoch of each network.

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
    dashes = ("solid", "dash", "dot")
    for (family, errors), dash in zip(histories.items(), dashes, strict=False):
        epochs = list(range(1, len(errors) + 1))
        figure.add_scatter(x=epochs, y=errors, name=TITLES[family], line={"dash": dash})
    write_atomically(path, figure.to_html(include_plotlyjs=True).encode("utf-8"))
