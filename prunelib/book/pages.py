"""HTML of figures and widgets, from Jinja templates that escape whatever is put into them."""

import csv
import io
import json
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from prunelib.book.escape import script_json
from prunelib.book.figures.static import svg
from prunelib.book.figures.style import slug, table_cell

MOST_ROWS = 60
"""A longer table shows every nth row; the file of its data has all."""

TEMPLATES = Environment(
    loader=PackageLoader("prunelib.book"), autoescape=True, undefined=StrictUndefined
)


@dataclass
class Page:
    """What a page has shown so far: its figures count from 1, and each has an anchor of its own."""

    folder: str
    prefix: str
    files: dict[str, str] = field(default_factory=dict)
    """Texts of files that its figures link to, by their names."""
    anchors: list[str] = field(default_factory=list)

    def anchor(self, name: str) -> str:
        """A new anchor, like this name."""
        number = sum(found == name or found.startswith(f"{name}-") for found in self.anchors)
        self.anchors.append(f"{name}-{number + 1}" if number else name)
        return self.anchors[-1]

    def link(self, name: str, text: str) -> str:
        """The address of a new file of this text."""
        self.files[f"{self.prefix}-{name}"] = text
        return f"{self.folder}/{self.prefix}-{name}"


def choices_html(choices: dict, page: Page) -> str:
    """HTML of several figures, one of which is shown, and of the buttons that choose.

    Args:
        choices: plain data of `choices.Choices`.
        page: where they are shown.
    """
    answers = [tuple(figure["answers"]) for figure in choices["figures"]]
    asked = []
    for i, (name, texts) in enumerate(choices["questions"].items()):
        possible = {given[i] for given in answers if given[:i] == answers[0][:i]}
        asked.append(
            {
                "name": name,
                "answers": [
                    {"text": text, "first": text == answers[0][i], "possible": text in possible}
                    for text in texts
                ],
            }
        )
    anchor = page.anchor(described_figure(choices["figures"][0]["figure"])["name"])
    return TEMPLATES.get_template("figure.html").render(
        anchor=anchor,
        number=len(page.anchors),
        questions=[question for question in asked if len(question["answers"]) > 1],
        figures=[
            one_figure(figure["figure"], asked, given, anchor, page)
            for figure, given in zip(choices["figures"], answers, strict=True)
        ],
    )


def figure_html(figure: dict, page: Page) -> str:
    """HTML of one figure, given as plain data of Plotly."""
    return choices_html({"questions": {}, "figures": [{"answers": [], "figure": figure}]}, page)


def one_figure(
    figure: dict, asked: list[dict], given: tuple[str, ...], anchor: str, page: Page
) -> dict:
    """What the template shows of a figure."""
    meta, layout = described_figure(figure), figure["layout"]
    chosen = {
        question["name"]: answer
        for question, answer in zip(asked, given, strict=True)
        if len(question["answers"]) > 1
    }
    name = "-".join([anchor, *(slug(answer) for answer in chosen.values())])
    table = meta.get("table") or {"columns": [], "rows": []}
    step = -(-len(table["rows"]) // MOST_ROWS)
    payload = {
        "data": figure["data"],
        "layout": {key: value for key, value in layout.items() if key != "meta"},
        "name": name,
        "title": meta["title"],
        "scale": meta.get("scale"),
    }
    return {
        "name": name,
        "title": meta["title"],
        "alt": meta["alt"],
        "caption": meta.get("note", ""),
        "answers": json.dumps(chosen),
        "height": int(layout.get("height", 450)),
        "payload": Markup(script_json(payload)),
        "svg": page.link(f"{name}.svg", svg(figure)),
        "csv": page.link(f"{name}.csv", csv_text(table)) if table["rows"] else None,
        "columns": table["columns"],
        "rows": [[table_cell(value) for value in row] for row in table["rows"][:: step or 1]],
        "note": f"One row of every {step}; the CSV has all {len(table['rows']):,}." * (step > 1),
        "source": meta.get("source"),
    }


def described_figure(figure: dict) -> dict:
    """What a figure says of itself.

    Raises:
        ValueError: it says nothing.
    """
    meta = figure.get("layout", {}).get("meta") or {}
    if not meta.get("alt") or not meta.get("title"):
        raise ValueError("a figure has no description: make it with `style.describe_figure`")
    return meta


def csv_text(table: dict) -> str:
    """The data of a figure as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table["columns"])
    writer.writerows([inert(value) for value in row] for row in table["rows"])
    return text.getvalue()


def inert(value: object) -> object:
    """A value of a CSV file that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def widget_html(name: str, state: dict, modules: dict[str, str]) -> str:
    """HTML of one widget: a place, and all that its module needs to draw there.

    Args:
        name: of its model.
        state: of its model.
        modules: texts of the ES modules that the book holds, by the widgets' names.
    """
    own = state.get("_anywidget_id", "")
    shown = {key: value for key, value in state.items() if not key.startswith("_")}
    payload: dict[str, object] = {"id": name, "state": shown}
    if modules.get(own) == state["_esm"]:
        payload["module"] = own
    else:
        payload |= {"esm": state["_esm"], "css": state.get("_css", "")}
    return TEMPLATES.get_template("widget.html").render(payload=Markup(script_json(payload)))
