"""What every notebook begins with: the records of its scale, and the runs that are missing."""

import sys
from pathlib import Path

from prunelib.book.parameters import checked
from prunelib.errors import PrunelibError
from prunelib.evidence.view import View
from prunelib.files import find_upwards
from prunelib.study.plan import (
    SCALES,
    Request,
    found,
    lookup,
    plan,
    scale_named,
    study,
)
from prunelib.study.store import Store


def open_studies(
    scale: str,
    families: tuple[str, ...] | None = None,
    results: str | None = None,
    data: str | None = None,
    run_missing: bool | None = None,
    seeds: int | None = None,
) -> dict[str, View]:
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
) -> View:
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
    folder = Path(results) if results else find_upwards("results")
    requests = plan(preset, families, seeds)
    store = Store(folder / scale)
    missing = [r for r, record in found(requests, lookup(store)) if record is None]
    if missing and (run_missing or (run_missing is None and scale == "smoke")):
        compute(requests, store, data)
    return View(preset, tuple(requests), lookup(store))


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
