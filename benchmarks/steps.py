"""Time a training step, Fisher accumulation and pruning beside plain PyTorch: `make bench`.

What is compared runs in turns in one process, so that a busy machine slows both sides alike; the
medians of each side and the median of their ratios are printed and kept. The plain side does what
public code for this algorithm does: float32, contiguous tensors, channels masked and never
removed, saliency read by hooks, SGD a tensor at a time.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from prunelib.machine import Machine
from prunelib.notebook import open_study
from prunelib.profile import ChannelProfile
from prunelib.saliency import Fisher
from prunelib.trainer import sgd, sgd_step
from prunelib.wrn import WideResNet

BATCH = 128
ROOT = Path(__file__).parents[1]
Step = Callable[[], object]


def ours(profile: ChannelProfile, size: int, machine: Machine, fisher: bool = False) -> Step:
    """One update as prunelib makes it, with Fisher accumulation or without."""
    model = machine.place(WideResNet(profile)).train()
    optimizer = sgd(model, 8e-4, 0.9, 5e-4)
    gates = Fisher(model).gates if fisher else None
    x, y = batch(size)
    x = x.to(machine.device, memory_format=torch.channels_last)
    return lambda: sgd_step(model, optimizer, x, y.to(machine.device), machine, gates)


def plain(full: ChannelProfile, left: ChannelProfile, size: int, fisher: bool = False) -> Step:
    """One update of the whole network, with the channels that are not left masked."""
    model = WideResNet(full).train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=8e-4, momentum=0.9, weight_decay=5e-4, foreach=False
    )
    gates = None
    if fisher or left != full:
        gates = [
            hooked(channels, kept) for channels, kept in zip(full.middle, left.middle, strict=True)
        ]
    x, y = batch(size)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x, gates), y).backward()
        optimizer.step()

    return step


def hooked(channels: int, kept: int) -> Callable[[Tensor], Tensor]:
    """A gate that masks channels and reads saliency by a hook."""
    mask = torch.zeros(1, channels, 1, 1)
    mask[:, :kept] = 1
    total = torch.zeros(channels)

    def gate(a: Tensor) -> Tensor:
        a = a * mask

        def read(gradient: Tensor) -> None:
            total.add_(0.5 * (a.detach() * gradient).sum((2, 3)).pow(2).mean(0))

        a.register_hook(read)
        return a

    return gate


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, size, size) and labels; their content does not matter for time."""
    return torch.randn(BATCH, 3, size, size), torch.randint(10, (BATCH,))


def in_turns(a: Step, b: Step, pairs: int) -> dict:
    """Median milliseconds of both, and the median of a / b over pairs."""
    times = []
    for pair in range(pairs + 2):
        order = (a, b) if pair % 2 else (b, a)
        spent = {step: timed(step) for step in order}
        times.append((spent[a], spent[b]))
    times = times[2:]
    return {
        "ms": round(statistics.median(t for t, _ in times), 2),
        "against_ms": round(statistics.median(t for _, t in times), 2),
        "ratio": round(statistics.median(t / u for t, u in times), 3),
        "pairs": pairs,
    }


def timed(step: Step) -> float:
    """Milliseconds of one step."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - started)


def product_rate(n: int = 1024, times: int = 8) -> float:
    """GFLOP/s of a float32 matrix product: what the processor can do."""
    a = torch.randn(n, n)
    best = min(timed(lambda: a @ a) for _ in range(times))
    return 2 * n**3 / best / 1e6


def training_step(width: float, size: int, machine: Machine, pairs: int) -> dict:
    """An update of the unpruned network, and the GFLOP/s that it reaches."""
    full = ChannelProfile.full(40, width)
    row = in_turns(ours(full, size, machine), plain(full, full, size), pairs)
    return row | {"gflops": round(6 * full.count_macs(size) * BATCH / row["ms"] / 1e6, 1)}


def accumulation(machine: Machine, pairs: int) -> dict:
    """An update that reads saliency, beside one that does not."""
    full = ChannelProfile.full(40, 1)
    return in_turns(ours(full, 16, machine, True), ours(full, 16, machine), pairs)


def trajectory(machine: Machine, pairs: int) -> dict:
    """Mean step along the recorded pruning run, timed at nine places of it, evenly spaced.

    The rule is the trapezoidal one, so the ratio is that of the whole walk.
    """
    full = ChannelProfile.full(40, 1)
    run = open_study("mini", run_missing=False).trajectory(0)
    places = [round(i * (len(run.params) - 1) / 8) for i in range(9)]
    rows = [
        in_turns(ours(left, 16, machine, True), plain(full, left, 16, True), pairs)
        for left in (run.after(n) for n in places)
    ]
    mine, theirs = ([row[k] for row in rows] for k in ("ms", "against_ms"))
    return {
        "ms": round(trapezoid(mine), 2),
        "against_ms": round(trapezoid(theirs), 2),
        "ratio": round(trapezoid(mine) / trapezoid(theirs), 3),
        "pairs": pairs,
        "removals": places,
        "ms_at": mine,
        "against_ms_at": theirs,
    }


def trapezoid(values: list[float]) -> float:
    """Mean over equal intervals."""
    return (sum(values) - (values[0] + values[-1]) / 2) / (len(values) - 1)


CASES = {
    "wide": ("training step, WRN-40-2 at 32×32", partial(training_step, 2, 32)),
    "narrow": ("training step, WRN-40-1 at 16×16", partial(training_step, 1, 16)),
    "fisher": ("the same reading saliency, beside not reading it", accumulation),
    "pruning": ("pruning it to a tenth, a step of fine-tuning", trajectory),
}


def main() -> None:
    """Measure, print, and keep the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=15, help="of each comparison (default: 15)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (default: 1)")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "results/benchmarks/steps.json",
        help="the record (default: results/benchmarks/steps.json)",
    )
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=list(CASES), help="some only (default: all)"
    )
    given = parser.parse_args()
    if given.pairs < 1 or given.threads < 1:
        parser.error("--pairs and --threads must be at least 1")
    torch.set_num_threads(given.threads)
    machine = Machine.here("cpu", given.threads)
    print(f"{'':<54}{'prunelib':>12} {'against':>12}   ratio")
    rows = {}
    for case in given.cases:
        title, compare = CASES[case]
        row = rows[title] = compare(machine, given.pairs)
        print(f"{title:<54}{row['ms']:>9.1f} ms {row['against_ms']:>9.1f} ms   {row['ratio']:.2f}")
    rate = round(product_rate(), 1)
    print(f"a float32 matrix product reaches {rate} GFLOP/s")
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    found = {
        "product_gflops": rate,
        "rows": rows,
        "circumstances": machine.describe() | {"finished": finished},
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(given.out)


if __name__ == "__main__":
    main()
