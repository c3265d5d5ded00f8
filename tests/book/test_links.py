"""Names of files link to their source where an address is given, and are plain where none is."""

import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document

from prunelib.book.links import link_files, offer_launch, title_once

ROOT = Path(__file__).parents[2]


@pytest.fixture
def page():
    found = new_document("page", get_default_settings())
    for text in ("prunelib/nets/profile.py", "prunelib/nets/nothing.py", "copycat"):
        found += nodes.paragraph("", "", nodes.literal("", text))
    return found


def linked(page, source):
    config = SimpleNamespace(prunelib_source=source)
    link_files(SimpleNamespace(config=config, confdir=ROOT), page)
    return {link.astext(): link["refuri"] for link in page.findall(nodes.reference)}


def test_files_that_are_there_link_to_their_source(page):
    assert linked(page, "https://example.org/blob/main/") == {
        "prunelib/nets/profile.py": "https://example.org/blob/main/prunelib/nets/profile.py"
    }
    assert [text.astext() for text in page.findall(nodes.literal)] == [
        "prunelib/nets/profile.py",
        "prunelib/nets/nothing.py",
        "copycat",
    ]


def test_without_an_address_names_are_plain(page):
    assert linked(page, "") == {}


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.ipynb")])


def written(path):
    """The text of a page without code blocks and outputs."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_pages_name_are_there(path):
    named = re.findall(r"`([\w./-]+\.py|prunelib/[\w/]+/?)`", written(path))
    assert [name for name in named if not (ROOT / name).exists()] == []


def offered(source):
    config = SimpleNamespace(prunelib_source=source, html_theme_options={"launch_buttons": {}})
    offer_launch(None, config)
    return config.html_theme_options


def test_notebooks_open_elsewhere_where_their_repository_is_known():
    options = offered("https://github.com/someone/project/blob/main")
    assert options["repository_url"] == "https://github.com/someone/project"
    assert options["repository_branch"] == "main"
    assert options["launch_buttons"]["colab_url"].startswith("https://colab.")
    assert options["launch_buttons"]["binderhub_url"].startswith("https://mybinder.")


@pytest.mark.parametrize("source", ["", "https://example.org/project/blob/main"])
def test_elsewhere_nothing_is_offered(source):
    assert offered(source) == {"launch_buttons": {}}


def test_a_page_that_is_called_like_the_book_says_it_once():
    same = {"title": "Book", "docstitle": "Book"}
    other = {"title": "Page", "docstitle": "Book"}
    for context in (same, other):
        title_once(None, "page", "page.html", context, None)
    assert (same["docstitle"], other["docstitle"]) == ("", "Book")
