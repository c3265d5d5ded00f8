"""Images of one's own, from any source, as a `Dataset`.

Sources differ in form only: each gives images and labels, which are then converted, put into one
order and split in the same way. So the same images give the same data, whatever form they come in.
"""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps

from prunelib.errors import PrunelibError
from prunelib.text import counted
from prunelib.training.data.dataset import Dataset, Split, mean_and_std
from prunelib.training.source import HOLD_OUT, NAME

LEAST_SIZE = 8
"""Pixels a side: below, the last stage of a network has one pixel, which batch norm cannot use."""
LIGHT = 255
"""What shows through transparent pixels: white."""
GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"}

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


class Converted(NamedTuple):
    """An image as it is used, uint8 (size, size, channels), and what was done to it."""

    pixels: np.ndarray
    done: tuple[str, ...]


def dataset(
    found: Found, size: int, channels: int = 3, name: str = NAME, hold_out: float = HOLD_OUT
) -> tuple[Dataset, list[str]]:
    """The data set in what a source holds, and what there is to tell of it, a line each.

    Args:
        found: images and labels.
        size: pixels a side to make of each image; it is cut to a square first.
        channels: 1 (grey) or 3 (RGB).
        name: of the data.
        hold_out: share of each class to test with, if the source does not say which.

    Raises:
        PrunelibError: the labels do not fit, a class has no images, or there is one class only.
    """
    if size < LEAST_SIZE or channels not in (1, 3):
        raise PrunelibError(
            f"images of {size} pixels and {channels} channels cannot be used: at least "
            f"{LEAST_SIZE} pixels, 1 or 3 channels"
        )
    if not 0 < hold_out < 1:
        raise PrunelibError(f"the share held out must lie between 0 and 1, not {hold_out}")
    told = list(found.told)
    classes = class_names(found)
    train = read(found.train, classes, size, channels, told)
    if found.test is None:
        train, test = held_out(train, classes, hold_out)
        told.append(f"held out to test with: {counted(len(test.y), 'image')}, of each class alike")
    else:
        test = read(found.test, classes, size, channels, told)
    check_classes(train, test, classes)
    told.append(overlap(train, test))
    mean, std = mean_and_std(train.x)
    data = Dataset(name, train, test, mean, torch.where(std > 0, std, 1.0), classes)
    return data, [summary(data), *(line for line in told if line)]


def summary(data: Dataset) -> str:
    """How many images of which classes there are."""
    counts = zip(
        data.train.y.bincount(minlength=len(data.classes)).tolist(), data.classes, strict=True
    )
    few = ", ".join(f"{name} {n}" for n, name in list(counts)[:12])
    more = ", …" if len(data.classes) > 12 else ""
    size, channels = data.train.x.shape[1], "grey" if data.train.x.shape[3] == 1 else "RGB"
    return (
        f"{len(data.train.y):,} training and {len(data.test.y):,} test images of "
        f"{len(data.classes)} classes ({few}{more}), {size}×{size} {channels}"
    )


def class_names(found: Found) -> tuple[str, ...]:
    """The classes in order: as named, or the labels themselves, numbers by size."""
    labels = {item.label for item in found.train}
    if found.classes is not None:
        return found.classes
    if any(isinstance(label, str) for label in labels):
        labels = {str(label) for label in labels}
        numbers = all(label.isdecimal() for label in labels)
        return tuple(sorted(labels, key=int if numbers else None))
    return tuple(str(label) for label in sorted(labels))


def read(
    items: Sequence[Item], classes: tuple[str, ...], size: int, channels: int, told: list[str]
) -> Split:
    """Convert images, leave out those that cannot be read, and put them in one order.

    Raises:
        PrunelibError: a label is no class, or nothing can be read.
    """
    numbers = {name: i for i, name in enumerate(classes)}
    labels = [number_of(item, numbers, classes) for item in items]

    def attempt(item: Item) -> Converted | str:
        try:
            return converted(item.image, size, channels)
        except PrunelibError:
            raise
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__

    with ThreadPoolExecutor() as threads:
        images = list(threads.map(attempt, items))
    bad = [(item.where, why) for item, why in zip(items, images, strict=True) if type(why) is str]
    if bad:
        where, why = bad[0]
        told.append(f"skipped, for they cannot be read: {len(bad):,}, such as {where} ({why})")
    done = Counter(what for image in images if type(image) is not str for what in image.done)
    told += [f"converted: {n:,} {what}" for what, n in sorted(done.items())]
    good = [
        (image.pixels, y)
        for image, y in zip(images, labels, strict=True)
        if not isinstance(image, str)
    ]
    if not good:
        raise PrunelibError(f"no image can be read of {counted(len(items), 'file')}")
    x, y = np.stack([pixels for pixels, _ in good]), np.array([label for _, label in good])
    hashes = np.array([blake2b(pixels, digest_size=16).digest() for pixels in x], "V16")
    order = np.lexsort((hashes.view(">u8")[1::2], hashes.view(">u8")[::2], y))
    return Split(torch.from_numpy(x[order]), torch.from_numpy(y[order].astype(np.int64)))


def number_of(item: Item, numbers: dict[str, int], classes: tuple[str, ...]) -> int:
    """The number of an item's class."""
    label = item.label
    number = numbers.get(str(label))
    if number is None and not isinstance(label, str) and 0 <= label < len(classes):
        number = int(label)
    if number is None:
        some = ", ".join(classes[:5]) + (", …" if len(classes) > 5 else "")
        raise PrunelibError(f"{item.where}: the label {label!r} is none of the classes {some}")
    return number


def converted(image: Raw, size: int, channels: int) -> Converted:
    """One image as uint8 (size, size, channels), cut to a square around its middle."""
    if isinstance(image, np.ndarray):
        image = from_array(image)
    elif not isinstance(image, Image.Image):
        image = Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    image = ImageOps.exif_transpose(image)
    done = []
    wanted = "L" if channels == 1 else "RGB"
    if image.mode != wanted:
        done.append(f"from {image.mode} to {wanted}")
        image = in_mode(image, wanted)
    if image.size != (size, size):
        done.append("to another size" if image.width == image.height else "cut and to another size")
        smaller = min(image.size) >= size
        method = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        image = ImageOps.fit(image, (size, size), method)
    return Converted(np.asarray(image).reshape(size, size, channels), tuple(done))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """An image in grey or RGB: 16 bits become 8, and what is transparent becomes white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        high = 65535 if image.mode.startswith("I") else 1.0 if values.max() <= 1 else 255.0
        if values.min() < 0 or values.max() > high:
            raise ValueError(f"pixels from {values.min():g} to {values.max():g}")
        image = Image.fromarray((values * (255 / high)).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        below = Image.new("RGBA", image.size, (LIGHT,) * 3 + (255,))
        image = Image.alpha_composite(below, image)
    return image.convert(mode)


def from_array(pixels: np.ndarray) -> Image.Image:
    """An image of an array (H, W), (H, W, C) or (C, H, W): 8 or 16 bits, or floats from 0.

    Raises:
        ValueError: it is no image.
    """
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise ValueError(f"an array of shape {pixels.shape} is no image")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        pixels = (pixels.astype(np.float64) * (255 / brightest(pixels))).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels))


def brightest(pixels: np.ndarray) -> float:
    """The value that means white, from the type of an array: 65535, 255 or 1."""
    high = 65535.0 if pixels.dtype == np.uint16 else 255.0
    if pixels.dtype.kind == "f" and pixels.max() <= 1:
        high = 1.0
    if not (pixels.min() >= 0 and pixels.max() <= high):
        raise PrunelibError(
            f"pixels run from {pixels.min():g} to {pixels.max():g}; give them as 0 to 255 or "
            "0 to 1, before any normalisation"
        )
    return high


def held_out(all_: Split, classes: tuple[str, ...], share: float) -> tuple[Split, Split]:
    """Training and test images: of each class every so many-th, by the hash of its pixels.

    Equal images stay on one side. Which images go where depends on the images alone.
    """
    every = 1 / share
    test = np.zeros(len(all_.y), bool)
    x, y = all_.x.numpy(), all_.y.numpy()
    for label, name in enumerate(classes):
        rows = np.flatnonzero(y == label)
        if not len(rows):
            continue
        same = [i > 0 and np.array_equal(x[rows[i]], x[rows[i - 1]]) for i in range(len(rows))]
        distinct = np.cumsum(~np.array(same, bool)) - 1
        if distinct[-1] < 1:
            raise PrunelibError(
                f"class {name} has one image only; with two one could be tested with"
            )
        picked = np.floor((distinct + 1) / every) > np.floor(distinct / every)
        test[rows] = picked if picked.any() else distinct == distinct[-1]
    return Split(all_.x[~test], all_.y[~test]), Split(all_.x[test], all_.y[test])


def check_classes(train: Split, test: Split, classes: tuple[str, ...]) -> None:
    """Raise PrunelibError unless there are classes to tell apart, each with images."""
    if len(classes) < 2:
        raise PrunelibError(f"there is one class only, {classes[0]!r}: nothing to tell apart")
    counts = train.y.bincount(minlength=len(classes)).tolist()
    empty = [name for name, n in zip(classes, counts, strict=True) if not n]
    if empty:
        raise PrunelibError(
            f"no training images of class {', '.join(empty[:5])}: add some, or remove the class"
        )


def overlap(train: Split, test: Split) -> str:
    """A warning if images to test with are among those to train with."""
    seen = {x.tobytes() for x in train.x.numpy()}
    both = sum(x.tobytes() in seen for x in test.x.numpy())
    return f"also among the training images: {counted(both, 'test image')}" if both else ""


IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
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
        if strange := set(names(root / test)) - set(found.classes):
            raise PrunelibError(
                f"{root / test} has a class that {root / 'train'} has not: {min(strange)}"
            )
        found.test = items(root / test, found.told)
    return found


def names(root: Path) -> tuple[str, ...]:
    """The classes in a folder."""
    labels = [folder.name for folder in subfolders(root)]
    numbers = all(label.isdecimal() for label in labels)
    return tuple(sorted(labels, key=int if numbers else None))


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
        images = [path for path in files if path.suffix.lower() in IMAGES]
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
    except (OSError, ValueError, EOFError) as error:
        raise PrunelibError(f"{path} cannot be read as .npz: {error}") from None
    except Exception as error:
        raise PrunelibError(f"{path} is damaged: {error}") from None
    classes = arrays.get("classes")
    pairs = {}
    for split in ("train", *TESTS):
        for x, y in ARRAYS:
            if x.format(split) in arrays and y.format(split) in arrays:
                pairs.setdefault(split, (arrays[x.format(split)], arrays[y.format(split)]))
    if "x" in arrays and "y" in arrays:
        pairs.setdefault("train", (arrays["x"], arrays["y"]))
    if "train" not in pairs:
        raise PrunelibError(
            f"{path} has {', '.join(arrays) or 'nothing'}; wanted are x_train, y_train, x_test, "
            "y_test, or x, y"
        )
    test = next((pairs[split] for split in TESTS if split in pairs), None)
    return in_arrays(pairs["train"], test, classes)


def in_arrays(
    train: tuple[Sequence, Sequence],
    test: tuple[Sequence, Sequence] | None = None,
    classes: Sequence[str] | None = None,
) -> Found:
    """Images and labels in memory.

    Raises:
        PrunelibError: there are not as many labels as images.
    """

    def listed(pair: tuple[Sequence, Sequence], what: str) -> list[Item]:
        images, labels = pair
        labels = np.asarray(labels)
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.shape != (len(images),) or labels.dtype.kind not in "iuUS":
            raise PrunelibError(
                f"{len(images)} {what} images, but labels of type {labels.dtype} and shape "
                f"{labels.shape}: one integer or name for each image is wanted"
            )
        values = [x.decode() if isinstance(x, bytes) else x for x in labels.tolist()]
        return [
            Item(np.asarray(image), label, f"{what} image {i}")
            for i, (image, label) in enumerate(zip(images, values, strict=True))
        ]

    named = None if classes is None else tuple(str(name) for name in classes)
    tests = None if test is None else listed(test, "test")
    return Found(listed(train, "training"), tests, named)


def in_torch(train: Iterable, test: Iterable | None = None) -> Found:
    """Map-style data sets of PyTorch: pairs of an image (PIL, array or tensor) and a label."""

    def listed(pairs, what: str) -> list[Item]:
        found = []
        for i in range(len(pairs)):
            image, label = pairs[i]
            image = image if isinstance(image, Image.Image) else np.asarray(image)
            label = label if isinstance(label, str) else int(label)
            found.append(Item(image, label, f"{what} image {i}"))
        return found

    classes = getattr(train, "classes", None)
    return Found(
        listed(train, "training"),
        None if test is None else listed(test, "test"),
        None if classes is None else tuple(map(str, classes)),
    )
