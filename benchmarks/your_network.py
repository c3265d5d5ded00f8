"""Prune a network that is not ours, or train a narrower one? For ResNet-18, at equal images.

ResNet-18 with a quarter of its channels is trained, and pruned channel by channel. Then narrower
ones are trained from scratch: as large as what pruning left, and on as many images as it had seen
up to there, in whole epochs. Takes about ten minutes of one core for each seed.

examples:
  python benchmarks/your_network.py --data ~/cifar10
  python benchmarks/your_network.py --images digits --percent 5 --epochs 2 --out digits.json
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import ROOT, keep
from prunelib import prunable_layers, prune, train
from prunelib.nets.inputs import WEIGHTS
from prunelib.pruning.any_network.channels import TOTAL, macs, params
from prunelib.pruning.checkpoint import Point
from prunelib.training.data import Dataset, generator, load
from prunelib.training.data._torchvision import import_torchvision
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol, TrainProtocol

WIDTHS = (64, 128, 256, 512)
"""ResNet-18's, of its four stages."""
SHARES = (0.5, 0.25)
"""Of the parameters, where pruned and narrower networks are compared."""


def resnet18(widths: tuple[int, ...], channels: int, seed: int) -> nn.Sequential:
    """ResNet-18 for small images: torchvision's blocks, a 3x3 convolution and no pooling in front.

    Args:
        widths: of the four stages.
        channels: of the images.
        seed: of the weights.
    """
    block = import_torchvision().models.resnet.BasicBlock
    with torch.random.fork_rng():
        torch.manual_seed(generator(seed, WEIGHTS).initial_seed())
        layers = [*convolution(channels, widths[0], 3, 1), nn.ReLU()]
        width = widths[0]
        for stage, out in enumerate(widths):
            stride = 2 if stage else 1
            other = stride > 1 or out != width
            shortcut = nn.Sequential(*convolution(width, out, 1, stride)) if other else None
            layers += [block(width, out, stride, shortcut), block(out, out)]
            width = out
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def convolution(c_in: int, c_out: int, size: int, stride: int) -> tuple[nn.Module, nn.Module]:
    """A convolution and its batch norm."""
    return nn.Conv2d(c_in, c_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(c_out)


def scaled(percent: float) -> tuple[int, ...]:
    """Some of ResNet-18's channels in every stage."""
    return tuple(max(1, round(width * percent / 100)) for width in WIDTHS)


def narrower(budget: int, percent: float, channels: int) -> tuple[int, ...]:
    """The widths of the largest network within so many parameters, narrower than `percent`."""
    fitting = (scaled(percent * part / 100) for part in range(100, 0, -1))
    return next(
        (widths for widths in fitting if params(resnet18(widths, channels, 0)) <= budget), scaled(0)
    )


def told(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def measured(given: argparse.Namespace, data: Dataset, seed: int, machine: Machine) -> dict:
    """Base, trajectory and narrower networks of one seed."""
    shape = data.shape
    example = torch.zeros(1, shape.in_channels, shape.image_size, shape.image_size)
    augment = {"pad": shape.image_size // 8, "flip": given.images != "digits"}
    full = TrainProtocol(**augment)
    model = resnet18(scaled(given.percent), shape.in_channels, seed)
    history = train(model, data, full.lasting(given.epochs), seed, machine)
    base = size(model, example) | {"error": history[-1].test_error}
    told(f"seed {seed}: {base['params']:,} parameters, error {base['error']:.2f}%")

    end = int(min(SHARES) * base["params"])
    protocol = PruneProtocol(
        steps=given.steps, eval_every=given.eval_every, stop_params=end, **augment
    )
    layers = [asdict(layer) for layer in prunable_layers(model, example)]
    points = prune(model, data, protocol, seed, machine, example=example)
    told(f"  pruned: {points[-1].params:,} parameters, error {points[-1].error:.2f}%")

    compared = []
    for share in SHARES:
        pruned = reached(points, share * base["params"])
        epoch, each = len(data.train.y), given.steps * protocol.batch_size
        pruned["images"] = given.epochs * epoch + each * (pruned["removals"] + 1)
        lasting = full.lasting(round(pruned["images"] / epoch))
        widths = narrower(pruned["params"], given.percent, shape.in_channels)
        small = resnet18(widths, shape.in_channels, seed)
        error = train(small, data, lasting, seed, machine)[-1].test_error
        scratch = size(small, example) | {"error": error, "images": lasting.epochs * epoch}
        compared.append({"share": share, "pruned": pruned, "narrower": scratch, "widths": widths})
        told(f"  at {share:.0%}: pruned {pruned['error']:.2f}%, narrower {error:.2f}%")
    columns = ("removals", "params", "macs", "error", "block", "channel", "saliency")
    walk = {name: [getattr(point, name) for point in points] for name in columns}
    return {"seed": seed, "base": base, "layers": layers, "points": walk, "compared": compared}


def size(model: nn.Module, example: torch.Tensor) -> dict:
    """Parameters, and multiply-accumulates for one image."""
    return {"params": params(model), "macs": macs(model, example)[TOTAL]}


def reached(points: list[Point], budget: float) -> dict:
    """The largest network on a trajectory within a budget whose error was measured."""
    point = next(p for p in points if p.params <= budget and p.error is not None)
    return {name: getattr(point, name) for name in ("removals", "params", "macs", "error")}


def main() -> None:
    """Measure, print, and keep the record after every seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    out = "results/your-network/resnet18.json"
    parser.add_argument("--out", type=Path, default=ROOT / out, help=f"the record (default: {out})")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10")
    parser.add_argument("--images", default="cifar10", choices=("cifar10", "digits"))
    parser.add_argument("--percent", type=float, default=25, help="of the channels (default: 25)")
    parser.add_argument("--seeds", type=int, default=2, help="networks pruned (default: 2)")
    parser.add_argument("--epochs", type=int, default=5, help="before pruning (default: 5)")
    parser.add_argument("--steps", type=int, default=6, help="updates a removal (default: 6)")
    parser.add_argument("--eval-every", type=int, default=20, help="removals (default: 20)")
    given = parser.parse_args()
    if min(given.seeds, given.epochs, given.steps, given.eval_every) < 1:
        parser.error("--seeds, --epochs, --steps and --eval-every must be at least 1")
    pixels = 16 if given.images == "cifar10" else 8
    data, machine = load(given.images, pixels, given.data), Machine.here("cpu", 1)
    torch.set_num_threads(1)
    runs = []
    for seed in range(given.seeds):
        runs.append(measured(given, data, seed, machine))
        settings = {name: getattr(given, name) for name in ("epochs", "steps", "eval_every")}
        keep(given.out, {"images": given.images, "size": pixels, **settings, "runs": runs}, machine)


if __name__ == "__main__":
    main()
