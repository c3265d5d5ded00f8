"""The benchmarks of training and pruning in pictures."""

from collections.abc import Iterable
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.choices import Choices
from prunelib.book.escape import plotly
from prunelib.book.figures.style import (
    GREY,
    LINES,
    PATTERNS,
    Style,
    describe_figure,
    line_style,
    sourced,
    trace,
)
from prunelib.errors import Missing
from prunelib.evidence.benchmarks import benchmark_source

CASES_SHOWN = ("wide", "narrow", "data", "pruning", "wide-pruning")
"""The rows of `benchmarks/steps.py` that stand against another code."""


def ratios(records: list[dict]) -> go.Figure:
    """Our time as a share of another code's, with quartiles; a record for each other code."""
    figure, tables = go.Figure(), []
    for i, record in enumerate(records):
        name = f"{record['against']} in float32, ours in {record['circumstances']['precision']}"
        rows = [row for key, row in record["rows"].items() if key in CASES_SHOWN]
        figure.add_trace(ratio_trace(rows, f"against {name}", line_style(i)))
        tables.append(
            pd.DataFrame(
                {
                    "what": [row["title"] for row in rows],
                    "against": name,
                    "ours, ms": [row["ms"] for row in rows],
                    "theirs, ms": [row["against_ms"] for row in rows],
                    "ratio": [row["ratio"] for row in rows],
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
    figure = describe_figure(figure, "Our time compared with other code", alt, table, height)
    return sourced(figure, benchmark_source(records[0]))


def ratio_trace(rows: list[dict], name: str, style: Style) -> go.Scatter:
    """Our time as a share of one other code's."""
    ratio = [row["ratio"] for row in rows]
    return trace(
        ratio,
        [wrapped(row) for row in rows],
        name,
        style,
        mode="markers",
        marker={"size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row.get("high", r) - r for row, r in zip(rows, ratio, strict=True)],
            "arrayminus": [r - row.get("low", r) for row, r in zip(rows, ratio, strict=True)],
        },
        custom=[[row["ms"], row["against_ms"]] for row in rows],
        hover="%{y}\n%{customdata[0]:.3g} ms, not %{customdata[1]:.3g} ms\nratio %{x:.2f}",
    )


def wrapped(row: dict) -> str:
    """What was timed, in lines short enough for a phone."""
    what = row["title"].removesuffix(row["network"])
    return "\n".join([*what.split(", ", 1), row["network"]])


def removals(record: dict) -> Choices:
    """Time of a removal against the MACs that are left: ours falls, that of masks does not."""
    rows = (row for row in record["rows"].values() if "ms_at" in row)
    source = benchmark_source(record)
    figures: dict[tuple[str, ...], go.Figure] = {
        (row["network"],): sourced(removal_figure(row, record), source) for row in rows
    }
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
        figure.add_trace(trace(macs, seconds, name, line_style(i), hover=hover))
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
    return describe_figure(figure, "Seconds for a removal as the network shrinks", alt, table)


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
    alt = f"Where the time goes. {'; '.join(operation_shares(rows))}."
    height = 180 + 70 * len(rows)
    figure = describe_figure(figure, "Where the time of an update goes", alt, table, height)
    return sourced(figure, benchmark_source(record))


def operation_shares(rows: list[dict]) -> Iterable[str]:
    """The shares of kinds of operations from a hundredth on, a text per network."""
    for row in rows:
        kinds = (f"{kind} {share:.0%}" for kind, share in row["parts"].items() if share >= 0.01)
        yield f"{row['network']}: {', '.join(kinds)}"
