"""Time updates on a GPU: as CUDA graphs and without, and in several processes at once.

Images are random. Where NVIDIA's MPS daemon runs (`nvidia-cuda-mps-control -d`), processes share
the GPU at the same time, otherwise in turns; `--mps` only says so in the record.

examples:
  python benchmarks/gpu.py --processes 1 4
  nvidia-cuda-mps-control -d && python benchmarks/gpu.py --processes 1 4 12 --mps
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import timing
from benchmarks.timing import keep
from prunelib.kernels.cuda_graph import Replayed
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.saliency import Fisher
from prunelib.training.data.batches import train_batches
from prunelib.training.data.dataset import Dataset, Split, mean_and_std
from prunelib.training.machine import Machine
from prunelib.training.updates import sgd, sgd_step, stepper

FULL = ChannelProfile.full(40, 1)
MIDDLE = (3, 6, 6, 9, 6, 7, 28, 9, 6, 4, 5, 7, 27, 3, 3, 1, 1, 1)
"""Of a network of 79,586 parameters that pruning left at scale mini, seed 0."""
NETWORKS = {
    "WRN-40-1 at 16×16": (FULL, 16),
    "pruned to 80K, at 16×16": (ChannelProfile(40, 1, MIDDLE), 16),
    "bottleneck of 80K, at 16×16": (ChannelProfile(40, 1, (2,) * 6 + (4,) * 6 + (8,) * 6), 16),
    "WRN-40-2 at 32×32": (ChannelProfile.full(40, 2), 32),
}
BATCH = 128
UPDATES = 800
"""Of each process."""
Step = Callable[[Tensor, Tensor], Tensor]


def random_images(size: int, machine: Machine, number: int = 20_000) -> Dataset:
    """Images without meaning, for a GPU computes as long on them."""
    random = torch.Generator().manual_seed(0)
    x = torch.randint(256, (number, size, size, 3), dtype=torch.uint8, generator=random)
    y = torch.randint(10, (number,), generator=random)
    split = Split(x, y)
    return Dataset("cifar10", split, split, *mean_and_std(x)).to(machine.device)


def milliseconds(step: Step, batches: Iterator[tuple[Tensor, Tensor]], times: int) -> float:
    """Of an update, and of taking its batch."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(times):
        step(*next(batches))
    torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - started) / times


def updates(name: str, machine: Machine, saliency: bool) -> dict:
    """Milliseconds of an update: plain, with the making of its batch, and as a CUDA graph."""
    profile, size = NETWORKS[name]
    model = machine.place(WideResNet(profile)).train()
    optimizer = sgd(model, 0.1, 0.9, 5e-4)
    tap = Fisher(model) if saliency else None

    def plain(x: Tensor, y: Tensor) -> Tensor:
        return sgd_step(model, optimizer, x, y, machine, tap.gates if tap else None)

    batches = train_batches(random_images(size, machine), BATCH, size // 8, True, 0)
    milliseconds(plain, batches, 5)
    without = milliseconds(plain, batches, 15)
    graph = stepper(model, optimizer, machine, 1000, tap)
    milliseconds(graph, batches, 10)
    assert isinstance(graph, Replayed)
    assert graph.replay is not None, "it was not recorded"
    with_graph = milliseconds(lambda x, y: graph.replay(), repeat(next(batches)), 100)
    return {
        "plain_ms": round(without, 2),
        "graph_ms": round(with_graph, 2),
        "ratio": round(with_graph / without, 3),
    }


def together(processes: int) -> dict:
    """Updates a second of WRN-40-1 at 16×16, of several processes at once."""
    command = [sys.executable, __file__, "--worker"]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    rates = [float(process.communicate()[0]) for process in started]
    return {"processes": processes, "updates_a_second": round(sum(rates))}


def worker(machine: Machine) -> None:
    """One of several processes: get ready, wait for the others, say how fast it was."""
    model = machine.place(WideResNet(FULL)).train()
    batches = train_batches(random_images(16, machine), BATCH, 2, True, 0)
    step = stepper(model, sgd(model, 0.1, 0.9, 5e-4), machine, 1000)
    milliseconds(step, batches, 10)
    print("ready", flush=True)
    sys.stdin.readline()
    print(1e3 / milliseconds(step, batches, UPDATES))


def main() -> None:
    """Measure and write the record."""
    parser = timing.parser(__doc__, "gpu")
    parser.add_argument("--processes", type=int, nargs="*", default=[], help="how many at once")
    parser.add_argument("--mps", action="store_true", help="NVIDIA's MPS daemon runs")
    parser.add_argument("--worker", action="store_true", help="used by the script itself")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("there is no GPU here")
    machine = Machine.here("cuda")
    if given.worker:
        worker(machine)
        return
    rows = {
        name: updates(name, machine, saliency=False)
        | {"saliency_graph_ms": updates(name, machine, saliency=True)["graph_ms"]}
        for name in NETWORKS
    }
    at_once = [together(number) | {"mps": given.mps} for number in given.processes]
    keep(given.out, {"rows": rows, "together": at_once}, machine)


if __name__ == "__main__":
    main()
