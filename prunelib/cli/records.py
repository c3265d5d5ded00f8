"""`prunelib verdicts` and `prunelib compare`: what records say, and how they differ."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelib.cli.options import PATH, json_option, results_option
from prunelib.cli.tables import fold_last_column
from prunelib.text import fixed

if TYPE_CHECKING:
    from prunelib.evidence.verdicts import Verdict


@click.command("verdicts")
@click.argument("scale", required=False)
@results_option
@json_option
def verdicts_command(scale: str | None, results: Path | None, as_json: bool) -> None:
    """Show what the records say about each claim of the paper, at all scales or at one.

    \b
    Examples:
      prunelib verdicts
      prunelib verdicts mini --json
    """
    from prunelib.evidence.claims import CLAIMS
    from prunelib.evidence.questions import QUESTIONS
    from prunelib.evidence.verdicts import judge_claims, verdict_rows
    from prunelib.evidence.view import open_view
    from prunelib.study.folder import PACKAGED, find_results
    from prunelib.study.scales import SCALES, scale_named

    scales = list(SCALES.values()) if scale is None else [scale_named(scale)]
    folder = find_results(results, PACKAGED)
    views = [open_view(one, folder, packaged=True) for one in scales]
    shown = [view for view in views if scale or view.there]
    found = [v for view in shown for v in judge_claims(view, CLAIMS + QUESTIONS)]
    if as_json:
        click.echo(json.dumps(verdict_rows(found)))
    else:
        print_verdicts(found)


def print_verdicts(found: "Sequence[Verdict]") -> None:
    """A line for each verdict that a study asks for."""
    room = max([5, *(len(v.scale) for v in found)]) + 2
    click.echo(f"{'':<5}{'scale':<{room}}{'verdict':<21}{'mean':>8}  95% interval     seeds  claim")
    for v in (v for v in found if v.planned):
        mean = "-" if v.mean is None else fixed(v.mean)
        interval = "-" if v.low is None or v.high is None else f"{fixed(v.low)} to {fixed(v.high)}"
        row = f"{v.claim:<5}{v.scale:<{room}}{v.verdict:<21}{mean:>8}  {interval:<17}{v.seeds:<7}"
        click.echo(fold_last_column(row, v.text))


@click.command("compare")
@click.argument("scale")
@click.argument("other", type=PATH)
@results_option
@json_option
def compare_command(scale: str, other: Path, results: Path | None, as_json: bool) -> None:
    """Compare the runs in another folder of results with these, e.g. from another machine.

    \b
    Examples:
      prunelib study smoke --results mine && prunelib compare smoke mine
      prunelib compare mini results/repeats --json
    """
    from prunelib.evidence.agreement import describe_agreement, other_images, run_title
    from prunelib.evidence.repeats import repeated_runs
    from prunelib.evidence.statistics import between_seeds
    from prunelib.evidence.view import open_view
    from prunelib.study.folder import find_results
    from prunelib.study.scales import scale_named
    from prunelib.study.store import Store

    view = open_view(scale_named(scale), find_results(results))
    runs = repeated_runs(view, Store(find_results(other) / view.scale.name))
    if as_json:
        click.echo(runs.to_json(orient="records"))
        return
    click.echo(f"{'error':>7}{'other':>7}{'apart':>7}  run")
    for run in runs.itertuples():
        apart = "same" if run.same else fixed(run.difference, sign=True)
        click.echo(f"{run.error:>7.2f}{run.other:>7.2f}{apart:>7}  {run_title(run)}")
    click.echo(describe_agreement(runs, between_seeds(view.networks)))
    if images := other_images(runs):
        click.echo(images)
