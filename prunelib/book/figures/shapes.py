"""Shapes that were found in many ways: how good they are, and what they look like."""

import math
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.escape import plotly
from prunelib.book.figures.profiles import profile_lines
from prunelib.book.figures.style import STYLES, describe_figure, require_rows, trace, whiskers
from prunelib.book.prose.words import capital
from prunelib.errors import Missing
from prunelib.evidence.shapes import FOUND, shapes_of_size, work_and_error
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES, SCRATCH
from prunelib.study.specs import TrainSpec
from prunelib.text import counted, fixed, short


def shapes_ranked(view: View, budget: int) -> go.Figure:
    """Test error of networks of one size that differ in their shape alone, best at the top.

    Markers are means over seeds, whiskers reach from the best to the worst seed.

    Args:
        view: of the records.
        budget: of parameters, one of the scale's.

    Raises:
        Missing: no two shapes of this size have a record.
    """
    rows = shapes_of_size(view, budget)
    require_rows(rows[rows["family"] != SCRATCH])
    label = [shape_label(found) for found in rows["found"]]
    figure = go.Figure(
        [
            point(row, row["error"], [name], mode="markers", label=False, error_x=seeds_of(row))
            for name, (_, row) in zip(label, by_shape(rows), strict=True)
        ]
    )
    figure.update_layout(
        xaxis_title="test error, per cent",
        yaxis={
            "categoryorder": "array",
            "categoryarray": [plotly(name) for name in reversed(label)],
        },
    )
    alt = f"Test error of shapes of {short(budget)} parameters, best first: {ranked_shapes(rows)}."
    return describe_figure(
        figure, "Shapes of one size", alt, table_of(rows), height=120 + 44 * len(rows)
    )


def shapes_against_macs(view: View, budget: int) -> go.Figure:
    """The same against the multiply-accumulates for one image.

    Raises:
        Missing: no two shapes of this size have a record.
    """
    rows = shapes_of_size(view, budget)
    require_rows(rows[rows["family"] != SCRATCH])
    figure = go.Figure(
        [
            point(row, row["macs"], row["error"], mode="markers", error_y=seeds_of(row))
            for _, row in by_shape(rows)
        ]
    )
    figure.update_layout(
        xaxis_title="multiply-accumulates per image", yaxis_title="test error, per cent"
    )
    both = work_and_error(rows)
    ranks = "" if math.isnan(both) else f"; the rank correlation of both is {fixed(both)}"
    alt = (
        f"Test error of shapes of {short(budget)} parameters against their multiply-accumulates"
        f"{ranks}. Best first: {ranked_shapes(rows)}."
    )
    return describe_figure(figure, "Shapes of one size, by work", alt, table_of(rows))


def by_shape(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each shape with its row, as a table, best first."""
    return ((family, rows[rows["family"] == family]) for family in rows["family"])


def seeds_of(row: pd.DataFrame) -> dict:
    """Whiskers from the best to the worst seed."""
    return whiskers(row["error"], row["best"], row["worst"])


def point(row: pd.DataFrame, x: Iterable, y: Iterable, **more: Any) -> go.Scatter:
    """The marker of a shape."""
    shape = row.iloc[0]
    title, seeds = FAMILIES[shape["family"]].title, counted(int(shape["seeds"]), "seed")
    return trace(
        x,
        y,
        capital(shape["found"]),
        STYLES[shape["family"]],
        marker={"size": 12},
        custom=[[title, shape["params"], shape["macs"], shape["error"], seeds]],
        records=row["keys"].tolist(),
        hover="%{customdata[0]}\n%{customdata[1]:,.0f} parameters, %{customdata[2]:,.0f} "
        "multiply-accumulates\nmean of %{customdata[4]}: %{customdata[3]:.2f}% error",
        **more,
    )


def ranked_shapes(rows: pd.DataFrame) -> str:
    """All shapes with their error, best first."""
    return ", ".join(f"{row.found} {fixed(row.error)}%" for row in rows.itertuples())


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The data of a figure of shapes, as people read them."""
    table = rows[["found", "params", "macs", "error", "best", "worst", "seeds"]]
    table = table.astype({"params": int, "macs": int})
    return table.set_axis(
        [
            "shape",
            "parameters",
            "multiply-accumulates",
            "mean error, %",
            "best seed, %",
            "worst seed, %",
            "seeds",
        ],
        axis=1,
    )


def shape_label(found: str) -> str:
    """Where a shape comes from, in lines that leave room for a chart on a phone."""
    return "\n".join(wrap(capital(found), 18))


def shape_beside_pruned(view: View, family: str, budget: int) -> go.Figure:
    """The share of channels that a shape has in each block, beside the pruned one.

    Both are those of the first seed that has them.

    Raises:
        Missing: one of them has no record.
    """
    profiles = {}
    for name in (SCRATCH, family):
        runs = (
            record.spec.profile
            for request, record in view.planned
            if record is not None
            and isinstance(record.spec, TrainSpec)
            and (request.family, request.budget) == (name, budget)
        )
        profile = next(runs, None)
        if profile is None:
            raise Missing(f"there is no shape of {name} at {budget:,} parameters")
        profiles[capital(FOUND[name])] = profile
    return profile_lines(profiles, (SCRATCH, family))
