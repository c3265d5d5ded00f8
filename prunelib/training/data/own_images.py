"""Images of one's own, from any source, as a `Dataset`.

Sources differ in form only: each gives images and labels, which are then converted, put into one
order and split in the same way. So the same images give the same data, whatever form they come in.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import numpy as np
import torch

from prunelib.errors import PrunelibError
from prunelib.text import counted
from prunelib.training.data.dataset import Dataset, Split, mean_and_std
from prunelib.training.data.pixels import Converted, converted
from prunelib.training.data.sources import Found, Item, in_order
from prunelib.training.source import HOLD_OUT, NAME

LONGEST_NAME = 1_000
"""Characters of a class name."""
LEAST_SIZE = 8
"""Pixels a side: below, the last stage of a network has one pixel, which batch norm cannot use."""


class Trouble(str):
    """What is told of images, and should not be missed."""


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
    train = read_images(found.train, classes, size, channels, told, places)
    if found.test is None:
        train, test = held_out(train, classes, hold_out)
        told.append(
            f"held out for testing: {counted(len(test.y), 'image')}, the same share of each class"
        )
    else:
        test = read_images(found.test, classes, size, channels, told, places)
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
) -> Split:
    """Convert images, leave out those that cannot be read, and put them in one order.

    Integer labels are `places` among the classes, or names.

    Raises:
        PrunelibError: a label is not a class, or nothing can be read.
    """
    numbers = {name: i for i, name in enumerate(classes)}
    labels = [number_of(item, numbers, classes, places) for item in items]

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
        what = f"skipped, for they cannot be read: {len(bad):,}, such as {where} ({why})"
        told.append(Trouble(what))
    done = Counter(what for image in images if isinstance(image, Converted) for what in image.done)
    told += [f"converted: {n:,} {what}" for what, n in sorted(done.items())]
    good = [
        (image.pixels, y)
        for image, y in zip(images, labels, strict=True)
        if not isinstance(image, str)
    ]
    if not good:
        why = f", such as {bad[0][0]} ({bad[0][1]})" if bad else ""
        raise PrunelibError(f"there is no image that can be read: {len(items):,} cannot{why}")
    x, y = np.stack([pixels for pixels, _ in good]), np.array([label for _, label in good])
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


def check_classes(train: Split, test: Split, classes: tuple[str, ...]) -> None:
    """Raise PrunelibError unless there are classes to tell apart, each with images."""
    if len(classes) < 2:
        raise PrunelibError(f"there is only one class, {classes[0]!r}: nothing to tell apart")
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
    return Trouble(f"also among the training images: {counted(both, 'test image')}" if both else "")
