"""`prunelib download`: fetch CIFAR-10."""

from pathlib import Path

import click

from prunelib.cli.options import PATH


@click.command("download")
@click.option("--data", type=PATH, default="data", show_default=True)
def download_command(data: Path) -> None:
    """Download CIFAR-10 (170 MB) into a folder."""
    from prunelib.training.data import download_cifar10

    download_cifar10(data)
