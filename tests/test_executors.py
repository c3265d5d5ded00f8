"""What an executor makes of runs that fail, without running any."""

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from prunelib.errors import PrunelibError
from prunelib.study.executors import local as executors
from prunelib.study.executors.local import RETRIES, Here, Processes, Setting
from prunelib.study.plan import SCALES, plan, study
from prunelib.study.store import Record, Store
from prunelib.training.machine import Machine

FAILS = SCALES["smoke"].base_spec(1)


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of\nmemory"), MemoryError()])
def test_a_run_without_enough_memory_does_not_stop_the_others(error, monkeypatch):
    records = {}

    def run(spec, *arguments):
        if spec == FAILS:
            raise error
        records[spec] = Record(spec, {}, {})
        return records[spec]

    monkeypatch.setattr(executors, "run", run)
    here = Here(Setting(Store(Path("nowhere")), Machine("cpu", "float32", 1)))
    summary = study(plan(SCALES["smoke"], ["base"], 3), records.get, here)
    assert (summary.computed, summary.missing) == (2, 1)
    (why,) = summary.failed.values()
    assert why.startswith(type(error).__name__)
    assert "\n" not in why


class Broken:
    """A pool of which a worker was killed."""

    def submit(self, *arguments):
        raise BrokenProcessPool

    def shutdown(self, **how):
        pass


class Unlucky(Processes):
    """Every pool breaks at once."""

    def _start(self):
        self.pool, self.seen = Broken(), [0.0]


def test_a_worker_killed_before_its_run_is_handed_out_counts_as_a_loss():
    unlucky = Unlucky(None, 1)
    unlucky.submit(FAILS)
    looks = [list(unlucky.results(lambda work: None)) for _ in range(RETRIES + 1)]
    assert looks[:-1] == [[]] * RETRIES
    ((spec, error),) = looks[-1]
    assert spec == FAILS
    assert isinstance(error, PrunelibError)
    assert "killed" in str(error)
