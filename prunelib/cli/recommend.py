"""`prunelib recommend`: the best small network for one's own images, in the time that there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prunelib.cli.export import check_output
from prunelib.cli.options import COUNT, DURATION, PATH, results_option
from prunelib.cli.progress import progress_bar
from prunelib.text import counted

if TYPE_CHECKING:
    from prunelib.nets.inputs import InputShape
    from prunelib.study.exporting import Network
    from prunelib.study.recommend import Plan
    from prunelib.study.store import Record, Store
    from prunelib.training.source import Source


@click.command("recommend")
@click.option("--data", type=PATH, required=True, help="Class folders, .npz or parquet.")
@click.option("--params", type=COUNT, help="Budget of parameters, such as 150k.")
@click.option("--macs", type=COUNT, help="Budget of multiply-accumulates per image.")
@click.option(
    "--size", type=click.IntRange(8, 512), default=32, show_default=True, help="Size in pixels."
)
@click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    default="3",
    show_default=True,
    help="1 for grey images.",
)
@click.option(
    "--time", "seconds", type=DURATION, default="2h", show_default=True, help="Time for all of it."
)
@click.option("--search", is_flag=True, help="Also prune a network on your images.")
@results_option
@click.option("--output", type=PATH, default=".", help="Folder for best.onnx and curves.html.")
@click.option("--image-column", help="Of parquet files, where it is not clear.")
@click.option("--label-column", help="The same, for labels.")
@click.option("--device", help="cpu, cuda or cuda:N.  [default: a GPU if there is one]")
def recommend_command(
    data: Path,
    params: int | None,
    macs: int | None,
    size: int,
    channels: str,
    seconds: float,
    search: bool,
    results: Path | None,
    output: Path,
    device: str | None,
    **columns: Any,
) -> None:
    """Train a few small networks on your images, and say which one to take.

    Each candidate is trained for the same time, with more seeds if time is left. Stop at any time,
    and resume with the same command. At the end there are a table, a sentence, learning curves and
    best.onnx, which takes images from 0 to 255 and names the classes in its metadata.

    \b
    Examples:
      prunelib recommend --data flowers/ --params 150k
      prunelib recommend --data flowers.npz --params 150k --macs 8m --size 16 --time 20m
      prunelib recommend --data flowers/ --params 150k --search --time 8h
    """
    check_budget_options(params, macs, search)
    check_output(output / "best.onnx")

    from prunelib.study.folder import results_to_write
    from prunelib.study.recommend_plan import kept_plan, make_plan, plan_name
    from prunelib.study.recommend_runs import train_all
    from prunelib.study.store import Store
    from prunelib.training.machine import Machine
    from prunelib.training.source import Source, load_source

    source = Source(data, **columns)
    images, told = load_source(source, size, int(channels))
    for line in told:
        click.echo(line)
    machine = Machine.here(device, 1)
    store = Store(results_to_write(results) / f"recommend-{images.digest}")
    store.check_writable()
    plan, there = kept_plan(
        store.folder / "plans" / plan_name(params, macs, seconds, search),
        lambda: make_plan(images, params, macs, seconds, machine, search),
    )
    click.echo(tell_plan(plan, images.shape, there))
    if search and params and (told_search := tell_search(plan, images.shape, params, macs)):
        click.echo(told_search)
    with progress_bar("recommend") as show:
        records = train_all(plan, images, store, source, machine, show)
    tell_result(plan, records, store, source, output, len(images.test.y), macs)


def check_budget_options(params: int | None, macs: int | None, search: bool) -> None:
    """Raise UsageError unless there is a budget, and one that a search can end at."""
    if params is None and macs is None:
        raise click.UsageError("give a budget: --params, --macs, or both")
    if search and params is None:
        raise click.UsageError("a search ends at a number of parameters: give --params, too")


def tell_plan(plan: "Plan", shape: "InputShape", there: bool) -> str:
    """What is going to be trained, and how long that takes."""
    base = plan.base
    each = ", ".join(
        f"{c.family} {counted(c.epochs, 'epoch')}"
        + (f" and {counted(c.steps, 'update')} per removal" if c.stop_params else "")
        for c in plan.candidates
    )
    minutes, seconds = divmod(round(plan.seconds), 60)
    if plan.seeds > 1:
        each += f"; {plan.seeds} seeds"
    again = "resuming the plan: " if there else "the plan: "
    return (
        f"{again}{counted(len(plan.candidates), 'network')} made from WRN-{base.depth}-"
        f"{base.width:g} ({shape.params(base):,} parameters), the same time for each: {each}; "
        f"about {minutes} min {seconds:02} s of training"
    )


def tell_search(plan: "Plan", shape: "InputShape", params: int, macs: int | None) -> str:
    """Why a plan has no search, or why that may be in vain; empty if there is nothing to tell."""
    from prunelib.study.recommend_plan import least_params

    if not any(candidate.stop_params for candidate in plan.candidates):
        return (
            f"left out: the search, which cannot get WRN-{plan.base.depth}-{plan.base.width:g} "
            f"below {least_params(plan.base, shape):,} parameters; to have it, allow more than "
            f"{params:,} with --params"
        )
    if macs is None:
        return ""
    return (
        f"the search ends at {params:,} parameters, whatever its MACs: if they are more than "
        f"{macs:,}, its network is left out at the end; to keep it, leave --macs out"
    )


def tell_result(
    plan: "Plan",
    records: "dict[str, list[Record]]",
    store: "Store",
    source: "Source",
    output: Path,
    images: int,
    macs: int | None,
) -> None:
    """Time the networks, print table and sentence, write the curves and the best network."""
    from prunelib.cli.recommendation import candidates_table, sentence, write_curves
    from prunelib.evidence.recommendation import measured_networks, rank_networks
    from prunelib.study.exporting import trained_network
    from prunelib.study.recommend_runs import history
    from prunelib.study.trained import Trained

    leave_out_larger(records, macs)
    made = {
        family: trained_network(
            Trained(store.folder.name, first, store.weights(first.spec)),
            data=source,
            base=plan.base,
        )
        for family, (first, *_) in records.items()
    }
    times = median_times(made)
    networks = measured_networks(records, images, times)
    click.echo(candidates_table(networks))
    click.echo(sentence(networks))
    histories = {family: history(runs[0], store) for family, runs in records.items()}
    write_curves(histories, output / "curves.html", "Learning curves of the candidates")
    network = made[rank_networks(networks)[0].family]
    tell_files(network, network.write(output / "best.onnx"), output / "curves.html", store)


def tell_files(network: "Network", best: Path, curves: Path, store: "Store") -> None:
    """Print what was written, and what it is good for."""
    size, channels = network.card.image_size, network.card.shape.in_channels
    click.echo(
        f"{best}: takes uint8 (N, {channels}, {size}, {size}), classes "
        f"{', '.join(network.card.classes)}; the chapter Your own data has a script that uses it"
    )
    click.echo(f"{curves}: learning curves")
    click.echo(
        f"{store.folder}: records and weights; another of these as a file: "
        f"prunelib export KEY --results {store.folder.parent} -o NAME.onnx"
    )


def leave_out_larger(records: "dict[str, list[Record]]", macs: int | None) -> None:
    """Take networks of more MACs than wanted away, and say so."""
    for family, (first, *_) in list(records.items()):
        if macs is not None and first.outcome["macs"] > macs:
            click.echo(f"left out: {family}, with {first.outcome['macs']:,} MACs")
            del records[family]


def median_times(made: "dict[str, Network]") -> dict[str, float]:
    """Milliseconds for one image with ONNX Runtime, one thread, in turns; the median."""
    from prunelib.nets.export import in_memory
    from prunelib.nets.timing import time_networks

    contents = [in_memory(network.model, network.card) for network in made.values()]
    times = time_networks(contents, seconds=2.0).each
    return {family: time.median for family, time in zip(made, times, strict=True)}
