"""All commands. PyTorch, pandas and pydantic are imported by those that need them."""

import sys

import click

from prunelib import __version__
from prunelib.cli.describe import describe_command
from prunelib.cli.download import download_command
from prunelib.cli.export import export_command
from prunelib.cli.fit import fit_command
from prunelib.cli.recommend import recommend_command
from prunelib.cli.records import compare_command, verdicts_command
from prunelib.cli.runs import prune_command, train_command
from prunelib.cli.study import status_command, study_command
from prunelib.cli.time import time_command
from prunelib.errors import PrunelibError

LONGEST_ERROR = 600
"""Characters of an error: what was typed, or stands in a file, may be of any length."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="prunelib")
def cli() -> None:
    """Is it worth pruning a network, or is it better to train a small one?

    \b
    Examples:
      prunelib describe --depth 40 --width 2
      prunelib study smoke --results mine   a whole study in a few minutes, anywhere
      prunelib status mini                  what a study has, and what is missing
    """


COMMANDS = (
    describe_command,
    study_command,
    status_command,
    train_command,
    prune_command,
    fit_command,
    recommend_command,
    export_command,
    time_command,
    verdicts_command,
    compare_command,
    download_command,
)
for command in COMMANDS:
    cli.add_command(command)


def run_command() -> int:
    """Run the command that was typed, and give its exit code.

    What people can do something about is one line on stderr, with exit code 2.
    """
    try:
        cli(prog_name="prunelib", standalone_mode=False)
        sys.stdout.flush()
        return 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return fail(error.format_message())
    except PrunelibError as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or 'output'}: {error.strerror or error}")
    except Exception as error:
        if not lacks_memory(error):
            raise
        return fail("there is not enough memory for this")


def lacks_memory(error: Exception) -> bool:
    """Whether memory ran out. PyTorch and ONNX Runtime have no exception of its own for that."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(
        words in said for words in ("allocate memory", "out of memory", "bad_alloc")
    )


def fail(message: str) -> int:
    """One line on stderr, not longer than a few lines of a terminal, and exit code 2."""
    line = " ".join(message.split())
    if len(line) > LONGEST_ERROR:
        line = f"{line[: LONGEST_ERROR // 2]} … {line[-LONGEST_ERROR // 2 :]}"
    click.echo(f"prunelib: {line}", err=True)
    return 2
