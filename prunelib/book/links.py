"""Links out of the book, and the names of its pages: a Sphinx extension.

Names of files link to the source where `prunelib_source` says where it lies, for example
`https://example.org/project/blob/main`; where it is empty they are plain names.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

FILE = re.compile(r"(prunelib|notebooks|benchmarks|book|tests|results)/[\w./-]*")


def link_files(app: Sphinx, doctree: nodes.document) -> None:
    """Make names of files that are there links to their source."""
    source = app.config.prunelib_source.rstrip("/")
    if not source:
        return
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if FILE.fullmatch(name) and (Path(app.confdir) / name).exists():
            link = nodes.reference("", "", refuri=f"{source}/{name}")
            literal.replace_self(link)
            link += literal


def title_once(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Leave the book's name out of the title of the page that is called like it."""
    if context.get("title") == context.get("docstitle"):
        context["docstitle"] = ""


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.add_config_value("prunelib_source", "", "env", str)
    app.connect("doctree-read", link_files)
    app.connect("html-page-context", title_once)
    app.add_css_file("pages.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
