"""Time inference of networks with equal parameters: are they equally fast, and if not, why?

All networks of one size take turns, engine by engine, so that a busy machine slows all alike.
Printed and kept are medians, quartiles, and ratios to the base network of the same round. What
ratios would be if time followed MACs stands beside them. Then come the two convolutions of one
block at many bottleneck widths: does a width that is no multiple of 8 cost more? Weights are
random; all runs on the CPU. Takes about 6 minutes on two idle cores.
"""

import os
import shutil
import statistics
import sys
from collections.abc import Hashable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.sides import BATCH
from benchmarks.timing import ROOT, Step, keep, timed
from prunelib.book.notebook import open_study
from prunelib.evidence.design import copycat_source
from prunelib.nets.blocks import round_half_up
from prunelib.nets.export import onnx
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.study.trajectory import Trajectory
from prunelib.training.machine import Machine

SIZES = ((1, 16, (80_000, 200_000)), (2, 32, (200_000, 500_000)))
"""Width of the base network, pixels a side of its images, budgets (parameters)."""
BATCHES, THREADS = (1, BATCH), (1, 2)
WIDTHS = (1, 2, 4, 6, 7, 8, 9, 12, 15, 16, 17, 20, 24, 25, 31, 32, 33, 40, 47, 48, 49, 56, 63, 64)
CHANNELS, PIXELS = 64, 16
"""Of the block with these widths: one of the middle stage of WRN-40-2 at 32×32."""
EAGER, COMPILED, ONNX = "PyTorch", "torch.compile", "ONNX Runtime"
SHORT = {"bfloat16": "bf16", "float32": "f32"}
ENOUGH = 20
"""Milliseconds for a step in a round."""
TOLERANCE = 1e-4
"""Of what ONNX Runtime gives, as a share of the largest output."""


class Network(NamedTuple):
    """A profile, the rule that made it from a base network, and the size of its images."""

    base: str
    size: int
    family: str
    budget: int | None
    profile: ChannelProfile

    def describe(self) -> dict:
        """What rows and the list of networks say of it."""
        return {
            "network": self.base,
            "size": self.size,
            "family": self.family,
            "budget": self.budget,
            "params": self.profile.params,
            "macs": self.profile.count_macs(self.size),
        }


def networks(width: int, size: int, budgets: Sequence[int]) -> list[Network]:
    """The base network, and every family at every budget; shapes come from the scale mini."""
    records = open_study("mini", results=str(ROOT / "results"), run_missing=False)
    base, name = ChannelProfile.full(40, width), f"WRN-40-{width}"
    found = [Network(name, size, "base", None, base)]
    for budget in budgets:
        profiles = {
            "pruned": pruned(records.trajectory(0), base, budget),
            "copycat": copycat_source(records, base).fit_params(budget),
            "bottleneck": base.fit_params(budget),
            "reduced-width": base.fit_width(budget),
        }
        for family in ("pruned", "copycat"):
            profiles[f"{family}-rounded"] = rounded(profiles[family])
        found += [Network(name, size, f, budget, p) for f, p in profiles.items() if p is not None]
    return found


def pruned(walk: Trajectory, base: ChannelProfile, budget: int) -> ChannelProfile:
    """The first profile of the trajectory that, carried over to this base, meets the budget.

    Where the trajectory ends above the budget, its last profile is scaled to it.
    """
    for n in range(len(walk.params)):
        shares = zip(base.middle, walk.after(n).shares(), strict=True)
        carried = replace(base, middle=tuple(round_half_up(c * share) for c, share in shares))
        if carried.params <= budget:
            return carried
    return carried.fit_params(budget)


def rounded(profile: ChannelProfile, step: int = 8) -> ChannelProfile | None:
    """Bottleneck widths as multiples of `step`, with at most the parameters of the profile.

    Each is rounded down, but not to nothing. While that is too much, the block that gained most
    loses a step; then, while one more fits, the block that lost most gains one. None where even
    `step` channels a block have more parameters.
    """
    wanted = profile.middle
    now = replace(profile, middle=tuple(max(step, m // step * step) for m in wanted))
    while now.params > profile.params:
        able = [i for i, m in enumerate(now.middle) if m > step]
        if not able:
            return None
        now = changed(now, max(able, key=lambda i: now.middle[i] - wanted[i]), -step)
    while True:
        able = [
            i
            for i, block in enumerate(now.blocks)
            if block.middle + step <= block.c_out and changed(now, i, step).params <= profile.params
        ]
        if not able:
            return now
        now = changed(now, max(able, key=lambda i: wanted[i] - now.middle[i]), step)


def changed(profile: ChannelProfile, i: int, n: int) -> ChannelProfile:
    """This profile with `n` channels more in one block (counted from 0)."""
    middle = profile.middle
    return replace(profile, middle=(*middle[:i], middle[i] + n, *middle[i + 1 :]))


def build(profile: ChannelProfile) -> nn.Module:
    """A network for inference with random weights."""
    model = WideResNet(profile).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # New batch norms change nothing, and an exporter may leave them out.
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.0)
    return model


def convolutions(width: int) -> nn.Module:
    """The two 3x3 convolutions of a block with this bottleneck width."""
    return nn.Sequential(
        nn.Conv2d(CHANNELS, width, 3, padding=1, bias=False),
        nn.Conv2d(width, CHANNELS, 3, padding=1, bias=False),
    ).eval()


def eager(model: nn.Module, x: Tensor, precision: str) -> Step:
    """Inference as prunelib does it; compiled, if the model is."""
    machine = Machine("cpu", precision, torch.get_num_threads())
    model, x = machine.place(model), x.contiguous(memory_format=torch.channels_last)

    def step() -> Tensor:
        with torch.inference_mode(), machine.autocast():
            return model(x)

    return step


def onnx_step(exported: bytes, x: Tensor) -> Step:
    """Inference by ONNX Runtime, on as many threads as PyTorch has now."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it is read at the import
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(exported, options, ["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, inputs)[0]


def export(model: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """The model as ONNX, for any batch, checked against PyTorch with another batch.

    Raises:
        RuntimeError: the outputs differ.
    """
    torch.set_num_threads(1)
    exported, x = onnx(model, torch.randn(2, *shape)), torch.randn(3, *shape)
    expected = eager(model, x, "float32")().numpy()
    difference = np.abs(onnx_step(exported, x)() - expected).max() / np.abs(expected).max()
    if not difference <= TOLERANCE:
        raise RuntimeError(f"ONNX Runtime differs from PyTorch by {difference:.1e}")
    return exported


def exports(groups: Sequence["Group"]) -> dict[Hashable, bytes]:
    """Models as ONNX, two at a time, for one takes 10 seconds; none if packages are missing."""
    if absent := [n for n in ("onnx", "onnxscript", "onnxruntime") if find_spec(n) is None]:
        print(f"{ONNX} is left out; not installed: {', '.join(absent)}")
        return {}
    names = [(name, group) for group in groups for name in group.exported]
    print(f"exporting {len(names)} models as ONNX ...", flush=True)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        made = pool.map(export, (g.models[n] for n, g in names), (g.shape for _, g in names))
        return {name: exported for (name, _), exported in zip(names, made, strict=True)}


def in_rounds(steps: dict[tuple, Step], rounds: int) -> dict[tuple, list[float]]:
    """Milliseconds of each step in each round: of short ones the median of up to 20 calls."""
    for step in steps.values():
        step()
    short = {name: timed(step) < ENOUGH for name, step in steps.items()}
    times = {name: [] for name in steps}
    for n in range(rounds):
        for name in list(steps)[:: 1 if n % 2 else -1]:
            if short[name]:
                steps[name]()  # so that caches hold this network, and threads of others rest
            spent = [timed(steps[name])]
            while sum(spent) < ENOUGH and len(spent) < 20:
                spent.append(timed(steps[name]))
            times[name].append(statistics.median(spent))
    return times


class Group(NamedTuple):
    """Models that take turns. What rows say of each begins with `keys`; most MACs is the base."""

    title: str
    keys: tuple[str, ...]
    models: dict[Hashable, nn.Module]
    described: dict[Hashable, dict]
    shape: tuple[int, int, int]
    threads: tuple[int, ...]
    exported: tuple
    compiled: tuple = ()


def network_group(
    chosen: list[Network], threads: tuple, exported: Sequence[str], compiled: Sequence[str]
) -> Group:
    """Networks of one size; those of some families are exported or, at one budget, compiled."""
    base = chosen[0]
    last = [n for n in chosen if n.budget in (None, chosen[-1].budget)]
    return Group(
        f"{base.base} at {base.size}×{base.size}",
        ("family", "budget", "params"),
        {n: build(n.profile) for n in chosen},
        {n: n.describe() for n in chosen},
        (3, base.size, base.size),
        threads,
        tuple(n for n in chosen if n.family in exported),
        tuple(n for n in last if n.family in compiled),
    )


def width_group(widths: Sequence[int]) -> Group:
    """The convolutions of one block."""
    return Group(
        f"{CHANNELS} → width → {CHANNELS} channels at {PIXELS}×{PIXELS}, two 3×3 convolutions",
        ("width",),
        {w: convolutions(w) for w in widths},
        {w: {"width": w, "macs": 18 * CHANNELS * w * PIXELS**2} for w in widths},
        (CHANNELS, PIXELS, PIXELS),
        THREADS[:1],
        tuple(widths),
    )


def compare(group: Group, onnx: dict[Hashable, bytes], rounds: int) -> list[dict]:
    """Time a group on every engine and print it; torch.compile on one thread only."""
    print(f"\n{group.title}")
    precisions = dict.fromkeys((Machine.here("cpu").precision, "float32"))
    rows = []
    for threads, batch in product(group.threads, BATCHES):
        torch.set_num_threads(threads)
        x = torch.randn(batch, *group.shape)
        steps = {}
        for name, model in group.models.items():
            steps |= {(name, EAGER, p): eager(model, x, p) for p in precisions}
            if name in onnx:
                steps[name, ONNX, "float32"] = onnx_step(onnx[name], x)
            if threads == 1 and name in group.compiled:
                made = torch.compile(model, dynamic=False)
                steps[name, COMPILED, "float32"] = eager(made, x, "float32")
        new = rows_of(in_rounds(steps, rounds), group.described, batch)
        show(new, group.keys)
        rows += new
    return rows


def rows_of(times: dict[tuple, list], described: dict[Hashable, dict], batch: int) -> list[dict]:
    """Flat rows; ratios are medians over rounds, against the base in the same round and engine."""
    base = max(described, key=lambda name: described[name]["macs"])
    rows = []
    for (name, engine, precision), spent in times.items():
        low, ms, high = np.percentile(spent, (25, 50, 75))
        ratio = np.median(np.divide(spent, times[base, engine, precision]))
        share = described[name]["macs"] / described[base]["macs"]
        rows.append(
            described[name]
            | {"engine": engine, "precision": precision}
            | {"threads": torch.get_num_threads(), "batch": batch}
            | {"ms": round(ms, 4), "low": round(low, 4), "high": round(high, 4)}
            | {"images_per_second": round(1e3 * batch / ms, 1)}
            | {"macs_share": round(share, 4), "against_base": round(ratio, 4)}
            | {"against_macs": round(ratio / share, 3)}
        )
    return rows


def show(rows: list[dict], keys: Sequence[str]) -> None:
    """Print milliseconds and, in brackets, time against the base, a column an engine."""
    table: dict[tuple, dict] = {}
    for row in rows:
        name = (*(row[k] for k in keys), f"{row['macs_share']:.3f}")
        engine = f"{row['engine']} {SHORT[row['precision']]}"
        table.setdefault(name, {})[engine] = f"{row['ms']:.2f} ({row['against_base']:.2f})"
    engines = dict.fromkeys(engine for cells in table.values() for engine in cells)
    print(f"\nbatch {rows[0]['batch']}, threads: {rows[0]['threads']}; ms (against the base)")
    print("".join(f"{head:>18}" for head in (*keys, "MACs", *engines)))
    for name, cells in table.items():
        line = [*("" if k is None else k for k in name), *(cells.get(e, "") for e in engines)]
        print("".join(f"{cell:>18}" for cell in line), flush=True)


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "inference")
    parser.add_argument("--rounds", type=int, default=7, help="of each comparison (default: 7)")
    parser.add_argument(
        "--compiled",
        nargs="*",
        default=["base", "copycat"],
        metavar="FAMILY",
        help="families for torch.compile, at 16×16, 200K parameters and one thread: each takes "
        "a minute or two, and the base is one (default: base copycat; none: no family)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of a few cases on one thread: does it run?"
    )
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    sizes = [networks(*size) for size in SIZES]
    families = list(dict.fromkeys(network.family for network in sizes[0]))
    if wrong := set(given.compiled) - set(families):
        parser.error(f"no family {', '.join(sorted(wrong))}; there are: {', '.join(families)}")
    compiled = given.compiled and {"base", *given.compiled}
    exported, widths, threads, rounds = families, WIDTHS, THREADS, given.rounds
    if given.quick:
        sizes = [[network for network in sizes[0] if network.budget in (None, 200_000)]]
        compiled, exported = [], ["base", "copycat"]
        widths, threads, rounds = (7, 8, 64), THREADS[:1], 2
    if compiled and not (shutil.which("c++") or shutil.which("g++")):
        print(f"{COMPILED} is left out; there is no C++ compiler")
        compiled = []
    # All networks run the same code; above 8 versions of it PyTorch would stop compiling, silently.
    torch._dynamo.config.recompile_limit = 64
    groups = [network_group(n, threads, exported, compiled if n is sizes[0] else ()) for n in sizes]
    block = width_group(widths)
    onnx = exports([*groups, block])
    found = {
        "note": "shares of channels are those of the recorded mini trajectory of seed 0, also for "
        "WRN-40-2; where it ends above a budget, its last profile is scaled. Rounded profiles are "
        "left out where 8 channels in every block already have more parameters.",
        "rounds": rounds,
        "networks": [n.describe() | {"profile": asdict(n.profile)} for c in sizes for n in c],
        "rows": [row for group in groups for row in compare(group, onnx, rounds)],
        "widths": compare(block, onnx, rounds),
        "threads": threads,
        "onnxruntime": version("onnxruntime") if onnx else None,
    }
    keep(given.out, found, Machine.here("cpu"))


if __name__ == "__main__":
    main()
