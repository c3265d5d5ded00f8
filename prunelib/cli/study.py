"""`prunelib study` and `prunelib status`: run what is missing of a study, and say what is there."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelib import text as units
from prunelib.cli.options import (
    DURATION,
    Places,
    Selection,
    Workers,
    check_not_built_in,
    json_option,
    places,
    results_option,
    selection,
    snapshots,
    workers,
)
from prunelib.cli.progress import progress_bar

if TYPE_CHECKING:
    from prunelib.study.executors.base import Executor
    from prunelib.study.request import Request
    from prunelib.study.scale import Scale
    from prunelib.study.scheduler import Summary
    from prunelib.study.store import Record


@click.command("study")
@click.argument("scale")
@selection
@workers
@click.option("--time-limit", type=DURATION, help="Stop after this time, such as 30m.")
@places
def study_command(
    scale: str, selection: Selection, workers: Workers, time_limit: float | None, places: Places
) -> None:
    """Run what is missing of a study. Stop at any time, and resume with the same command.

    Several at once share the work, on one machine or on several that share the folder.

    \b
    Examples:
      prunelib study smoke
      prunelib study mini --families copycat,bottleneck --budgets 80k --seeds 1
      prunelib study mini --time-limit 2h --data ~/cifar10
      prunelib study paper --executor ray --ray-address 10.0.0.1:6379
    """
    from prunelib.study.scales import scale_named

    check_workers(workers)
    preset = scale_named(scale)
    check_not_built_in(preset, places.data)
    summary = run_missing(preset, selection, workers, places, time_limit)
    for name, reason in summary.failed.items():
        click.echo(f"run {name} failed: {reason}", err=True)
    click.echo(
        f"{scale}: {summary.computed} computed now, "
        f"{summary.requests - summary.missing} of {summary.requests} there, "
        f"{summary.missing} missing"
    )
    if summary.failed:
        raise SystemExit(1)


def run_missing(
    preset: "Scale",
    selection: Selection,
    workers: Workers,
    places: Places,
    time_limit: float | None,
) -> "Summary":
    """Run what is missing of a study, with a progress bar; how it ended."""
    from prunelib.study.locks import RunLocks
    from prunelib.study.lookup import cached_lookup
    from prunelib.study.plan import found, keep_orders, plan_study
    from prunelib.study.scheduler import Summary, run_study
    from prunelib.study.store import Store

    requests = plan_study(preset, selection.families, selection.seeds, selection.budgets)
    store = Store(places.results / preset.name)
    find = cached_lookup(store)
    keep_orders(preset, store, find)
    # A damaged record is better told of before PyTorch is imported, and no data are needed then.
    if all(record is not None for _, record in found(requests, find)):
        return Summary(len(requests))
    running = make_executor(preset, selection.budgets or (), workers, places)
    end = math.inf if time_limit is None else time.monotonic() + time_limit
    locks = RunLocks(store.folder)
    with progress_bar(preset.name) as show:
        return run_study(requests, find, running, show, lambda: end - time.monotonic(), locks)


def check_workers(workers: Workers) -> None:
    """Refuse options of a Ray cluster without one."""
    if workers.executor == "ray" and not workers.ray_address:
        raise click.UsageError(
            "name a Ray cluster with --ray-address HOST:PORT or RAY_ADDRESS; to start one: "
            "ray start --head"
        )
    context = click.get_current_context()
    typed = context.get_parameter_source("ray_address") == click.core.ParameterSource.COMMANDLINE
    if workers.executor != "ray" and (typed or workers.runs_per_gpu):
        raise click.UsageError("--ray-address and --runs-per-gpu need --executor ray")


def make_executor(
    scale: "Scale", budgets: tuple[int, ...], workers: Workers, places: Places
) -> "Executor":
    """What runs the runs of a study, at the scale's budgets or at others."""
    if workers.executor == "ray":
        from prunelib.study.executors.ray import RayTasks

        assert workers.ray_address is not None
        return RayTasks(
            places.store(scale),
            workers.ray_address,
            workers.jobs,
            places.device,
            places.threads,
            workers.runs_per_gpu or 4,
            scale.root(places.data),
            snapshots(scale, budgets),
            places.precision,
        )
    from prunelib.study.executors.local import local_executor

    return local_executor(places.setting(scale, budgets), workers.jobs)


@click.command("status")
@click.argument("scale")
@selection
@results_option
@json_option
def status_command(scale: str, selection: Selection, results: Path | None, as_json: bool) -> None:
    """Show what a study has, and what is missing.

    \b
    Examples:
      prunelib status smoke
      prunelib status mini --families copycat --json
    """
    from prunelib.study.folder import find_results
    from prunelib.study.lookup import cached_lookup
    from prunelib.study.plan import found, plan_study
    from prunelib.study.scales import scale_named
    from prunelib.study.store import Store

    preset = scale_named(scale)
    requests = plan_study(preset, selection.families, selection.seeds, selection.budgets)
    store = Store(find_results(results) / preset.name)
    pairs = found(requests, cached_lookup(store))
    if as_json:
        rows = [
            {"family": r.family, "budget": r.budget, "seed": r.seed, "key": record and record.key}
            for r, record in pairs
        ]
        click.echo(json.dumps(rows))
    else:
        print_found(pairs, store.folder)


def print_found(pairs: "Sequence[tuple[Request, Record | None]]", folder: Path) -> None:
    """What is in a folder of each family at each budget, for people."""
    groups: dict[tuple, list[bool]] = {}
    for request, record in pairs:
        groups.setdefault((request.family, request.budget), []).append(record is not None)
    click.echo(f"{'family':<28}{'budget':>6}  there")
    for (family, budget), there in groups.items():
        size = units.short(budget) if budget else "-"
        click.echo(f"{family:<28}{size:>6}  {sum(there)} of {len(there)}")
    missing = sum(record is None for _, record in pairs)
    found = len(pairs) - missing
    click.echo(f"{found} of {len(pairs)} there, {missing or 'nothing'} missing, in {folder}")
