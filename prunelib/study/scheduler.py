"""The study: run what is missing of a plan, each run as soon as what it waits for is there."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from prunelib.study.executors.base import Executor
from prunelib.study.locks import RunLocks
from prunelib.study.lookup import Find
from prunelib.study.plan import found
from prunelib.study.request import Request
from prunelib.study.specs import Spec, key
from prunelib.study.store import Record

LOOK_SECONDS = 1.0
"""Between looks for what others make, where nothing else is left to do."""

Tick = Callable[[float, float, str], None]
"""Told the work of runs done and in progress, that of all (see `cost`), and a note."""


@dataclass(frozen=True)
class Summary:
    """How a study ended.

    Args:
        requests: how many it consists of.
        missing: of these, how many have no record yet.
        computed: runs that were made now.
        failed: why runs failed, by their keys.
    """

    requests: int
    missing: int = 0
    computed: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_study(
    requests: Sequence[Request],
    find: Find,
    executor: Executor,
    tick: Tick = lambda done, total, note: None,
    time_left: Callable[[], float] = lambda: math.inf,
    locks: RunLocks | None = None,
) -> Summary:
    """Run what is missing of a plan, each run as soon as what it waits for is there.

    A run that somebody else is making is left to them, and waited for when nothing else is left.

    Args:
        requests: the plan.
        find: looks records up.
        executor: see `executors`.
        tick: told how far the study is, and how many runs are done.
        time_left: seconds; at 0 the study stops where it is.
        locks: tells studies of one folder apart; None: there is no other.
    """
    work = _Work(list(requests), find, executor, tick, time_left, locks)
    try:
        while time_left() > 0 and work.go_on():
            pass
    finally:
        executor.close()
        if locks:
            locks.close()
    missing = sum(record is None for _, record in found(requests, find))
    return Summary(len(requests), missing, work.computed, work.failed)


@dataclass
class _Work:
    """What is left of a study, and how far it is."""

    requests: list[Request]
    find: Find
    executor: Executor
    tick: Tick
    time_left: Callable[[], float]
    locks: RunLocks | None
    ready: dict[Request, tuple[str, Spec]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    computed: int = 0

    def __post_init__(self) -> None:
        missing = remaining(self.requests, self.find)
        self.places = {request: place for place, request in enumerate(missing)}
        self.left = {request: request.cost_estimate() for request in missing}
        self.total, self.shown = sum(self.left.values()), 0.0
        self.sorter = TopologicalSorter(
            {request: [need for need in request.needs if need in self.left] for request in missing}
        )
        self.sorter.prepare()
        self.changed = True

    def go_on(self) -> bool:
        """Begin what can begin, and wait for what ends; whether anything is left to do."""
        if self.changed:
            self._look_again()
        elsewhere = self._begin()
        if self.running:
            self.changed |= elsewhere > 0  # what others make is looked for as often as one's own
            self._collect()
            return True
        self._show(0.0)
        if elsewhere:
            time.sleep(LOOK_SECONDS)
            self.changed = True
        return self.changed

    def _look_again(self) -> None:
        """Take away what is on record by now, and find what can begin after it."""
        self.changed = False
        while self.sorter.is_active():
            for request in self.sorter.get_ready():
                spec = request.spec(self.find)
                self.ready[request] = key(spec), spec
            done = [r for r, (_, spec) in self.ready.items() if self.find(spec) is not None]
            if not done:
                break
            for request in done:
                del self.ready[request], self.left[request]
            self.sorter.done(*done)
        self.ready = dict(sorted(self.ready.items(), key=lambda item: self.places[item[0]]))

    def _begin(self) -> int:
        """Begin runs; how many could, but somebody else is making them.

        No more than can run at once: what becomes ready later may stand earlier in the plan.
        """
        elsewhere = 0
        for name, spec in dict(self.ready.values()).items():
            if len(self.running) >= self.executor.jobs or name in self.running | self.failed.keys():
                continue
            if self.locks and not self.locks.take(name):
                elsewhere += 1
            elif self.find(spec) is not None:  # somebody else made it a moment ago
                self._release(name)
                self.changed = True
            else:
                self.running.add(name)
                self.executor.submit(spec)
        return elsewhere

    def _collect(self) -> None:
        """Take what has ended, if anything has."""
        for spec, result in self.executor.results(self._show):
            name, self.changed = key(spec), True
            self.running.discard(name)
            self._release(name)
            if isinstance(result, Record):
                self.computed += 1
            else:
                self.failed[name] = str(result)

    def _release(self, name: str) -> None:
        if self.locks:
            self.locks.release(name)

    def _show(self, seen: float) -> bool:
        """Tell how far the study is; `seen` is the work done of the runs in progress.

        Gives whether time is left: a run that is made in this process is stopped by who makes it.
        """
        # A run may be more work than was expected of its request.
        done = self.total - sum(self.left.values())
        self.shown = max(self.shown, min(done + seen, self.total))
        runs = len(self.places)
        self.tick(self.shown, self.total, f"{runs - len(self.left)} of {runs} runs")
        return self.time_left() > 0


def remaining(requests: Sequence[Request], find: Find) -> list[Request]:
    """What must still run for some requests, each once: also what they wait for."""
    chains = dict.fromkeys(link for request in requests for link in request.chain(find))
    return [request for request in chains if request.record(find) is None]
