"""`prunelib fit`: the best networks within a budget."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelib.cli.export import (
    check_output,
    find_weights,
    random_option,
    report,
    train_option,
    trained_now,
)
from prunelib.cli.options import COUNT, Places, Told, json_option, places
from prunelib.cli.tables import fold_last_column
from prunelib.errors import PrunelibError
from prunelib.text import fixed, plain

if TYPE_CHECKING:
    from prunelib.evidence.design import Design
    from prunelib.study.scale import Scale


@click.command("fit")
@click.option("--params", type=COUNT, help="Budget of parameters, such as 500k.")
@click.option("--macs", type=COUNT, help="Budget of multiply-accumulates per image, such as 20m.")
@click.option(
    "--scale",
    help="Whose measurements to use.  [default: mini, and those that train longer]",
)
@click.option("--family", cls=Told, told=lambda: families_help())
@click.option("--width", type=float, help="Width of the unpruned network.  [default: the scale's]")
@click.option(
    "--export",
    "form",
    type=click.Choice(["onnx", "safetensors"]),
    help="Also write the first of them to a file.",
)
@train_option
@random_option
@json_option
@places
def fit_command(
    params: int | None,
    macs: int | None,
    scale: str | None,
    family: str | None,
    width: float | None,
    form: str | None,
    train: bool,
    random_weights: bool,
    as_json: bool,
    places: Places,
) -> None:
    """List networks within a budget, best first, with the error to expect where it was measured.

    There is one line for each kind of network and each length of training. Longer training is on as
    many images as it takes to train and prune the base network; the longest adds those of
    retraining.

    --export writes the network that is ranked first, trained as it was ranked. If it is not trained
    yet, --train does it now.

    \b
    Examples:
      prunelib fit --params 100k
      prunelib fit --params 500k --width 2
      prunelib fit --params 150k --macs 8m --json
      prunelib fit --params 100k --export onnx --train
    """
    from prunelib.evidence.budget import best_designs, budget_views
    from prunelib.study.scales import scale_named

    if params is None and macs is None:
        raise click.UsageError("give a budget: --params, --macs, or both")
    families = families_asked(family)
    views = budget_views(scale_named(scale) if scale else None, places.readable)
    preset = views[0].scale
    base = preset.base if width is None else preset.base.reduced(width)
    found = best_designs(views, params, macs, base, families)
    if as_json:
        click.echo(json.dumps(plain([as_row(d) for d in found])))
    else:
        print_table(found, preset)
    if form:
        own = next(view.scale for view in views if view.scale.name == found[0].scale)
        write_design(found[0], own, form, places, train, random_weights)


def families_asked(family: str | None) -> tuple[str, ...]:
    """The family that was named, or all that can be designed.

    Raises:
        PrunelibError: it cannot be designed.
    """
    from prunelib.evidence.design import DESIGN_FAMILIES

    if family is not None and family not in DESIGN_FAMILIES:
        raise PrunelibError(
            f"unknown family {family!r}; choose one of: {', '.join(DESIGN_FAMILIES)}"
        )
    return (family,) if family else DESIGN_FAMILIES


def families_help() -> str:
    """What `--family` takes."""
    from prunelib.evidence.design import DESIGN_FAMILIES

    return f"One of {', '.join(DESIGN_FAMILIES)}.  [default: all]"


def as_row(found: "Design") -> dict:
    """A designed network as plain data."""
    names = "scale", "family", "length", "params", "macs", "epochs"
    return {name: getattr(found, name) for name in names} | {
        "profile": json.loads(found.profile.to_json()),
        "expected": found.expected._asdict(),
        "python": found.python,
    }


def print_table(found: "list[Design]", scale: "Scale") -> None:
    """Designed networks for people."""
    size = scale.data.image_size
    click.echo(f"{'family':<20}{'epochs':>7}{'error':>9}{'params':>10}{'macs':>13}  scale")
    for d in found:
        error = "-" if d.expected.error is None else f"{fixed(d.expected.error, 1)}%"
        row = f"{d.family:<20}{d.epochs:>7}{error:>9}{d.params:>10,}{d.macs:>13,}  {d.scale}"
        click.echo(fold_last_column(f"{row}: ", d.expected.note))
    click.echo(f"error: test error after so many epochs, on {size}x{size} images")
    click.echo(found[0].python)


def write_design(
    chosen: "Design",
    scale: "Scale",
    form: str,
    places: Places,
    train: bool,
    random_weights: bool,
) -> None:
    """Write a designed network into the current folder, trained as it was ranked.

    Raises:
        PrunelibError: it is not trained yet, and neither training nor random weights are wanted.
    """
    from prunelib.study.exporting import images_of, trained_network
    from prunelib.study.exporting import random_weights as random
    from prunelib.study.store import Record

    path = Path(f"{chosen.family}-{chosen.params}.{form}")
    check_output(path, "go to another folder: it is written where you are")
    spec = chosen.runs[0]
    if random_weights:
        images = images_of(Record(spec, {}, {}), scale.root(places.data))
        report(random(spec, scale.name, images, scale), path)
        return
    trained = find_weights(chosen, places.readable)
    if trained is None and not train:
        raise PrunelibError(
            f"{path} is not written: this network is not trained yet, for {chosen.epochs} epochs "
            "as it was ranked; add --train, or --random-weights to measure its time only; "
            "networks that are trained: prunelib export --params N"
        )
    trained = trained or trained_now(spec, scale, places)
    report(trained_network(trained, scale, scale.root(places.data)), path)
