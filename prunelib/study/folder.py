"""The folder with results, whose subfolders are named like scales: which one is meant."""

import os
import re
import stat
from pathlib import Path

from prunelib.errors import PrunelibError

RESULTS = "results"
_PACKAGE = Path(__file__).parents[1]
PACKAGED = next(
    (p for p in (_PACKAGE / RESULTS, _PACKAGE.parent / RESULTS) if p.is_dir()), _PACKAGE / RESULTS
)
"""The project's own records and released weights: in an installed package, or in its checkout."""
_OF_A_RUN = re.compile(r"\.?[0-9a-f]{16}[.-]|\.+probe-")
"""Records, orders, weights and locks are named by the key of their run. A study that is killed
early may leave nothing but a lock, or a probe of whether it can write.
"""


def find_results(named: Path | str | None, otherwise: Path | None = None) -> Path:
    """The folder to read records from.

    Args:
        named: the folder that somebody asked for; None: the nearest folder `results` with records,
            here or above.
        otherwise: what to read if there is none and none was asked for.

    Raises:
        PrunelibError: the folder that was asked for is not there, or none was and there is none.
    """
    if named is not None:
        if not os.path.isdir(named):
            raise PrunelibError(f"there is no folder {_shortened(named)} to read records from")
        return Path(named)
    found = _find_upwards() or otherwise
    if found is None:
        raise PrunelibError(
            f"there is no folder {RESULTS!r} with records in {Path.cwd()} or above it; "
            "name one with --results (in a notebook: results), or go to where it is"
        )
    return found


def laid_over(results: Path | str, name: str) -> Path:
    """A file in a folder with results; the project's own where that folder has none."""
    path, own = Path(results) / name, PACKAGED / name
    return path if os.path.lexists(path) or not own.exists() else own


def results_to_write(named: Path | str | None) -> Path:
    """The folder to keep records in, which need not be there yet.

    Args:
        named: the folder that somebody asked for; None: the nearest folder `results` with records,
            here or above, else a new one here.

    Raises:
        PrunelibError: what has this name is not a folder, or a folder with other things in it that
            nobody asked to write into.
    """
    if named is not None:
        try:
            is_folder = stat.S_ISDIR(os.stat(named).st_mode)
        except FileNotFoundError:
            is_folder = not os.path.lexists(named)
        except (OSError, ValueError):
            is_folder = False
        if not is_folder:
            raise PrunelibError(
                f"{_shortened(named)} is not a folder; choose another with --results"
            )
        return Path(named)
    found = _find_upwards()
    if found is None and os.path.lexists(RESULTS):
        raise PrunelibError(
            f"what is called {RESULTS!r} here holds no records; name a folder with --results"
        )
    return found or Path(RESULTS)


def _find_upwards() -> Path | None:
    here = Path.cwd()
    candidates = (Path(RESULTS), *(folder / RESULTS for folder in here.parents))
    return next((folder for folder in candidates if _is_ours(folder)), None)


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds what a study keeps of some scale, or no file at all."""
    if not folder.is_dir():
        return False
    try:
        kept = (path for path in folder.glob("*/**/*") if _OF_A_RUN.match(path.name))
        return next(kept, None) is not None or not any(p.is_file() for p in folder.rglob("*"))
    except OSError:
        return False


def _shortened(path: Path | str) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}…{text[-50:]}"
