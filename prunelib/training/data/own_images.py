"""Images of one's own, from any source, as a `Dataset`.

Sources differ in form only: each gives images and labels, which are then converted, put into one
order and split in the same way. So the same images give the same data, whatever form they come in.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch

from prunelib.errors import PrunelibError
from prunelib.text import counted, one_line
from prunelib.training.data.dataset import Dataset, Split, mean_and_std
from prunelib.training.data.pixels import Converted, converted, with_one_white
from prunelib.training.data.sources import Found, Item, Trouble, in_order
from prunelib.training.source import HOLD_OUT, NAME

LONGEST_NAME = 1_000
"""Characters of a class name."""
LEAST_SIZE = 8
"""Pixels a side: below, the last stage of a network has one pixel, which batch norm cannot use."""


class Skipped(NamedTuple):
    """An image that cannot be read: the number of its class, where it is, and why."""

    label: int
    where: str
    why: str


class Read(NamedTuple):
    """Images in one order, and those that cannot be read."""

    split: Split
    skipped: list[Skipped]


def make_dataset(
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
    check_names(classes)
    places = are_places(found, classes)
    train, skipped = read_images(found.train, classes, size, channels, told, places)
    check_classes(train, classes, skipped)
    if found.test is None:
        train, test = held_out(train, classes, hold_out)
        told.append(
            f"held out for testing: {counted(len(test.y), 'image')}, the same share of each class"
        )
    else:
        test, _ = read_images(found.test, classes, size, channels, told, places)
    told += [untested(test, classes), overlap(train, test)]
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
    if found.classes is not None:
        return found.classes
    labels = {item.label for item in found.train}
    if not any(isinstance(label, str) for label in labels):
        return tuple(map(str, sorted(map(int, labels))))
    return in_order({str(label) for label in labels})


def check_names(classes: tuple[str, ...]) -> None:
    """Raise PrunelibError for class names that no record could hold: better now than after hours.

    Names of folders need not be text: where they are not, Python has surrogates in them.
    """
    for name in classes:
        if not 1 <= len(name) <= LONGEST_NAME:
            raise PrunelibError(
                f"the class {name[:20]!r} has a name of {len(name):,} characters; rename it with 1 "
                f"to {LONGEST_NAME:,}"
            )
        if not name.isascii() and name.encode(errors="replace").decode() != name:
            raise PrunelibError(f"the name of the class {name!r} is not UTF-8; rename it")
    if twice := [name for name, n in Counter(classes).items() if n > 1]:
        raise PrunelibError(f"two classes have the name {twice[0]!r}; rename one")


def are_places(found: Found, classes: tuple[str, ...]) -> bool:
    """Whether integer labels are places among the named classes, from 0, and not names.

    Hugging Face and torchvision put names of numbers in the order of letters: 0, 1, 10, 2. There
    label 2 means 10. So integers are names only where classes were never named, or all of them are
    names and cannot be places.
    """
    if found.classes is None:
        return False
    items = (*found.train, *(found.test or ()))
    labels = {item.label for item in items if not isinstance(item.label, str)}
    named = {str(label) for label in labels} <= set(classes)
    return not named or all(0 <= label < len(classes) for label in labels)


def read_images(
    items: Sequence[Item],
    classes: tuple[str, ...],
    size: int,
    channels: int,
    told: list[str],
    places: bool = True,
) -> Read:
    """Convert images, leave out those that cannot be read, and put them in one order.

    Integer labels are `places` among the classes, or names.

    Raises:
        PrunelibError: a label is not a class, or nothing can be read.
    """
    numbers = {name: i for i, name in enumerate(classes)}
    labels = [number_of(item, numbers, classes, places) for item in items]

    with ThreadPoolExecutor() as threads:
        scaled = with_one_white(items)
        images = list(threads.map(lambda item: attempt(item, size, channels), scaled))
    skipped = [
        Skipped(y, item.where, image)
        for item, image, y in zip(items, images, labels, strict=True)
        if isinstance(image, str)
    ]
    if skipped:
        told.append(Trouble(f"skipped, for they cannot be read: {such_as(skipped)}"))
    good = [(x, y) for x, y in zip(images, labels, strict=True) if not isinstance(x, str)]
    done = Counter(what for image, _ in good for what in image.done)
    told += [f"converted: {n:,} {what}" for what, n in sorted(done.items())]
    if not good:
        why = f"can be read; skipped: {such_as(skipped)}" if skipped else "is there"
        raise PrunelibError(f"no image {why}")
    return Read(in_one_order([image.pixels for image, _ in good], [y for _, y in good]), skipped)


def attempt(item: Item, size: int, channels: int) -> Converted | str:
    """An image as it is used, or why it cannot be.

    Raises:
        PrunelibError: its pixels are not as they should be in any image.
    """
    try:
        return converted(item.image, size, channels)
    except PrunelibError:
        raise
    except Exception as error:
        return one_line(error)


def such_as(skipped: Sequence[Skipped]) -> str:
    """How many images cannot be read, and why the first of them cannot."""
    return f"{len(skipped):,}, such as {skipped[0].where} ({skipped[0].why})"


def in_one_order(images: list[np.ndarray], labels: list[int]) -> Split:
    """Images by class, and by the hash of their pixels."""
    x, y = np.stack(images), np.array(labels)
    hashes = np.array([blake2b(pixels, digest_size=16).digest() for pixels in x], "V16")
    order = np.lexsort((hashes.view(">u8")[1::2], hashes.view(">u8")[::2], y))
    return Split(torch.from_numpy(x[order]), torch.from_numpy(y[order].astype(np.int64)))


def number_of(item: Item, numbers: dict[str, int], classes: tuple[str, ...], places: bool) -> int:
    """The number of an item's class."""
    label = item.label
    if places and not isinstance(label, str):
        number = int(label) if 0 <= label < len(classes) else None
    else:
        number = numbers.get(str(label))
    if number is None:
        some = ", ".join(classes[:5]) + (", …" if len(classes) > 5 else "")
        raise PrunelibError(f"{item.where}: the label {label!r} is none of the classes {some}")
    return number


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
            raise PrunelibError(f"class {name} has only one image; add another, to test with")
        picked = np.floor((distinct + 1) / every) > np.floor(distinct / every)
        test[rows] = picked if picked.any() else distinct == distinct[-1]
    return Split(all_.x[~test], all_.y[~test]), Split(all_.x[test], all_.y[test])


def check_classes(train: Split, classes: tuple[str, ...], skipped: Sequence[Skipped]) -> None:
    """Raise PrunelibError unless there are classes to tell apart, each with images."""
    if len(classes) < 2:
        raise PrunelibError(f"there is only one class, {classes[0]!r}: nothing to tell apart")
    empty = without_images(train, classes)
    for name in empty:
        if bad := [image for image in skipped if classes[image.label] == name]:
            raise PrunelibError(
                f"no training image of class {name} can be read; skipped: {such_as(bad)}: mend "
                "them, or remove the class"
            )
    if empty:
        raise PrunelibError(
            f"no training images of class {', '.join(empty[:5])}: add some, or remove the class"
        )


def without_images(split: Split, classes: tuple[str, ...]) -> list[str]:
    """The classes that a split has no images of."""
    counts = split.y.bincount(minlength=len(classes)).tolist()
    return [name for name, n in zip(classes, counts, strict=True) if not n]


def untested(test: Split, classes: tuple[str, ...]) -> str:
    """A warning if there are classes without images to test with."""
    empty = without_images(test, classes)
    some = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
    return Trouble(f"classes without test images, left out of the error: {some}" if empty else "")


def overlap(train: Split, test: Split) -> str:
    """A warning if images to test with are among those to train with."""
    seen = {x.tobytes() for x in train.x.numpy()}
    both = sum(x.tobytes() in seen for x in test.x.numpy())
    return Trouble(f"also among the training images: {counted(both, 'test image')}" if both else "")
