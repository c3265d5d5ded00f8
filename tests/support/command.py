"""The `prunelib` command as people type it: in this process, or where that matters in its own."""

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from prunelib.cli.commands import run_command

PRUNELIB = Path(sys.executable).parent / "prunelib"


def prunelib(*arguments, folder, **environment):
    """What the command says, and its exit code; a traceback is an error of the test.

    A process of its own would take seconds to import PyTorch.
    """
    typed = ["prunelib", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with (
        chdir(folder),
        patch.dict(os.environ, environment),
        patch.object(sys, "argv", typed),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        os.environ.pop("PRUNELIB_DATA", None)
        try:
            code = run_command()
        except SystemExit as error:
            code = error.code
    return subprocess.CompletedProcess(typed, code, out.getvalue(), err.getvalue())


def prunelib_process(*arguments, folder, **environment):
    """The same in a process of its own."""
    given = {k: v for k, v in os.environ.items() if k != "PRUNELIB_DATA"}
    return subprocess.run(
        [PRUNELIB, *map(str, arguments)],
        cwd=folder,
        env=given | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
