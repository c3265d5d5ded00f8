"""Ctrl-C, `kill` and a terminal that is closed: one line, and exit code 130, 143 or 129."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prunelib.cli import streams

_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
_state = {"received": 0, "working": False}


def listen() -> None:
    """Stop in one line from now on. What was ignored before (`nohup`, say) stays ignored.

    No message is written into a file that has the number of a closed stream.
    """
    streams.mend()
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_silently() -> None:
    """All is said: from now on a stop ends what Python still tidies up, without a word."""
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os._exit(128 + number))


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it a stop raises KeyboardInterrupt, so that files and workers are tidied up.

    Elsewhere it ends the process at once: libraries that are being imported lose exceptions.
    """
    before = _state["working"]
    _state["working"] = True
    try:
        yield
    finally:
        _state["working"] = before


def received() -> int:
    """The signal that came, or 0."""
    return _state["received"]


def tell() -> None:
    """Say that it was stopped."""
    with suppress(OSError):  # the terminal may be gone
        os.write(2, b"\nprunelib: stopped; the same command resumes from what is kept\n")


def _numbers() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _STOPS if hasattr(signal, name)]


def _stop(number: int, frame: object) -> None:
    _state["received"] = number
    if _state["working"]:
        raise KeyboardInterrupt
    tell()
    os._exit(128 + number)
