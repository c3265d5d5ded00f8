"""How figures look: one colour, marker and meaning for a family in the whole book.

Every colour stands out from a white page and from a dark one (3:1 at least), and none carries a
meaning alone: families differ in their marker, too. Filled markers and solid lines are networks
that were trained as long as the base network; open markers and broken lines saw more images.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from prunelib import text
from prunelib.book.escape import plotly
from prunelib.book.figures.static import svg
from prunelib.errors import Missing
from prunelib.study import families

RED, YELLOW, GREEN, BLUE, PINK = "#d6362b", "#b58900", "#00916a", "#0b7fd0", "#d255a5"
VIOLET, TEAL, BROWN, OLIVE, MAGENTA = "#7d64e0", "#13959f", "#a85f2e", "#91911e", "#c060c0"
GREY, DARK_GREY, LIGHT_GREY = "#7f7f7f", "#6f6f6f", "#919191"
GRID = "rgba(128,128,128,.25)"


class Style(NamedTuple):
    """How a family, or another series, is drawn; `glyph` is its marker as a character."""

    colour: str
    marker: str
    dash: str
    glyph: str


STYLES = {
    "base": Style(GREY, "star", "solid", "★"),
    families.PRUNED: Style(RED, "circle", "solid", "●"),
    families.REDUCED: Style(YELLOW, "square", "solid", "■"),
    families.BOTTLENECK: Style(GREEN, "diamond", "solid", "◆"),
    families.BOTTLENECK_LONG: Style(GREEN, "diamond-open", "dash", "◇"),
    families.BOTTLENECK_LONGEST: Style(GREEN, "diamond-open-dot", "dot", "◈"),
    families.SCRATCH: Style(BLUE, "triangle-up", "solid", "▲"),
    families.SCRATCH_LONG: Style(BLUE, "triangle-up-open", "dash", "△"),
    families.SCRATCH_LONGEST: Style(BLUE, "triangle-up-open-dot", "dot", "◬"),
    families.COPYCAT: Style(PINK, "triangle-down", "solid", "▼"),
    families.RANDOM_PROFILE: Style(DARK_GREY, "x", "solid", "✖"),
    families.RANDOM_REMOVAL: Style(LIGHT_GREY, "cross", "solid", "✚"),
    families.L1_REMOVAL: Style(DARK_GREY, "triangle-left", "solid", "◀"),
    families.RETRAINED: Style(DARK_GREY, "pentagon-open", "dash", "⬠"),
    families.INITIAL: Style(LIGHT_GREY, "hexagon", "solid", "⬢"),
    "flop-penalty-1": Style(LIGHT_GREY, "triangle-right", "solid", "▶"),
    "flop-penalty-2": Style(GREY, "bowtie", "solid", "⧓"),
    "flop-penalty-3": Style(DARK_GREY, "triangle-ne", "solid", "◥"),
    families.BASE_LONG: Style(GREY, "star-open", "dash", "☆"),
    families.SEARCHED_SHORT: Style(LIGHT_GREY, "star-diamond", "solid", "✦"),
    families.SLICED: Style(DARK_GREY, "hexagon2", "solid", "⬣"),
    "taper": Style(GREY, "star-triangle-down", "solid", "▾"),
    families.TAPER_MACS: Style(LIGHT_GREY, "star-triangle-up", "solid", "▴"),
    families.UNTRAINED_REMOVAL: Style(GREY, "circle-cross", "solid", "⊕"),
    families.UNTRAINED_SHAPE: Style(DARK_GREY, "circle-x", "solid", "⊗"),
    families.L1_SHAPE: Style(GREY, "square-cross", "solid", "⊞"),
    families.RANDOM_SHAPE: Style(LIGHT_GREY, "square-x", "solid", "⊠"),
    families.REDUCED_DEPTH: Style(DARK_GREY, "hexagram", "solid", "✡"),
    "recalibrated": Style(LIGHT_GREY, "circle-dot", "solid", "◉"),
    families.SNIP_REMOVAL: Style(GREY, "triangle-sw", "solid", "◣"),
    families.SNIP_SHAPE: Style(DARK_GREY, "triangle-se", "solid", "◢"),
    families.DISTILLED_BOTTLENECK: Style(GREY, "diamond-cross", "solid", "❖"),
    families.DISTILLED_SHAPE: Style(LIGHT_GREY, "triangle-up-dot", "solid", "◭"),
}
"""The families of the paper have its colours, controls are grey."""

LINES = (
    Style(VIOLET, "circle", "solid", "●"),
    Style(TEAL, "square", "dash", "■"),
    Style(BROWN, "diamond", "dot", "◆"),
    Style(OLIVE, "triangle-up", "dashdot", "▲"),
    Style(MAGENTA, "triangle-down", "longdash", "▼"),
    Style(DARK_GREY, "x", "longdashdot", "✖"),
)
"""Series that are not families have none of their colours."""

DASHES = ("solid", "dash", "dot")
"""Lines of one family that differ in scale or seed, in their order."""
PATTERNS = ("", "/", ".", "x", "-", "|", "+", "\\")
"""How bars are told apart where there are more than colours tell."""


def line_style(index: int) -> Style:
    """The style of a series that is not a family, by its place."""
    return LINES[index % len(LINES)]


class Drawn(go.Figure):
    """A figure that a stored notebook shows as a picture, too, where nothing runs Plotly."""

    # These would show Plotly alone, and again as a page of its own.
    _ipython_display_ = _repr_html_ = None

    def _repr_mimebundle_(self, *args: object, **kwargs: object) -> dict:
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        picture = svg(self.to_plotly_json())
        return {**bundle, "image/svg+xml": picture, "text/plain": self.layout.meta["title"]}


def trace(
    x: Iterable,
    y: Iterable,
    name: str,
    style: Style,
    *,
    mode: str = "lines+markers",
    hover: str | None = None,
    custom: Sequence[Sequence] | None = None,
    records: Sequence[Sequence[str]] | None = None,
    label: bool = True,
    group: str | None = None,
    **more: Any,
) -> go.Scatter:
    """A series of a figure.

    Args:
        x: coordinates; texts among them are plain.
        y: the same.
        name: plain text, as shown in the legend or at the end of the line.
        style: of the series.
        mode: Plotly's.
        hover: Plotly's template of what is said of a point, written in the code, never read from
            a record; lines are parted by a line break.
        custom: for `hover`, a row per point; texts are plain.
        records: keys of the records behind each point, which a click on it shows; a key of
            another scale than the figure's is `scale/key`.
        label: whether the legend names it.
        group: what is pointed at together; by default the name.
        more: further arguments of `plotly.graph_objects.Scatter`.
    """
    return go.Scatter(
        x=plotly_values(x),
        y=plotly_values(y),
        name=plotly(name),
        mode=mode,
        line={"color": style.colour, "dash": style.dash} | more.pop("line", {}),
        marker=marker(style) | more.pop("marker", {}),
        customdata=None if custom is None else [plotly_values(row) for row in custom],
        hoverinfo=None if hover else "skip",
        hovertemplate=hover and hover.replace("\n", "<br>") + "<extra></extra>",
        legendgroup=plotly(group or name),
        showlegend=False,
        meta={"label": label, "glyph": style.glyph, "records": once(records)},
        **more,
    )


def marker(style: Style) -> dict:
    """The marker of a style. What is drawn within a filled one needs a colour of its own."""
    inside = not style.marker.count("-open") and style.marker.endswith(("-cross", "-x", "-dot"))
    line = {"line": {"color": "#ffffff", "width": 1}} if inside else {}
    return {"color": style.colour, "symbol": style.marker, "size": 9} | line


def once(rows: Sequence[Sequence] | None) -> list | None:
    """Rows for all points; a single one, if they are all the same."""
    if rows is None or not len(rows):
        return None
    return [rows[0]] if all(row == rows[0] for row in rows) else list(rows)


def plotly_values(values: Iterable) -> list:
    """Values for Plotly: numbers as Python's own, texts escaped."""
    found = values.tolist() if hasattr(values, "tolist") else list(values)
    return [plotly(value) if isinstance(value, str) else value for value in found]


def whiskers(middle: pd.Series, low: pd.Series, high: pd.Series) -> dict:
    """Error bars that reach from `low` to `high`."""
    return {
        "type": "data",
        "symmetric": False,
        "array": apart(high, middle),
        "arrayminus": apart(middle, low),
        "thickness": 1,
        "width": 3,
    }


def apart(high: pd.Series, low: pd.Series) -> list[float]:
    """Differences of numbers as they are shown, so that equal ones are zero apart."""
    return [text.rounded(a) - text.rounded(b) for a, b in zip(high, low, strict=True)]


def describe_figure(
    figure: go.Figure,
    title: str,
    alt: str,
    table: pd.DataFrame,
    height: int = 450,
    note: str = "",
) -> go.Figure:
    """Add what all figures share.

    Args:
        figure: to be finished.
        title: what it shows, in a few words; also the name of its files.
        alt: what it says, for people who do not see it.
        table: its data, whole.
        height: pixels.
        note: how to read a mark that neither axes nor names explain.
    """
    rows = [[table_value(value) for value in row] for row in table.itertuples(index=False)]
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 64, "r": 16, "t": 28, "b": 52},
        font={"size": 14},
        height=height,
        hovermode="closest",
        meta={
            "name": slug(title),
            "title": title,
            "alt": alt,
            "note": note,
            "table": {"columns": [str(name) for name in table.columns], "rows": rows},
        },
    )
    figure.update_xaxes(gridcolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, automargin=True)
    return Drawn(text.plain(figure.to_plotly_json()))


def log_ticks(values: pd.Series) -> dict:
    """Ticks of a logarithmic axis at 1, 2 and 5 times the powers of ten, as people write them."""
    low, high = float(values.min()), float(values.max())
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 1_000 else (1,)
    found = [m * 10**p for p in powers for m in steps if low / 2 <= m * 10**p <= 2 * high]
    return {"tickvals": found, "ticktext": [text.short(value) for value in found]}


def require_rows(frame: pd.DataFrame) -> None:
    """Raise Missing if there are no rows to draw."""
    if frame.empty:
        raise Missing("there are no records to draw this from")


def slug(text: str) -> str:
    """A name for files and anchors.

    >>> slug("Test error, against MACs")
    'test-error-against-macs'
    """
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def table_value(value: object) -> object:
    """A value of a table as plain data: numbers to six digits, None where there is none."""
    if value is None or value != value:
        return None
    value = value.item() if hasattr(value, "item") else value
    return text.rounded(value) if isinstance(value, float) else value


def table_cell(value: object) -> str:
    """A value of a table as people write it.

    >>> table_cell(77755), table_cell(12.3456), table_cell(0.00123), table_cell(None)
    ('77,755', '12.35', '0.00123', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 0.1 else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def sourced(figure: go.Figure, source: str) -> go.Figure:
    """The figure, with a sentence on where its data come from."""
    return figure.update_layout(meta=figure.layout.meta | {"source": source})
