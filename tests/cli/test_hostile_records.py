"""A book of records in which every string is hostile: nothing runs, and the strings stand there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import test_book
import yaml
from hypothesis import given
from hypothesis import strategies as st
from serving import served_folder

from prunelib.book import escape

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("verdicts", "speed", "prune", "design")
EVIL = (
    'CPU {{ cycler.__init__.__globals__.os.system("touch PWNED") }} '
    '</script><img src=x onerror="window.pwned = 1"> <!--<script> \'" '
    "{include} ../conf.py `code` *b* %{x} $y$ [l](javascript:window.pwned=1) \\ | #"
)
EVIL_LINES = f"{EVIL}\n\n```{{include}} _config.yml\n```\n\n# Heading"
browser = test_book.browser


def built_once(test):
    return pytest.mark.book(pytest.mark.xdist_group("hostile")(test))


def spoil(value: object) -> object:
    """Plain data with something hostile behind every string."""
    if isinstance(value, dict):
        return {name: spoil(each) for name, each in value.items()}
    if isinstance(value, list):
        return [spoil(each) for each in value]
    return f"{value} {EVIL_LINES}" if isinstance(value, str) else value


def spoil_benchmark(record: dict) -> dict:
    """A benchmark with hostile words wherever they do not choose what is shown."""
    circumstances = record["circumstances"] | {"hardware": EVIL_LINES, "torch": EVIL_LINES}
    record = record | {"circumstances": circumstances}
    for name in ("against", "scale", "limit"):
        if isinstance(record.get(name), str):
            record[name] = f"{record[name]} {EVIL_LINES}"
    rows = record.get("rows", {})
    if isinstance(rows, dict):
        for row in rows.values():
            for name in ("title", "network"):
                if name in row:
                    row[name] = f"{row[name]} {EVIL}"
    else:
        for row in rows:
            if "network" in row:
                row["network"] = f"{row['network']} {EVIL}"
    return record


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The book's own pages, built with its own settings from hostile records."""
    source = tmp_path_factory.mktemp("hostile")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    (source / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copytree(ROOT / "book", source / "book")
    (source / "notebooks").mkdir()
    for name in NOTEBOOKS:
        notebook = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", ()):
                cell.source = re.sub(r'^scale = "\w+"', 'scale = "smoke"', cell.source, flags=re.M)
        nbformat.write(notebook, source / f"notebooks/{name}.ipynb")
    first, *others = NOTEBOOKS
    toc = {
        "format": "jb-book",
        "root": f"notebooks/{first}",
        "chapters": [{"file": f"notebooks/{name}"} for name in others],
    }
    (source / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    for folder in ("smoke", "repeats/smoke", "benchmarks"):
        target = source / "results" / folder
        target.mkdir(parents=True)
        for path in (ROOT / "results" / folder).glob("*.json"):
            record = json.loads(path.read_text(encoding="utf-8"))
            if folder == "benchmarks":
                record = spoil_benchmark(record)
            else:
                circumstances = record["circumstances"]
                # Of all strings this one is held to a form when a record is read.
                digest = {k: v for k, v in circumstances.items() if k == "data_digest"}
                record["circumstances"] = spoil(circumstances) | digest
            (target / path.name).write_text(json.dumps(record), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", source, "--all"],
        capture_output=True,
        text=True,
        timeout=400,
        cwd=source,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return source


@pytest.fixture(scope="module")
def served(hostile):
    with served_folder(hostile / "_build" / "html") as address:
        yield address


@built_once
def test_building_runs_nothing_of_a_record(hostile):
    assert list(hostile.rglob("PWNED*")) == []
    assert not (Path.cwd() / "PWNED").exists()


@pytest.fixture(scope="module")
def visit(hostile, served, browser, name):
    """A page that the tests of it share."""
    with test_book.Visit(browser, f"{served}/notebooks/{name}.html") as opened:
        yield opened


each = pytest.mark.parametrize("name", NOTEBOOKS, scope="module")


@built_once
@each
def test_a_page_runs_nothing_and_shows_the_string_as_text(visit, name):
    visit.page.wait_for_timeout(300)
    for _ in visit.answers():
        pass
    assert visit.page.evaluate("window.pwned") is None
    assert visit.errors == []
    assert visit.outside == []
    assert visit.page.locator("img[src=x]").count() == 0
    assert visit.page.locator("a[href^=javascript]").count() == 0
    assert visit.page.locator(".prev-next-footer").count() == 1, "the page ends early"
    text = " ".join(visit.page.locator("article").text_content().split())
    assert EVIL in text
    assert visit.page.get_by_role("heading", name="Heading").count() == 0
    assert "only_build_toc_files" not in text, "a file was included"


@built_once
@each
def test_the_second_wall_stands(visit, name):
    """Whatever still got into a page: its policy lets no script of the text run."""
    visit.page.evaluate(
        """() => {
          const article = document.querySelector("article");
          article.insertAdjacentHTML("beforeend", '<img src="x" onerror="window.pwned = 1">');
          const script = document.createElement("script");
          script.textContent = "window.pwned = 2";
          article.append(script);
        }"""
    )
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in error for error in visit.errors)


def rendered(text: str) -> str:
    """The text of a Markdown document, without markup."""
    from html import unescape
    from re import sub

    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    return unescape(sub(r"<[^>]*>", "", html)).strip()


MARKUP = st.text(st.sampled_from("ab1 *_`[]()<>#!|~$&\\\\{}:;=\"'^%/.-+é"), min_size=1)


@given(MARKUP)
def test_markdown_shows_any_text_as_it_is(text):
    said = f"before {escape.markdown(text)} after"
    assert rendered(said).split() == f"before {text} after".split()


@given(st.one_of(st.text(), MARKUP))
def test_no_text_ends_a_script_or_changes_in_it(text):
    written = escape.script_json({"a": [text]})
    assert not set("<>&") & set(written)
    assert json.loads(written) == {"a": [text]}


@given(MARKUP)
def test_plotly_gets_no_tag_no_template_and_no_formula(text):
    from html import unescape

    written = escape.plotly(text)
    assert not set("<>${}") & set(written)
    assert unescape(written) == text
