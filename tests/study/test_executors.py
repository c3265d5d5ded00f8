"""What an executor makes of runs that fail, without running any."""

import os
import resource
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch

from prunelib.errors import PrunelibError
from prunelib.study.executors import local as executors
from prunelib.study.executors.base import RETRIES
from prunelib.study.executors.local import Here, Processes, Setting
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.scheduler import run_study
from prunelib.study.store import Record, Store
from prunelib.training.machine import Machine

pytestmark = pytest.mark.slow

FAILS = SCALES["smoke"].base_spec(1)


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of\nmemory"), MemoryError()])
def test_a_run_without_enough_memory_does_not_stop_the_others(error):
    records = {}

    class Small(Setting):
        def run(self, spec, progress):
            if spec == FAILS:
                raise error
            records[spec] = Record(spec, {}, {})
            return records[spec]

    here = Here(Small(Store(Path("nowhere")), Machine("cpu", "float32", 1)))
    summary = run_study(plan_study(SCALES["smoke"], ["base"], 3), records.get, here)
    assert (summary.computed, summary.missing) == (2, 1)
    (why,) = summary.failed.values()
    assert why.startswith(type(error).__name__)
    assert "\n" not in why


class Broken:
    """A pool whose worker was killed."""

    def submit(self, *arguments):
        raise BrokenProcessPool

    def shutdown(self, **how):
        pass


class Unlucky(Processes):
    """Every pool breaks at once."""

    def _pool(self, slot):
        return Broken()


def test_a_worker_killed_before_its_run_is_handed_out_counts_as_a_loss():
    unlucky = Unlucky(None, 1)
    unlucky.submit(FAILS)
    looks = [list(unlucky.results(lambda work: None)) for _ in range(RETRIES + 1)]
    assert looks[:-1] == [[]] * RETRIES
    ((spec, error),) = looks[-1]
    assert spec == FAILS
    assert isinstance(error, PrunelibError)
    assert "killed" in str(error)


def doomed(spec, ended):
    """Work that is killed in seed 1; the others wait until it was killed for good."""
    if spec.seed == 1:
        with ended.open("a", encoding="utf-8") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    while len(ended.read_text(encoding="utf-8") if ended.exists() else "") <= RETRIES:
        time.sleep(0.05)
    return Record(spec, {"pid": os.getpid()}, {})


def test_a_run_that_is_killed_again_and_again_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "run_in_worker", doomed)
    running, found, looked = Processes(tmp_path / "ended", 3), {}, 0
    try:
        for seed in range(4):
            running.submit(SCALES["smoke"].base_spec(seed))
        while len(found) < 4 and looked < 200:
            found |= {spec.seed: result for spec, result in running.results(lambda work: None)}
            looked += 1
    finally:
        running.close()
    assert "killed 3 times" in str(found.pop(1))
    assert sorted(found) == [0, 2, 3]
    # Who was beside it never noticed: two workers did three runs, and the queue went on.
    assert len({result.outcome["pid"] for result in found.values()}) <= 3


def test_many_workers_find_room_for_their_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        Processes(None, 200).close()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(before[1], 200 * 9)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def hungry(spec, setting):
    """Work that takes more memory than it may in seed 1; the limit is the system's."""
    if spec.seed == 1:
        used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        limit = used * resource.getpagesize() + 2**28
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        torch.ones(2**30)
    return Record(spec, {}, {})


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_worker_out_of_memory_fails_its_run_in_one_line_and_works_on(monkeypatch):
    monkeypatch.setattr(executors, "run_in_worker", hungry)
    running, found = Processes(None, 1), {}
    try:
        for seed in (1, 2):
            running.submit(SCALES["smoke"].base_spec(seed))
        for _ in range(120):
            found |= {spec.seed: result for spec, result in running.results(lambda work: None)}
            if len(found) == 2:
                break
    finally:
        running.close()
    assert isinstance(found[1], PrunelibError)
    assert "memory" in str(found[1])
    assert "\n" not in str(found[1])
    assert isinstance(found[2], Record)
