"""What every notebook begins with: the records of its scale, and the runs that are missing."""

import sys
from pathlib import Path
from typing import Any

import plotly.io

from prunelib.book.parameters import check_parameters
from prunelib.environment import unbind_threads
from prunelib.errors import PrunelibError
from prunelib.evidence.view import View, open_view
from prunelib.study.lookup import cached_lookup
from prunelib.study.request import Request
from prunelib.study.scales import SCALES, scale_named
from prunelib.study.store import Store
from prunelib.training.source import Source

# Only this form is on every page; PLOTLY_RENDERER or a host like Colab would choose another.
plotly.io.renderers.default = "plotly_mimetype"

LENGTH_SCALES = ("mini", "midi", "maxi")
"""Scales that differ in the length of training alone."""
TRIAL = "smoke"
"""The scale that shows that the machinery works, and hardly more."""


def open_studies(
    scale: str,
    families: tuple[str, ...] | None = None,
    results: str | None = None,
    data: str | None = None,
    run_missing: bool | None = None,
    seeds: int | None = None,
) -> dict[str, View]:
    """The study of a scale, and beside it those of the other scales, as far as they have records.

    Takes what `open_study` takes; what is missing is computed for `scale` only. The trial scale is
    shown only where it is the one asked for.
    """
    asked = {"results": results, "data": data, "run_missing": run_missing, "seeds": seeds}
    studies = {scale: open_study(scale, families, **asked)}
    for other in SCALES:
        if other not in (scale, TRIAL):
            records = open_study(other, families, results=results, run_missing=False)
            if records.there:
                studies[other] = records
    return studies


def open_lengths(
    scale: str,
    results: str | None = None,
    data: str | None = None,
    run_missing: bool | None = None,
    seeds: int | None = None,
) -> dict[str, View]:
    """The studies that differ in the length of training alone, those without records, too.

    A scale that is none of them stands by itself. Takes what `open_study` takes.
    """
    asked = {"results": results, "data": data, "run_missing": run_missing, "seeds": seeds}
    first = open_study(scale, None, **asked)
    if scale not in LENGTH_SCALES:
        return {scale: first}
    others = {
        name: open_study(name, results=results, run_missing=False)
        for name in LENGTH_SCALES
        if name != scale
    }
    return {name: first if name == scale else others[name] for name in LENGTH_SCALES}


def open_study(scale: str, families: tuple[str, ...] | None = None, **given: Any) -> View:
    """The records of some families at a scale; computes what is missing where asked to.

    Args:
        scale: the name of one, or a TOML file.
        families: by default all.
        given: further parameters of a notebook; see `parameters.Parameters`.

    Raises:
        PrunelibError: a parameter is of the wrong type, there is no such folder with records, or
            a record is damaged.
    """
    parameters = check_parameters({"scale": scale} | given)
    data, seeds = parameters.data, parameters.seeds
    preset, folder = scale_named(scale), parameters.folder
    view = open_view(preset, folder, families, seeds, packaged=parameters.packaged)
    if parameters.trains and view.there < len(view.requests):
        compute(
            list(view.requests),
            Store(folder / preset.name),
            preset.root(Path(data) if data else None),
        )
        view = open_view(preset, folder, families, seeds)
    return view


def compute(requests: list[Request], store: Store, data: Path | Source | None) -> None:
    """Run what is missing, with a progress bar."""
    from tqdm import tqdm

    unbind_threads()
    from prunelib.study.executors.local import Setting, local_executor
    from prunelib.study.locks import RunLocks
    from prunelib.study.scheduler import run_study
    from prunelib.training.machine import Machine

    budgets = requests[0].scale.budgets
    setting = Setting(store, Machine.here(threads=1), data, budgets)
    setting.store.check_writable()
    layout = "{percentage:3.0f}% |{bar:24}| {elapsed} elapsed, {remaining} left"
    with tqdm(total=1, file=sys.stderr, mininterval=2, smoothing=0, bar_format=layout) as bar:

        def tick(done: float, total: float, note: str) -> None:
            bar.total = total
            bar.update(done - bar.n)

        find, locks = cached_lookup(setting.store), RunLocks(store.folder)
        summary = run_study(requests, find, local_executor(setting), tick, locks=locks)
    if summary.failed:
        raise PrunelibError("; ".join(f"run {k}: {v}" for k, v in summary.failed.items()))
