from prunelib.specs import key
from prunelib.store import Record
from prunelib.study import SCALES, plan, study


class Finishing:
    """An executor that finishes its oldest run at every third look."""

    jobs = 2

    def __init__(self):
        self.records, self.running, self.looks = {}, {}, 0

    def find(self, spec):
        return self.records.get(key(spec))

    def submit(self, spec):
        self.running[key(spec)] = (spec, self.looks)

    def results(self, tick):
        self.looks += 1
        tick(sum((self.looks - begun) / 6 for _, begun in self.running.values()))
        if self.looks % 3 == 0:
            name, (spec, _) = next(iter(self.running.items()))
            del self.running[name]
            self.records[name] = Record(spec, {}, {})
            yield spec, self.records[name]

    def close(self):
        pass


def test_progress_never_goes_back_and_ends_at_the_end():
    shown, executor = [], Finishing()
    summary = study(
        plan(SCALES["smoke"], ["base"], 5),
        executor.find,
        executor,
        lambda done, total: shown.append((done, total)),
    )
    done = [n for n, _ in shown]
    assert summary.computed == 5
    assert {total for _, total in shown} == {5}
    assert done[-1] == 5
    assert done == sorted(done)
    assert len(set(done)) > 10
