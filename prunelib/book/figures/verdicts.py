"""The claims in one picture, and runs that were made twice."""

from textwrap import wrap

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.escape import plotly
from prunelib.book.figures.style import (
    BROWN,
    DARK_GREY,
    GREY,
    OLIVE,
    TEAL,
    VIOLET,
    Style,
    describe_figure,
    require_rows,
    trace,
)
from prunelib.book.prose.judgements import TOLD, with_unit
from prunelib.errors import Missing
from prunelib.evidence.agreement import run_title
from prunelib.evidence.statistics import repeatability_limit
from prunelib.evidence.verdicts import DEPENDS
from prunelib.text import fixed

MARKERS = {
    "supported": Style(TEAL, "circle", "solid", "●"),
    "refuted": Style(VIOLET, "x", "solid", "✖"),
    "equal": Style(BROWN, "diamond", "solid", "◆"),
    DEPENDS: Style(OLIVE, "square", "solid", "■"),
    "open": Style(DARK_GREY, "cross", "solid", "✚"),
}


def forest(verdicts: list, claims: tuple[str, ...]) -> go.Figure:
    """Mean and 95% interval of some claims whose statistic is in points of error, from the top."""
    found = [v for v in verdicts if v.claim in claims and v.mean is not None]
    label = {v.claim: claim_label(v.claim, v.short) for v in verdicts}
    if not found:
        raise Missing("there are no records to draw this from")
    groups = {verdict: [v for v in found if v.verdict == verdict] for verdict in MARKERS}
    figure = go.Figure([marks(name, group, label) for name, group in groups.items() if group])
    figure.add_vline(x=0, line={"color": GREY})
    there = {v.claim for v in found}
    order = [plotly(label[name]) for name in reversed(claims) if name in there]
    figure.update_layout(
        xaxis_title="points in favour of the claim",
        yaxis={"categoryorder": "array", "categoryarray": order},
    )
    words = [TOLD.get(v.verdict, v.verdict) for v in found]
    table = pd.DataFrame(
        [(v.claim, v.statistic, v.mean, v.low, v.high) for v in found],
        columns=["claim", "statistic", "mean, points", "from", "to"],
    ).assign(verdict=words)
    parts = "; ".join(
        f"{v.short.replace('<br>', ' ')}: {word}, {with_unit(v.claim, v.mean)}"
        for v, word in zip(found, words, strict=True)
    )
    alt = f"Mean and 95% interval of claims: {parts}."
    return describe_figure(
        figure, "The claims in one picture", alt, table, height=160 + 60 * len(found)
    )


def marks(verdict: str, group: list, label: dict[str, str]) -> go.Scatter:
    """The claims with one verdict: mean, and 95% interval as a whisker."""
    half_widths = [0 if v.low is None else v.mean - v.low for v in group]
    return trace(
        [v.mean for v in group],
        [label[v.claim] for v in group],
        TOLD.get(verdict, verdict),
        MARKERS[verdict],
        mode="markers",
        marker={"size": 12},
        error_x={"type": "data", "array": half_widths},
        custom=[["\n".join(wrap(v.text, 40)), with_unit(v.claim, v.mean)] for v in group],
        records=[list(v.records) for v in group],
        hover="%{customdata[0]}\n%{customdata[1]}",
    )


def claim_label(claim: str, short: str) -> str:
    """What a claim is called, in lines that leave room for a chart on a phone."""
    return "\n".join(wrap(f"{short.replace('<br>', ' ')} ({claim})", 24))


def differences_of_repeats(runs: pd.DataFrame, deviation: float | None) -> go.Figure:
    """How far runs that were made twice are apart, and how far those of two seeds usually are.

    Args:
        runs: of `repeats.repeats`.
        deviation: of `statistics.between_seeds`.
    """
    require_rows(runs)
    runs = runs.sort_values(["budget", "family", "seed"], na_position="first")
    runs = runs.assign(title=[run_title(run) for run in runs.itertuples()])
    lines = {title: "\n".join(wrap(title, 22)) for title in runs["title"]}
    alike = (runs["hardware"] == runs["other_hardware"]) & (
        runs["precision"] == runs["other_precision"]
    )
    same, other = Style(TEAL, "circle", "solid", "●"), Style(VIOLET, "diamond-open", "solid", "◇")
    figure = go.Figure(
        [
            pairs(runs[alike], lines, "same processor and number format", same),
            pairs(runs[~alike], lines, "another processor or number format", other),
        ]
    )
    apart = runs["difference"].tolist()
    alt = (
        f"Differences of {len(runs)} runs made twice: {fixed(min(apart), sign=True)} to "
        f"{fixed(max(apart), sign=True)} points."
    )
    if deviation is not None:
        usual = repeatability_limit(deviation)
        figure.add_vrect(-usual, usual, fillcolor="#888888", opacity=0.2, line_width=0)
        alt += f" Two seeds of one network usually differ by less than {fixed(usual)}."
    figure.add_vline(x=0, line={"color": GREY})
    order = [plotly(lines[title]) for title in runs["title"]][::-1]
    figure.update_layout(
        xaxis_title="difference, points",
        yaxis={"categoryorder": "array", "categoryarray": order},
    )
    table = runs[["title", "error", "other", "difference", "precision", "other_precision"]]
    table = table.set_axis(
        ["run", "error, %", "other error, %", "difference", "format", "other format"], axis=1
    )
    return describe_figure(figure, "Runs made twice", alt, table, height=180 + 64 * len(runs))


def pairs(runs: pd.DataFrame, lines: dict[str, str], name: str, style: Style) -> go.Scatter:
    """Some of the runs in `differences_of_repeats`."""
    return trace(
        runs["difference"],
        [lines[title] for title in runs["title"]],
        name,
        style,
        mode="markers",
        marker={"size": 12},
        custom=runs[["error", "other"]].values.tolist(),
        records=[[key] for key in runs["key"]],
        hover="%{y}\n%{customdata[0]:.2f}% and %{customdata[1]:.2f}%",
    )
