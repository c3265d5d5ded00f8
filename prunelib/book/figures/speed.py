"""The benchmarks of inference in pictures."""

from itertools import product

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.choices import Choices
from prunelib.book.figures.style import (
    GREY,
    LINES,
    STYLES,
    Style,
    describe_figure,
    line_style,
    sourced,
    trace,
)
from prunelib.book.prose.speed import NETWORK_TITLES
from prunelib.evidence.benchmarks import ENGINES, benchmark_source
from prunelib.text import counted

ROUNDED_MARKS = {"▲": "▲·", "▼": "▼·"}
"""The marks of networks whose widths were rounded."""

STEP = 16
"""Channels that processors with wide vectors work on at once."""


def engine(row: pd.Series | dict) -> str:
    """What computed a row, and in which number format."""
    return f"{row['engine']}, {row['precision']}"


def style_of(family: str) -> tuple[str, Style]:
    """What a network of the benchmark is called, and how it is drawn."""
    plain = family.removesuffix("-rounded")
    style = STYLES.get("pruned-from-scratch" if plain == "pruned" else plain, LINES[0])
    if plain != family:
        style = style._replace(marker=f"{style.marker}-dot", glyph=ROUNDED_MARKS[style.glyph])
    return NETWORK_TITLES.get(family, family), style


def latency_bars(record: dict) -> Choices:
    """Time of inference against MACs, both as shares of the base network's.

    On the diagonal a network is as much faster as it computes less.
    """
    rows = pd.DataFrame(record["rows"])
    rows["computed by"] = rows.apply(engine, axis=1)
    rows = rows[rows["threads"] == 1]
    rows["title"] = [f"{n} at {s}×{s}" for n, s in zip(rows["network"], rows["size"], strict=True)]
    questions = {
        "network": list(rows["title"].unique()),
        "images at once": [str(n) for n in rows["batch"].unique()],
        "computed by": sorted(
            rows["computed by"].unique(), key=lambda n: not n.startswith(ENGINES[0])
        ),
    }
    figures: dict[tuple[str, ...], go.Figure] = {}
    for network, batch, computed in product(*questions.values()):
        answers = network, batch, computed
        chosen = rows[
            (rows["title"] == network)
            & (rows["batch"] == int(batch))
            & (rows["computed by"] == computed)
        ]
        if len(chosen) > 1:
            figures[answers] = sourced(latency_figure(chosen, answers), benchmark_source(record))
    return Choices({name: tuple(found) for name, found in questions.items()}, figures)


def latency_figure(rows: pd.DataFrame, answers: tuple[str, ...]) -> go.Figure:
    """One answer of `latency_bars`."""
    figure = go.Figure()
    rows = rows.assign(mark=5 + 4 * rows["budget"].rank(method="dense", na_option="bottom"))
    equal = Style(GREY, "circle", "dot", "╌")
    figure.add_trace(trace([0, 1], [0, 1], "time falls as MACs do", equal, mode="lines"))
    for family, group in rows.groupby("family", sort=False):
        title, style = style_of(family)
        figure.add_trace(
            trace(
                group["macs_share"],
                group["against_base"],
                title,
                style,
                mode="markers",
                marker={"size": group["mark"].tolist(), "opacity": 1},
                custom=group[["params", "ms"]].values.tolist(),
                hover="%{fullData.name}\n%{customdata[0]:,} parameters\n%{customdata[1]:.3g} ms\n"
                "%{x:.0%} of the MACs, %{y:.0%} of the time",
            )
        )
    figure.update_xaxes(
        title="MACs, share of the base network's", tickformat=".0%", range=[0, 1.05]
    )
    figure.update_yaxes(
        title="time, share of the base network's", tickformat=".0%", rangemode="tozero"
    )
    table = rows[["family", "params", "macs", "ms", "against_base", "macs_share"]].set_axis(
        ["network", "parameters", "MACs", "ms", "time, share", "MACs, share"], axis=1
    )
    table["network"] = [NETWORK_TITLES.get(family, family) for family in rows["family"]]
    smaller = rows[rows["family"] != "base"]
    alt = (
        f"{answers[0]}, {counted(int(answers[1]), 'image')} at once, {answers[2]}: networks with "
        f"{smaller['macs_share'].min():.0%} to {smaller['macs_share'].max():.0%} of the base "
        f"network's multiply-accumulates take {smaller['against_base'].min():.0%} to "
        f"{smaller['against_base'].max():.0%} of its time."
    )
    return describe_figure(figure, "Time against work", alt, table)


def time_by_width(record: dict, images: int = 128) -> go.Figure:
    """Time of a block's two convolutions by the number of channels between them."""
    rows = pd.DataFrame(record["widths"])
    rows = rows[rows["batch"] == images]
    figure = go.Figure()
    for i, (names, group) in enumerate(rows.groupby(["engine", "precision"], sort=False)):
        figure.add_trace(
            trace(
                group["width"],
                group["ms"],
                ", ".join(names),
                line_style(i),
                marker={"size": 6},
                hover="%{fullData.name}\n%{x} channels\n%{y:.2f} ms",
            )
        )
    figure.update_xaxes(title="channels between the convolutions", dtick=STEP)
    figure.update_yaxes(title=f"milliseconds for {images} images", rangemode="tozero")
    table = rows.assign(computed=rows.apply(engine, axis=1)).pivot(
        index="width", columns="computed", values="ms"
    )
    table = table.reset_index().rename(columns={"width": "channels"})
    alt = f"Time of two 3×3 convolutions by their bottleneck width. {jumps(rows)}"
    figure = describe_figure(figure, "Time by bottleneck width", alt, table)
    return sourced(figure, benchmark_source(record))


def jumps(rows: pd.DataFrame) -> str:
    """What the first channel beyond a multiple of 16 costs, and what the 15 after it cost."""
    sentences = []
    for names, group in rows.groupby(["engine", "precision"], sort=False):
        ms = group.set_index("width")["ms"]
        pairs = [(w, w + 1) for w in (16, 32, 48) if {w, w + 1} <= set(ms.index)]
        steps = [f"{b} channels take {ms[b] / ms[a]:.2f} times as long as {a}" for a, b in pairs]
        inside = [(a, b) for a, b in ((17, 32), (33, 48), (49, 64)) if {a, b} <= set(ms.index)]
        steps += [f"{b} take {ms[b] / ms[a]:.2f} times as long as {a}" for a, b in inside]
        if steps:
            sentences.append(f"{', '.join(names)}: {', '.join(steps)}.")
    return " ".join(sentences)
