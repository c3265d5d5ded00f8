"""Do two checkouts say the same? Keys of records, verdicts, help, and what notebooks show.

    python tests/support/compare_checkouts.py OLD NEW

Each part is a line, with what differs below it; the exit code is 1 if anything does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

KEYS = """
import json
from pathlib import Path
from prunelib.study.store import Store
paths = [path for path in Path("results").rglob("*.json") if len(path.stem) == 16]
folders = sorted({path.parent for path in paths if path.parent.name != "orders"})
pairs = [pair for f in folders for pair in zip(sorted(f.glob("*.json")), Store(f).records())]
print(json.dumps({str(path): record.key for path, record in pairs}))
"""
NAMES = """
import json
from prunelib.cli.commands import COMMANDS
print(json.dumps([command.name for command in COMMANDS]))
"""
SCALES = ("smoke", "mini")


def said(checkout: Path, *arguments: str) -> str:
    """What Python prints with the package of a checkout."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout + done.stderr


def keys(checkout: Path) -> dict[str, str]:
    """The key of each record, from its spec, by its path; wrong if it is not the file's name."""
    found = json.loads(said(checkout, "-c", KEYS))
    wrong = [path for path, key in found.items() if Path(path).stem != key]
    assert not wrong, f"{checkout}: keys are not the names of {wrong}"
    return found


def verdicts(checkout: Path) -> dict[str, str]:
    """What `prunelib verdicts --json` prints, by scale."""
    command = ("-m", "prunelib", "verdicts")
    return {scale: said(checkout, *command, scale, "--json") for scale in SCALES}


def helps(checkout: Path) -> dict[str, str]:
    """The help of each command, by its name."""
    names = json.loads(said(checkout, "-c", NAMES))
    return {name: said(checkout, "-m", "prunelib", name, "--help") for name in names}


def outputs(checkout: Path) -> dict[str, str]:
    """What each notebook has stored, by its name."""
    found = {}
    for path in sorted(checkout.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path.name] = json.dumps([cell.get("outputs") for cell in cells], sort_keys=True)
    return found


PARTS: dict[str, Callable[[Path], dict[str, str]]] = {
    "keys of records": keys,
    "verdicts --json": verdicts,
    "help of commands": helps,
    "stored outputs of notebooks": outputs,
}


def main(old: Path, new: Path) -> int:
    """Print what is the same and what is not."""
    differ = False
    for part, read in PARTS.items():
        before, after = read(old), read(new)
        common = before.keys() & after.keys()
        changed = sorted(name for name in common if before[name] != after[name])
        print(f"{part}: {len(common) - len(changed)} of {len(common)} the same")
        for what, names in (
            ("changed", changed),
            ("gone", sorted(before.keys() - after.keys())),
            ("new", sorted(after.keys() - before.keys())),
        ):
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                print(f"  {what}: {', '.join(names[:3])}{more}")
        differ |= bool(changed)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main(*(Path(name).absolute() for name in sys.argv[1:3])))
