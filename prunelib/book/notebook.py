"""What every notebook begins with: the records of its scale, and the runs that are missing."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from prunelib.book.parameters import checked
from prunelib.errors import Missing, PrunelibError
from prunelib.evidence import tables as frames
from prunelib.study.families import Trajectory
from prunelib.study.plan import (
    SCALES,
    Find,
    Request,
    Scale,
    found,
    lookup,
    plan,
    scale_named,
    study,
)
from prunelib.study.store import Record, Store

TITLES = {"cifar10": "CIFAR-10", "digits": "handwritten digits"}


@dataclass(frozen=True)
class Records:
    """The part of a study that a notebook looks at, as DataFrames."""

    scale: Scale
    requests: tuple[Request, ...]
    find: Find

    @cached_property
    def networks(self) -> pd.DataFrame:
        """One row a network; see `frames.networks`."""
        return frames.networks(self.requests, self.find)

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """One row a removal of the pruned-and-tuned networks; see `frames.trajectories`."""
        walks = self.walks
        return walks[walks["family"] == "pruned-and-tuned"].reset_index(drop=True)

    @cached_property
    def walks(self) -> pd.DataFrame:
        """One row a removal of all pruning runs, controls too; see `frames.trajectories`."""
        return frames.trajectories(self.requests, self.find)

    @cached_property
    def saliencies(self) -> pd.DataFrame:
        """One row a channel; see `frames.saliencies`."""
        return frames.saliencies(self.requests, self.find)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch; see `frames.epochs`."""
        return frames.epochs(self.requests, self.find)

    def pruning(self, seed: int = 0) -> Record | None:
        """The pruning record of a seed."""
        return self.find(self.scale.prune_spec(seed))

    def trajectory(self, seed: int = 0) -> Trajectory:
        """The walk of a seed's pruning run through profiles.

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
        return sum(record is not None for _, record in found(self.requests, self.find))

    def provenance(self) -> str:
        """One sentence: scale, data, how many runs of how many, and where they were made."""
        records = {r.key: r for _, r in found(self.requests, self.find) if r is not None}
        hardware = sorted({r.circumstances["hardware"] for r in records.values()})
        precision = sorted({r.circumstances["precision"] for r in records.values()})
        size, base = self.scale.data.image_size, self.scale.base
        data = (
            f"{TITLES[self.scale.data.name]} at {size}×{size} pixels, WRN-{base.depth}-"
            f"{base.width:g}, {self.scale.train.epochs} epochs"
        )
        return (
            f"Scale {self.scale.name} ({data}): {self.there} of {len(self.requests)} runs, "
            f"made on {', '.join(hardware) or 'nothing yet'} in {', '.join(precision) or '–'}."
        )


def open_studies(
    scale: str,
    families: tuple[str, ...] | None = None,
    results: str | None = None,
    data: str | None = None,
    run_missing: bool | None = None,
    seeds: int | None = None,
) -> dict[str, Records]:
    """The study of a scale, and beside it those of the other scales, as far as they have records.

    Takes what `open_study` takes; what is missing is computed for `scale` only.
    """
    studies = {scale: open_study(scale, families, results, data, run_missing, seeds)}
    for other in SCALES:
        if other != scale:
            records = open_study(other, families, results, run_missing=False)
            if records.there:
                studies[other] = records
    return studies


def open_study(
    scale: str,
    families: tuple[str, ...] | None = None,
    results: str | None = None,
    data: str | None = None,
    run_missing: bool | None = None,
    seeds: int | None = None,
) -> Records:
    """The records of some families at a scale; computes what is missing where asked to.

    Args:
        scale: `smoke`, `mini` or `paper`.
        families: by default all.
        results: folder with records; by default `results` here or in a folder above.
        data: folder with CIFAR-10; see `data.find_cifar10`.
        run_missing: compute runs that have no record; None: at `smoke` only.
        seeds: by default the scale's.

    Raises:
        PrunelibError: a parameter is of the wrong type, or a record damaged.
    """
    checked(
        {
            "scale": scale,
            "results": results,
            "data": data,
            "run_missing": run_missing,
            "seeds": seeds,
        }
    )
    preset = scale_named(scale)
    folder = Path(results) if results else nearest("results")
    requests = plan(preset, families, seeds)
    store = Store(folder / scale)
    missing = [r for r, record in found(requests, lookup(store)) if record is None]
    if missing and (run_missing or (run_missing is None and scale == "smoke")):
        compute(requests, store, data)
    return Records(preset, tuple(requests), lookup(store))


def compute(requests: list[Request], store: Store, data: str | None) -> None:
    """Run what is missing, with a progress bar."""
    from tqdm import tqdm

    from prunelib.study.executors.local import Setting, executor
    from prunelib.training.machine import Machine, cores

    budgets = requests[0].scale.budgets
    setting = Setting(store, Machine.here(threads=1), data and Path(data), budgets)
    setting.store.check_writable()
    jobs = cores() if setting.machine.device == "cpu" else 1
    layout = "{percentage:3.0f} % |{bar:24}| {elapsed} passed, {remaining} left"
    with tqdm(total=1, file=sys.stderr, mininterval=2, smoothing=0, bar_format=layout) as bar:

        def tick(done: float, total: float, note: str) -> None:
            bar.total = total
            bar.update(done - bar.n)

        summary = study(requests, lookup(setting.store), executor(setting, jobs), tick)
    if summary.failed:
        raise PrunelibError("; ".join(f"run {k}: {v}" for k, v in summary.failed.items()))


def nearest(name: str) -> Path:
    """A folder of this name here or above; here, if there is none."""
    here = Path.cwd()
    return next((p / name for p in (here, *here.parents) if (p / name).is_dir()), here / name)
