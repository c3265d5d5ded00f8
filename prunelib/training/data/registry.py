"""Data sets by name."""

from pathlib import Path

import torch
from torch import Tensor

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES
from prunelib.training.data.cifar10 import find_cifar10, read_cifar10
from prunelib.training.data.cifar100 import read_cifar100
from prunelib.training.data.dataset import Dataset, Split, mean_and_std
from prunelib.training.data.digits import read_digits

AT_ONCE = 5_000
"""Images averaged at once."""


def load(name: str, image_size: int | None = None, root: str | Path | None = None) -> Dataset:
    """Read a data set: `digits` (embedded in scikit-learn), `cifar10` (see `find_cifar10`), or
    `cifar100` (see `cifar100.find_cifar100`).

    Args:
        name: `digits`, `cifar10` or `cifar100`.
        image_size: CIFAR may be averaged from 32 down to 16 or 8 pixels.
        root: folder with CIFAR-10; by default `PRUNELIB_DATA`, then `data/`.

    Raises:
        PrunelibError: unknown name or size, or files that are missing, truncated, mis-shaped or
            mislabelled; the message names the file.
    """
    if name not in SHAPES:
        raise PrunelibError(
            f"unknown data set {name!r}; choose one of: {', '.join(sorted(SHAPES))}"
        )
    full = SHAPES[name].image_size
    size = full if image_size is None else image_size
    if not 0 < size <= full or full % size or (name == "digits" and size != full):
        raise PrunelibError(f"{name} has images of {full} pixels; {size} cannot be made from them")
    classes: tuple[str, ...] = ()
    if name == "cifar100":
        train, test, classes = read_cifar100(root)
    else:
        train, test = read_digits() if name == "digits" else read_cifar10(find_cifar10(root))
    train, test = (Split(average(s.x, full // size), s.y) for s in (train, test))
    return Dataset(name, train, test, *mean_and_std(train.x), classes)


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
