"""What notebooks show, without Jupyter: their cells are run here, one after the other.

`python tests/support/pages.py NAME ...` prints a digest of what the notebooks of these names show.
"""

import ast
import contextlib
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def shown(notebook: Path, **parameters: object) -> list:
    """The value that ends each code cell, as plain data: Markdown, figures, states of widgets.

    Parameters take the place of those in the notebook, as with papermill.
    """
    names: dict = {}
    found = []
    with contextlib.chdir(notebook.parent):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                value = run("".join(cell["source"]), names)
                if "parameters" in cell["metadata"].get("tags", ()):
                    names |= parameters
                if value is not None:
                    found.append(json.loads(json.dumps(value, default=data)))
    return found


def run(source: str, names: dict) -> object:
    """Run a cell; what its last line is, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    return last and eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def data(value: object) -> object:
    """What a page gets of a value."""
    if hasattr(value, "get_state"):
        return {
            name: part
            for name, part in value.get_state().items()
            if not name.startswith("_") and name != "layout"
        }
    if hasattr(value, "to_plotly_json"):
        return value.to_plotly_json()
    if hasattr(value, "_repr_mimebundle_"):
        return value._repr_mimebundle_()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if hasattr(value, "data"):
        return value.data
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value)} on a page")


def differences(ours: object, theirs: object, where: str = "") -> list[str]:
    """Where two pieces of plain data differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        parts = [(f"{where}.{name}", ours[name], theirs[name]) for name in ours]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        parts = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(ours, theirs, strict=True))]
    else:
        return [] if ours == theirs else [f"{where}: {ours!r:.200} is not {theirs!r:.200}"]
    return [line for name, a, b in parts for line in differences(a, b, name)]


if __name__ == "__main__":
    pages = {name: shown(ROOT / "notebooks" / f"{name}.ipynb") for name in sys.argv[1:]}
    print(hashlib.sha256(json.dumps(pages, sort_keys=True).encode()).hexdigest())
