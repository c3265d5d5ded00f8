"""The axes of a figure that is drawn as an SVG: from values to pixels, and ticks."""

import math
from collections.abc import Iterator
from html import unescape
from typing import Any

from prunelib.text import short


class Axis:
    """From values to pixels; `lengths` are where the axis begins and ends."""

    def __init__(self, layout: dict, values: list, lengths: tuple[float, float]) -> None:
        self.title = text_of((layout.get("title") or {}).get("text", ""))
        self.shown = layout.get("showticklabels", True)
        self.format = layout.get("tickformat", "")
        self.lengths = lengths
        known = [v for v in values if v is not None and v == v]
        self.names = list(dict.fromkeys(v for v in known if isinstance(v, str)))
        if layout.get("categoryarray"):
            order = list(layout["categoryarray"])
            self.names = [n for n in order if n in self.names]
        self.log = layout.get("type") == "log"
        numbers = range(len(self.names)) if self.names else known
        numbers = [math.log10(n) for n in numbers if n > 0] if self.log else list(numbers)
        low, high = layout.get("range") or padded(numbers, bool(self.names), layout)
        reverse = layout.get("autorange") == "reversed"
        self.ends = (high, low) if reverse else (low, high)

    def __call__(self, value: Any) -> float | None:
        """The pixel of a value; None where it has none."""
        if value is None or value != value:
            return None
        if not isinstance(value, str) and self.log and value <= 0:
            return None
        return self.at(value)

    def at(self, value: Any) -> float:
        """The pixel of a value that has one."""
        if isinstance(value, str):
            number: float = self.names.index(value)
        else:
            number = math.log10(value) if self.log else value
        share = (number - self.ends[0]) / ((self.ends[1] - self.ends[0]) or 1)
        return self.lengths[0] + share * (self.lengths[1] - self.lengths[0])

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Pixels and texts of the ticks."""
        low, high = sorted(self.ends)
        if self.names:
            yield from ((self.at(name), text_of(name)) for name in self.names)
            return
        if self.log:
            decades = range(math.floor(low), math.ceil(high) + 1)
            steps = (1, 2, 5) if high - low < 3 else (1,)
            found = [m * 10.0**d for d in decades for m in steps]
            found = [v for v in found if low <= math.log10(v) <= high]
        else:
            step = nice((high - low) / 6)
            found = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
        for value in found:
            yield self.at(value), f"{value:.0%}" if "%" in self.format else tick(value)


def tick(value: float) -> str:
    """A number beside an axis."""
    return short(value) if value >= 1000 else f"{value:.6g}"


def nice(step: float) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten."""
    power = 10 ** math.floor(math.log10(step)) if step > 0 else 1
    return next((m * power for m in (1, 2, 5) if m * power >= step), 10 * power)


def padded(numbers: list[float], names: bool, layout: dict) -> tuple[float, float]:
    """The range of an axis that shows some numbers."""
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if layout.get("rangemode") == "tozero":
        low = min(0.0, low)
    pad = 0.5 if names else 0.05 * ((high - low) or 1.0)
    return low - pad * (low != 0 or names), high + pad


def text_of(text: str) -> str:
    """Plain text of one of Plotly's."""
    return unescape((text or "").replace("<br>", " "))
