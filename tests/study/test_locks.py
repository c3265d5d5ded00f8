"""Studies that share a folder share the work: who has begun what, and who is gone."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from prunelib.errors import PrunelibError
from prunelib.study import locks as module
from prunelib.study.folder import results_to_write
from prunelib.study.locks import STALE_SECONDS, RunLocks, locked
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.scheduler import run_study
from prunelib.study.specs import key
from prunelib.study.store import Record

NAME = "0123456789abcdef"


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def lock_files(folder):
    return sorted(path.name for path in folder.glob(".*.lock"))


def test_a_run_is_claimed_once_until_it_is_given_up(tmp_path):
    one, other = RunLocks(tmp_path), RunLocks(tmp_path)
    assert one.take(NAME)
    assert not other.take(NAME)
    assert other.take("another")
    one.release(NAME)
    assert other.take(NAME)
    one.close()
    assert len(lock_files(tmp_path)) == 2
    other.close()
    assert lock_files(tmp_path) == []


def test_of_many_at_once_one_gets_the_run(tmp_path):
    everybody = [RunLocks(tmp_path) for _ in range(16)]
    for round_ in range(20):
        name, got, start = f"{round_:016x}", [], threading.Barrier(len(everybody))

        def race(locks, name=name, got=got, start=start):
            start.wait()
            if locks.take(name):
                got.append(locks)

        threads = [threading.Thread(target=race, args=(locks,)) for locks in everybody]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(got) == 1
    [locks.close() for locks in everybody]
    assert lock_files(tmp_path) == []


HOLD = """
import sys, time
from pathlib import Path
from prunelib.study.locks import RunLocks
locks = RunLocks(Path(sys.argv[1]), *sys.argv[3:])
print(locks.take(sys.argv[2]), flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    started = []

    def hold(*machine):
        command = [sys.executable, "-c", HOLD, str(tmp_path), NAME, *machine]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "True\n"
        return started[-1]

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_what_was_killed_on_this_machine_is_taken_over_at_once(tmp_path, holder, clock):
    process, mine = holder(), RunLocks(tmp_path, clock=clock)
    clock.now += 10 * STALE_SECONDS
    assert not mine.take(NAME)
    process.kill()
    process.wait()
    assert mine.take(NAME)
    mine.close()


def test_what_was_killed_on_another_machine_is_taken_over_after_a_minute(tmp_path, holder, clock):
    process, mine = holder("elsewhere"), RunLocks(tmp_path, clock=clock)
    process.kill()
    process.wait()
    assert not mine.take(NAME)
    clock.now += STALE_SECONDS - 1
    assert not mine.take(NAME)
    clock.now += 2
    assert mine.take(NAME)
    mine.close()


def test_a_beat_keeps_a_claim_whatever_the_clocks_say(tmp_path, clock):
    other, mine = RunLocks(tmp_path, "elsewhere"), RunLocks(tmp_path, clock=clock)
    assert other.take(NAME)
    for _ in range(5):
        # The owner's clock stands an hour back, and then a day ahead.
        for shift in (-3_600, 86_400):
            os.utime(mine.path(NAME), (time.time() + shift,) * 2)
            clock.now += STALE_SECONDS - 1
            assert not mine.take(NAME)
            other.beat()
    other.close()


def test_an_owner_that_was_taken_for_dead_does_not_remove_the_new_claim(tmp_path, clock):
    slept, mine = RunLocks(tmp_path, "elsewhere"), RunLocks(tmp_path, clock=clock)
    assert slept.take(NAME)
    assert not mine.take(NAME)
    clock.now += STALE_SECONDS + 1
    assert mine.take(NAME)
    slept.beat()
    slept.close()
    assert lock_files(tmp_path) == [f".{NAME}.lock"]
    assert mine.owner in mine.path(NAME).read_text(encoding="utf-8")
    mine.close()


@pytest.mark.parametrize("content", ["", "nonsense", "x" * 10_000, "elsewhere a 1 b 0"])
def test_a_lock_of_nobody_is_in_the_way_for_a_minute(tmp_path, clock, content):
    mine = RunLocks(tmp_path, clock=clock)
    mine.path(NAME).write_text(content, encoding="utf-8")
    assert not mine.take(NAME)
    clock.now += STALE_SECONDS + 1
    assert mine.take(NAME)
    mine.close()


def test_a_beat_comes_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    locks = RunLocks(tmp_path)
    locks.take(NAME)
    before = locks.path(NAME).read_bytes()
    deadline = time.monotonic() + 30
    while locks.path(NAME).read_bytes() == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    locks.close()


def test_a_single_run_that_somebody_makes_says_so(tmp_path):
    with locked(tmp_path, NAME):
        says = f"run {NAME} is being made by another process"
        with pytest.raises(PrunelibError, match=says), locked(tmp_path, NAME):
            pass
        with locked(tmp_path, "another"):
            pass
    assert lock_files(tmp_path) == []


class Slow:
    """An executor of runs that end at the next look; all records are in one place."""

    def __init__(self, records, made, jobs=2):
        self.records, self.made, self.jobs, self.running = records, made, jobs, []

    def submit(self, spec):
        self.running.append(spec)

    def results(self, tick):
        time.sleep(0.01)
        spec = self.running.pop()
        self.made.append(spec)
        self.records[spec] = Record(spec, {}, {})
        tick(0.0)
        yield spec, self.records[spec]

    def close(self):
        pass


def test_two_studies_of_one_folder_make_each_run_once(tmp_path, monkeypatch):
    from prunelib.study import scheduler

    monkeypatch.setattr(scheduler, "LOOK_SECONDS", 0.01)
    requests = plan_study(
        SCALES["smoke"], ["base", "bottleneck", "reduced-width", "random-profile"]
    )
    records, made, summaries = {}, [], []

    def take_part():
        summaries.append(
            run_study(requests, records.get, Slow(records, made), locks=RunLocks(tmp_path))
        )

    threads = [threading.Thread(target=take_part) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join(timeout=60) for thread in threads]
    assert [summary.missing for summary in summaries] == [0, 0, 0]
    assert len(made) == len(set(made)) == len(records) == sum(s.computed for s in summaries)
    assert sum(summary.computed > 0 for summary in summaries) > 1
    assert lock_files(tmp_path) == []


def test_what_another_began_and_gave_up_is_made_here(tmp_path, monkeypatch):
    from prunelib.study import scheduler

    monkeypatch.setattr(scheduler, "LOOK_SECONDS", 0.01)
    requests = plan_study(SCALES["smoke"], ["base"])
    other = RunLocks(tmp_path)
    for request in requests:
        assert other.take(key(request.spec(lambda spec: None)))
    records, made, looks = {}, [], []

    def tick(*told):
        looks.append(told)
        if len(looks) == 5:
            assert made == []
            other.close()

    summary = run_study(requests, records.get, Slow(records, made), tick, locks=RunLocks(tmp_path))
    assert (summary.computed, summary.missing) == (3, 0)


@pytest.mark.parametrize("left", [".0123456789abcdef.lock", ".probe-7", "..probe-7.x1"])
def test_a_folder_in_which_a_study_was_killed_early_is_gone_on_with(tmp_path, monkeypatch, left):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/smoke").mkdir(parents=True)
    (tmp_path / "results/smoke" / left).write_bytes(b"")
    assert results_to_write(None) == Path("results")


class Interrupted(Slow):
    """An executor whose study is interrupted while a run is made, as by the stop button."""

    closed = False

    def results(self, tick):
        raise KeyboardInterrupt

    def close(self):
        self.closed = True


def test_an_interrupted_study_leaves_no_lock(tmp_path):
    executor = Interrupted({}, [])
    requests = plan_study(SCALES["smoke"], ["base"])
    with pytest.raises(KeyboardInterrupt):
        run_study(requests, {}.get, executor, locks=RunLocks(tmp_path))
    assert executor.closed
    assert lock_files(tmp_path) == []
    again = run_study(requests, (records := {}).get, Slow(records, []), locks=RunLocks(tmp_path))
    assert (again.computed, again.missing) == (3, 0)
