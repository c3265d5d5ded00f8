"""Datasets that live on the device: whole in memory as uint8, in channels-last order."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES, InputShape


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
    classes: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """How many classes there are.

        Raises:
            PrunelibError: the data set is not one of the library's, and does not name its classes.
        """
        if not self.classes and self.name not in SHAPES:
            raise PrunelibError(f"the data set {self.name!r} must name its classes")
        return len(self.classes) or SHAPES[self.name].num_classes

    @classmethod
    def from_folder(
        cls, path: str | Path, size: int = 32, channels: int = 3, hold_out: float = 0.2
    ) -> "Dataset":
        """Class folders: `train/CLASS/…` and `test/CLASS/…` (or `val`), or `CLASS/…`.

        Images of any size and mode are converted; without a test folder, `hold_out` is the share of
        each class that becomes the test set. A warning counts the files that cannot be read.

        Raises:
            PrunelibError: there are no such folders, a class has no images, or there is only one.
        """
        from prunelib.training.data.folders import in_folder

        return _dataset_of(in_folder(Path(path)), size, channels, hold_out)

    @classmethod
    def from_parquet(
        cls,
        path: str | Path,
        size: int = 32,
        channels: int = 3,
        image_column: str | None = None,
        label_column: str | None = None,
        hold_out: float = 0.2,
    ) -> "Dataset":
        """A parquet file as Hugging Face writes it, or a folder of `train-*` and `test-*`.

        Raises:
            PrunelibError: a file is damaged, it is not clear which columns are meant, or the labels
                do not fit.
        """
        from prunelib.training.data.parquet import in_parquet

        found = in_parquet(Path(path), image_column, label_column)
        return _dataset_of(found, size, channels, hold_out)

    @classmethod
    def from_arrays(
        cls,
        train: tuple[Sequence, Sequence],
        test: tuple[Sequence, Sequence] | None = None,
        classes: Sequence[str] | None = None,
        size: int = 32,
        channels: int = 3,
        hold_out: float = 0.2,
    ) -> "Dataset":
        """Images (N, H, W), (N, H, W, C) or (N, C, H, W), and a label for each.

        Pixels run from 0 to 255 (or 65535 in 16 bits, or 1 in floats); labels are integers or
        names.

        Raises:
            PrunelibError: pixels or labels do not fit.

        >>> x, y = torch.randint(256, (20, 9, 12, 3), dtype=torch.uint8), [0, 1] * 10
        >>> Dataset.from_arrays((x, y), classes=("cat", "dog"), size=8).shape
        InputShape(in_channels=3, num_classes=2, image_size=8)
        """
        from prunelib.training.data.sources import in_arrays

        return _dataset_of(in_arrays(train, test, classes), size, channels, hold_out)

    @classmethod
    def from_torch(
        cls, train: Any, test: Any = None, size: int = 32, channels: int = 3, hold_out: float = 0.2
    ) -> "Dataset":
        """Data sets of PyTorch or torchvision, whose items are an image and a label.

        Images are PIL images, arrays or tensors (C, H, W), before any normalisation.

        Raises:
            PrunelibError: pixels or labels do not fit.
        """
        from prunelib.training.data.sources import in_torch

        return _dataset_of(in_torch(train, test), size, channels, hold_out)

    def check(self) -> None:
        """Raise PrunelibError for data that cannot be learnt from.

        That is: images that are not square, labels that are not classes or not as many as images,
        a channel that is the same everywhere.
        """
        for what, split in (("training", self.train), ("test", self.test)):
            _check_split(split, what, self.train.x.shape[1:], self.num_classes)
        channels = self.train.x.shape[3]
        if self.mean.shape != (channels,) or self.std.shape != (channels,):
            raise PrunelibError(f"mean and std must have a number for each of {channels} channels")
        for channel, std in enumerate(self.std.tolist()):
            if not std > 0:
                raise PrunelibError(
                    f"channel {channel} of the images is the same everywhere; leave it out"
                )

    @property
    def shape(self) -> InputShape:
        """Channels and size of the images, and number of classes."""
        return InputShape(self.train.x.shape[3], self.num_classes, self.train.x.shape[1])

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
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        raise PrunelibError(f"{what} images and labels must be tensors; see Dataset.from_arrays")
    if y.dtype not in (torch.int64, torch.uint8):
        raise PrunelibError(f"{what} labels must be int64 (labels.long()), not {str(y.dtype)[6:]}")
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


def sha256(*splits: Split) -> str:
    """SHA-256 of images and labels, in hexadecimal digits."""
    digest = hashlib.sha256()
    for split in splits:
        for tensor in split:
            digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def mean_and_std(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of uint8 images (N, H, W, C), as float32.

    From how often each value occurs: exact, and without a copy of the images in float64.
    """
    counts = torch.stack([c.flatten().bincount(minlength=256) for c in x.unbind(-1)]).double()
    values = torch.arange(256, dtype=torch.float64)
    total = counts.sum(1)
    mean = counts @ values / total
    variance = (counts * (values - mean[:, None]) ** 2).sum(1) / total
    return mean.float(), variance.sqrt().float()


def _dataset_of(found: Any, size: int, channels: int, hold_out: float) -> Dataset:
    """The data set in what a source holds; what should not be missed of it is a warning."""
    from prunelib.training.data.own_images import make_dataset
    from prunelib.training.data.sources import Trouble

    data, told = make_dataset(found, size, channels, hold_out=hold_out)
    for line in told:
        if isinstance(line, Trouble):
            warnings.warn(line, stacklevel=3)
    return data
