"""Measure side by side: what is compared runs in turns, so that a busy machine slows both alike."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch

from prunelib.training.machine import Machine

ROOT = Path(__file__).parents[1]
Step = Callable[[], object]


def timed(step: Step) -> float:
    """Milliseconds of one step."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - started)


def in_turns(a: Step, b: Step, pairs: int, warm_up: int = 2) -> dict:
    """Median milliseconds of both, and the median and quartiles of a / b over pairs."""
    times = []
    for pair in range(pairs + warm_up):
        order = (a, b) if pair % 2 else (b, a)
        spent = {step: timed(step) for step in order}
        times.append((spent[a], spent[b]))
    times = times[warm_up:]
    ratios = [t / u for t, u in times]
    low, _, high = statistics.quantiles(ratios) if pairs > 1 else (ratios[0],) * 3
    return {
        "ms": round(statistics.median(t for t, _ in times), 3),
        "against_ms": round(statistics.median(u for _, u in times), 3),
        "ratio": round(statistics.median(ratios), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "pairs": pairs,
    }


def product(machine: Machine, n: int = 2048) -> Step:
    """A matrix product in the number format of the machine: what its processor can do."""
    form = torch.bfloat16 if machine.precision == "bfloat16" else torch.float32
    a, b = (torch.randn(n, n, device=machine.device, dtype=form) for _ in range(2))
    step = lambda: a @ b  # noqa: E731
    step.gflop = 2 * n**3 / 1e9
    return step


def parser(description: str, name: str) -> argparse.ArgumentParser:
    """A parser whose help is a script's docstring; `--out` is where `keep` writes its record."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--out",
        type=Path,
        default=ROOT / f"results/benchmarks/{name}.json",
        help=f"the record (default: results/benchmarks/{name}.json)",
    )
    return made


def keep(path: Path, found: dict, machine: Machine) -> None:
    """Write a record, with the circumstances in which it was made, and say where."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    record = found | {"circumstances": machine.describe() | {"finished": finished}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path)
