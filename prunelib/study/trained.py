"""Networks on record, and where their weights lie.

Nothing here imports PyTorch.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.study.folder import PACKAGED
from prunelib.study.specs import Spec
from prunelib.study.store import Record, Store, read_record

REPEATS = "repeats"
"""Folder of results in which runs lie that were made again, one folder a scale."""


@dataclass(frozen=True)
class Trained:
    """A network on record at a scale, with the file of its weights if that is there.

    Args:
        scale: name of the scale.
        record: what was run and what came out.
        weights: safetensors, as runs and releases keep them.
    """

    scale: str
    record: Record
    weights: Path | None


def stores(results: Path, scale: str) -> tuple[Store, ...]:
    """Where records of a scale may lie: in `results`, in the package, among those made again."""
    return (Store(results / scale), Store(PACKAGED / scale), Store(results / REPEATS / scale))


def with_weights(spec: Spec, results: Path, scale: str) -> Trained | None:
    """The record of a spec together with its weights; None if no folder has both.

    Raises:
        PrunelibError: a record is damaged.
    """
    for store in stores(results, scale):
        for path in (store.released(spec), store.weights(spec)):
            if path.exists() and (record := store.find(spec)):
                return Trained(scale, record, path)
    return None


def find_trained(name: str, results: Path, scale: str | None = None) -> Trained:
    """The run with a key, or the beginning of one, or that of a record's file.

    Args:
        name: hexadecimal digits, or a path that ends with `.json`.
        results: folder with a folder for each scale.
        scale: look at this one only.

    Raises:
        PrunelibError: there is no such run, or more than one, or its record is damaged.
    """
    if name.endswith(".json"):
        path = Path(name)
        record, folder = read_record(path), path.absolute().parent
        results, scale = folder.parent, scale or folder.name
        beside = Store(folder).weights(record.spec)
        return with_weights(record.spec, results, folder.name) or Trained(
            scale, record, beside if beside.exists() else None
        )
    if not re.fullmatch("[0-9a-f]{4,16}", name):
        raise PrunelibError(
            f"{name!r} is neither the key of a run (4 to 16 digits of its file's name) "
            "nor a record's file; networks within a budget: --params 150k"
        )
    found = {
        path.stem: path
        for root in (PACKAGED, results)
        for path in root.glob(f"{scale or '*'}/{name}*.json")
    }
    if len(found) != 1:
        many = ", ".join(sorted(found)[:3])
        what = f"more than one run begins with {name}: {many}" if found else f"no run {name}"
        raise PrunelibError(f"{what} in {results}{f' at scale {scale}' if scale else ''}")
    (path,) = found.values()
    scale = scale or path.parent.name
    record = read_record(path)
    return with_weights(record.spec, results, scale) or Trained(scale, record, None)
