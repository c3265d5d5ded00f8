"""Arrays, `.npz` files of them, and data sets of PyTorch: forms in which people have images.

Each gives images as they were found, with their labels, and so do class folders and parquet, in
modules of their own; `own_images` makes a data set of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from prunelib.errors import PrunelibError
from prunelib.text import one_line

Raw = Path | bytes | np.ndarray | Image.Image
"""An image as sources hold it: a file, its content, pixels, or opened."""


class Trouble(str):
    """What is told of images, and should not be missed."""


class Item(NamedTuple):
    """An image as it was found, its label, and where it was found."""

    image: Raw
    label: int | str
    where: str


@dataclass
class Found:
    """What a source holds: items to train with, items to test with if it has them, class names."""

    train: list[Item]
    test: list[Item] | None = None
    classes: tuple[str, ...] | None = None
    told: list[str] = field(default_factory=list)


class Pairs(Protocol):
    """A map-style data set of PyTorch."""

    def __len__(self) -> int:
        """How many images there are."""

    def __getitem__(self, index: int, /) -> tuple[Any, Any]:
        """An image and its label."""


ImageArrays = Sequence[Any] | np.ndarray
Labels = Sequence[Any] | np.ndarray
TESTS = ("test", "testing", "val", "valid", "validation")
"""What images to test with are called, in any form; the first of these that is there is used."""


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Names of classes as one would count or spell them: numbers by size, others by letters."""
    labels = list(labels)
    numbers = all(label.isdecimal() for label in labels)
    return tuple(sorted(labels, key=int) if numbers else sorted(labels))


ARRAYS = (("x_{}", "y_{}"), ("{}_images", "{}_labels"), ("X_{}", "y_{}"))


def in_npz(path: Path) -> Found:
    """Arrays in a file: `x_train`, `y_train`, `x_test`, `y_test`; or `x`, `y`; and `classes`.

    Raises:
        PrunelibError: it cannot be read, or has not these arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except ValueError:
        # NumPy would say how to run the code that such a file may hold.
        raise PrunelibError(f"{path} is not .npz, or holds more than plain arrays") from None
    except (OSError, EOFError) as error:
        raise PrunelibError(f"{path} cannot be read as .npz: {error}") from None
    except Exception as error:
        raise PrunelibError(f"{path} is damaged: {error}") from None
    classes = arrays.get("classes")
    pairs: dict[str, tuple[ImageArrays, Labels]] = {}
    for split in ("train", *TESTS):
        for x, y in ARRAYS:
            if x.format(split) in arrays and y.format(split) in arrays:
                pairs.setdefault(split, (arrays[x.format(split)], arrays[y.format(split)]))
    if "x" in arrays and "y" in arrays:
        pairs.setdefault("train", (arrays["x"], arrays["y"]))
    if "train" not in pairs:
        raise PrunelibError(
            f"{path} has {', '.join(arrays) or 'nothing'}; it must have x_train, y_train, x_test, "
            "y_test, or x, y"
        )
    test = next((pairs[split] for split in TESTS if split in pairs), None)
    return in_arrays(pairs["train"], test, classes)


def in_arrays(
    train: tuple[ImageArrays, Labels],
    test: tuple[ImageArrays, Labels] | None = None,
    classes: Iterable[str] | None = None,
) -> Found:
    """Images and labels in memory.

    Raises:
        PrunelibError: there are not as many labels as images.
    """

    def listed(pair: tuple[ImageArrays, Labels], what: str) -> list[Item]:
        images, labels = pair[0], np.asarray(pair[1])
        if getattr(images, "shape", None) == () or labels.ndim == 0:
            raise PrunelibError(f"the {what} images must be an array or a list, and so the labels")
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.shape != (len(images),) or labels.dtype.kind not in "iuUS":
            raise PrunelibError(
                f"{len(images)} {what} images, but labels of type {labels.dtype} and shape "
                f"{labels.shape}: give one integer or name per image"
            )
        values = [x.decode() if isinstance(x, bytes) else x for x in labels.tolist()]
        return [
            Item(np.asarray(image), label, f"{what} image {i}")
            for i, (image, label) in enumerate(zip(images, values, strict=True))
        ]

    if isinstance(classes, str) or getattr(classes, "ndim", 1) != 1:
        raise PrunelibError("classes must be a list of names")
    named = None if classes is None else tuple(str(name) for name in classes)
    tests = None if test is None else listed(test, "test")
    return Found(listed(train, "training"), tests, named)


def in_torch(train: Pairs, test: Pairs | None = None) -> Found:
    """Map-style data sets of PyTorch: pairs of an image (PIL, array or tensor) and a label.

    Raises:
        PrunelibError: it is not such a data set, or a label is neither an integer nor a name.
    """

    def listed(pairs: Pairs, what: str) -> list[Item]:
        if not hasattr(pairs, "__len__") or not hasattr(pairs, "__getitem__"):
            raise PrunelibError(
                f"the {what} images must be a map-style data set of PyTorch, not a "
                f"{type(pairs).__name__}; a DataLoader has one: loader.dataset"
            )
        return [of_pair(pairs[i], f"{what} image {i}") for i in range(len(pairs))]

    classes = getattr(train, "classes", None)
    return Found(
        listed(train, "training"),
        None if test is None else listed(test, "test"),
        None if classes is None else tuple(map(str, classes)),
    )


def of_pair(pair: Any, where: str) -> Item:
    """An item of a data set of PyTorch.

    Raises:
        PrunelibError: it is not a pair of an image and a label.
    """
    try:
        image, label = pair
        label = label if isinstance(label, str) else int(index(label))
    except (TypeError, ValueError) as error:
        raise PrunelibError(
            f"{where} must be a pair of an image and a label, an integer or a name: "
            f"{one_line(error)}"
        ) from None
    return Item(image if isinstance(image, Image.Image) else np.asarray(image), label, where)
