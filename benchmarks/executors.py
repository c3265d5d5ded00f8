"""Time the same short runs in one process, in two processes and on a Ray cluster of two nodes.

The cluster is started for it on this machine, each node with one CPU. Of each executor are kept:
the seconds until its workers have done a first trivial run each; then, with warm workers, what a
run costs on top of its own computing (wall time of trivial runs, one after the other, less the
seconds in their records; medians); and the seconds of the short runs of a study. Executors take
turns, so that a busy machine slows all alike; medians of all rounds are kept.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.cluster import two_nodes
from benchmarks.timing import ROOT, keep
from prunelib.nets.profile import ChannelProfile
from prunelib.study.executors.local import Here, Processes, Setting
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.scheduler import run_study
from prunelib.study.specs import TrainSpec
from prunelib.study.store import Store
from prunelib.training.machine import Machine
from prunelib.training.protocols import TrainProtocol

SCALE = SCALES["smoke"]
REQUESTS = plan_study(SCALE, ("reduced-width", "bottleneck"), seeds=1)
JOBS = 2


def trivial(seed: int) -> TrainSpec:
    """A run of a fraction of a second."""
    protocol = TrainProtocol(epochs=1, milestones=(), pad=1, flip=False)
    return TrainSpec(ChannelProfile.full(10, 0.25), SCALE.data, protocol, seed)


def done(executor, specs: list[TrainSpec]) -> list[float]:
    """Submit all, wait for all; the seconds that each says it computed."""
    for spec in specs:
        executor.submit(spec)
    seconds = []
    while len(seconds) < len(specs):
        for _, result in executor.results(lambda images: None):
            if isinstance(result, Exception):
                raise result
            seconds.append(result.circumstances["seconds"])
    return seconds


def measured(make: Callable, trials: int) -> dict:
    """Seconds to start, on top of a run, and of the runs."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        began = time.perf_counter()
        executor = make(store)
        done(executor, [trivial(seed) for seed in range(executor.jobs)])
        ready = time.perf_counter()
        extra = []
        for seed in range(JOBS, JOBS + trials):
            submitted = time.perf_counter()
            (own,) = done(executor, [trivial(seed)])
            extra.append(time.perf_counter() - submitted - own)
        warm = time.perf_counter()
        summary = run_study(REQUESTS, cached_lookup(store), executor)
        assert not summary.missing
        return {
            "seconds": time.perf_counter() - warm,
            "start_seconds": ready - began,
            "overhead_seconds": statistics.median(extra),
        }


def mini_seconds() -> float:
    """Median seconds of the training runs of `mini`."""
    records = Store(ROOT / "results/mini").records()
    return statistics.median(
        record.circumstances["seconds"] for record in records if record.spec.kind == "train"
    )


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "executors")
    parser.add_argument("--rounds", type=int, default=3, help="of each executor (default: 3)")
    parser.add_argument("--trials", type=int, default=10, help="trivial runs (default: 10)")
    given = parser.parse_args()
    if given.rounds < 1 or given.trials < 1:
        parser.error("--rounds and --trials must be at least 1")
    machine = Machine.here("cpu", 1)
    with two_nodes() as nodes:
        os.environ |= nodes.environment  # before Ray is imported
        from prunelib.study.executors.ray import RayTasks

        executors = {
            "one process": lambda store: Here(Setting(store, machine)),
            "two processes": lambda store: Processes(Setting(store, machine), JOBS),
            "Ray, two nodes": lambda store: RayTasks(store, nodes.address, device="cpu"),
        }
        rounds = [
            {name: measured(make, given.trials) for name, make in executors.items()}
            for _ in range(given.rounds)
        ]
    whole = mini_seconds()
    print(f"{'':<16}{len(REQUESTS)} runs   ratio    start   on top of a run, of one of mini")
    rows = {}
    for name in executors:
        row = {
            what: statistics.median(each[name][what] for each in rounds) for what in rounds[0][name]
        }
        ratios = [each[name]["seconds"] / each["one process"]["seconds"] for each in rounds]
        row["ratio"] = statistics.median(ratios)
        row["overhead_of_mini"] = row["overhead_seconds"] / whole
        rows[name] = {what: float(f"{value:.4g}") for what, value in row.items()}
        print(
            f"{name:<16}{row['seconds']:>5.1f} s    {row['ratio']:.2f} "
            f"{row['start_seconds']:>6.1f} s   "
            f"{1e3 * row['overhead_seconds']:>12.1f} ms  {row['overhead_of_mini']:>12.4%}"
        )
    found = {
        "runs": len(REQUESTS),
        "rounds": given.rounds,
        "mini_seconds": whole,
        "rows": rows,
    }
    keep(given.out, found, machine)


if __name__ == "__main__":
    main()
