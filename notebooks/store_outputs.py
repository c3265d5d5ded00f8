"""Run the notebooks and store what they print in them: `make notebooks`.

The book runs them again when it is built; stored outputs are for readers on a code host, and for
nbval, which compares them with what the notebooks print.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


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


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(Path(__file__).parent.glob("*.ipynb"))
    for name in names:
        print(name, flush=True)
        store(Path(name).resolve())
