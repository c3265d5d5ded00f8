"""Class folders: which folder is which, and the images in them."""

import os
from collections.abc import Sequence
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.text import counted
from prunelib.training.data.sources import TESTS, Found, Item, Trouble, in_order

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
TRAINS = ("train", "training")


def in_folder(root: Path) -> Found:
    """Class folders: `root/train/CLASS/…` and `root/test/CLASS/…` (or `val`), or `root/CLASS/…`.

    Raises:
        PrunelibError: there are no such folders, a class has no images, or it is not clear which
            folder is which.
    """
    found = Found([])
    train, test = splits(root, found.told)
    found.classes = names(train)
    found.train = items(train, found.told)
    if test:
        if strange := set(names(test)) - set(found.classes):
            raise PrunelibError(f"{test} has a class that {train} lacks: {min(strange)}")
        found.test = items(test, found.told)
    return found


def splits(root: Path, told: list[str]) -> tuple[Path, Path | None]:
    """The folders with training and test images; `root` itself where no folder is for training.

    A folder `train` that holds images directly, beside other folders with images and none to test
    with, is a class of that name.

    Raises:
        PrunelibError: two folders are for training, or `train` may be a class or not.
    """
    folders = subfolders(root)
    trains, tests = folders_called(TRAINS, folders), folders_called(TESTS, folders)
    if not trains:
        return root, None
    if len(trains) > 1:
        two = " and ".join(f"{folder.name}/" for folder in trains[:2])
        raise PrunelibError(f"{root} has two folders of training images, {two}: keep one of them")
    train, test = trains[0], next(iter(tests), None)
    others = [folder for folder in folders if folder not in (train, test) and has_images(folder)]
    listed = ", ".join(sorted(f"{folder.name}/" for folder in others)[:5])
    if test and others:
        line = f"not used, for {train.name}/ and {test.name}/ are there: {listed}"
        told.append(line if set(others) <= set(tests) else Trouble(line))
    if test or not others:
        return train, test
    if not has_images(train, below=False) or any(map(has_images, subfolders(train))):
        raise PrunelibError(
            f"{root}: {train.name}/ would be the training images, and {listed} would not be used; "
            f"rename {train.name}/ if it is a class, else move the others away"
        )
    told.append(Trouble(f"{train.name}/ is taken for a class, for it has images as {listed} have"))
    return root, None


def folders_called(known: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """The folders of known names, in any case, in the order of these names; small letters first."""
    some = [folder for folder in folders if folder.name.lower() in known]
    small = sorted(some, key=lambda folder: (not folder.name.islower(), folder.name))
    return sorted(small, key=lambda folder: known.index(folder.name.lower()))


def names(root: Path) -> tuple[str, ...]:
    """The classes in a folder."""
    return in_order(folder.name for folder in subfolders(root))


def subfolders(root: Path) -> list[Path]:
    """The folders in a folder that can be classes.

    Raises:
        PrunelibError: it cannot be read.
    """
    hidden = ("__MACOSX", "__pycache__")
    try:
        folders = [path for path in root.iterdir() if path.is_dir()]
    except OSError as error:
        raise unreadable(root, error) from None
    return [path for path in folders if path.name[0] != "." and path.name not in hidden]


def has_images(folder: Path, below: bool = True) -> bool:
    """Whether there are files that are named like images, in the folder or anywhere below."""
    paths = folder.rglob("*") if below else folder.glob("*")
    return any(is_image(path) and path.name[0] != "." for path in paths)


def is_image(path: Path) -> bool:
    """Whether a file is named like an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def items(root: Path, told: list[str]) -> list[Item]:
    """The images of class folders.

    Raises:
        PrunelibError: there are no class folders, or one without images, or that cannot be read.
    """
    found, others = [], 0
    for folder in sorted(subfolders(root)):
        files = files_in(folder)
        images = [path for path in files if is_image(path)]
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


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and below, without hidden ones.

    Raises:
        PrunelibError: it cannot be read, or a folder in it.
    """

    def stop(error: OSError) -> None:
        raise error

    try:
        walk = os.walk(folder, onerror=stop)  # Path.rglob would pass over what it cannot read
        files = [Path(at, name) for at, _, names in walk for name in names if name[0] != "."]
        return sorted(path for path in files if path.is_file())
    except OSError as error:
        raise unreadable(folder, error) from None


def unreadable(folder: Path, error: OSError) -> PrunelibError:
    """What to say of a folder that cannot be read."""
    where = error.filename or folder
    return PrunelibError(f"{where} cannot be read: {error.strerror}; grant access, or remove it")
