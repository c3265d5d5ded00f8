"""Train the same networks in bfloat16 and in float32: does the number format change the errors?

Only networks that need no pruning run. Takes about a minute at scale smoke, with two cores.

examples:
  python benchmarks/precision.py
  python benchmarks/precision.py mini --seeds 1 --data ~/cifar10
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.timing import keep
from prunelib.study.executors.local import Setting, local_executor
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import found, plan_study
from prunelib.study.request import Request
from prunelib.study.scales import SCALES
from prunelib.study.scheduler import run_study
from prunelib.study.store import Store
from prunelib.training.machine import Machine

FAMILIES = ("base", "reduced-width", "bottleneck", "random-profile")


def errors(requests: list[Request], precision: str, data: Path | None, jobs: int) -> list[float]:
    """Test error of each request, computed anew."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        setting = Setting(store, Machine.here("cpu", 1, precision), data)
        run_study(requests, cached_lookup(store), local_executor(setting, jobs))
        return [record.outcome["error"] for _, record in found(requests, cached_lookup(store))]


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "precision")
    parser.add_argument("scale", nargs="?", default="smoke", choices=SCALES)
    parser.add_argument("--seeds", type=int, default=3, help="of each network (default: 3)")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    given = parser.parse_args()
    if given.seeds < 1 or given.jobs < 1:
        parser.error("--seeds and --jobs must be at least 1")
    requests = plan_study(SCALES[given.scale], FAMILIES, given.seeds)
    by_format = {
        precision: errors(requests, precision, given.data, given.jobs)
        for precision in ("bfloat16", "float32")
    }
    rows = [
        {"family": r.family, "budget": r.budget, "seed": r.seed, "bfloat16": a, "float32": b}
        for r, a, b in zip(requests, *by_format.values(), strict=True)
    ]
    mean = sum(row["bfloat16"] - row["float32"] for row in rows) / len(rows)
    print(f"{len(rows)} networks; bfloat16 has {mean:+.2f} points of error more on average")
    keep(given.out, {"scale": given.scale, "rows": rows}, Machine.here("cpu", 1))


if __name__ == "__main__":
    main()
