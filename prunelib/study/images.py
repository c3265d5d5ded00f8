"""The images that a spec is about, read once a process."""

from functools import lru_cache
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.study.specs import DataSpec, Spec, training_of
from prunelib.training.data import Dataset, load
from prunelib.training.source import Source, load_source


@lru_cache(maxsize=2)
def cached_dataset(name: str, image_size: int, root: str | None) -> Dataset:
    """A data set, read once a process."""
    return load(name, image_size, root)


def data_of(spec: Spec, root: str | Path | Source | None) -> Dataset:
    """The data set of a spec."""
    data = training_of(spec).data
    if data.content is not None:
        return load_own_images(data, root)
    return cached_dataset(data.name, data.image_size, None if root is None else str(root))


def load_own_images(wanted: DataSpec, root: str | Path | Source | None) -> Dataset:
    """Images of one's own.

    Raises:
        PrunelibError: nobody says where they are, or what is there are other images.
    """
    if root is None:
        raise PrunelibError(f"say where the images {wanted.name!r} are: --data")
    source = root if isinstance(root, Source) else Source(Path(root), name=wanted.name)
    assert wanted.channels is not None
    data, _ = load_source(source, wanted.image_size, wanted.channels)
    if DataSpec.of(data) != wanted:
        raise PrunelibError(
            f"the images in {source.path} are not those of this run: "
            "their number or content has changed"
        )
    return data
