"""A figure as a plain SVG: for pages without JavaScript, and for notebooks on a code host.

It draws what `figures` makes, from the same data: lines, markers, whiskers, bars, a heat map, and
several panels one above the other. Not all of Plotly.
"""

from html import escape

from prunelib.book.figures.axes import Axis, text_of

WIDTH, LEFT, RIGHT, TOP, BOTTOM, ROW = 800, 84, 24, 30, 52, 20
INK, GRID = "#333333", "#dddddd"
SVG_DASHES = {"dash": "8 4", "dot": "2 4", "dashdot": "8 4 2 4", "longdash": "14 5"}
COLD, HOT = (0, 32, 77), (255, 234, 70)


def svg(figure: dict) -> str:
    """The figure as an SVG document, from Plotly's plain data."""
    data, layout = figure["data"], figure["layout"]
    height = int(layout.get("height", 450))
    labels = [t for t in data if (t.get("meta") or {}).get("label")]
    legend = -(-len(labels) // 2) * ROW if len(labels) > 1 else 0
    left = max([LEFT, *(30 + 7 * len(text_of(n)) for t in data for n in names_of(t.get("y")))])
    left = min(left, WIDTH // 2)
    parts = []
    for x, y in dict.fromkeys((t.get("xaxis", "x"), t.get("yaxis", "y")) for t in data):
        mine = [t for t in data if (t.get("xaxis", "x"), t.get("yaxis", "y")) == (x, y)]
        alike = [t for t in data if twin(layout, t.get("yaxis", "y")) == twin(layout, y)]
        parts += panel(mine, alike, layout, (x, y), (left, height))
    title = text_of((layout.get("meta") or {}).get("title", ""))
    parts.append(text_element(left, 18, title, weight="bold", size=15))
    parts += legends(labels, left, height + 8)
    body = "\n".join(parts)
    alt = escape((layout.get("meta") or {}).get("alt", ""), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height + legend + 16}" '
        f'viewBox="0 0 {WIDTH} {height + legend + 16}" role="img" aria-label="{alt}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def names_of(values: list | None) -> list[str]:
    """Those values that are texts."""
    return [v for v in values or () if isinstance(v, str)]


def axis_of(layout: dict, name: str) -> dict:
    """The layout of an axis that a trace calls by this name."""
    return layout.get(f"{name[0]}axis{name[1:]}") or {}


def twin(layout: dict, name: str) -> str:
    """The axis whose range an axis shares; by default itself."""
    return axis_of(layout, name).get("matches") or name


def panel(
    data: list[dict], alike: list[dict], layout: dict, axes: tuple[str, str], room: tuple[int, int]
) -> list:
    """One pair of axes and what is drawn on it; `alike` has all on vertical axes like this one."""
    left, height = room
    ours = [axis_of(layout, name) for name in axes]
    low, high = ours[1].get("domain", (0, 1))
    inside = height - TOP - BOTTOM
    box = (left, TOP + (1 - high) * inside, WIDTH - RIGHT, TOP + (1 - low) * inside)
    bars = [t for t in data if t.get("type") == "bar"]
    if bars and bars[0].get("orientation") == "h":
        ends = [v for t in bars for v in t["x"]]
        x = Axis(ours[0] | {"rangemode": "tozero"}, [0, *ends], (box[0], box[2]))
        y = Axis(ours[1], [v for t in bars for v in t["y"]], (box[3], box[1]))
    else:
        zero = [0] if bars else []
        x = Axis(ours[0], [v for t in data for v in values_along(t, "x")], (box[0], box[2]))
        y = Axis(
            ours[1], [*zero, *(v for t in alike for v in values_along(t, "y"))], (box[3], box[1])
        )
    parts = [*frame(x, y, box), *shapes(layout, x, y, axes, box)]
    for index, drawn in enumerate(data):
        kind = drawn.get("type", "scatter")
        if kind == "heatmap":
            parts += heat(drawn, x, y)
        elif kind == "bar":
            parts += barred(drawn, x, y, index, bars)
        else:
            parts += scattered(drawn, x, y)
    return parts


def values_along(drawn: dict, name: str) -> list:
    """The values of a trace on an axis, the ends of its whiskers among them."""
    values = list(drawn.get(name) or ())
    error = drawn.get(f"error_{name}") or {}
    if not error.get("array"):
        return values
    down = error.get("arrayminus") or error["array"]
    ups = [v + e for v, e in zip(values, error["array"], strict=True)]
    return values + ups + [v - e for v, e in zip(values, down, strict=True)]


def frame(x: Axis, y: Axis, box: tuple) -> list[str]:
    """Grid, ticks and titles of the axes."""
    left, top, right, bottom = box
    parts = []
    for at, text in x.ticks():
        parts.append(stroke([(at, top), (at, bottom)], GRID))
        if x.shown:
            parts.append(text_element(at, bottom + 18, text, "middle"))
    for at, text in y.ticks():
        parts.append(stroke([(left, at), (right, at)], GRID))
        parts.append(text_element(left - 8, at + 4, text, "end"))
    if x.title:
        parts.append(text_element((left + right) / 2, bottom + 40, x.title, "middle"))
    if y.title:
        turned = f' transform="rotate(-90 16 {(top + bottom) / 2:.0f})"'
        parts.append(text_element(16, (top + bottom) / 2, y.title, "middle", extra=turned))
    return parts


def shapes(layout: dict, x: Axis, y: Axis, axes: tuple[str, str], box: tuple) -> list[str]:
    """Lines and bands across a panel, and its title."""
    parts = []
    for shape in layout.get("shapes") or ():
        refs = [shape.get(f"{name}ref", name) for name in "xy"]
        across = [ref.split(" ")[0] for ref in refs]
        if across != list(axes):
            continue
        xs = [shape["x0"], shape["x1"]] if "domain" not in refs[0] else None
        ys = [shape["y0"], shape["y1"]] if "domain" not in refs[1] else None
        x0, x1 = [x.at(v) for v in xs] if xs else (box[0], box[2])
        y0, y1 = [y.at(v) for v in ys] if ys else (box[3], box[1])
        if shape.get("type") == "rect":
            parts.append(rect(x0, y0, x1, y1, "#888888", 0.2))
        else:
            dash = (shape.get("line") or {}).get("dash", "solid")
            parts.append(stroke([(x0, y0), (x1, y1)], "#7f7f7f", dash))
    for note in layout.get("annotations") or ():
        if note.get("yref") == "paper" and abs(note["y"] - top_of(layout, axes[1])) < 1e-6:
            parts.append(
                text_element((box[0] + box[2]) / 2, box[1] - 6, text_of(note["text"]), "middle")
            )
    return parts


def top_of(layout: dict, name: str) -> float:
    """Where a vertical axis ends, as a share of the figure."""
    return axis_of(layout, name).get("domain", (0, 1))[1]


def scattered(drawn: dict, x: Axis, y: Axis) -> list[str]:
    """A line, its markers and whiskers."""
    colour = drawn["marker"]["color"]
    pairs = [(x(a), y(b)) for a, b in zip(drawn["x"], drawn["y"], strict=True)]
    points = [(a, b) for a, b in pairs if a is not None and b is not None]
    parts = []
    for name, axis in (("x", x), ("y", y)):
        error = drawn.get(f"error_{name}") or {}
        if not error.get("array"):
            continue
        down = error.get("arrayminus") or error["array"]
        rows = zip(drawn["x"], drawn["y"], error["array"], down, strict=True)
        for a, b, up, low in rows:
            here = a if name == "x" else b
            ends = axis(here - low), axis(here + up)
            across = [(e, y(b)) for e in ends] if name == "x" else [(x(a), e) for e in ends]
            if all(None not in point for point in across):
                parts.append(stroke(across, colour))
    if "lines" in drawn["mode"] and len(points) > 1:
        width = (drawn.get("line") or {}).get("width", 2)
        parts.append(stroke(points, colour, (drawn.get("line") or {}).get("dash"), width))
    if "markers" in drawn["mode"]:
        glyph = (drawn.get("meta") or {}).get("glyph", "●")
        parts += [text_element(a, b + 5, glyph, "middle", colour, 15) for a, b in points]
    if "text" in drawn["mode"]:
        told = zip(points, drawn["text"], strict=True)
        parts += [
            text_element(a, b + 19, text_of(text), "middle", size=11) for (a, b), text in told
        ]
    return parts


def barred(drawn: dict, x: Axis, y: Axis, index: int, bars: list[dict]) -> list[str]:
    """Bars, beside each other or stacked along the other axis."""
    colour, parts = drawn["marker"]["color"], []
    if drawn.get("orientation") == "h":
        for i, (name, value) in enumerate(zip(drawn["y"], drawn["x"], strict=True)):
            before = sum(t["x"][i] for t in bars[:index])
            middle = y.at(name)
            ends = x.at(before), x.at(before + value)
            parts.append(rect(ends[0], middle - 14, ends[1], middle + 14, colour))
        return parts
    wide = 0.8 * abs(x.at(1) - x.at(0)) / len(bars)
    texts = drawn.get("text") or [""] * len(drawn["x"])
    for number, value, text in zip(drawn["x"], drawn["y"], texts, strict=True):
        left = x.at(number) + wide * (index - len(bars) / 2)
        parts.append(rect(left, y.at(value), left + wide, y.at(0), colour))
        parts.append(
            text_element(left + wide / 2, y.at(value) - 4, text_of(text), "middle", size=11)
        )
    return parts


def heat(drawn: dict, x: Axis, y: Axis) -> list[str]:
    """A heat map: runs of equal colour in each row as one rectangle."""
    half = abs(y.at(drawn["y"][1]) - y.at(drawn["y"][0])) / 2 if len(drawn["y"]) > 1 else 10
    parts = []
    for row, values in zip(drawn["y"], drawn["z"], strict=True):
        start = 0
        for i in range(1, len(values) + 1):
            if i == len(values) or values[i] != values[start]:
                ends = x.at(drawn["x"][start]), x.at(drawn["x"][min(i, len(values) - 1)])
                colour = shade(values[start] / (drawn.get("zmax") or 1))
                parts.append(rect(ends[0], y.at(row) - half, ends[1], y.at(row) + half, colour))
                start = i
    return parts


def shade(share: float) -> str:
    """A colour between cold and hot."""
    mixed = (round(a + share * (b - a)) for a, b in zip(COLD, HOT, strict=True))
    return f"#{''.join(f'{part:02x}' for part in mixed)}"


def legends(labels: list[dict], left: int, top: int) -> list[str]:
    """The names of the traces, in two columns."""
    if len(labels) < 2:
        return []
    parts = []
    for i, drawn in enumerate(labels):
        x, y = left + (i % 2) * 350, top + 12 + i // 2 * ROW
        parts.append(
            text_element(x, y, (drawn.get("meta") or {})["glyph"], "middle", colour_of(drawn))
        )
        parts.append(text_element(x + 14, y, text_of(drawn["name"])))
    return parts


def colour_of(drawn: dict) -> str:
    """The colour of a trace."""
    return drawn["marker"]["color"]


def stroke(points: list, colour: str, dash: str | None = None, width: float = 1) -> str:
    """A line through some points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    pattern = f' stroke-dasharray="{SVG_DASHES[dash]}"' if dash in SVG_DASHES else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{pattern}/>'
    )


def rect(x0: float, y0: float, x1: float, y1: float, colour: str, opacity: float = 1) -> str:
    """A filled rectangle between two corners."""
    return (
        f'<rect x="{min(x0, x1):.1f}" y="{min(y0, y1):.1f}" width="{abs(x1 - x0):.1f}" '
        f'height="{abs(y1 - y0):.1f}" fill="{colour}" fill-opacity="{opacity}"/>'
    )


def text_element(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    colour: str = INK,
    size: int = 13,
    weight: str = "normal",
    extra: str = "",
) -> str:
    """A text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}" font-weight="{weight}"{extra}>{escape(text)}</text>'
    )
