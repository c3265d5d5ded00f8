from concurrent.futures import Future
from pathlib import Path

import pytest

from prunelib.nets.inputs import TEST_IMAGES, TRAINING_IMAGES
from prunelib.study.cost import cost_estimate
from prunelib.study.executors import local as executors
from prunelib.study.executors.local import Processes
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import found, plan_study
from prunelib.study.scales import SCALES
from prunelib.study.scheduler import run_study
from prunelib.study.specs import key
from prunelib.study.store import Record, Store
from prunelib.training.data import load

RESULTS = Path(__file__).parents[2] / "results"


class Instant(Processes):
    """Two workers, each of which sees some more images at every look; the second begins later.

    A run that has seen all its images takes its record from the results of this repository.
    """

    def __init__(self, at_once):
        self.jobs, self.running, self.waiting = 2, {}, []
        self.seen = [0.0, -at_once / 2]
        self.at_once, self.at_work, self.records = at_once, [None, None], {}
        self.real = Store(RESULTS / "smoke")

    def submit(self, spec):
        future = Future()
        slot = self.at_work.index(None)
        self.running[future], self.at_work[slot] = (spec, slot), future

    def results(self, tick):
        for i, future in enumerate(self.at_work):
            if future:
                self.seen[i] += self.at_once
                spec, _ = self.running[future]
                if self.seen[i] >= cost_estimate(spec):
                    record = self.real.find(spec) or Record(spec, {}, {})
                    self.records[key(spec)] = record
                    # A worker forgets what it saw before its result is there.
                    self.seen[i], self.at_work[i] = 0.0, None
                    future.set_result(record)
        return super().results(tick)

    def find(self, spec):
        return self.records.get(key(spec))

    def close(self):
        pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    def look(running, timeout, return_when):
        return {future for future in running if future.done()}, None

    monkeypatch.setattr(executors, "wait", look)


@pytest.mark.parametrize(
    ("families", "budgets", "computed"),
    [
        (["base"], None, 3),
        (["copycat"], [6_000], 9),  # and what it waits for: base and pruning of three seeds
        (["base", "pruned-and-tuned", "bottleneck", "bottleneck-long"], None, 14),
    ],
)
def test_progress_never_goes_back_and_ends_at_the_end(families, budgets, computed):
    shown, executor = [], Instant(1_000)
    summary = run_study(
        plan_study(SCALES["smoke"], families, budgets=budgets),
        executor.find,
        executor,
        lambda *told: shown.append(told),
    )
    done = [n for n, _, _ in shown]
    (total,) = {total for _, total, _ in shown}
    assert summary.computed == computed
    assert done == sorted(done)
    assert len(set(done)) > 10
    assert shown[0][2] == f"0 of {computed} runs"
    assert shown[-1] == (total, total, f"{computed} of {computed} runs")


def test_a_run_counts_as_much_as_it_sees():
    """Time left is read from it: runs of different lengths must take their share of the whole."""
    shown, executor = [], Instant(1_000)
    requests = plan_study(SCALES["smoke"], ["base", "pruned-and-tuned"], 2)
    run_study(requests, executor.find, executor, lambda *told: shown.append(told))
    _, total, _ = shown[0]
    for part in (0.25, 0.5, 0.75):
        done, _, _ = shown[round(part * len(shown))]
        assert done / total == pytest.approx(part, abs=0.1)


class Endless:
    """Computes here, and never comes to an end."""

    jobs, closed = 1, False

    def submit(self, spec):
        pass

    def results(self, tick):
        while tick(1.0):
            yield from ()

    def close(self):
        self.closed = True


def test_a_time_limit_ends_a_run_in_its_midst():
    executor, seconds = Endless(), iter(range(10, -10, -1))
    summary = run_study(
        plan_study(SCALES["smoke"], ["base"]),
        lambda spec: None,
        executor,
        time_left=lambda: next(seconds),
    )
    assert (summary.computed, summary.missing, executor.closed) == (0, 3, True)
    assert next(seconds) == -2  # 0 ended the run, -1 the study


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_work_is_known_before_a_run_begins(scale):
    compared = 0
    for request, record in found(plan_study(SCALES[scale]), cached_lookup(Store(RESULTS / scale))):
        if record is not None:
            assert request.cost_estimate() == pytest.approx(cost_estimate(record.spec), rel=0.3)
            compared += 1
    assert compared > 50


def test_work_is_in_proportion_to_the_time_that_runs_took():
    """Within the records of each machine: other runs of the base network against its training."""
    machines = {}
    for request, record in found(
        plan_study(SCALES["mini"]), cached_lookup(Store(RESULTS / "mini"))
    ):
        if record is None:
            continue
        made = record.circumstances["hardware"], record.circumstances["precision"]
        seconds = record.circumstances["cpu_seconds"] / cost_estimate(record.spec)
        machines.setdefault(made, {}).setdefault(request.family, []).append(seconds)
    compared = {}
    for families in machines.values():
        means = {family: sum(times) / len(times) for family, times in families.items()}
        for family in ("pruned-and-tuned", "saliency"):
            if {family, "base"} <= set(means):
                compared.setdefault(family, []).append(means[family] / means["base"])
    assert set(compared) == {"pruned-and-tuned", "saliency"}
    for ratios in compared.values():
        assert all(0.3 < ratio < 3 for ratio in ratios), compared


def test_training_and_evaluating_count():
    scale = SCALES["mini"]
    assert cost_estimate(scale.base_spec(0)) == pytest.approx(10 * (50_000 + 10_000 / 3))
    seldom, every = scale.prune_spec(1), scale.prune_spec(0)
    assert (seldom.protocol.eval_every, every.protocol.eval_every) == (10, 1)
    assert cost_estimate(every) > 2 * cost_estimate(seldom)


def test_numbers_of_images():
    digits = load("digits")
    assert len(digits.train.y) == TRAINING_IMAGES["digits"]
    assert len(digits.test.y) == TEST_IMAGES["digits"]
