"""Tables that fit the terminal."""

import shutil
import sys
import textwrap

ROOM = 24
"""Characters that text takes at least beside other columns; else it stands below them."""


def fold_last_column(columns: str, text: str) -> str:
    """A row: columns, and at the end a text that is folded where the terminal ends.

    In a file or a pipe it is one line.
    """
    if not sys.stdout.isatty():
        return columns + text
    width = shutil.get_terminal_size().columns
    if width - len(columns) >= ROOM:
        return textwrap.fill(
            text, width, initial_indent=columns, subsequent_indent=" " * len(columns)
        )
    below = textwrap.fill(text, max(width, ROOM), initial_indent="    ", subsequent_indent="    ")
    return f"{columns.rstrip()}\n{below}"
