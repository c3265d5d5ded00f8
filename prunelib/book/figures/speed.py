"""The benchmarks in pictures."""

from collections.abc import Iterable
from itertools import cycle, product

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.choices import Choices
from prunelib.book.escape import plotly
from prunelib.book.figures.style import (
    GREY,
    LINES,
    PATTERNS,
    STYLES,
    Style,
    finish,
    line,
    trace,
)
from prunelib.book.prose.speed import TITLES
from prunelib.errors import Missing
from prunelib.evidence.benchmarks import ENGINES, provenance
from prunelib.text import counted

ROUNDED = {"▲": "◭", "▼": "⧨"}
"""The marks of networks whose widths were rounded."""

STEP = 16
"""Channels that processors with wide vectors work on at once."""

COMPARED = ("wide", "narrow", "data", "pruning", "wide-pruning")
"""The rows of `benchmarks/steps.py` that stand against another code."""


def engine(row: pd.Series | dict) -> str:
    """What computed a row, and in which number format."""
    return f"{row['engine']}, {row['precision']}"


def style_of(family: str) -> tuple[str, Style]:
    """What a network of the benchmark is called, and how it is drawn."""
    plain = family.removesuffix("-rounded")
    style = STYLES.get("pruned-from-scratch" if plain == "pruned" else plain, LINES[0])
    if plain != family:
        style = style._replace(marker=f"{style.marker}-dot", glyph=ROUNDED[style.glyph])
    return TITLES.get(family, family), style


def sourced(figure: go.Figure, record: dict) -> go.Figure:
    """The figure, with what it was measured on."""
    return figure.update_layout(meta=figure.layout.meta | {"source": provenance(record)})


def latency(record: dict) -> Choices:
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
    figures = {}
    for answers in product(*questions.values()):
        network, batch, computed = answers
        chosen = rows[
            (rows["title"] == network)
            & (rows["batch"] == int(batch))
            & (rows["computed by"] == computed)
        ]
        if len(chosen) > 1:
            figures[answers] = sourced(latency_figure(chosen, answers), record)
    return Choices({name: tuple(found) for name, found in questions.items()}, figures)


def latency_figure(rows: pd.DataFrame, answers: tuple[str, ...]) -> go.Figure:
    """One answer of `latency`."""
    figure = go.Figure()
    equal = Style(GREY, "circle", "dot", "╌")
    figure.add_trace(trace([0, 1], [0, 1], "as fast as MACs say", equal, mode="lines"))
    for family, group in rows.groupby("family", sort=False):
        title, style = style_of(family)
        figure.add_trace(
            trace(
                group["macs_share"],
                group["against_base"],
                title,
                style,
                mode="markers",
                marker={"size": 11},
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
    table = pd.DataFrame(
        {
            "network": [TITLES.get(f, f) for f in rows["family"]],
            "parameters": rows["params"],
            "MACs": rows["macs"],
            "ms": rows["ms"],
            "time, share": rows["against_base"],
            "MACs, share": rows["macs_share"],
        }
    )
    smaller = rows[rows["family"] != "base"]
    alt = (
        f"{answers[0]}, {counted(int(answers[1]), 'image')} at once, {answers[2]}: networks with "
        f"{smaller['macs_share'].min():.0%} to {smaller['macs_share'].max():.0%} of the base "
        f"network's multiply-accumulates take {smaller['against_base'].min():.0%} to "
        f"{smaller['against_base'].max():.0%} of its time."
    )
    return finish(figure, "Time against work", alt, table)


def widths(record: dict, images: int = 128) -> go.Figure:
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
                line(i),
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
    return sourced(finish(figure, "Time by bottleneck width", alt, table), record)


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


def ratios(records: list[dict]) -> go.Figure:
    """Our time as a share of another code's, with quartiles; a record for each other code."""
    figure, tables = go.Figure(), []
    for i, record in enumerate(records):
        name = f"{record['against']} in float32, ours in {record['circumstances']['precision']}"
        rows = [row for key, row in record["rows"].items() if key in COMPARED]
        ratio = [row["ratio"] for row in rows]
        figure.add_trace(
            trace(
                ratio,
                [wrapped(row) for row in rows],
                f"against {name}",
                line(i),
                mode="markers",
                marker={"size": 11},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [row.get("high", r) - r for row, r in zip(rows, ratio, strict=True)],
                    "arrayminus": [
                        r - row.get("low", r) for row, r in zip(rows, ratio, strict=True)
                    ],
                },
                custom=[[row["ms"], row["against_ms"]] for row in rows],
                hover="%{y}\n%{customdata[0]:.3g} ms, not %{customdata[1]:.3g} ms\nratio %{x:.2f}",
            )
        )
        tables.append(
            pd.DataFrame(
                {
                    "what": [row["title"] for row in rows],
                    "against": name,
                    "ours, ms": [row["ms"] for row in rows],
                    "theirs, ms": [row["against_ms"] for row in rows],
                    "ratio": ratio,
                }
            )
        )
    figure.add_vline(x=1, line={"color": GREY})
    figure.update_xaxes(title="our time, as a share of theirs", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    table = pd.concat(tables)
    facts = " ".join(
        f"Against {name}: "
        + "; ".join(f"{row.what} {row.ratio:.2f}" for row in group.itertuples())
        + "."
        for name, group in table.groupby("against", sort=False)
    )
    alt = f"Our time as a share of theirs. {facts}"
    height = 160 + 70 * table["what"].nunique()
    return sourced(finish(figure, "Our time beside other codes", alt, table, height), records[0])


def wrapped(row: dict) -> str:
    """What was timed, in lines short enough for a phone."""
    what = row["title"].removesuffix(row["network"])
    return "\n".join([*what.split(", ", 1), row["network"]])


def removals(record: dict) -> Choices:
    """Time of a removal against the MACs that are left: ours falls, that of masks does not."""
    rows = (row for row in record["rows"].values() if "ms_at" in row)
    figures = {(row["network"],): sourced(removal_figure(row, record), record) for row in rows}
    if not figures:
        raise Missing("there are no records to draw this from")
    return Choices({"network": tuple(answers[0] for answers in figures)}, figures)


def removal_figure(row: dict, record: dict) -> go.Figure:
    """One answer of `removals`."""
    figure = go.Figure()
    macs, against = row["macs_at"], record["against"]
    for i, (name, times) in enumerate(
        (("prunelib", row["ms_at"]), (against, row["against_ms_at"]))
    ):
        seconds = [t / 1e3 for t in times]
        hover = "%{fullData.name}\n%{x:,} MACs\n%{y:.2f} s"
        figure.add_trace(trace(macs, seconds, name, line(i), hover=hover))
    figure.update_xaxes(title="MACs of the network that is left", autorange="reversed")
    figure.update_yaxes(
        title=f"seconds for a removal and its {int(row['steps'])} updates", rangemode="tozero"
    )
    table = pd.DataFrame(
        {
            "MACs": macs,
            "prunelib, s": [t / 1e3 for t in row["ms_at"]],
            f"{against}, s": [t / 1e3 for t in row["against_ms_at"]],
        }
    )
    alt = (
        f"{row['title']}: from first to last the time goes to {last(row['ms_at'])} of what it "
        f"was, that of {against} to {last(row['against_ms_at'])}, while "
        f"multiply-accumulates fall to {last(macs)}. The whole run takes {row['ratio']:.2f} of "
        f"the time of {against}."
    )
    return finish(figure, "Seconds for a removal as the network shrinks", alt, table)


def last(values: list[float]) -> str:
    """The last of some values as a share of the first."""
    return f"{values[-1] / values[0]:.0%}"


def parts(record: dict) -> go.Figure:
    """Where the time of an update goes, by kind of operation."""
    rows = [row for row in record["rows"].values() if "parts" in row]
    if not rows:
        raise Missing("there are no records to draw this from")
    names = [row["network"] for row in rows]
    figure = go.Figure()
    looks = zip(rows[0]["parts"], cycle(LINES), cycle(PATTERNS), strict=False)
    for kind, style, pattern in looks:
        figure.add_bar(
            y=[plotly(name) for name in names],
            x=[row["parts"][kind] for row in rows],
            orientation="h",
            name=plotly(kind),
            marker={"color": style.colour, "pattern": {"shape": pattern}},
            meta={"label": True, "glyph": "▨" if pattern else "■"},
            showlegend=False,
            hovertemplate="%{fullData.name}<br>%{x:.0%}<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="share of the time of an update", tickformat=".0%", range=[0, 1])
    table = pd.DataFrame(
        [
            {"what": kind} | {n: r["parts"][kind] for n, r in zip(names, rows, strict=True)}
            for kind in rows[0]["parts"]
        ]
    )
    alt = f"Where the time goes. {'; '.join(shares(rows))}."
    height = 180 + 70 * len(rows)
    return sourced(finish(figure, "Where the time of an update goes", alt, table, height), record)


def shares(rows: list[dict]) -> Iterable[str]:
    """The shares of kinds of operations from a hundredth on, a text a network."""
    for row in rows:
        kinds = (f"{kind} {share:.0%}" for kind, share in row["parts"].items() if share >= 0.01)
        yield f"{row['network']}: {', '.join(kinds)}"
