"""The book's Sphinx extension: figures and widgets that work with no kernel and no network.

Plotly's script, MathJax and all else that a page needs lie in the book itself, once.
"""

import html
import json
from functools import cache
from itertools import count
from pathlib import Path

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ASSETS = Path(__file__).parent / "assets"
PLOTLY = "application/vnd.plotly.v1+json"
CHOICES = "application/vnd.prunelib.choices+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
STATES = "application/vnd.jupyter.widget-state+json"


class PlotlyRenderer:
    """Writes a Plotly figure into the page as data, a description, and a table."""

    mime_priority_overrides = [("html", CHOICES, 4), ("html", PLOTLY, 5)]

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Docutils nodes for a figure; None for anything else."""
        if data.mime_type == CHOICES:
            return [nodes.raw("", choices_html(data.content), format="html")]
        if data.mime_type == PLOTLY:
            return [nodes.raw("", figure_html(data.content), format="html")]
        return None


class WidgetRenderer:
    """Writes an anywidget into the page: its state, and what its module is called."""

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Docutils nodes for a widget; None for anything else."""
        if data.mime_type != WIDGET:
            return None
        name, states = data.content["model_id"], widget_states(renderer)
        state = states.get(name, {}).get("state", {})
        if "_esm" not in state:
            renderer.logger.warning(
                "a page shows anywidgets only; tag the cell of another one 'remove-output'",
                subtype="widget",
                line=data.line,
            )
            return []
        return [nodes.raw("", widget_html(name, state), format="html")]


class OfflineRenderer(NbElementRenderer):
    """Renders notebooks without the scripts from elsewhere that core widgets would need."""

    def render_nb_finalise(self, metadata: dict) -> None:
        """Add nothing to the page: each widget has brought its state."""


def widget_states(renderer: NbElementRenderer) -> dict:
    """The states of all widgets of a notebook, by the names of their models."""
    widgets = renderer.renderer.nb_client.nb_metadata.get("widgets", {})
    return widgets.get(STATES, {}).get("state", {})


@cache
def modules() -> dict[str, str]:
    """The ES modules of our own widgets, which the book holds once, by the widgets' names."""
    from prunelib.book.widgets import explorer

    return {name: explorer.module(name) for name in explorer.MODULES}


def widget_html(name: str, state: dict) -> str:
    """HTML of one widget: a place, and all that its module needs to draw there."""
    own = state.get("_anywidget_id")
    payload = {"id": name, "state": {k: v for k, v in state.items() if not k.startswith("_")}}
    if modules().get(own) == state["_esm"]:
        payload["module"] = own
    else:
        payload |= {"esm": state["_esm"], "css": state.get("_css", "")}
    text = json.dumps(payload, separators=(",", ":")).replace("</", r"<\/")
    return (
        '<div class="widget-place">'
        f'<script type="application/json">{text}</script>'
        "<noscript>This part is drawn by JavaScript.</noscript></div>"
    )


_numbers = count()


def choices_html(choices: dict) -> str:
    """HTML of several figures, one of which is shown, and of the buttons that choose."""
    first = list(choices["figures"][0]["answers"])
    group = next(_numbers)
    asked = "".join(
        f'<fieldset class="choice" data-question="{i}">'
        f"<legend>{html.escape(question.capitalize())}</legend>"
        + "".join(
            f'<label><input type="radio" name="choice-{group}-{i}" '
            f'value="{html.escape(answer, quote=True)}"{" checked" * (answer == first[i])}>'
            f"<span>{html.escape(answer)}</span></label>"
            for answer in answers
        )
        + "</fieldset>"
        for i, (question, answers) in enumerate(choices["questions"].items())
    )
    shown = "".join(
        f'<div class="chosen" data-answers="{html.escape(json.dumps(answers), quote=True)}"'
        f"{' hidden' * (list(answers) != first)}>{figure_html(figure)}</div>"
        for answers, figure in ((f["answers"], f["figure"]) for f in choices["figures"])
    )
    nothing = '<p class="choice-missing" role="status" hidden>There are no records of this.</p>'
    return f'<div class="choices">{asked}{shown}{nothing}</div>'


def figure_html(figure: dict) -> str:
    """HTML of one figure: a place to draw on, its data, and its table."""
    layout = figure.get("layout", {})
    meta = layout.get("meta") or {}
    if not meta.get("alt"):
        raise ExtensionError("a figure has no description: give it layout.meta['alt']")
    payload = json.dumps({"data": figure["data"], "layout": layout}, separators=(",", ":"))
    payload = payload.replace("<", "\\u003c")
    height = layout.get("height", 450)
    return (
        '<figure class="plotly-figure">'
        f'<div class="plotly-place" role="img" aria-label="{html.escape(meta["alt"], quote=True)}" '
        f'style="min-height:{height}px">'
        "<noscript>This figure is drawn by JavaScript; its data are in the table below.</noscript>"
        "</div>"
        f'<script type="application/json">{payload}</script>'
        f"<figcaption>{html.escape(meta['alt'])}</figcaption>"
        f"{table_html(meta.get('table'))}</figure>"
    )


def table_html(table: dict | None) -> str:
    """The data of a figure, folded away."""
    if not table or not table["rows"]:
        return ""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table["columns"])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>"
        for row in table["rows"]
    )
    return (
        "<details><summary>The data as a table</summary>"
        '<div class="plotly-table" tabindex="0" role="region" aria-label="Data of the figure">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )


def stay_local(app: Sphinx, config) -> None:
    """Formulas are set by a copy of MathJax in the book; widgets need no script from elsewhere."""
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.nb_render_plugin = "prunelib_offline"


def copy_assets(app: Sphinx, error: Exception | None) -> None:
    """Copy Plotly's script, ours, and the part of MathJax that is used into a built book."""
    if error or app.builder.format != "html":
        return
    from importlib.util import find_spec

    from plotly.offline import get_plotlyjs
    from sphinx.util.fileutil import copy_asset

    static = Path(app.outdir) / "_static"
    text = f"window.prunelibModules = {json.dumps(modules())};\n"
    (static / "widget-modules.js").write_text(text, encoding="utf-8")
    (static / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    mathjax = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    (static / "mathjax").mkdir(exist_ok=True)
    copy_asset(str(mathjax / "tex-chtml.js"), str(static / "mathjax"))
    copy_asset(
        str(mathjax / "output" / "chtml" / "fonts"),
        str(static / "mathjax" / "output" / "chtml" / "fonts"),
    )


def without_thebe(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Drop the scripts that would fetch a live kernel from elsewhere."""
    scripts = context.get("script_files", [])
    context["script_files"] = [s for s in scripts if "thebe" not in str(getattr(s, "filename", s))]
    context["script_files"] = [
        s
        for s in context["script_files"]
        if "thebe" not in str(getattr(s, "attributes", {}).get("body", "")).lower()
    ]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("config-inited", stay_local, priority=900)
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(ASSETS)))
    app.connect("html-page-context", without_thebe, priority=900)
    app.connect("build-finished", copy_assets)
    for script in ("figures.js", "widgets.js"):
        app.add_js_file(script, loading_method="defer")
    for sheet in ("figures.css", "widgets.css"):
        app.add_css_file(sheet)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
