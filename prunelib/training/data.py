"""Datasets that live on the device, and batches that are augmented as batches.

A whole data set stays in memory as uint8 in channels-last order. Every training batch is one gather
from it: the crop and the flip of each image are only other indices. There are no worker processes.
"""

import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES, TEST_IMAGES, TRAINING, TRAINING_IMAGES, InputShape

CIFAR10_SHA256 = {
    "training": "72b357197e223e8eb6998d9423e3c473c276ff0a26e05ee108639be4da2dc5bc",
    "test": "43c6ae6c207c3fe601c3195b508bdba2f8488769868fc1c00bd0adb580f07f8e",
}
"""Of images and labels in the order of `canonical`."""

AT_ONCE = 5_000
"""Images averaged at once."""


class Split(NamedTuple):
    """Images, uint8 (N, H, W, C), and labels, int64 (N,)."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Dataset:
    """Training and test images with the training set's mean and standard deviation by channel."""

    name: str
    train: Split
    test: Split
    mean: Tensor
    std: Tensor

    def check(self) -> None:
        """Raise PrunelibError for data that cannot be learnt from.

        That is: images that are not square, labels that are no classes or not as many as images,
        a channel that is the same everywhere.
        """
        for what, split in (("training", self.train), ("test", self.test)):
            _check_split(split, what, self.train.x.shape[1:], SHAPES[self.name].num_classes)
        for channel, std in enumerate(self.std.tolist()):
            if not std > 0:
                raise PrunelibError(
                    f"channel {channel} of the images is the same everywhere; leave it out"
                )

    @property
    def shape(self) -> InputShape:
        """Channels and size of the images, and number of classes."""
        return InputShape(
            self.train.x.shape[3], SHAPES[self.name].num_classes, self.train.x.shape[1]
        )

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits of the SHA-256 of all images and labels, in their order."""
        return sha256(self.train, self.test)[:16]

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data on another device."""
        return replace(
            self,
            train=Split(*(t.to(device) for t in self.train)),
            test=Split(*(t.to(device) for t in self.test)),
            mean=self.mean.to(device),
            std=self.std.to(device),
        )

    def normalise(self, x: Tensor) -> Tensor:
        """Float32 images (N, C, H, W), channels-last in memory, from uint8 (N, H, W, C)."""
        return ((x.float() - self.mean) / self.std).permute(0, 3, 1, 2)


def _check_split(split: Split, what: str, size: torch.Size, num_classes: int) -> None:
    """Raise PrunelibError for images and labels that cannot be learnt from."""
    x, y = split
    if x.ndim != 4 or x.shape[1] != x.shape[2]:
        raise PrunelibError(
            f"{what} images must be square, (N, size, size, channels), not {tuple(x.shape)}"
        )
    if x.shape[1:] != size:
        raise PrunelibError(
            f"{what} images are {tuple(x.shape[1:])}, those to train with {tuple(size)}"
        )
    if y.shape != x.shape[:1] or not len(y):
        raise PrunelibError(f"{len(x)} {what} images, but labels of shape {tuple(y.shape)}")
    least, greatest = int(y.min()), int(y.max())
    if least < 0 or greatest >= num_classes:
        raise PrunelibError(
            f"{what} labels run from {least} to {greatest}; {num_classes} classes are 0 to "
            f"{num_classes - 1}"
        )


def load(name: str, image_size: int | None = None, root: str | Path | None = None) -> Dataset:
    """Read a data set: `digits` (embedded in scikit-learn) or `cifar10` (see `find_cifar10`).

    Args:
        name: `digits` or `cifar10`.
        image_size: CIFAR-10 may be averaged from 32 down to 16 or 8 pixels.
        root: folder with CIFAR-10; by default `PRUNELIB_DATA`, then `data/`.

    Raises:
        PrunelibError: unknown name or size, or files that are missing, truncated, mis-shaped or
            mislabelled; the message names the file.
    """
    if name not in SHAPES:
        raise PrunelibError(f"unknown data set {name!r}; there are: {', '.join(sorted(SHAPES))}")
    full = SHAPES[name].image_size
    size = full if image_size is None else image_size
    if not 0 < size <= full or full % size or (name == "digits" and size != full):
        raise PrunelibError(f"{name} has images of {full} pixels; {size} cannot be made from them")
    train, test = read_digits() if name == "digits" else read_cifar10(find_cifar10(root))
    train, test = (Split(average(s.x, full // size), s.y) for s in (train, test))
    return Dataset(name, train, test, *moments(train.x))


def sha256(*splits: Split) -> str:
    """SHA-256 of images and labels, in hexadecimal digits."""
    digest = hashlib.sha256()
    for split in splits:
        for tensor in split:
            digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of uint8 images (N, H, W, C), as float32.

    From how often each value occurs: exact, and without a copy of the images in float64.
    """
    counts = torch.stack([c.flatten().bincount(minlength=256) for c in x.unbind(-1)]).double()
    values = torch.arange(256, dtype=torch.float64)
    total = counts.sum(1)
    mean = counts @ values / total
    variance = (counts * (values - mean[:, None]) ** 2).sum(1) / total
    return mean.float(), variance.sqrt().float()


def average(x: Tensor, k: int) -> Tensor:
    """Average uint8 images (N, H, W, C) over k x k squares, rounded to uint8."""
    if k == 1:
        return x
    return torch.cat([average_part(part, k) for part in x.split(AT_ONCE)])


def average_part(x: Tensor, k: int) -> Tensor:
    """The same for a few images: sums take four times as much memory."""
    n, h, w, c = x.shape
    squares = x.view(n, h // k, k, w // k, k, c).to(torch.int32)
    return ((squares.sum((2, 4)) + k * k // 2) // (k * k)).to(torch.uint8)


def read_digits() -> tuple[Split, Split]:
    """The 1,797 digits of scikit-learn, 8x8 grey; every fifth image is a test image."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.from_numpy((digits.images * (255 / 16)).round().astype(np.uint8))[..., None]
    y = torch.from_numpy(digits.target.astype(np.int64))
    test = torch.arange(len(y)) % 5 == 4
    return Split(x[~test], y[~test]), Split(x[test], y[test])


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
    from prunelib.training._torchvision import import_torchvision

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
        canonical(joined(train, count, "training", folder), order[:count], "training", folder),
        canonical(
            joined(test, TEST_IMAGES["cifar10"], "test", folder), order[count:], "test", folder
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


def joined(parts: list[Split], expected: int, what: str, folder: Path) -> Split:
    """One split of several, with as many images as CIFAR-10 must have."""
    found = sum(len(part.y) for part in parts)
    if found != expected:
        raise PrunelibError(
            f"{folder}: {found:,} {what} images where CIFAR-10 has {expected:,}; "
            "is a file missing or incomplete?"
        )
    return Split(torch.cat([p.x for p in parts]), torch.cat([p.y for p in parts]))


def checked(x: np.ndarray, y: np.ndarray, path: Path) -> Split:
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
    try:
        with path.open("rb") as file:
            batch = PlainUnpickler(file, encoding="bytes").load()
        x, y = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
        images = x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    except FileNotFoundError:
        raise PrunelibError(f"{path} is missing") from None
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a batch of CIFAR-10, or is truncated: {one_line(error)}"
        ) from None
    return checked(np.ascontiguousarray(images), y, path)


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
        table = pyarrow.parquet.read_table(path, columns=["img", "label"])
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
        return checked(x, table.column("label").to_numpy(), path)
    except PrunelibError:
        raise
    except Exception as error:
        raise PrunelibError(
            f"{path} is not a parquet file of CIFAR-10, or is truncated: {one_line(error)}"
        ) from None


def one_line(error: Exception) -> str:
    """An exception's message without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def generator(seed: int, *stream: int) -> torch.Generator:
    """An independent random stream of a seed, the same on every machine."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def train_batches(
    data: Dataset,
    batch_size: int,
    pad: int,
    flip: bool,
    seed: int,
    stream: int = TRAINING,
    start: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented training batches without end, from step `start` on.

    Every epoch visits each image once; its order, crops and flips are a function of seed,
    stream and epoch alone, so that a run can go on from any step. The last batch of an epoch may
    be smaller.

    Args:
        data: on any device; batches are made there.
        batch_size: images in a batch.
        pad: zeros added on each side, of which a random crop takes as many away (the paper: 4).
        flip: mirror each image with probability 0.5.
        seed: of order and augmentation.
        stream: one of the random streams of this module.
        start: step to begin with.

    Yields:
        Float32 images (N, C, H, W), channels-last in memory, and labels (N,).
    """
    x, y = data.train
    n, size = len(y), x.shape[1]
    padded = F.pad(x, (0, 0, pad, pad, pad, pad))
    window = torch.arange(size, device=x.device)
    steps = -(-n // batch_size)
    epoch, step = divmod(start, steps)
    while True:
        random = generator(seed, stream, epoch)
        order = torch.randperm(n, generator=random).to(x.device)
        corner = torch.randint(2 * pad + 1, (2, n), generator=random).to(x.device)
        mirror = (torch.rand(n, generator=random) < 0.5).to(x.device) & flip
        rows = corner[0, :, None] + window
        columns = corner[1, :, None] + torch.where(mirror[:, None], window.flip(0), window)
        for i in range(step * batch_size, n, batch_size):
            index = order[i : i + batch_size]
            j = slice(i, i + batch_size)
            batch = padded[index[:, None, None], rows[j, :, None], columns[j, None, :]]
            yield data.normalise(batch), y[index]
        epoch, step = epoch + 1, 0
