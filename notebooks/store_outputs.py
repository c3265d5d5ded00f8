"""Run the notebooks and store what they print in them: `make notebooks`.

The book runs them again when it is built; stored outputs are for readers on a code host, and for
nbval, which compares them with what the notebooks print. The README gets the answer, too.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from prunelib.book import prose
from prunelib.book.notebook import open_studies

README = Path(__file__).parents[1] / "README.md"
FOUND = re.compile(r"(<!-- found: .*? -->\n).*?(<!-- /found -->)", re.DOTALL)


def store(path: Path) -> None:
    """Run one notebook in its folder, and keep nothing that differs from machine to machine."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def told(readme: str, headline: str) -> str:
    """The README with the book's answer in its place."""
    return FOUND.sub(lambda place: f"{place[1]}{headline}\n{place[2]}", readme)


def headline() -> str:
    """The answer from the longest study that is complete, and its limits."""
    results = README.parent / "results"
    studies = open_studies("mini", results=str(results), run_missing=False)
    return f"{prose.headline(studies)}\n\n{prose.limits(studies)}"


if __name__ == "__main__":
    README.write_text(told(README.read_text(encoding="utf-8"), headline()), encoding="utf-8")
    names = sys.argv[1:] or sorted(Path(__file__).parent.glob("*.ipynb"))
    for name in names:
        print(name, flush=True)
        store(Path(name).resolve())
