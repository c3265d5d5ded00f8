"""The `prunelib` command with a smaller `smoke`, for tests that kill it many times.

With SLOWLY in the environment evaluations take longer, so that there is something to kill on a fast
machine, each run saves its state whenever it can, and the file `computing` names a process that is
at work. With BACKWARDS the clock is set back by an hour each time that somebody looks at it.
"""

import itertools
import os
import time
from pathlib import Path

from small_scale import SMALL_SCALE

from prunelib.cli import main as cli
from prunelib.study.scales import SCALES

SCALES["smoke"] = SMALL_SCALE

if os.environ.get("SLOWLY"):
    from prunelib.files import Cadence
    from prunelib.pruning import loop as pruner
    from prunelib.training import trainer

    evaluate = trainer.evaluate

    def slow(*arguments, **options):
        Path("computing").write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(0.1)
        return evaluate(*arguments, **options)

    pruner.evaluate = trainer.evaluate = slow
    Cadence.due = lambda self: True

if os.environ.get("BACKWARDS"):
    set_back, now = itertools.count(1), time.time
    time.time = lambda: now() - 3_600 * next(set_back)
    time.time_ns = lambda: int(time.time() * 1e9)

if __name__ == "__main__":
    cli.run_prunelib()
