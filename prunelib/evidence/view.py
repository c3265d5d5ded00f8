"""A view of a study: some requests of a plan, and their records as DataFrames."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from prunelib.errors import Missing
from prunelib.evidence import tables
from prunelib.study.families import PRUNED
from prunelib.study.folder import PACKAGED
from prunelib.study.lookup import Find, cached_lookup
from prunelib.study.plan import found, plan_study
from prunelib.study.request import Request
from prunelib.study.scale import Scale
from prunelib.study.store import Record, Store
from prunelib.study.trajectory import Trajectory

DATA_TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "digits": "handwritten digits"}


@dataclass(frozen=True)
class View:
    """A study, or part of one: its records, as DataFrames."""

    scale: Scale
    requests: tuple[Request, ...]
    find: Find

    @cached_property
    def planned(self) -> list[tuple[Request, Record | None]]:
        """Each request with its record, or None while it is missing."""
        return found(self.requests, self.find)

    @cached_property
    def networks(self) -> pd.DataFrame:
        """One row per network; see `tables.networks`."""
        return tables.networks(self.planned, self.find)

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """One row per removal of the pruned-and-tuned networks; see `tables.trajectories`."""
        runs = self.all_trajectories
        return runs[runs["family"] == PRUNED].reset_index(drop=True)

    @cached_property
    def all_trajectories(self) -> pd.DataFrame:
        """One row per removal of all pruning runs, controls too; see `tables.trajectories`."""
        return tables.trajectories(self.planned)

    @cached_property
    def saliencies(self) -> pd.DataFrame:
        """One row per channel; see `tables.saliencies`."""
        return tables.saliencies(self.planned)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch; see `tables.epochs`."""
        return tables.epochs(self.planned)

    def pruning(self, seed: int = 0) -> Record | None:
        """The pruning record of a seed."""
        return self.find(self.scale.prune_spec(seed))

    def trajectory(self, seed: int = 0) -> Trajectory:
        """The profiles that a seed's pruning run passed.

        Raises:
            Missing: that run is not there.
        """
        record = self.pruning(seed)
        if record is None:
            raise Missing(f"there is no pruning run of seed {seed} at {self.scale.name}")
        return Trajectory.of(record)

    @property
    def there(self) -> int:
        """Requests whose record is there."""
        return sum(record is not None for _, record in self.planned)

    @property
    def images(self) -> str:
        """The data of the scale and the size of its images, in plain text."""
        data = self.scale.data
        title = DATA_TITLES.get(data.name, data.name)
        return f"{title} at {data.image_size}×{data.image_size} pixels"

    @property
    def setting(self) -> str:
        """Data, image size, base network and length of training of the scale, in plain text."""
        base, epochs = self.scale.base, self.scale.train.epochs
        return f"{self.images}, WRN-{base.depth}-{base.width:g}, {epochs} epochs"

    def provenance(self) -> str:
        """One sentence: scale, data, how many runs of how many, and where they were made."""
        view = {r.key: r for _, r in self.planned if r is not None}
        hardware = sorted({r.circumstances["hardware"] for r in view.values()})
        precision = sorted({r.circumstances["precision"] for r in view.values()})
        made = f", made on {', '.join(hardware)} in {' and '.join(precision)}" if view else ""
        count = f"{self.there} of {len(self.requests)} runs"
        return f"Scale {self.scale.name} ({self.setting}): {count}{made}."


def by_length(studies: dict[str, View]) -> dict[str, View]:
    """Studies by name, those of the shortest training first."""
    return dict(sorted(studies.items(), key=lambda item: item[1].scale.train.epochs))


def open_view(
    scale: Scale,
    folder: Path,
    families: Sequence[str] | None = None,
    seeds: int | None = None,
    packaged: bool = False,
) -> View:
    """The records of a scale in a folder with results; of all families and seeds by default.

    With `packaged`, they lie over those that travel with the package.

    Raises:
        PrunelibError: unknown family, no seed, or a record is damaged.
    """
    requests = plan_study(scale, families, seeds)
    folders = (folder, PACKAGED) if packaged else (folder,)
    return View(
        scale, tuple(requests), cached_lookup(*(Store(place / scale.name) for place in folders))
    )
