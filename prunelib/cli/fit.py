"""`prunelib fit`: the best networks within a budget."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from prunelib.cli.options import COUNT, json_option, results_option
from prunelib.errors import PrunelibError


@click.command()
@click.option("--params", type=COUNT, help="Budget of parameters, such as 500k.")
@click.option(
    "--macs", type=COUNT, help="Budget of multiply-accumulates for one image, such as 20m."
)
@click.option("--scale", default="mini", show_default=True, help="Whose measurements to use.")
@click.option("--family", help="copycat, bottleneck or reduced-width.  [default: all]")
@click.option("--width", type=float, help="Of the widest network wanted.  [default: the scale's]")
@results_option
@click.option(
    "--export",
    "form",
    type=click.Choice(["onnx", "safetensors"]),
    help="Write the first of them to a file, too.",
)
@json_option
def fit(
    params: int | None,
    macs: int | None,
    scale: str,
    family: str | None,
    width: float | None,
    results: Path | None,
    form: str | None,
    as_json: bool,
) -> None:
    """Networks within a budget, best first, with the error to expect where it was measured.

    Trained longer: for as many images as it takes to train the base network and to prune it.

    A file has the weights of seed 0 if this network was trained here, else random ones: good enough
    to measure its time on a device.

    \b
    Examples:
      prunelib fit --params 100k
      prunelib fit --params 500k --width 2
      prunelib fit --macs 8m --family copycat --json
      prunelib fit --params 100k --export onnx
    """
    from prunelib.evidence import design
    from prunelib.evidence.view import open_view
    from prunelib.study.folder import find_results
    from prunelib.study.plan import scale_named

    if (params is None) == (macs is None):
        raise click.UsageError("give a budget: either --params or --macs")
    if family is not None and family not in design.FAMILIES:
        raise PrunelibError(f"unknown family {family!r}; there are: {', '.join(design.FAMILIES)}")
    preset = scale_named(scale)
    full = preset.base
    folder = find_results(results)
    records = open_view(preset, folder)
    found = design.design(
        records,
        params or macs,
        full if width is None else full.reduced(width),
        "params" if params else "macs",
        (family,) if family else design.FAMILIES,
    )
    if as_json:
        click.echo(json.dumps([as_row(d) for d in found]))
    else:
        print_table(found, records.scale)
    if form:
        export(found[0], records, folder, form)


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
        error = "-" if d.expected.error is None else f"{d.expected.error:.1f} %"
        longer = f"{d.longer.error:.1f} % ({d.times:.1f}x)" if d.times else "-"
        click.echo(f"{d.family:<20}{d.params:>10,}{d.macs:>13,}{error:>9}  {longer}")
    for d in found:
        click.echo(f"{d.family}: {d.expected.note}")
    epochs = scale.train.epochs
    click.echo(f"error: test error at scale {scale.name}, {size}x{size} images, {epochs} epochs")
    click.echo(found[0].python)


def export(chosen, records, results: Path, form: str) -> None:
    """Write a designed network into the current folder, and say on stderr what its weights are."""
    import torch

    from prunelib.files import load_tensors
    from prunelib.nets import export
    from prunelib.nets.wideresnet import WideResNet
    from prunelib.study.specs import TrainSpec
    from prunelib.study.store import Store

    scale = records.scale
    weights = Store(results / scale.name).weights(
        TrainSpec(chosen.profile, scale.data, scale.train, 0)
    )
    torch.manual_seed(0)
    model = WideResNet(chosen.profile, scale.shape.num_classes, scale.shape.in_channels)
    trained = weights.exists()
    if trained:
        model.load_state_dict(load_tensors(weights)[0])
    path = Path(f"{chosen.family}-{chosen.params}.{form}")
    export.export(model, scale.shape, path)
    how = "trained weights" if trained else "random weights, for it was not trained here"
    click.echo(f"{path}: {how}", err=True)
