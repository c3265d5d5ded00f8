"""What both widgets are made of: a module of their own, and the records that they show.

Each is one ES module that draws and computes by itself, so that it works live in Jupyter, in step
with Python, and in a stored page of the book, where no Python is.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import anywidget
import traitlets

from prunelib.errors import PrunelibError
from prunelib.evidence.view import View

ASSETS = Path(__file__).parents[1] / "assets"
MODULES = {
    "prunelib.book.widgets.explorer.Explorer": ("profile.js", "parts.js", "explorer.js"),
    "prunelib.book.widgets.player.Player": ("profile.js", "parts.js", "player.js"),
}


def module(widget: str) -> str:
    """The ES module of a widget in one text: its files, without their imports of each other."""
    texts = ((ASSETS / name).read_text(encoding="utf-8") for name in MODULES[widget])
    return "\n".join(re.sub(r'^import .* from "\./.*";\n', "", t, flags=re.M) for t in texts)


def common(view: View, without: str) -> dict:
    """What both widgets must know of a scale."""
    scale = view.scale
    return {
        "scale": scale.name,
        "depth": scale.base.depth,
        "width": scale.base.width,
        "shape": {
            "channels": scale.shape.in_channels,
            "classes": scale.shape.num_classes,
            "size": scale.shape.image_size,
        },
        "command": f"prunelib study {scale.name}",
        "without": without,
    }


NumberT = TypeVar("NumberT", int, float)


class Widget(anywidget.AnyWidget):
    """What both widgets share: records of one or more scales, one of which is shown."""

    _css = (ASSETS / "widgets.css").read_text(encoding="utf-8")

    data = traitlets.Dict().tag(sync=True)
    scale = traitlets.Unicode().tag(sync=True)

    def __init__(self, studies: dict[str, View], **state: Any) -> None:
        self.studies = studies
        super().__init__(**state)

    @property
    def records(self) -> View:
        """The records of the scale that is shown."""
        return self.studies[self.scale]

    def removals_of(self, seed: int) -> int:
        """Removals of a whole pruning run of the scale that is shown; 0 without one."""
        run = self.records.pruning(seed)
        return 0 if run is None else len(run.outcome["points"]["block"]) - 1

    @traitlets.validate("scale")
    def _check_scale(self, proposal: traitlets.Bunch) -> str:
        return among(proposal.value, self.studies, "scale")

    def _say(self, *facts: str) -> str:
        return f"{type(self).__name__}({', '.join(facts)})"


def by_name(records: View | Mapping[str, View]) -> dict[str, View]:
    """Records by the name of their scale."""
    studies = {records.scale.name: records} if isinstance(records, View) else dict(records)
    if not studies:
        raise PrunelibError("there are no records of any scale to show")
    return studies


def first_pruned(studies: dict[str, View], seed: int) -> str:
    """The first scale with a pruning run of this seed; the first, if there is none."""
    return next((n for n, s in studies.items() if s.pruning(seed) is not None), next(iter(studies)))


def among(value: str, values: Collection[str], name: str) -> str:
    """The value, if it is one of these.

    Raises:
        PrunelibError: it is not.
    """
    if value not in values:
        raise PrunelibError(f"unknown {name} {value!r}; choose one of: {', '.join(values)}")
    return value


def bounded(value: NumberT, low: NumberT, high: NumberT, name: str) -> NumberT:
    """The value, if it is in this range.

    Raises:
        PrunelibError: it is not.
    """
    if not low <= value <= high:
        raise PrunelibError(f"{name} must be {low} to {high}, not {value}")
    return value
