"""Time what people wait for at the command line, and how it grows: answers, records, memory.

examples:
  python benchmarks/everyday.py
  python benchmarks/everyday.py --data ~/cifar10    also the memory of an epoch of scale mini
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.timing import ROOT, keep
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.store import Store
from prunelib.training.machine import Machine

COMMAND = (sys.executable, "-c", "from prunelib.cli.main import run_prunelib; run_prunelib()")
ANSWERS = {
    "prunelib --help": ("--help",),
    "prunelib describe": ("describe", "--depth", "40", "--width", "2"),
    "prunelib status mini": ("status", "mini", "--results", str(ROOT / "results")),
}
FAMILIES = "bottleneck,reduced-width"
RECORDS = (2_400, 4_800, 10_000)


def seconds(*arguments: str) -> float:
    """Wall time of a command."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def megabytes(*arguments: str) -> float:
    """Peak resident memory of a command that runs in one process."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.DEVNULL) as process:
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return used.ru_maxrss / 1024


def fill(folder: Path, seeds: int) -> int:
    """Write records like the last one of `mini` for a plan with so many seeds; how many."""
    like = max(
        Store(ROOT / "results/mini").records(), key=lambda r: (r.spec.kind == "train", r.key)
    )
    store = Store(folder / "mini")
    find = cached_lookup(store)
    specs = [r.spec(find) for r in plan_study(SCALES["mini"], FAMILIES.split(","), seeds)]
    shape, images = SCALES["mini"].shape, like.outcome["images_seen"]
    for spec in specs:
        macs = shape.macs(spec.profile)
        own = {
            "params": shape.params(spec.profile),
            "macs": macs,
            "training_macs": 3 * macs * images,
            "images_seen": images,
        }
        store.put(replace(like, spec=spec, outcome=like.outcome | own))
    return len(specs)


def growth(counts: list[int], repeats: int) -> list[dict]:
    """Seconds of `status` by the number of records."""
    rows = []
    for wanted in counts:
        with tempfile.TemporaryDirectory() as folder:
            seeds = wanted // (len(SCALES["mini"].budgets) * len(FAMILIES.split(",")))
            count = fill(Path(folder), seeds)
            asked = ("status", "mini", "--families", FAMILIES, "--seeds", str(seeds))
            spent = [seconds(*asked, "--results", folder) for _ in range(repeats)]
        row = {"records": count, "seconds": round(statistics.median(spent), 3)}
        print(f"{f'prunelib status over {count:,} records':<42}{row['seconds']:>8.2f} s")
        rows.append(row)
    return rows


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "everyday")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10")
    parser.add_argument("--repeats", type=int, default=5, help="of each command (default: 5)")
    parser.add_argument(
        "--records",
        type=int,
        nargs="+",
        default=RECORDS,
        help="status is timed over so many, in eights (default: 2400 4800 10000)",
    )
    given = parser.parse_args()
    if given.repeats < 1 or min(given.records) < 8:
        parser.error("--repeats must be at least 1, --records 8")
    rows = {}
    for name, arguments in ANSWERS.items():
        rows[name] = round(statistics.median(seconds(*arguments) for _ in range(given.repeats)), 3)
        print(f"{name:<42}{rows[name]:>8.2f} s")
    found = {"seconds": rows, "status": growth(given.records, given.repeats)}
    if given.data:
        with tempfile.TemporaryDirectory() as folder:
            peak = megabytes(
                *("train", "mini", "--epochs", "1", "--results", folder, "--data", str(given.data))
            )
        found["mini_megabytes"] = round(peak)
        print(f"{'peak memory, an epoch of mini':<42}{peak:>8.0f} MB")
    keep(given.out, found, Machine.here("cpu"))


if __name__ == "__main__":
    main()
