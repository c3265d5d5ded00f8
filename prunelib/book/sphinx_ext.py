"""The book's Sphinx extension: figures and widgets that work with no kernel and no network.

Plotly's script, MathJax, the records and all else that a page needs lie in the book itself, once.
"""

import json
import re
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from plotly.offline import get_plotlyjs
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

from prunelib.book import pages, policy
from prunelib.book.links import add_links
from prunelib.book.terms import add_terms

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("figures.js", "tables.js", "widgets.js")
SHEETS = ("figures.css", "widgets.css")
FIGURE_FOLDER = "figures"
"""Folder of the built book with the data and the pictures of its figures."""

PLOTLY = "application/vnd.plotly.v1+json"
CHOICES = "application/vnd.prunelib.choices+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
THEBE = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*<script>\s*kernelName.*?</script>',
    re.DOTALL,
)
STATES = "application/vnd.jupyter.widget-state+json"


class PlotlyRenderer:
    """Writes a Plotly figure into the page as data, a description, and a table."""

    mime_priority_overrides = [("html", CHOICES, 4), ("html", PLOTLY, 5)]

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Docutils nodes for a figure; None for anything else."""
        write = {CHOICES: pages.choices_html, PLOTLY: pages.figure_html}.get(data.mime_type)
        if write is None:
            return None
        if data.mime_type == PLOTLY and data.content["layout"].get("meta", {}).get("one_of"):
            return []  # The page shows all choices; this is the first of them, for live notebooks.
        env = renderer.renderer.sphinx_env
        page = page_of(env)
        try:
            text = write(data.content, page)
        except ValueError as error:
            raise ExtensionError(str(error)) from error
        folder = Path(env.app.outdir) / FIGURE_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        while page.files:
            name, content = page.files.popitem()
            (folder / name).write_text(content, encoding="utf-8")
        return [nodes.raw("", text, format="html")]


def page_of(env: BuildEnvironment) -> pages.Page:
    """The page that is being read."""
    if "prunelib_page" not in env.temp_data:
        up = "../" * env.docname.count("/")
        prefix = env.docname.rsplit("/", 1)[-1]
        env.temp_data["prunelib_page"] = pages.Page(f"{up}{FIGURE_FOLDER}", prefix)
    return env.temp_data["prunelib_page"]


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
        return [nodes.raw("", pages.widget_html(name, state, modules()), format="html")]


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
    from prunelib.book.widgets import base

    return {name: base.module(name) for name in base.MODULES}


def stay_local(app: Sphinx, config: Config) -> None:
    """Formulas are set by a copy of MathJax in the book; widgets need no script from elsewhere."""
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.nb_render_plugin = "prunelib_offline"


def finish_build(app: Sphinx, error: Exception | None) -> None:
    """Copy what the pages of a built book need into it, and give each page its policy."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    copy_scripts(out / "_static")
    copy_records(Path(app.confdir) / app.config.prunelib_records, out / "records")
    for path in out.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        path.write_text(policy.held(text), encoding="utf-8")


def copy_scripts(static: Path) -> None:
    """Copy Plotly's script, ours, and the part of MathJax that is used."""
    text = f"window.prunelibModules = {json.dumps(modules())};\n"
    (static / "widget-modules.js").write_text(text, encoding="utf-8")
    (static / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    spec = find_spec("sphinx-mathjax-offline")
    assert spec is not None
    assert spec.origin is not None
    mathjax = Path(spec.origin).parent / "static" / "mathjax"
    (static / "mathjax").mkdir(exist_ok=True)
    copy_asset(str(mathjax / "tex-chtml.js"), str(static / "mathjax"))
    copy_asset(
        str(mathjax / "output" / "chtml" / "fonts"),
        str(static / "mathjax" / "output" / "chtml" / "fonts"),
    )


def copy_records(results: Path, out: Path) -> None:
    """Copy the records, which figures link to; no weights."""
    for path in sorted(results.rglob("*.json")):
        target = out / path.relative_to(results)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def only_needed(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Drop scripts that would fetch a kernel from elsewhere, and MathJax where no formula is."""
    # Docutils calls its citations a list, whose items then say that they are something else.
    body = THEBE.sub("", context.get("body", ""))
    body = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    unwanted, context["body"] = ["thebe"], body
    if 'class="math' not in body:
        unwanted.append("mathjax")
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if not any(name in described_script(script) for name in unwanted)
    ]


def described_script(script: object) -> str:
    """The file and the text of a script of a page."""
    body = getattr(script, "attributes", {}).get("body") or ""
    return f"{getattr(script, 'filename', script)} {body}".lower()


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_config_value("prunelib_records", "results", "html")
    app.connect("config-inited", stay_local, priority=900)
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(ASSETS)))
    app.connect("html-page-context", only_needed, priority=900)
    app.connect("build-finished", finish_build)
    for script in SCRIPTS:
        app.add_js_file(script, loading_method="defer")
    for sheet in SHEETS:
        app.add_css_file(sheet)
    add_links(app)
    add_terms(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
