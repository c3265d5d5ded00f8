"""Time training, saliency and pruning beside other code, in turns in one process: `make bench`.

Without --reference the other side is the same algorithm in plain PyTorch: float32, channels masked
and never removed, saliency read by hooks, images augmented one by one. With it, it is the paper's
own code.

examples:
  python benchmarks/steps.py
  python benchmarks/steps.py --cases wide narrow --pairs 30
  ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 python benchmarks/steps.py --cases wide-peak  # no AMX
  git clone https://github.com/BayesWatch/pytorch-prunes ../pytorch-prunes
  python benchmarks/steps.py --reference ../pytorch-prunes
"""

import os
import sys
from pathlib import Path
from unittest import mock

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import sides, timing
from benchmarks.sides import BATCH, Side
from benchmarks.timing import ROOT, Step, in_turns, keep, product
from prunelib.book.notebook import open_study
from prunelib.kernels import norm_relu as fused
from prunelib.nets.profile import ChannelProfile
from prunelib.training.machine import Machine

NETWORKS = {
    "WRN-40-2 at 32×32": (ChannelProfile.full(40, 2), 32),
    "WRN-40-1 at 16×16": (ChannelProfile.full(40, 1), 16),
}
PLACES = 9
"""Of a pruning run, evenly spaced over its removals: the trapezoidal rule gives its time."""
REMOVALS_TIMED = 5
STEPS = {"WRN-40-2 at 32×32": 100, "WRN-40-1 at 16×16": 10}
"""Updates between removals, of the scales `paper` and `mini`."""


def training(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """An update of the unpruned network."""
    full, size = NETWORKS[name]
    row = in_turns(side.training(full, size), other.training(full, size), pairs)
    return row | {"gflops": round(6 * full.count_macs(size) * BATCH / row["ms"] / 1e6, 1)}


def peak(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """The rate of floating-point operations beside that of a matrix product, both in our format."""
    full, size = NETWORKS[name]
    reach = product(machine)
    row = in_turns(reach, side.training(full, size), pairs)
    gflop = 6 * full.count_macs(size) * BATCH / 1e9
    share = row["ratio"] * gflop / reach.gflop
    low, high = (row[k] * gflop / reach.gflop for k in ("low", "high"))
    return {
        "ms": row["against_ms"],
        "gflops": round(1e3 * gflop / row["against_ms"], 1),
        "against_ms": row["ms"],
        "against_gflops": round(1e3 * reach.gflop / row["ms"], 1),
        "ratio": round(share, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "pairs": pairs,
        "parts": parts(side.training(full, size)),
    }


def parts(step: Step, times: int = 3) -> dict:
    """Shares of the time of a step by kind of operation, as PyTorch's profiler sees them."""
    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for _ in range(times):
            step()
    spent = dict.fromkeys((*KINDS, "the rest"), 0.0)
    for event in profiler.key_averages():
        kind = next((k for k, names in KINDS.items() if event.key in names), "the rest")
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: round(t / total, 4) for kind, t in spent.items()}


KINDS = {
    "convolutions, backward": ("aten::convolution_backward",),
    "convolutions, forward": ("aten::mkldnn_convolution", "aten::_slow_conv2d_forward"),
    "projections": ("aten::mm", "aten::addmm"),
    "batch norm and ReLU": (
        "NormReLU",
        "NormReLUBackward",
        "aten::native_batch_norm",
        "aten::native_batch_norm_backward",
        "aten::clamp_min_",
        "aten::relu_",
        "aten::threshold_backward",
    ),
    "sums of shortcuts and of gradients": ("aten::add", "aten::add_"),
    "copies and casts": ("aten::copy_", "aten::_to_copy", "aten::clone"),
    "optimiser": ("aten::_fused_sgd_", "Optimizer.step#SGD.step"),
}


def accumulation(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """An update that reads saliency, beside one that does not; both ours."""
    full, size = NETWORKS[name]
    return in_turns(side.pruning(full, full, size), side.training(full, size), pairs)


def loops(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """An update with Numba's loops, beside one with PyTorch's batch norm and ReLU; both ours."""
    if machine.describe()["numba"] is None:
        sys.exit("the loops need Numba and one thread; leave their cases out with --cases")
    full, size = NETWORKS[name]
    plain = side.training(full, size)

    def without() -> None:
        with mock.patch.object(fused, "numba_loops", return_value=None):
            plain()

    return in_turns(side.training(full, size), without, pairs)


def data(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """An augmented batch; and its share of a batch together with its update."""
    full, size = NETWORKS[name]
    row = in_turns(side.batches(size), other.batches(size), 4 * pairs)
    update = in_turns(side.training(full, size), other.training(full, size), max(1, pairs // 3))
    return row | {
        "share": round(row["ms"] / (row["ms"] + update["ms"]), 4),
        "against_share": round(row["against_ms"] / (row["against_ms"] + update["against_ms"]), 4),
    }


def trajectory(name: str, side: Side, other: Side, machine: Machine, pairs: int) -> dict:
    """A pruning run to a tenth of the parameters, timed at some places of it.

    The walk is the recorded one of `mini`, with the same shares of the channels for other widths.
    A removal is the updates before it, their batches, and taking the channel away. Large networks
    are timed in fewer pairs.
    """
    full, size = NETWORKS[name]
    run = open_study("mini", results=str(ROOT / "results"), run_missing=False).trajectory(0)
    removals = [round(i * (len(run.params) - 1) / (PLACES - 1)) for i in range(PLACES)]
    walk = [like(full, run.full, run.after(n)) for n in removals]
    found = {"ms": [], "against_ms": []}
    pairs = pairs if name == NARROW else max(1, pairs // 3)
    batches = in_turns(side.batches(size), other.batches(size), 4 * pairs)
    updates, choices = [], []
    for left in walk:
        updates.append(
            in_turns(side.pruning(full, left, size), other.pruning(full, left, size), pairs)
        )
        removal = side.removal(full, left, size), other.removal(full, left, size)
        choices.append(in_turns(*removal, REMOVALS_TIMED, warm_up=1))
        for key, times in found.items():
            step = batches[key] + updates[-1][key]
            times.append(round(STEPS[name] * step + choices[-1][key], 2))
    mine, theirs = trapezoid(found["ms"]), trapezoid(found["against_ms"])
    return {
        "ms": round(mine, 2),
        "against_ms": round(theirs, 2),
        "ratio": round(mine / theirs, 4),
        "pairs": pairs,
        "steps": STEPS[name],
        "batch_ms": batches["ms"],
        "against_batch_ms": batches["against_ms"],
        "macs_at": [left.count_macs(size) for left in walk],
        "params_at": [left.params for left in walk],
        "ms_at": found["ms"],
        "against_ms_at": found["against_ms"],
        "update_ms_at": [row["ms"] for row in updates],
        "removing_ms_at": [row["ms"] for row in choices],
        "against_removing_ms_at": [row["against_ms"] for row in choices],
    }


def like(full: ChannelProfile, base: ChannelProfile, left: ChannelProfile) -> ChannelProfile:
    """A profile with as large a share of each block's channels as `left` has of those of `base`."""
    shares = zip(full.middle, base.middle, left.middle, strict=True)
    return ChannelProfile(full.depth, full.width, tuple(max(1, c * k // b) for c, b, k in shares))


def trapezoid(values: list[float]) -> float:
    """Mean over equal intervals."""
    return (sum(values) - (values[0] + values[-1]) / 2) / (len(values) - 1)


WIDE, NARROW = NETWORKS
CASES = {
    "wide": ("an update of", WIDE, training),
    "narrow": ("an update of", NARROW, training),
    "wide-peak": ("GFLOP/s, beside a matrix product, of", WIDE, peak),
    "narrow-peak": ("GFLOP/s, beside a matrix product, of", NARROW, peak),
    "data": ("an augmented batch for", NARROW, data),
    "fisher": ("reading saliency, beside not reading it, of", NARROW, accumulation),
    "wide-fisher": ("reading saliency, beside not reading it, of", WIDE, accumulation),
    "loops": ("batch norm with ReLU, beside one by one, in an update of", NARROW, loops),
    "wide-loops": (
        "batch norm with ReLU, beside one by one, in an update of",
        WIDE,
        loops,
    ),
    "pruning": ("a removal, over a whole run, of", NARROW, trajectory),
    "wide-pruning": ("a removal, over a whole run, of", WIDE, trajectory),
}


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "steps")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="a clone of pytorch-prunes")
    parser.add_argument("--pairs", type=int, default=15, help="of each comparison (default: 15)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (default: 1)")
    parser.add_argument(
        "--precision",
        choices=("bfloat16", "float32"),
        help="of prunelib; the other side has float32 (default: what is fastest here)",
    )
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=list(CASES), help="some only (default: all)"
    )
    given = parser.parse_args()
    if given.pairs < 1 or given.threads < 1:
        parser.error("--pairs and --threads must be at least 1")
    try:
        other = sides.reference(given.reference) if given.reference else sides.plain()
    except ImportError as error:
        parser.error(f"{given.reference} is no clone of pytorch-prunes: {error}")
    if given.reference and given.out == parser.get_default("out"):
        given.out = given.out.with_name("reference.json")
    torch.set_num_threads(given.threads)
    machine = Machine.here("cpu", given.threads, given.precision)
    side = sides.ours(machine)
    print(f"{'':<58}{'prunelib':>13} {'against':>13}   ratio   ({other.name})")
    rows = {}
    for case in given.cases:
        what, network, compare = CASES[case]
        title = f"{what} {network}"
        found = compare(network, side, other, machine, given.pairs)
        row = rows[case] = {"title": title, "network": network} | found
        times = f"{row['ms']:>10.2f} ms {row['against_ms']:>10.2f} ms"
        print(f"{title:<58}{times}   {row['ratio']:.3f}", flush=True)
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    keep(given.out, {"against": other.name, "limit": limit, "rows": rows}, machine)


if __name__ == "__main__":
    main()
