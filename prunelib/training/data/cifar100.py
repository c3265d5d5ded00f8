"""CIFAR-100: the official batches, or parquet as the public mirror has it."""

import os
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import TEST_IMAGES, TRAINING_IMAGES
from prunelib.training.data.cifar10 import images_and_labels, unpickled
from prunelib.training.data.dataset import Split

NAME, TITLE = "cifar100", "CIFAR-100"


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
    from prunelib.training.data.own_images import class_names, read_images
    from prunelib.training.data.sources import in_arrays

    folder = find_cifar100(root)
    if (folder / "meta").exists():
        meta = unpickled(folder / "meta", TITLE)
        names = [name.decode() for name in meta[b"fine_label_names"]]
        train_arrays, test_arrays = (
            images_and_labels(folder / part, TITLE, b"fine_labels") for part in ("train", "test")
        )
        found = in_arrays(train_arrays, test_arrays, names)
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
    splits = [read_images(items, classes, 32, 3, []).split for items in (train, test)]
    return splits[0], splits[1], classes
