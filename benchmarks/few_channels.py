"""Train narrow networks with the kernels of `results/kernels` and without, in turns.

Needs a processor with AVX512-BF16, and g++.

examples:
  python benchmarks/few_channels.py
  python benchmarks/few_channels.py --pairs 30
"""

import sys
from pathlib import Path
from unittest import mock

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "results" / "kernels"))

import narrow

from benchmarks import sides, timing
from benchmarks.timing import ROOT, Step, in_turns, keep
from prunelib.book.notebook import open_study
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.text import short
from prunelib.training.machine import Machine

BUDGETS = (80_000, 320_000)
SIZE = 16


def networks() -> dict[str, ChannelProfile]:
    """The base network of `mini`, and a bottleneck and a pruned one of each budget."""
    walk = open_study("mini", results=str(ROOT / "results"), run_missing=False).trajectory(0)
    found = {"WRN-40-1": walk.full}
    for budget in BUDGETS:
        found[f"bottleneck of {short(budget)}"] = walk.full.fit_params(budget)
        found[f"pruned to {short(budget)}"] = walk.after(walk.reach(budget))
    return found


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "few_channels")
    parser.add_argument("--pairs", type=int, default=15, help="of each comparison (default: 15)")
    given = parser.parse_args()
    if given.pairs < 1:
        parser.error("--pairs must be at least 1")
    if not narrow.is_able():
        parser.error("these kernels need a processor with AVX512-BF16, and g++")
    torch.set_num_threads(1)
    machine = Machine("cpu", "bfloat16", 1)
    side, usual = sides.ours(machine), WideResNet.forward
    narrow.install()
    rows = []
    for name, profile in networks().items():
        faster = side.training(profile, SIZE)
        step = side.training(profile, SIZE)

        def as_usual(step: Step = step) -> None:
            with mock.patch.object(WideResNet, "forward", usual):
                step()

        row = {"network": name, "params": profile.params, "macs": profile.count_macs(SIZE)}
        rows.append(row | in_turns(faster, as_usual, given.pairs))
        times = f"{rows[-1]['ms']:>8.2f} ms {rows[-1]['against_ms']:>8.2f} ms"
        print(f"{name:<24}{times}   {rows[-1]['ratio']:.3f}", flush=True)
    keep(given.out, {"rows": rows}, machine)


if __name__ == "__main__":
    main()
