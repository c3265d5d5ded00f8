"""The `prunelib` command. It listens to Ctrl-C before it imports anything that takes time."""

import os
import sys

from prunelib.cli import signals
from prunelib.environment import unbind_threads


def run_prunelib() -> None:
    """Run the command, and exit with its code.

    Ctrl-C, `kill` and a closed terminal end it in one line, with 130, 143 and 129.
    """
    signals.listen()
    unbind_threads()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal may not know every character
    try:
        from prunelib.cli.commands import run_command

        code: str | int | None = run_command()
    except SystemExit as error:
        code = error.code
    except BaseException:
        if not signals.received():
            raise
        signals.tell()
        code = 128 + signals.received()
    signals.exit_silently()
    try:
        sys.stdout.flush()
    except OSError:  # told already; Python would try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
