"""Time whole epochs of training, one network alone and several at once: meant for a GPU.

Each network trains in a process of its own on noise of CIFAR-10's size. The last epoch counts, for
the first one starts things up. On a GPU, updates run with CUDA graphs and without.

examples:
  python benchmarks/epochs.py --at-once 1 2 4 8
  python benchmarks/epochs.py --device cpu --width 1 --size 16 --images 2560
"""

import argparse
import multiprocessing
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.sides import pixels
from benchmarks.timing import keep
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.training import trainer
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.protocols import Protocol

EPOCHS = 200
"""Of the paper: what the time of one is multiplied by."""


def epoch(given: argparse.Namespace, graphs: bool, together) -> float:
    """Seconds of an epoch, evaluation included, of one network while others train, too."""
    torch.set_num_threads(1)
    machine = Machine.here(given.device, 1)
    if not graphs:
        trainer.Replayed = lambda step, *rest: step
    split = pixels(given.size, given.images)
    test = pixels(given.size, given.images // 5)
    data = Dataset("cifar10", split, test, torch.full((3,), 120.0), torch.full((3,), 60.0))
    model = WideResNet(ChannelProfile.full(40, given.width))
    protocol = Protocol(epochs=given.epochs, milestones=(), pad=given.size // 8)
    together.wait()
    history = trainer.train(model, data, protocol, 0, machine)
    return history[-1].seconds + history[-1].evaluation_seconds


def at_once(given: argparse.Namespace, count: int, graphs: bool) -> dict:
    """Seconds of an epoch of the slowest of so many networks, and what one costs of it."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(count) as pool:
        together = manager.Barrier(count)
        seconds = max(pool.starmap(epoch, [(given, graphs, together)] * count, chunksize=1))
    return {
        "at_once": count,
        "graphs": graphs,
        "epoch_seconds": round(seconds, 3),
        "run_seconds": round(EPOCHS * seconds, 1),
        "amortised_seconds": round(EPOCHS * seconds / count, 1),
    }


def main() -> None:
    """Measure, print, and keep the record."""
    parser = timing.parser(__doc__, "epochs")
    parser.add_argument("--device", help="cpu or cuda (default: a GPU if there is one)")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    parser.add_argument("--width", type=float, default=2, help="of the WRN-40 (default: 2)")
    parser.add_argument("--size", type=int, default=32, help="pixels a side (default: 32)")
    parser.add_argument("--images", type=int, default=50_000, help="in an epoch (default: 50000)")
    parser.add_argument("--epochs", type=int, default=3, help="trained (default: 3)")
    given = parser.parse_args()
    if min(*given.at_once, given.epochs) < 1 or given.images < 128:
        parser.error("--at-once and --epochs must be at least 1, --images 128")
    machine = Machine.here(given.device, 1)
    ways = (True, False) if machine.device.startswith("cuda") else (False,)
    print(f"{'at once':>7} {'graphs':>7} {'epoch':>10} {f'{EPOCHS} epochs':>12} {'of it each':>12}")
    rows = []
    for count in given.at_once:
        for graphs in ways:
            row = at_once(given, count, graphs)
            rows.append(row)
            print(
                f"{count:>7} {'yes' if graphs else 'no':>7} {row['epoch_seconds']:>8.2f} s "
                f"{row['run_seconds']:>10.0f} s {row['amortised_seconds']:>10.0f} s",
                flush=True,
            )
    keep(given.out, {"width": given.width, "size": given.size, "rows": rows}, machine)


if __name__ == "__main__":
    main()
