"""The `prunelib` command. PyTorch, pandas and pydantic are imported by commands that need them."""

import signal
import sys

import click

from prunelib import __version__
from prunelib.cli.describe import describe
from prunelib.cli.download import download
from prunelib.cli.export import export
from prunelib.cli.fit import fit
from prunelib.cli.records import compare, verdicts
from prunelib.cli.runs import prune, train
from prunelib.cli.study import status, study
from prunelib.cli.time import time
from prunelib.environment import unbind_threads
from prunelib.errors import PrunelibError

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="prunelib")
def cli() -> None:
    """Is it worth pruning a network, or is it better to train a small one?

    \b
    Examples:
      prunelib describe --depth 40 --width 2
      prunelib study smoke --results mine   a whole study in a few minutes, anywhere
      prunelib status mini                  what is there of a study, and what is missing
    """


COMMANDS = (
    describe,
    study,
    status,
    train,
    prune,
    fit,
    export,
    time,
    verdicts,
    compare,
    download,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command: bad input gives one line on stderr and exit code 2.

    Ctrl-C and `kill` stop it in one line, too, with exit codes 130 and 143.
    """
    received = signal.SIGINT

    def stop(number: int, frame: object) -> None:
        nonlocal received
        received = number
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    unbind_threads()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal may not know every character
    try:
        sys.exit(cli(prog_name="prunelib", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        fail(error.format_message())
    except PrunelibError as error:
        fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("prunelib: stopped; the same command goes on from here", err=True)
        sys.exit(128 + received)


def fail(message: str) -> None:
    """One line, exit code 2."""
    click.echo("prunelib: " + " ".join(message.split()), err=True)
    sys.exit(2)
