"""CIFAR-10 from the official batches or from parquet files, in one order."""

import hashlib
import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import TEST_IMAGES, TRAINING_IMAGES
from prunelib.text import one_line
from prunelib.training.data.dataset import Split, sha256

CIFAR10_SHA256 = {
    "training": "72b357197e223e8eb6998d9423e3c473c276ff0a26e05ee108639be4da2dc5bc",
    "test": "43c6ae6c207c3fe601c3195b508bdba2f8488769868fc1c00bd0adb580f07f8e",
}
"""Of images and labels in the order of `canonical`."""


def find_cifar10(root: str | Path | None = None) -> Path:
    """The folder with CIFAR-10: `root`, else `PRUNELIB_DATA`, else `data/`.

    It or its subfolder `cifar10` holds parquet files of the public mirror (`train-*.parquet`,
    `test-*.parquet`), or its subfolder `cifar-10-batches-py` the official batches.

    Raises:
        PrunelibError: CIFAR-10 is not there.
    """
    places = [p for p in (root, os.environ.get("PRUNELIB_DATA"), "data") if p]
    place = Path(places[0])
    for folder in (place, place / "cifar10", place / "cifar-10-batches-py"):
        if (folder / "batches.meta").exists() or any(folder.glob("*.parquet")):
            return folder
    raise PrunelibError(
        f"no CIFAR-10 in {place}: neither train-*.parquet nor cifar-10-batches-py/ is there; name "
        "its folder with --data or PRUNELIB_DATA, or fetch it with: prunelib download --data DIR"
    )


def download_cifar10(root: str | Path) -> None:
    """Fetch the official batches into `root` with torchvision, which checks their MD5 sums."""
    from prunelib.training.data._torchvision import import_torchvision

    try:
        import_torchvision().datasets.CIFAR10(str(root), download=True)
    except (OSError, RuntimeError) as error:
        raise PrunelibError(f"CIFAR-10 could not be downloaded into {root}: {error}") from None


def read_cifar10(folder: Path) -> tuple[Split, Split]:
    """Both splits of CIFAR-10 from official batches or parquet files in `folder`."""
    if (folder / "batches.meta").exists():
        train = [read_batch(folder / f"data_batch_{i}") for i in range(1, 6)]
        test = [read_batch(folder / "test_batch")]
    else:
        train = [read_parquet(path) for path in sorted(folder.glob("train-*.parquet"))]
        test = [read_parquet(path) for path in sorted(folder.glob("test-*.parquet"))]
    order = np.fromfile(Path(__file__).with_name("cifar10_order.u16"), "<u2")
    count = TRAINING_IMAGES["cifar10"]
    return (
        canonical(
            joined_splits(train, count, "training", folder), order[:count], "training", folder
        ),
        canonical(
            joined_splits(test, TEST_IMAGES["cifar10"], "test", folder),
            order[count:],
            "test",
            folder,
        ),
    )


def canonical(split: Split, order: np.ndarray, what: str, folder: Path) -> Split:
    """One split of CIFAR-10 in the order of the public mirror, from whatever order.

    Sources hold the same images in other orders, and training depends on the order. `order` tells
    for each image its rank by the hash of its pixels.

    Raises:
        PrunelibError: these are not the images and labels of CIFAR-10.
    """
    hashes = [hashlib.blake2b(x, digest_size=16).digest()[:8] for x in split.x.numpy()]
    by_hash = torch.from_numpy(np.argsort(np.array(hashes, "V8").view(">u8"), kind="stable"))
    place = by_hash[torch.from_numpy(order.astype(np.int64))]
    found = Split(split.x[place], split.y[place])
    if sha256(found) != CIFAR10_SHA256[what]:
        raise PrunelibError(
            f"{folder}: the {what} images or labels are not those of CIFAR-10; is a file damaged, "
            "or there twice? Fetch them again, for example with: prunelib download --data DIR"
        )
    return found


def joined_splits(parts: list[Split], expected: int, what: str, folder: Path) -> Split:
    """One split of several, with as many images as CIFAR-10 must have."""
    found = sum(len(part.y) for part in parts)
    if found != expected:
        raise PrunelibError(
            f"{folder}: {found:,} {what} images where CIFAR-10 has {expected:,}; "
            "is a file missing or incomplete?"
        )
    return Split(torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts]))


def checked_split(x: np.ndarray, y: np.ndarray, path: Path) -> Split:
    """Images and labels of one file as tensors, if they can be CIFAR-10's."""
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1:] != (32, 32, 3):
        raise PrunelibError(f"{path}: images must be uint8 (N, 32, 32, 3), not {x.dtype} {x.shape}")
    if y.shape != (len(x),):
        raise PrunelibError(f"{path}: {len(x)} images but labels of shape {y.shape}")
    if len(y) and not (y.dtype.kind in "iu" and y.min() >= 0 and y.max() <= 9):
        raise PrunelibError(f"{path}: labels must be integers from 0 to 9")
    return Split(torch.from_numpy(x), torch.from_numpy(y.astype(np.int64)))


def read_batch(path: Path) -> Split:
    """One file of the official batches, a pickle of bytes that stores images by channel."""
    return checked_split(*images_and_labels(path, "CIFAR-10", b"labels"), path)


def images_and_labels(path: Path, name: str, labels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """What one official file holds, images as (N, 32, 32, 3).

    Args:
        path: of the file.
        name: of the data.
        labels: what the file calls them.

    Raises:
        PrunelibError: it is missing, or no such file.
    """
    batch = unpickled(path, name)
    try:
        images = np.asarray(batch[b"data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), np.asarray(batch[labels])
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a batch of {name}, or is truncated: {one_line(error)}"
        ) from None


def unpickled(path: Path, name: str) -> dict:
    """The plain values in an official file.

    Raises:
        PrunelibError: it is missing or damaged, or holds anything else.
    """
    try:
        with path.open("rb") as file:
            return PlainUnpickler(file, encoding="bytes").load()
    except FileNotFoundError:
        raise PrunelibError(f"{path} is missing") from None
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a file of {name}, or is truncated: {one_line(error)}"
        ) from None


class PlainUnpickler(pickle.Unpickler):
    """Reads arrays and plain values only, so that a data file cannot run code."""

    def find_class(self, module: str, name: str) -> object:
        """Allow what NumPy needs to rebuild an array."""
        allowed = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
        if (module.split(".")[0] == "numpy" and name in allowed) or (module, name) == (
            "_codecs",
            "encode",
        ):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a data file")


def read_parquet(path: Path) -> Split:
    """One parquet file of the public mirror: encoded images in `img`, labels in `label`."""
    import pyarrow.parquet
    from PIL import Image

    try:
        table = pyarrow.parquet.read_table(
            path, columns=["img", "label"], page_checksum_verification=True
        )
        encoded = table.column("img").combine_chunks().field("bytes")
        x = np.empty((len(encoded), 32, 32, 3), np.uint8)

        def decode(row: int) -> None:
            with Image.open(io.BytesIO(encoded[row].as_py())) as image:
                pixels = np.asarray(image)
            if pixels.shape != (32, 32, 3):
                raise PrunelibError(f"{path}: image {row} is {pixels.shape}, not (32, 32, 3)")
            x[row] = pixels

        with ThreadPoolExecutor() as threads:
            for _ in threads.map(decode, range(len(encoded))):
                pass  # what a thread raised is raised here
        return checked_split(x, table.column("label").to_numpy(), path)
    except PrunelibError:
        raise
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a parquet file of CIFAR-10, or is truncated: {one_line(error)}"
        ) from None
