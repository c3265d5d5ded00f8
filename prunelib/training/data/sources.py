"""Forms in which people have images: class folders, arrays, data sets of PyTorch.

Each gives images as they were found, with their labels; `own_images` makes a data set of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from prunelib.errors import PrunelibError
from prunelib.text import counted, one_line

Raw = Path | bytes | np.ndarray | Image.Image
"""An image as sources hold it: a file, its content, pixels, or opened."""


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
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
TESTS = ("test", "val", "valid", "validation")


def in_folder(root: Path) -> Found:
    """Class folders: `root/train/CLASS/…` and `root/test/CLASS/…` (or `val`), or `root/CLASS/…`.

    Raises:
        PrunelibError: there are no such folders, or a class has no images.
    """
    folders = {folder.name for folder in subfolders(root)}
    test = next((name for name in TESTS if name in folders), None)
    if "train" not in folders:
        found = Found([])
        found.classes = names(root)
        found.train = items(root, found.told)
        return found
    found = Found([], None, names(root / "train"))
    found.train = items(root / "train", found.told)
    if test:
        if strange := set(names(root / test)) - set(found.classes or ()):
            raise PrunelibError(
                f"{root / test} has a class that {root / 'train'} lacks: {min(strange)}"
            )
        found.test = items(root / test, found.told)
    return found


def names(root: Path) -> tuple[str, ...]:
    """The classes in a folder."""
    return in_order(folder.name for folder in subfolders(root))


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Names of classes as one would count or spell them: numbers by size, others by letters."""
    labels = list(labels)
    numbers = all(label.isdecimal() for label in labels)
    return tuple(sorted(labels, key=int) if numbers else sorted(labels))


def subfolders(root: Path) -> list[Path]:
    """The folders in a folder that can be classes."""
    hidden = ("__MACOSX", "__pycache__")
    return [p for p in root.iterdir() if p.is_dir() and p.name[0] != "." and p.name not in hidden]


def items(root: Path, told: list[str]) -> list[Item]:
    """The images of class folders.

    Raises:
        PrunelibError: there are no class folders, or one without images.
    """
    found, others = [], 0
    for folder in sorted(subfolders(root)):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        files = [path for path in files if path.name[0] != "."]
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        others += len(files) - len(images)
        if not images:
            raise PrunelibError(
                f"{folder} has no images: add some, or remove the folder; class folders are "
                "train/CLASS/ and test/CLASS/, or CLASS/"
            )
        found += [Item(path, folder.name, str(path)) for path in images]
    if not found:
        raise PrunelibError(f"{root} has no class folders with images: train/CLASS/… or CLASS/…")
    if others:
        told.append(f"skipped, for their names are not those of images: {counted(others, 'file')}")
    return found


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
