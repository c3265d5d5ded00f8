"""Test error against the length of training."""

import math

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.choices import Choices
from prunelib.book.figures.style import (
    DASHES,
    STYLES,
    describe_figure,
    line_style,
    log_ticks,
    require_rows,
    sourced,
    trace,
    whiskers,
)
from prunelib.errors import Missing
from prunelib.evidence.lengths import errors_by_length, shape_by_length
from prunelib.evidence.view import View
from prunelib.study.families import (
    BOTTLENECK,
    COPYCAT,
    FAMILIES,
    PRUNED,
    REDUCED,
    RETRAINED,
    SCRATCH,
    SEARCHED_SHORT,
)
from prunelib.text import counted, short

SHOWN = (
    PRUNED,
    REDUCED,
    BOTTLENECK,
    SCRATCH,
    COPYCAT,
    SEARCHED_SHORT,
    RETRAINED,
)


def against_epochs(views: dict[str, View]) -> Choices:
    """Test error of each family against the epochs of its training, a figure for each size."""
    rows = errors_shown(views)
    require_rows(rows)
    source = " ".join(view.provenance() for view in views.values() if view.there)
    figures: dict[tuple[str, ...], go.Figure] = {
        (f"{short(size)} parameters",): sourced(at_size(at, int(size)), source)
        for size, at in rows.groupby("size")
    }
    return Choices({"size": tuple(key[0] for key in figures)}, figures)


def errors_shown(views: dict[str, View]) -> pd.DataFrame:
    """`errors_by_length` of the families that are shown; `longer`: for more images than the base.

    Retrained networks count the epochs of the pruned ones that they began as, too.
    """
    rows = errors_by_length(views)
    rows = rows[rows["family"].isin(SHOWN)]
    pruned = rows[rows["family"] == PRUNED].set_index(["scale", "size"])["epochs"]
    before = [
        pruned.get((row.scale, row.size), math.nan) if row.family == RETRAINED else 0
        for row in rows[["scale", "size", "family"]].itertuples(index=False, name="Row")
    ]
    longer = (rows["length"] != "") | (rows["family"] == RETRAINED)
    rows = rows.assign(epochs=rows["epochs"] + before, longer=longer)
    return rows.dropna(subset=["epochs"]).sort_values(["family", "size", "epochs"])


def at_size(rows: pd.DataFrame, budget: int) -> go.Figure:
    """One figure of `against_epochs`: filled markers are as long as the base, open ones longer."""
    figure = go.Figure()
    for family in SHOWN:
        own = rows[rows["family"] == family]
        if own.empty:
            continue
        figure.add_trace(epochs_trace(own, family))
    figure.update_xaxes(title="epochs of training", type="log", **log_ticks(rows["epochs"]))
    figure.update_yaxes(title="test error, per cent")
    best = rows.sort_values("error").iloc[0]
    alt = (
        f"Test error against epochs at {short(budget)} parameters. Lowest: "
        f"{FAMILIES[best['family']].title}, {best['error']:.2f}% after {best['epochs']:.0f} "
        "epochs."
    )
    table = rows.drop(columns=["errors", "keys", "size", "length"]).assign(
        family=[FAMILIES[name].title for name in rows["family"]],
        longer=["yes" if longer else "no" for longer in rows["longer"]],
    )
    table = table.rename(
        columns={
            "longer": "longer than the base",
            "error": "mean error, %",
            "best": "best seed, %",
            "worst": "worst seed, %",
        }
    )
    return describe_figure(
        figure, f"Error against epochs at {short(budget)} parameters", alt, table
    )


def epochs_trace(rows: pd.DataFrame, family: str) -> go.Scatter:
    """The networks of one family in `at_size`."""
    style, title = STYLES[family], FAMILIES[family].title
    symbols = [f"{style.marker}-open" if longer else style.marker for longer in rows["longer"]]
    plain = style.marker.endswith("-open")
    return trace(
        rows["epochs"],
        rows["error"],
        title,
        style,
        marker={} if plain else {"symbol": symbols},
        error_y=whiskers(rows["error"], rows["best"], rows["worst"]),
        custom=[[row.scale, counted(row.seeds, "run")] for row in rows.itertuples()],
        records=[[f"{scale}/{k}" for k in keys] for scale, keys in rows[["scale", "keys"]].values],
        hover=f"{title}\n%{{x:.0f}} epochs, scale %{{customdata[0]}}\nmean of "
        "%{customdata[1]}: %{y:.2f}% error",
    )


def lead_of_shape(views: dict[str, View]) -> Choices:
    """By how many points, and by which ratio, pruned shapes beat bottleneck networks.

    Raises:
        Missing: no network of both kinds is there.
    """
    rows = leads(views)
    if rows.empty:
        raise Missing("there are no records to draw this from")
    source = " ".join(view.provenance() for view in views.values() if view.there)
    figures: dict[tuple[str, ...], go.Figure] = {
        (told,): sourced(lead_as(rows, list(views), told), source) for told in UNITS
    }
    return Choices({"shown as": tuple(UNITS)}, figures)


UNITS = {
    "points": "error of bottleneck minus that of shape, points",
    "ratio": "error of bottleneck over that of shape",
}
"""How a lead is told, and the title of its axis."""


def lead_as(rows: pd.DataFrame, scales: list[str], told: str) -> go.Figure:
    """The lead by size and scale; a ratio with its interval, where there is one."""
    figure = go.Figure()
    sizes = sorted(set(rows["size"]))
    several = rows["scale"].nunique() > 1
    for (size, scale), own in rows.groupby(["size", "scale"]):
        low, high = (own[end].fillna(own["ratio"]) for end in ("low", "high"))
        title = f"{short(size)}, {scale}" if several else short(size)
        figure.add_trace(
            trace(
                own["epochs"],
                own[told],
                title,
                line_style(sizes.index(size))._replace(
                    dash=DASHES[scales.index(scale) % len(DASHES)]
                ),
                error_y=whiskers(own["ratio"], low, high) if told == "ratio" else None,
                custom=[[counted(seeds, "seed")] for seeds in own["seeds"]],
                hover=f"{title}\n%{{x:.0f}} epochs: %{{y:.3f}}, %{{customdata[0]}}",
            )
        )
    figure.update_xaxes(title="epochs", type="log", **log_ticks(rows["epochs"]))
    figure.update_yaxes(title=UNITS[told])
    alt = (
        f"{UNITS[told].capitalize()}, by size and length of training: "
        f"{rows[told].min():.2f} to {rows[told].max():.2f}."
    )
    table = rows.drop(columns=["length"]).rename(columns={"points": "difference, points"})
    return describe_figure(figure, f"Lead of the pruned shape by epochs, as {told}", alt, table)


def leads(views: dict[str, View]) -> pd.DataFrame:
    """`shape_by_length` over scales, with the ratio as a ratio and not as its logarithm."""
    parts = [shape_by_length(view).assign(scale=name) for name, view in views.items()]
    rows = pd.concat(parts, ignore_index=True)
    for name in ("ratio", "low", "high"):
        rows[name] = [math.exp(x) for x in rows[name]]
    return rows.sort_values(["size", "epochs"])
