"""A progress bar with an estimate of the time left."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prunelib.cli.signals import interruptible

LAYOUT = "{desc} {percentage:3.0f}% |{bar:24}| {elapsed} elapsed, {remaining} left{postfix}"


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float, float, str], None]]:
    """A bar on stderr; gives what moves it: a function of work done, work in all, and a note."""
    from tqdm import tqdm

    with (
        interruptible(),
        tqdm(
            desc=title,
            total=1,
            file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30,
            bar_format=LAYOUT,
            smoothing=0,
        ) as bar,
    ):

        def show(done: float, total: float, note: str = "") -> None:
            bar.total = total
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)

        yield show
