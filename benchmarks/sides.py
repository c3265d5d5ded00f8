"""What prunelib is timed against: the same algorithm in plain PyTorch, or the paper's own code.

A side makes steps, functions without arguments that can be timed. All work on one fixed batch of
noise, for the content of images does not matter for time.
"""

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import Step
from prunelib.nets.inputs import SHAPES
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channel
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.criteria import CRITERIA, CriterionInputs, least_salient
from prunelib.pruning.saliency import Fisher
from prunelib.training.data import Dataset, Split, train_batches
from prunelib.training.data._torchvision import import_torchvision
from prunelib.training.machine import Machine
from prunelib.training.updates import sgd, sgd_step

BATCH = 128
SGD = {"lr": 8e-4, "momentum": 0.9, "weight_decay": 5e-4}


@dataclass(frozen=True)
class Side:
    """One implementation.

    Args:
        name: for readers.
        training: (profile, image size) -> one update.
        pruning: (full profile, profile left, image size) -> one update that reads saliency.
        removal: likewise -> choose a channel by the saliencies read, and take it away.
        batches: image size -> one augmented training batch of uint8 images.
    """

    name: str
    training: Callable[[ChannelProfile, int], Step]
    pruning: Callable[[ChannelProfile, ChannelProfile, int], Step]
    removal: Callable[[ChannelProfile, ChannelProfile, int], Step]
    batches: Callable[[int], Step]


def noise(size: int) -> tuple[Tensor, Tensor]:
    """Images (N, 3, size, size) and labels."""
    return torch.randn(BATCH, 3, size, size), torch.randint(10, (BATCH,))


def pixels(size: int, count: int = 50_000) -> Split:
    """Images (N, size, size, 3) of bytes, and labels."""
    x = torch.randint(256, (count, size, size, 3), dtype=torch.uint8)
    return Split(x, torch.randint(10, (count,)))


def ours(machine: Machine) -> Side:
    """The library."""

    def prepared(profile: ChannelProfile, size: int):
        model = machine.place(WideResNet(profile)).train()
        x, y = noise(size)
        x = x.to(machine.device, memory_format=torch.channels_last)
        return model, sgd(model, **SGD), x, y.to(machine.device)

    def training(profile: ChannelProfile, size: int) -> Step:
        model, optimizer, x, y = prepared(profile, size)
        return lambda: sgd_step(model, optimizer, x, y, machine)

    def pruning(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        model, optimizer, x, y = prepared(left, size)
        gates = Fisher(model).gates
        return lambda: sgd_step(model, optimizer, x, y, machine, gates)

    def removal(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        model, optimizer, x, y = prepared(left, size)
        shape = SHAPES["cifar10"]._replace(image_size=size)

        def step() -> None:
            fisher = Fisher(model)
            fisher.samples = BATCH
            inputs = CriterionInputs(model, fisher.scores(), torch.Generator())
            block, channel, _ = least_salient(CRITERIA["fisher"](inputs))
            shape.params(model.profile), shape.macs(model.profile)
            remove_channel(model, block, channel, optimizer)

        sgd_step(model, optimizer, x, y, machine)
        return step

    def batches(size: int) -> Step:
        split = pixels(size)
        data = Dataset("cifar10", split, split, torch.full((3,), 120.0), torch.full((3,), 60.0))
        stream = train_batches(data.to(machine.device), BATCH, size // 8, True, 0)
        return lambda: next(stream)

    return Side("prunelib", training, pruning, removal, batches)


def plain() -> Side:
    """What public code for this algorithm does: float32, masks, hooks, images one by one."""

    def prepared(full: ChannelProfile):
        model = WideResNet(full).train()
        return model, torch.optim.SGD(model.parameters(), **SGD)

    def update(model, optimizer, size: int, gates=None) -> Step:
        x, y = noise(size)

        def step() -> float:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x, gates), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def training(profile: ChannelProfile, size: int) -> Step:
        return update(*prepared(profile), size)

    def pruning(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        gates = [masked(mask, torch.zeros(len(mask))) for mask in masks(full, left)]
        return update(*prepared(full), size, gates)

    def removal(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        alive = torch.cat(masks(full, left))
        scores = torch.rand(len(alive))

        def step() -> None:
            alive[(scores + 1e6 * (1 - alive)).argmin()] = 0

        return step

    return Side("plain PyTorch", training, pruning, removal, one_by_one)


def masks(full: ChannelProfile, left: ChannelProfile) -> list[Tensor]:
    """1 for channels that are left, 0 for those that are gone; (C,) for each block."""
    return [
        (torch.arange(channels) < kept).float()
        for channels, kept in zip(full.middle, left.middle, strict=True)
    ]


def masked(mask: Tensor, total: Tensor) -> Callable[[Tensor], Tensor]:
    """A gate that masks channels and reads saliency by a hook."""

    def gate(a: Tensor) -> Tensor:
        a = a * mask[None, :, None, None]

        def read(gradient: Tensor) -> None:
            total.add_(0.5 * (a.detach() * gradient).sum((2, 3)).pow(2).mean(0))

        a.register_hook(read)
        return a

    return gate


def one_by_one(size: int) -> Step:
    """A batch made image by image with torchvision's transforms, by a data loader."""
    from PIL import Image

    transforms = import_torchvision().transforms
    augment = transforms.Compose(
        [
            transforms.RandomCrop(size, padding=size // 8),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.5,) * 3, (0.25,) * 3),
        ]
    )
    split = pixels(size)

    class Images(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(split.y)

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            return augment(Image.fromarray(split.x[i].numpy())), int(split.y[i])

    loader = torch.utils.data.DataLoader(Images(), BATCH, shuffle=True)
    stream = iter(())

    def step() -> tuple[Tensor, Tensor]:
        nonlocal stream
        batch = next(stream, None)
        if batch is None:
            stream = iter(loader)
            batch = next(stream)
        return batch

    return step


def reference(folder: Path) -> Side:
    """The paper's public code (BayesWatch/pytorch-prunes) in `folder`: its model, its pruner.

    Raises:
        ImportError: it is not there.
    """
    import_torchvision()  # as it must be imported here; the code below imports it plainly
    sys.path.insert(0, str(folder.resolve()))
    try:
        import funcs
        from models import wideresnet
    finally:
        sys.path.pop(0)

    class Functional:
        """Its pooling expects images of 32 pixels; everything else is PyTorch's."""

        avg_pool2d = staticmethod(lambda x, size: x.mean((2, 3), keepdim=True))
        dropout = staticmethod(F.dropout)

    def prepared(full: ChannelProfile, size: int, mask: bool):
        wideresnet.F = F if size == 32 else Functional
        return wideresnet.WideResNet(full.depth, full.width, mask=mask).train()

    def update(model, size: int) -> Step:
        optimizer = torch.optim.SGD(model.parameters(), **SGD)
        x, y = noise(size)

        def step() -> float:
            output = model(x)
            loss = F.cross_entropy(output, y)
            funcs.get_error(output.detach(), y, topk=(1,))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def masking(full: ChannelProfile, left: ChannelProfile, size: int):
        model = prepared(full, size, mask=True)
        blocks = [m for m in model.modules() if isinstance(m, wideresnet.MaskBlock)]
        step = update(model, size)
        step()
        for block, mask in zip(blocks, masks(full, left), strict=True):
            block.mask.copy_(mask)
        return model, step

    def pruning(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        return masking(full, left, size)[1]

    def removal(full: ChannelProfile, left: ChannelProfile, size: int) -> Step:
        model, step = masking(full, left, size)
        pruner = funcs.Pruner()
        step()

        def silent() -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                pruner.fisher_prune(model, 1)
            for module in model.modules():
                if isinstance(module, wideresnet.MaskBlock):
                    module.running_fisher = torch.rand(module.out_channels)

        return silent

    return Side(
        "pytorch-prunes",
        lambda full, size: update(prepared(full, size, mask=False), size),
        pruning,
        removal,
        one_by_one,
    )
