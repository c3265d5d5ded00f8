from concurrent.futures import Future
from pathlib import Path

import pytest

from prunelib import executors
from prunelib.data import load
from prunelib.effort import images
from prunelib.executors import Processes
from prunelib.shapes import TRAINING_IMAGES
from prunelib.specs import PruneSpec, TrainSpec, key
from prunelib.store import Record, Store
from prunelib.study import SCALES, found, lookup, plan, study

RESULTS = Path(__file__).parent.parent / "results"


class Instant(Processes):
    """Two workers, each of which sees some more images at every look; the second begins later.

    A run that has seen all its images takes its record from the results of this repository.
    """

    def __init__(self, at_once):
        self.jobs, self.running, self.seen = 2, {}, [0.0, -at_once / 2]
        self.at_once, self.at_work, self.records = at_once, [None, None], {}
        self.real = Store(RESULTS / "smoke")

    def submit(self, spec):
        future = Future()
        self.running[future] = spec
        self.at_work[self.at_work.index(None)] = future

    def results(self, tick):
        for i, future in enumerate(self.at_work):
            if future:
                self.seen[i] += self.at_once
                if self.seen[i] >= images(spec := self.running[future]):
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
        (["base", "pruned-and-tuned", "bottleneck", "bottleneck-long"], None, 24),
    ],
)
def test_progress_never_goes_back_and_ends_at_the_end(families, budgets, computed):
    shown, executor = [], Instant(1_000)
    summary = study(
        plan(SCALES["smoke"], families, budgets=budgets),
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
    requests = plan(SCALES["smoke"], ["base", "pruned-and-tuned"], 2)
    study(requests, executor.find, executor, lambda *told: shown.append(told))
    _, total, _ = shown[0]
    for part in (0.25, 0.5, 0.75):
        done, _, _ = shown[round(part * len(shown))]
        assert done / total == pytest.approx(part, abs=0.1)


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_what_runs_see_is_known_beforehand(scale):
    compared = 0
    for request, record in found(plan(SCALES[scale]), lookup(Store(RESULTS / scale))):
        if record is None or request.family == "saliency":
            continue
        seen, compared = record.outcome["images_seen"], compared + 1
        if isinstance(record.spec, TrainSpec):
            assert images(record.spec) == seen
        if isinstance(record.spec, TrainSpec) and record.spec.protocol == request.scale.train:
            assert request.images() == seen
        else:
            assert request.images() == pytest.approx(seen, rel=0.3)
    assert compared > 70


def test_pruning_to_a_number_of_removals_sees_what_these_take():
    scale = SCALES["paper"]
    assert isinstance(scale.prune_spec(0), PruneSpec)
    assert images(scale.prune_spec(0)) == 1300 * 100 * 128


def test_number_of_training_images():
    assert len(load("digits").train.y) == TRAINING_IMAGES["digits"]
