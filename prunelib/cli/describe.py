"""`prunelib describe`: what a network costs, without building it."""

import json
from pathlib import Path

import click

from prunelib.cli.options import PATH, json_option, read_profile
from prunelib.nets.profile import ChannelProfile


@click.command("describe")
@click.option("--depth", type=int, help="Layers: 6n + 4.")
@click.option("--width", type=float, help="Widening factor.")
@click.option(
    "--bottleneck", type=float, metavar="Z", help="Share of each bottleneck width to keep."
)
@click.option("--profile", "file", type=PATH, help="A profile in a JSON file.")
@json_option
def describe_command(
    depth: int | None,
    width: float | None,
    bottleneck: float | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show the parameters, MACs and bottleneck widths of a network for CIFAR-10.

    \b
    Examples:
      prunelib describe --depth 40 --width 2
      prunelib describe --depth 40 --width 2 --bottleneck 0.5 --json
      prunelib describe --profile copycat.json
    """
    profile = asked_for(depth, width, file)
    if bottleneck is not None:
        profile = profile.bottleneck(bottleneck)
    if as_json:
        facts = {"params": profile.params, "macs": profile.macs, "middle": list(profile.middle)}
        click.echo(json.dumps(facts))
        return
    click.echo(f"WRN-{profile.depth}-{profile.width:g} for CIFAR-10 (32x32 images)")
    click.echo(f"params  {profile.params:,}")
    click.echo(f"macs    {profile.macs:,}")
    click.echo(f"middle  {' '.join(map(str, profile.middle))}")


def asked_for(depth: int | None, width: float | None, file: Path | None) -> ChannelProfile:
    """The profile of a file, or the full one of a depth and width."""
    if file is not None:
        if depth is not None or width is not None:
            raise click.UsageError("give either --profile or --depth and --width")
        return read_profile(file)
    if depth is None or width is None:
        raise click.UsageError("give --depth and --width, or --profile")
    return ChannelProfile.full(depth, width)
