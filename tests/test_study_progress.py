from concurrent.futures import Future

from prunelib import executors
from prunelib.executors import Processes
from prunelib.specs import key
from prunelib.store import Record
from prunelib.study import SCALES, plan, study


class Instant(Processes):
    """Two workers that get on by a quarter of a run at every look; the second begins later."""

    def __init__(self):
        self.jobs, self.running, self.shares = 2, {}, [0.0, -0.125]
        self.at_work, self.records = [None, None], {}

    def submit(self, spec):
        future = Future()
        self.running[future] = spec
        self.at_work[self.at_work.index(None)] = future

    def results(self, tick):
        for i, future in enumerate(self.at_work):
            if future:
                self.shares[i] += 0.25
                if self.shares[i] >= 1:
                    record = Record(self.running[future], {}, {})
                    self.records[key(record.spec)] = record
                    # A worker forgets its share before its result is there.
                    self.shares[i], self.at_work[i] = 0.0, None
                    future.set_result(record)
        return super().results(tick)

    def close(self):
        pass


def test_progress_never_goes_back_and_ends_at_the_end(monkeypatch):
    def look(running, timeout, return_when):
        return {future for future in running if future.done()}, None

    monkeypatch.setattr(executors, "wait", look)
    shown, executor = [], Instant()
    summary = study(
        plan(SCALES["smoke"], ["base"], 5),
        lambda spec: executor.records.get(key(spec)),
        executor,
        lambda done, total: shown.append((done, total)),
    )
    done = [n for n, _ in shown]
    assert summary.computed == 5
    assert {total for _, total in shown} == {5}
    assert done[-1] == 5
    assert done == sorted(done)
    assert len(set(done)) > 10
