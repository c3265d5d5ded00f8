"""Images in parquet files as Hugging Face writes them: encoded, with class names in the schema."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet

from prunelib.errors import PrunelibError
from prunelib.training.data.sources import TESTS, Found, Item


def in_parquet(
    path: Path, image_column: str | None = None, label_column: str | None = None
) -> Found:
    """The images in a parquet file, or in a folder of them: `train-*.parquet`, `test-*.parquet`.

    Args:
        path: file or folder; files whose names begin with no split are training files.
        image_column: by default the one with images.
        label_column: by default the one with integers or class names.

    Raises:
        PrunelibError: a file is damaged, or it is not clear which columns are meant.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    splits: dict[str, list[Path]] = {}
    for file in files:
        splits.setdefault(split_of(file), []).append(file)
    if "train" not in splits:
        raise PrunelibError(f"{path} has no train-*.parquet")
    columns = chosen(schema(splits["train"][0]), image_column, label_column, splits["train"][0])
    names = names_of_classes(schema(splits["train"][0]), columns[1])
    train = [item for file in splits["train"] for item in rows(file, *columns)]
    test = next((splits[split] for split in TESTS if split in splits), None)
    tests = None if test is None else [item for file in test for item in rows(file, *columns)]
    return Found(train, tests, names)


def split_of(file: Path) -> str:
    """The split that a file's name, or its folder's, tells; `train` if neither does."""
    for text in (file.name, file.parent.name):
        start = text.split("-")[0].split(".")[0].lower()
        if start in ("train", *TESTS):
            return start
    return "train"


def schema(file: Path) -> pyarrow.Schema:
    """The columns of a file.

    Raises:
        PrunelibError: it is not parquet.
    """
    try:
        return parquet.read_schema(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise PrunelibError(f"{file} cannot be read as parquet: {error}") from None


def chosen(
    columns: pyarrow.Schema, image: str | None, label: str | None, file: Path
) -> tuple[str, str]:
    """Which columns hold images and labels.

    Raises:
        PrunelibError: there is none, or more than one.
    """

    def one(named: str | None, able: Callable, what: str) -> str:
        fits = [f.name for f in columns if able(f.type)]
        if named is not None and named not in columns.names:
            raise PrunelibError(f"{file} has no column {named!r}: {', '.join(columns.names)}")
        if named is None and len(fits) != 1:
            found = ", ".join(fits) or "none"
            raise PrunelibError(
                f"{file}: columns that may be the {what}: {found} (of {', '.join(columns.names)}); "
                f"name one with --{what}-column"
            )
        return named or fits[0]

    def has_image(kind: pyarrow.DataType) -> bool:
        return pyarrow.types.is_binary(kind) or pyarrow.types.is_struct(kind)

    def has_label(kind: pyarrow.DataType) -> bool:
        return pyarrow.types.is_integer(kind) or pyarrow.types.is_string(kind)

    return one(image, has_image, "image"), one(label, has_label, "label")


def names_of_classes(columns: pyarrow.Schema, label: str) -> tuple[str, ...] | None:
    """The names of the classes, as Hugging Face keeps them in the schema; None if it has none."""
    try:
        kept = json.loads((columns.metadata or {})[b"huggingface"])
        names = kept["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) else None


def rows(file: Path, image: str, label: str) -> list[Item]:
    """The images of one file.

    Raises:
        PrunelibError: it is damaged, or a label is missing, or is neither an integer nor a name.
    """
    try:
        table = parquet.read_table(file, columns=[image, label], page_checksum_verification=True)
    except (OSError, pyarrow.ArrowException) as error:
        raise PrunelibError(f"{file} cannot be read as parquet: {error}") from None
    found = []
    columns = table.column(image).to_pylist(), table.column(label).to_pylist()
    for i, (cell, value) in enumerate(zip(*columns, strict=True)):
        where = f"{file} row {i}"
        if value is None:
            raise PrunelibError(f"{where} has no label")
        if not isinstance(value, int | str):
            kind = type(value).__name__
            raise PrunelibError(f"{where} has a {kind} for a label; use an integer or a name")
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if content is None and isinstance(cell, dict) and cell.get("path"):
            content = file.parent / cell["path"]
        label_of = value if isinstance(value, str) else int(value)
        found.append(Item(content if content is not None else b"", label_of, where))
    return found
