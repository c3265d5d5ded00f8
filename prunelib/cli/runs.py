"""`prunelib train` and `prunelib prune`: one run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunelib.cli.export import check_output, report, trained_now
from prunelib.cli.options import (
    COUNT,
    MANY,
    PATH,
    SEED,
    Places,
    check_not_built_in,
    places,
    read_profile,
)
from prunelib.cli.progress import progress_bar
from prunelib.errors import PrunelibError

if TYPE_CHECKING:
    from prunelib.study.executors.base import Setting
    from prunelib.study.scale import Scale
    from prunelib.study.specs import Spec, TrainSpec


@click.command("train")
@click.argument("scale")
@click.option("--profile", "file", type=PATH, help="A profile in a JSON file.")
@click.option("--family", default="base", show_default=True, help="A rule that makes a profile.")
@click.option("--budget", type=COUNT, help="Parameters, such as 80k; not for base.")
@click.option("--epochs", type=click.IntRange(1, 100_000), help="[default: the scale's]")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--export", "output", type=PATH, help="Also write NAME.onnx or NAME.safetensors.")
@click.option("--image-column", help="Of your own parquet files, where it is not clear.")
@click.option("--label-column", help="The same, for labels.")
@places
def train_command(
    scale: str,
    file: Path | None,
    family: str,
    budget: int | None,
    epochs: int | None,
    seed: int,
    output: Path | None,
    places: Places,
    **columns: str | None,
) -> None:
    """Train one network by the protocol of a scale, and keep its record.

    Where its shape comes from pruning, a missing pruning run is made first. With --data the images
    can be your own: class folders, an .npz file, or parquet as Hugging Face writes it.

    \b
    Examples:
      prunelib train smoke
      prunelib train mini --family bottleneck --budget 80k --seed 1
      prunelib train mini --profile mine.json --epochs 20 --export net.onnx
      prunelib train mini --data flowers/
    """
    from prunelib.study.scales import scale_named
    from prunelib.study.specs import TrainSpec

    preset = with_own_images(scale_named(scale), places.data, columns)
    if output:
        check_output(output, "choose another folder with --export")
    setting = places.setting(preset)
    if file is None:
        spec = of_family(preset, family, budget, seed, setting)
    elif family != "base" or budget is not None:
        raise click.UsageError("give either --profile or --family and --budget")
    else:
        spec = TrainSpec(read_profile(file), preset.data, preset.train, seed)
    if epochs is not None:
        spec = replace(spec, protocol=spec.protocol.lasting(epochs))
    run_and_report(spec, setting)
    if output:
        from prunelib.study.exporting import trained_network

        trained = trained_now(spec, preset, places)
        report(trained_network(trained, preset, preset.root(places.data)), output)


def with_own_images(scale: "Scale", data: Path | None, columns: dict[str, Any]) -> "Scale":
    """The scale, for images of one's own if `data` holds some.

    Raises:
        PrunelibError: images are named that the scale would not use.
    """
    from prunelib.study.scale_files import with_images
    from prunelib.training.data import find_cifar10
    from prunelib.training.source import Source, has_own_images

    if scale.source is not None or data is None:
        return scale
    if has_own_images(data):
        return with_images(scale, Source(data, **columns))
    if scale.data.name not in ("cifar10", "cifar100"):
        try:
            find_cifar10(data)
        except PrunelibError:
            Source(data, **columns).find()
    return scale


def of_family(
    scale: "Scale", family: str, budget: int | None, seed: int, setting: "Setting"
) -> "TrainSpec":
    """The training run of a family, after those that it waits for are made."""
    from prunelib.study.families import FAMILIES
    from prunelib.study.lookup import cached_lookup
    from prunelib.study.plan import single
    from prunelib.study.specs import TrainSpec

    find = cached_lookup(setting.store)
    request = single(scale, family, budget, seed)
    if FAMILIES[family].rule is None and family != "base":
        raise click.UsageError(
            f"{family} is not trained by itself; make it with: prunelib study {scale.name}"
        )
    for first in request.chain(find)[:-1]:
        run_and_report(first.spec(find), setting)
    spec = request.spec(find)
    assert isinstance(spec, TrainSpec)
    return spec


@click.command("prune")
@click.argument("scale")
@click.option("--criterion", help="fisher, random, l1 or snip.  [default: the scale's]")
@click.option(
    "--flop-penalty", type=float, metavar="BETA", help="Strength, in nats per million MACs."
)
@click.option("--steps", type=click.IntRange(1, MANY), help="Updates between removals.")
@click.option("--removals", type=click.IntRange(0, MANY), help="Stop after this many.")
@click.option("--params", "stop_params", type=COUNT, help="Stop at this many parameters.")
@click.option("--eval-every", type=click.IntRange(1, MANY), help="Removals between evaluations.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@places
def prune_command(scale: str, seed: int, places: Places, **protocol: Any) -> None:
    """Prune the base network of a scale, training it first if needed, and keep the record.

    A run whose record was lost goes through the same profiles again; they are kept in orders/.

    \b
    Examples:
      prunelib prune smoke
      prunelib prune smoke --criterion random --seed 1
      prunelib prune mini --params 200k --steps 15
    """
    from prunelib.pruning.loop import check_protocol
    from prunelib.study.scales import scale_named

    preset = scale_named(scale)
    check_not_built_in(preset, places.data)
    changes = {name: value for name, value in protocol.items() if value is not None}
    if {"removals", "stop_params"} & set(changes):
        changes = {"removals": None, "stop_params": None} | changes
    spec = preset.prune_spec(seed)
    spec = replace(spec, protocol=replace(spec.protocol, **changes))
    check_protocol(spec.protocol, preset.base, preset.shape)
    setting = places.setting(preset)
    if setting.store.find(spec) is None:
        run_and_report(spec.base, setting)
    run_and_report(spec, setting)


def run_and_report(spec: "Spec", setting: "Setting") -> None:
    """Run one spec unless its record is there, and print what came out."""
    from prunelib.study.locks import locked
    from prunelib.study.specs import key

    record = setting.store.find(spec)
    if record is None:
        with locked(setting.store.folder, key(spec)), progress_bar(spec.kind) as show:
            record = setting.run(spec, show)
    outcome = record.outcome
    click.echo(
        f"{setting.store.path(spec)}: {outcome['params']:,} parameters, {outcome['macs']:,} MACs, "
        f"test error {outcome['error']:.2f}%"
    )
