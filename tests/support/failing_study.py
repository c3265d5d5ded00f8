"""The small study, in which on Ray seed 1 kills its worker each time and seed 2 raises."""

import os
import signal

import small_study  # noqa: F401

from prunelib.cli import main as cli
from prunelib.study.executors import ray as ray_executor


def failing(spec, *arguments):
    if spec.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if spec.seed == 2:
        raise OSError("the disk\nis full")
    from prunelib.study.executors.ray import run_task

    return run_task(spec, *arguments)


if __name__ == "__main__":
    ray_executor.run_task = failing
    cli.run_prunelib()
