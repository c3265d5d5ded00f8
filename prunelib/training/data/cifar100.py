"""CIFAR-100: the official batches, or parquet as the public mirror has it."""

import os
from pathlib import Path

import numpy as np

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import TEST_IMAGES, TRAINING_IMAGES
from prunelib.training.data.cifar10 import PlainUnpickler
from prunelib.training.data.dataset import Split

NAME = "cifar100"


def find_cifar100(root: str | Path | None = None) -> Path:
    """The folder with CIFAR-100: in `root`, else in `PRUNELIB_DATA`, else in `data/`.

    Its subfolder `cifar100` holds parquet files (`train-*.parquet`, `test-*.parquet`), or its
    subfolder `cifar-100-python` the official batches.

    Raises:
        PrunelibError: CIFAR-100 is not there.
    """
    place = Path(root or os.environ.get("PRUNELIB_DATA") or "data")
    for folder in (place / "cifar-100-python", place / "cifar100", place):
        if (folder / "meta").exists():
            return folder
        if folder.name == "cifar100" and any(folder.rglob("*.parquet")):
            return folder
    raise PrunelibError(
        f"no CIFAR-100 in {place}: neither cifar-100-python/ nor cifar100/ with train-*.parquet is "
        "there; name the folder that they are in with --data or PRUNELIB_DATA"
    )


def read_cifar100(root: str | Path | None = None) -> tuple[Split, Split, tuple[str, ...]]:
    """Training and test images, and the names of the 100 classes, in one order from any source.

    Raises:
        PrunelibError: a file is missing, damaged or incomplete.
    """
    from prunelib.training.data.own_images import class_names, read
    from prunelib.training.data.sources import in_arrays

    folder = find_cifar100(root)
    if (folder / "meta").exists():
        meta = _unpickled(folder / "meta")
        names = [name.decode() for name in meta[b"fine_label_names"]]
        found = in_arrays(_batch(folder / "train"), _batch(folder / "test"), names)
    else:
        from prunelib.training.data.parquet import in_parquet

        found = in_parquet(folder, "img", "fine_label")
    classes, train, test = class_names(found), found.train, found.test or []
    for items, expected in ((train, TRAINING_IMAGES[NAME]), (test, TEST_IMAGES[NAME])):
        if len(items) != expected:
            raise PrunelibError(
                f"{folder}: {len(items):,} images where CIFAR-100 has {expected:,}; is a file "
                "missing?"
            )
    return read(train, classes, 32, 3, []), read(test, classes, 32, 3, []), classes


def _batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one official file, which stores images by channel."""
    batch = _unpickled(path)
    try:
        images = np.asarray(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), np.asarray(batch[b"fine_labels"])
    except (KeyError, ValueError) as error:
        raise PrunelibError(f"{path} is not a batch of CIFAR-100: {error}") from None


def _unpickled(path: Path) -> dict:
    try:
        with path.open("rb") as file:
            return PlainUnpickler(file, encoding="bytes").load()
    except FileNotFoundError:
        raise PrunelibError(f"{path} is missing") from None
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a file of CIFAR-100, or is truncated: {error}"
        ) from None
