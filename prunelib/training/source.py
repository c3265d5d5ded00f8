"""Where images of one's own are. Nothing here imports PyTorch."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prunelib.errors import PrunelibError

if TYPE_CHECKING:
    from prunelib.training.data import Dataset
    from prunelib.training.data.sources import Found

HOLD_OUT = 0.2
"""Share of the images of each class that becomes the test set where there is none."""
NAME = "own"


@dataclass(frozen=True)
class Source:
    """Where images of one's own are, and how to read them.

    Args:
        path: class folders, an `.npz` file, or a parquet file or a folder of them.
        image_column: of parquet; needed only where there is more than one with images.
        label_column: likewise.
        hold_out: share of each class to test with, if the source does not say which.
        name: of the data.
    """

    path: Path
    image_column: str | None = None
    label_column: str | None = None
    hold_out: float = HOLD_OUT
    name: str = NAME

    def find(self) -> "Found":
        """What the source holds.

        Raises:
            PrunelibError: it is not there, nothing in it can be read, or columns are named of what
                has none.
        """
        from prunelib.training.data.folders import in_folder
        from prunelib.training.data.parquet import in_parquet
        from prunelib.training.data.sources import in_npz

        path = Path(self.path)
        if not path.exists():
            raise PrunelibError(f"there are no images in {path}: it is not there")
        if path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("*.parquet"))):
            return in_parquet(path, self.image_column, self.label_column)
        if self.image_column is not None or self.label_column is not None:
            raise PrunelibError(
                f"{path} is not parquet and has no columns: leave out --image-column and "
                "--label-column"
            )
        if path.suffix == ".npz":
            return in_npz(path)
        if path.is_dir():
            return in_folder(path)
        raise PrunelibError(f"{path} is neither a folder nor .npz nor .parquet")


@lru_cache(maxsize=2)
def load_source(source: Source, size: int, channels: int = 3) -> "tuple[Dataset, list[str]]":
    """The data set, and what there is to tell of it; read once a process.

    Raises:
        PrunelibError: see `own_images.make_dataset`.
    """
    from prunelib.training.data.own_images import make_dataset

    return make_dataset(source.find(), size, channels, source.name, source.hold_out)


def has_own_images(path: Path) -> bool:
    """Whether there are images in a form of one's own, and not CIFAR-10 or CIFAR-100."""
    if path.is_file():
        return path.suffix in (".npz", ".parquet")
    known = ("cifar-10-batches-py", "cifar-100-python", "cifar10", "cifar100")
    if not path.is_dir() or any((path / name).exists() for name in known):
        return False
    if (path / "batches.meta").exists() or (path / "meta").exists():
        return False
    files = sorted(path.rglob("*.parquet"))
    if files:
        import pyarrow.parquet as parquet

        try:
            train = [parquet.ParquetFile(f).metadata for f in files if f.name.startswith("train")]
        except (OSError, ValueError):
            return False
        cifar = sum(part.num_rows for part in train) == 50_000 and {"img"} <= {
            train[0].schema.column(i).path.split(".")[0] for i in range(train[0].num_columns)
        }
        return not cifar
    return any(folder.is_dir() and folder.name[0] != "." for folder in path.iterdir())
