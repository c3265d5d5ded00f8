"""`prunelib fit`: the best networks within a budget."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import click

from prunelib.cli.export import check_output, random_option, report, train_option, trained_now
from prunelib.cli.options import COUNT, Places, Told, json_option, places
from prunelib.cli.tables import beside
from prunelib.errors import PrunelibError
from prunelib.text import fixed, plain


@click.command()
@click.option("--params", type=COUNT, help="Budget of parameters, such as 500k.")
@click.option(
    "--macs", type=COUNT, help="Budget of multiply-accumulates for one image, such as 20m."
)
@click.option("--scale", default="mini", show_default=True, help="Whose measurements to use.")
@click.option("--family", cls=Told, told=lambda: families_help())
@click.option("--width", type=float, help="Of the widest network wanted.  [default: the scale's]")
@click.option(
    "--export",
    "form",
    type=click.Choice(["onnx", "safetensors"]),
    help="Write the first of them to a file, too.",
)
@train_option
@random_option
@json_option
@places
def fit(
    params: int | None,
    macs: int | None,
    scale: str,
    family: str | None,
    width: float | None,
    form: str | None,
    train: bool,
    random_weights: bool,
    as_json: bool,
    places: Places,
) -> None:
    """Networks within a budget, best first, with the error to expect where it was measured.

    Trained longer: for as many images as it takes to train the base network and to prune it.

    A file holds the network that is ranked first, trained as it was ranked. If that was not done
    yet, do it now with --train.

    \b
    Examples:
      prunelib fit --params 100k
      prunelib fit --params 500k --width 2
      prunelib fit --params 150k --macs 8m --json
      prunelib fit --params 100k --export onnx --train
    """
    from prunelib.evidence import design
    from prunelib.evidence.view import open_view
    from prunelib.study.scales import scale_named

    if params is None and macs is None:
        raise click.UsageError("give a budget: --params, --macs, or both")
    if family is not None and family not in design.FAMILIES:
        raise PrunelibError(f"unknown family {family!r}; there are: {', '.join(design.FAMILIES)}")
    preset = scale_named(scale)
    full = preset.base
    records = open_view(preset, places.readable, packaged=True)
    found = design.design_within(
        records,
        params,
        macs,
        full if width is None else full.reduced(width),
        (family,) if family else design.FAMILIES,
    )
    if as_json:
        click.echo(json.dumps(plain([as_row(d) for d in found])))
    else:
        print_table(found, records.scale)
    if form:
        export(found[0], records.scale, form, places, train, random_weights)


def families_help() -> str:
    """What `--family` takes."""
    from prunelib.evidence.design import FAMILIES

    return f"One of {', '.join(FAMILIES)}.  [default: all]"


def as_row(found) -> dict:
    """A designed network as plain data."""
    return (
        asdict(found)
        | {"profile": json.loads(found.profile.to_json()), "python": found.python}
        | {"expected": found.expected._asdict(), "longer": found.longer._asdict()}
    )


def print_table(found: list, scale) -> None:
    """Designed networks for people."""
    size = scale.data.image_size
    click.echo(f"{'family':<20}{'params':>10}{'macs':>13}{'error':>9}  trained longer")
    for d in found:
        error = "-" if d.expected.error is None else f"{fixed(d.expected.error, 1)} %"
        longer = f"{fixed(d.longer.error, 1)} % ({fixed(d.times, 1)}x)" if d.times else "-"
        click.echo(f"{d.family:<20}{d.params:>10,}{d.macs:>13,}{error:>9}  {longer}")
    for d in found:
        click.echo(beside(f"{d.family}: ", d.expected.note))
    epochs = scale.train.epochs
    click.echo(f"error: test error at scale {scale.name}, {size}x{size} images, {epochs} epochs")
    click.echo(found[0].python)


def export(chosen, scale, form: str, places: Places, train: bool, random_weights: bool) -> None:
    """Write a designed network into the current folder, trained as it was ranked.

    Raises:
        PrunelibError: it is not trained yet, and neither training nor random weights are wanted.
    """
    from prunelib.study.exporting import images_of, trained_network
    from prunelib.study.exporting import random_weights as random
    from prunelib.study.store import Record

    path = Path(f"{chosen.family}-{chosen.params}.{form}")
    check_output(path)
    spec = spec_of(chosen, scale)
    if random_weights:
        images = images_of(Record(spec, {}, {}), scale.root(places.data))
        report(random(spec, scale.name, images, scale), path)
        return
    trained = there(spec, scale, places.readable)
    if trained is None and not train:
        raise PrunelibError(
            f"{path} is not written: this network is not trained yet, for "
            f"{spec.protocol.epochs} epochs as it was ranked; add --train, or --random-weights to "
            "measure its time only"
        )
    trained = trained or trained_now(spec, scale, places)
    report(trained_network(trained, scale, scale.root(places.data)), path)


def spec_of(chosen, scale):
    """The training by which a designed network was ranked: the shorter or the longer one."""
    from prunelib.study.specs import TrainSpec

    usual, longer = chosen.expected.error, chosen.longer.error
    protocol = scale.train
    if longer is not None and (usual is None or longer < usual):
        protocol = protocol.lasting(round(chosen.times * protocol.epochs))
    return TrainSpec(chosen.profile, scale.data, protocol, 0)


def there(spec, scale, results: Path):
    """The trained network of a spec, with any seed of the scale; None if there is none."""
    from prunelib.study.trained import with_weights

    specs = (replace(spec, seed=seed) for seed in range(scale.seeds))
    return next(filter(None, (with_weights(s, results, scale.name) for s in specs)), None)
