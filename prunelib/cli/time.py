"""`prunelib time`: how long a network takes on this machine."""

import json
from pathlib import Path

import click

from prunelib.cli.options import AT_ONCE, PATH, json_option
from prunelib.errors import PrunelibError


@click.command("time")
@click.argument("file", type=PATH, metavar="NET.onnx")
@click.option("--against", metavar="base|FILE", help="Compare with the base network, or a file.")
@click.option("--batch", type=click.IntRange(1, 100_000), default=1, show_default=True)
@click.option("--threads", type=AT_ONCE, default=1, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 86_400),
    default=5.0,
    show_default=True,
    help="How long to measure.",
)
@json_option
def time_command(
    file: Path, against: str | None, batch: int, threads: int, seconds: float, as_json: bool
) -> None:
    """Measure how long a network takes on this CPU, with ONNX Runtime.

    Networks take turns, so a busy machine slows them all alike. It shows the median and the
    quartiles, in milliseconds per batch, and the ratio within turns.

    \b
    Examples:
      prunelib time net.onnx
      prunelib time net.onnx --against base --threads 2
      prunelib time net.onnx --against other.onnx --batch 64
    """
    from prunelib.nets.timing import time_networks

    networks = [network(file)]
    if against is not None:
        networks.append(random_base(file) if against == "base" else network(Path(against)))
    times = time_networks(networks, batch, threads, seconds)
    names = dict.fromkeys((str(file), against or str(file)))
    rows, ratio = dict(zip(names, times.each, strict=False)), times.ratio
    if as_json:
        values = {name: vars(row) for name, row in rows.items()}
        told = {"ms": values, "ratio": ratio and vars(ratio), "rounds": times.rounds}
        click.echo(json.dumps(told))
        return
    width = max(map(len, (*rows, "ratio"))) + 2
    for name, row in rows.items():
        click.echo(f"{name:<{width}}{row.median:.3f} ms  ({row.low:.3f} to {row.high:.3f})")
    if ratio:
        click.echo(f"{'ratio':<{width}}{ratio.median:.3f}  ({ratio.low:.3f} to {ratio.high:.3f})")
    click.echo(f"a batch of {batch}, threads: {threads}, {times.rounds} turns, {runtime()}")


def runtime() -> str:
    """What computed: ONNX Runtime's version and the processor."""
    from importlib.metadata import version

    from prunelib.training.machine import cpu_name

    return f"ONNX Runtime {version('onnxruntime')} on {cpu_name()}"


def network(path: Path) -> Path | bytes:
    """A file for ONNX Runtime; safetensors are made into one.

    Raises:
        PrunelibError: it is not there, or no network.
    """
    if not path.is_file():
        raise PrunelibError(f"{path} is not a file; write a network with: prunelib export")
    if path.suffix != ".safetensors":
        return path
    from prunelib.nets.export import in_memory, load_exported

    return in_memory(*load_exported(path))


def random_base(path: Path) -> bytes:
    """The base network of the scale that a file's network belongs to, with random weights."""
    from dataclasses import replace

    from prunelib.nets.export import in_memory, read_card
    from prunelib.nets.wideresnet import WideResNet

    card = read_card(path)
    model = WideResNet(card.base, len(card.classes), len(card.mean))
    return in_memory(model, replace(card, profile=card.base, error=None, key=None))
