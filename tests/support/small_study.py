"""The `prunelib` command with a smaller `smoke`, for tests that kill it many times.

With SLOWLY in the environment evaluations take longer, so that there is something to kill on a fast
machine, and the file `computing` names a process that is at work. With ELSEWHERE pruning chooses
other channels. With BACKWARDS the clock is set back by an hour each time that somebody looks at it.
"""

import itertools
import os
import time
from dataclasses import replace
from pathlib import Path

from prunelib.cli import main as cli
from prunelib.nets.profile import ChannelProfile
from prunelib.study import plan as study

SMOKE = study.SCALES["smoke"]
study.SCALES["smoke"] = replace(
    SMOKE,
    base=ChannelProfile.full(10, 0.5),
    train=SMOKE.train.lasting(6),
    prune=replace(SMOKE.prune, stop_params=9_000),
    budgets=(12_000,),
)

if os.environ.get("SLOWLY"):
    from prunelib.pruning import loop as pruner
    from prunelib.training import trainer

    evaluate = trainer.evaluate

    def slow(*arguments, **options):
        Path("computing").write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(0.05)
        return evaluate(*arguments, **options)

    pruner.evaluate = trainer.evaluate = slow

if os.environ.get("ELSEWHERE"):
    from prunelib.pruning.criteria import CRITERIA

    CRITERIA["fisher"] = CRITERIA["random"]

if os.environ.get("BACKWARDS"):
    set_back, now = itertools.count(1), time.time
    time.time = lambda: now() - 3_600 * next(set_back)
    time.time_ns = lambda: int(time.time() * 1e9)

if __name__ == "__main__":
    cli.main()
