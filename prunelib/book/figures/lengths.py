"""Errors, and what a shape is worth, against the length of training."""

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.style import GREY, STYLES, finish, line, there, trace, whiskers
from prunelib.study.families import FAMILIES, MAIN
from prunelib.text import fixed, short

EPOCHS = "epochs of training images"


def error_by_length(
    rows: pd.DataFrame, size: int, families: Sequence[str] = (*MAIN, "retrained")
) -> go.Figure:
    """Test error of each family at one size against the length of training, over all scales.

    Markers are means over seeds, whiskers reach from the best to the worst seed; open markers are
    of networks that saw more images than the base network of their scale.

    Args:
        rows: of `lengths.errors_by_length`.
        size: a budget (parameters).
        families: those to show, if they are there.

    Raises:
        Missing: nothing has that size.
    """
    rows = rows[(rows["size"] == size) & rows["family"].isin(families)].sort_values("epochs")
    there(rows)
    figure = go.Figure()
    for family in [name for name in FAMILIES if name in set(rows["family"])]:
        part, title = rows[rows["family"] == family], FAMILIES[family].title
        looks = [STYLES.get(family + end, STYLES[family]) for end in part["length"]]
        figure.add_trace(
            trace(
                part["epochs"],
                part["error"],
                title,
                STYLES[family],
                marker={"symbol": [look.marker for look in looks]},
                error_y=whiskers(part["error"], part["best"], part["worst"]),
                custom=list(zip(part["scale"], part["seeds"], strict=True)),
                records=[
                    [f"{scale}/{key}" for key in keys]
                    for scale, keys in zip(part["scale"], part["keys"], strict=True)
                ],
                hover=f"{title}\n%{{x:.4~g}} epochs, scale %{{customdata[0]}}\nmean of "
                "%{customdata[1]} run(s): %{y:.2f} % error",
            )
        )
    figure.update_xaxes(title=EPOCHS, type="log")
    figure.update_yaxes(title="test error, per cent")
    longest = rows[rows["epochs"] == rows["epochs"].max()].sort_values("error")
    best = "; ".join(
        f"{FAMILIES[row.family].title} {fixed(row.error)} % after {fixed(row.epochs, 0)} epochs"
        for row in longest.itertuples()
    )
    table = rows[["scale", "family", "epochs", "error", "best", "worst", "seeds"]].copy()
    table["family"] = [FAMILIES[name].title for name in table["family"]]
    names = "scale,family,epochs,mean error (%),best seed (%),worst seed (%),seeds"
    table.columns = names.split(",")
    alt = f"Test error at {short(size)} parameters against the length of training. Longest: {best}."
    return finish(figure, "Test error by length of training", alt, table)


def shape_by_length(rows: pd.DataFrame) -> go.Figure:
    """How many more errors a bottleneck network makes than the pruned shape, by size and length.

    Both are trained from scratch for as many images. Whiskers are the interval; those of all sizes
    hold together with 95 % at each length.

    Args:
        rows: of `lengths.shape_by_length`.

    Raises:
        Missing: no such networks are there.
    """
    there(rows)
    rows = rows.assign(**{name: more(rows[name]) for name in ("ratio", "low", "high")})
    figure, said = go.Figure(), []
    for i, (size, part) in enumerate(rows.groupby("size")):
        part = part.sort_values("epochs")
        ends = part[["low", "high"]].fillna({"low": part["ratio"], "high": part["ratio"]})
        figure.add_trace(
            trace(
                part["epochs"],
                part["ratio"],
                f"{short(size)} parameters",
                line(i),
                error_y=whiskers(part["ratio"], ends["low"], ends["high"]),
                custom=part[["seeds", "points"]].values.tolist(),
                hover=f"{short(size)} parameters, %{{x:.3~g}} epochs\n%{{y:.1f}} % more errors "
                "(%{customdata[1]:+.2f} points)\nmean of %{customdata[0]} seed(s)",
            )
        )
        first, last = part.iloc[0], part.iloc[-1]
        said.append(
            f"at {short(size)} {fixed(first.ratio, 0)} % after {fixed(first.epochs, 0)} epochs and "
            f"{fixed(last.ratio, 0)} % after {fixed(last.epochs, 0)}"
        )
    figure.add_hline(y=0, line={"color": GREY})
    figure.update_xaxes(title=EPOCHS)
    figure.update_yaxes(title="more errors than the pruned shape, per cent")
    table = rows[["size", "epochs", "points", "ratio", "low", "high", "seeds"]].set_axis(
        ["parameters", "epochs", "points", "more errors, %", "from", "to", "seeds"], axis=1
    )
    alt = f"Errors of bottleneck networks beyond those of the pruned shape: {'; '.join(said)}."
    return finish(figure, "What the shape is worth by length of training", alt, table)


def more(logarithms: pd.Series) -> list[float]:
    """Per cent more, of logarithms of a ratio.

    >>> more([0.0])
    [0.0]
    """
    return [100 * math.expm1(x) for x in logarithms]
