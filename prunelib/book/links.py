"""Links out of the book, and the names of its pages.

Names of files link to the source where `prunelib_source` says where it lies, for example
`https://example.org/project/blob/main`; where it is empty they are plain names. Where that is a
repository of GitHub, notebooks can be opened in Colab and Binder, too.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

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


GITHUB = re.compile(r"(https://github\.com/[\w.-]+/[\w.-]+)/blob/([^/]+)/?")
LAUNCHERS = {
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def offer_launch(app: Sphinx, config: Config) -> None:
    """Add buttons that open a page's notebook elsewhere, where its repository is known."""
    found = GITHUB.fullmatch(config.prunelib_source)
    if found is None:
        return
    options = config.html_theme_options
    options |= {
        "repository_url": found[1],
        "repository_branch": found[2],
        "use_repository_button": True,
        "launch_buttons": options.get("launch_buttons", {}) | LAUNCHERS,
    }


def title_once(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Leave the book's name out of the title of the page that is called like it."""
    if context.get("title") == context.get("docstitle"):
        context["docstitle"] = ""


def add_links(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_config_value("prunelib_source", "", "env", str)
    app.connect("config-inited", offer_launch, priority=900)
    app.connect("doctree-read", link_files)
    app.connect("html-page-context", title_once)
    app.add_css_file("pages.css")
