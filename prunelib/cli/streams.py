"""Standard streams that are closed, or full: what is said there is not worth work."""

import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class Unfailing:
    """A stream for messages: what it cannot take is lost, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, if that can be."""
        with suppress(OSError):
            return self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be."""
        with suppress(OSError):
            self.stream.flush()


def mend() -> None:
    """Give streams that are closed to nobody, and let messages on stderr fail in silence.

    A file that is opened later would else get the number of a closed stream, and the messages.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(to_nobody(number), mode, encoding="utf-8"))
    if not isinstance(sys.stderr, Unfailing):
        sys.stderr = Unfailing(sys.stderr)  # type: ignore[assignment]


def to_nobody(number: int) -> int:
    """An open file that nobody reads, of this number unless another has it."""
    nobody = os.open(os.devnull, os.O_RDWR)
    with suppress(OSError):
        os.fstat(number)
        return nobody
    os.dup2(nobody, number)
    os.close(nobody)
    return number
