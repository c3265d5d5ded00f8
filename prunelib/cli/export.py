"""`prunelib export`: a trained network as a file that runs elsewhere."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelib.cli.options import COUNT, PATH, Places, places
from prunelib.cli.progress import progress_bar
from prunelib.errors import PrunelibError
from prunelib.files import unwritable
from prunelib.text import counted, fixed

if TYPE_CHECKING:
    from prunelib.evidence.design import Design
    from prunelib.study.exporting import Network
    from prunelib.study.scale import Scale
    from prunelib.study.specs import Spec
    from prunelib.study.trained import Trained

train_option = click.option("--train", "train", is_flag=True, help="Train it now if needed.")
random_option = click.option(
    "--random-weights", is_flag=True, help="Untrained weights: enough to measure its time."
)


@click.command("export")
@click.argument("run", required=False, metavar="[KEY|RECORD.json]")
@click.option("--params", type=COUNT, help="The best network within a budget, such as 150k.")
@click.option("--macs", type=COUNT, help="The same, in multiply-accumulates per image.")
@click.option(
    "--scale",
    help="Only this scale, or a TOML file.  [default: mini, and those that train longer]",
)
@click.option("-o", "--output", type=PATH, required=True, help="NAME.onnx or NAME.safetensors.")
@click.option(
    "--input",
    "pixels",
    type=click.Choice(["uint8", "float32"]),
    default="uint8",
    show_default=True,
    help="Input of an ONNX network; from 0 to 255 in either case.",
)
@train_option
@random_option
@places
def export_command(
    run: str | None,
    params: int | None,
    macs: int | None,
    scale: str | None,
    output: Path,
    pixels: str,
    train: bool,
    random_weights: bool,
    places: Places,
) -> None:
    """Write a trained network to a file that runs without prunelib.

    An ONNX network takes pixels from 0 to 255 (N, C, H, W) and normalises them itself. Its metadata
    name the classes, the test error and the record that it comes from. Before it is written, it is
    compared with PyTorch. The weights are those released with the project, or of your own runs.

    \b
    Examples:
      prunelib export --params 150k -o net.onnx
      prunelib export --params 150k --macs 8m --scale midi -o net.safetensors
      prunelib export 06e66e91 -o net.onnx --input float32
      prunelib export results/mini/36f2bf16170bae3d.json --train -o net.onnx
    """
    if (run is None) == (params is None and macs is None):
        raise click.UsageError("name a run by its key or its record's file, or give a budget")
    from prunelib.study.scales import scale_named

    check_output(output)
    preset = scale_named(scale) if scale else None
    if run is None:
        trained = best_trained(params, macs, preset, places.readable, train or random_weights)
    else:
        from prunelib.study.trained import find_trained

        trained = find_trained(run, places.readable, preset.name if preset else None)
    write(trained, preset, output, places, pixels, train, random_weights)


def check_output(path: Path, otherwise: str = "choose another folder with --output") -> None:
    """Raise PrunelibError unless a network can be written there: better now than after hours.

    Args:
        path: of the network.
        otherwise: what to do where its folder takes no files.
    """
    from prunelib.nets.export import check_name

    check_name(path)
    if not path.absolute().parent.is_dir():
        raise PrunelibError(f"{path}: there is no folder {path.parent}; make it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise unwritable(path, error, otherwise) from None


def best_trained(
    params: int | None, macs: int | None, scale: "Scale | None", results: Path, any_will_do: bool
) -> "Trained":
    """The best network within budgets; unless any will do, the best one that has weights.

    It is ranked as by `prunelib fit`. Where none is known, any is the first that `fit` names.

    Raises:
        PrunelibError: none is known, or none has weights, and not any will do; or none fits.
    """
    from prunelib.evidence import budget
    from prunelib.study.store import Record
    from prunelib.study.trained import Trained

    views = budget.budget_views(scale, results)
    known = budget.known_designs(views, params, macs)
    names = " or ".join(view.scale.name for view in views)
    if not known:
        first = budget.best_designs(views, params, macs)[0]
        if not any_will_do:
            raise PrunelibError(
                f"no network within this budget was measured at {names}; train one now, whose "
                f"error nobody knows yet ({first.family}, {first.params:,} parameters): add --train"
            )
        known = [first]
    if any_will_do:
        first = known[0]
        return find_weights(first, results) or Trained(
            first.scale, Record(first.runs[0], {}, {}), None
        )
    for network in known:
        if trained := find_weights(network, results):
            if network.error > known[0].error:
                click.echo(tell_better(known[0]), err=True)
            return trained
    raise PrunelibError(
        f"{names} has {counted(len(known), 'network')} within this budget, but no weights of "
        f"them; train the best one now: add --train; {design_text(known[0])}"
    )


def find_weights(network: "Design", results: Path) -> "Trained | None":
    """The trained network of a design, the best of its seeds; None if there is none."""
    from prunelib.study.trained import with_weights

    found = filter(None, (with_weights(spec, results, network.scale) for spec in network.runs))
    return min(found, key=lambda trained: trained.record.outcome["error"], default=None)


def design_text(network: "Design") -> str:
    """A design in a few words."""
    how = "" if network.expected.note.startswith("mean") else "about "
    return (
        f"{network.family}, {network.params:,} parameters, {counted(network.epochs, 'epoch')} at "
        f"{network.scale}: {how}{fixed(network.error, 1)}% error"
    )


def tell_better(network: "Design") -> str:
    """That a better network is known, without weights."""
    return (
        f"a better network is known, but its weights are not here ({design_text(network)}); "
        "to train it: add --train"
    )


def write(
    trained: "Trained",
    scale: "Scale | None",
    output: Path,
    places: Places,
    pixels: str,
    train: bool,
    random_weights: bool,
) -> None:
    """Write a network on record, trained now if that is wanted, and say what it is."""
    from prunelib.study.exporting import random_network, trained_network
    from prunelib.study.scales import scale_named

    root = scale.root(places.data) if scale else places.data
    if random_weights:
        report(random_network(trained, scale, root), output, pixels)
        return
    if trained.weights is None:
        if not train:
            raise PrunelibError(
                f"no weights of {trained.record.key} are in {places.readable} or released; train "
                "it now: add --train, or --random-weights to measure its time only"
            )
        trained = trained_now(trained.record.spec, scale or scale_named(trained.scale), places)
    report(trained_network(trained, scale, root), output, pixels)


def trained_now(spec: "Spec", scale: "Scale", places: Places) -> "Trained":
    """A network trained now, with a progress bar, unless its weights are there."""
    from prunelib.study.exporting import train_now
    from prunelib.study.trained import with_weights

    if there := with_weights(spec, places.readable, scale.name):
        return there
    with progress_bar(spec.kind) as show:
        return train_now(
            spec, places.results, scale, places.machine(), scale.root(places.data), show
        )


def report(network: "Network", output: Path, pixels: str = "uint8") -> None:
    """Write a network and say what the file holds."""
    path, card = network.write(output, pixels), network.card
    shape = card.shape
    how = "random weights"
    if card.weights == "trained":
        how = f"test error {card.error:.2f}% (run {card.key} of {card.scale})"
    takes = "" if path.suffix != ".onnx" else f"{pixels} "
    click.echo(
        f"{path}: {shape.params(card.profile):,} parameters, {shape.macs(card.profile):,} MACs, "
        f"{how}; takes {takes}(N, {shape.in_channels}, {shape.image_size}, {shape.image_size}), "
        f"{counted(len(card.classes), 'class')[:-1] + 'es'}"
    )
