"""What can be done with the channels of a layer: mask, remove, score and count them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.hooks import RemovableHandle

from prunelib.nets.surgery import select, shrink
from prunelib.nets.wideresnet import Gate, WideResNet

if TYPE_CHECKING:
    from prunelib.pruning.any_network.layers import Layer

TOTAL = ""
"""The name of the whole network."""


@torch.no_grad()
def keep(
    model: nn.Module,
    layer: "Layer",
    left: Tensor,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Remove all channels of a candidate but some; the optimizer's momentum follows.

    Parameters keep their identity, so an optimizer goes on working with them.

    Args:
        model: changed in place.
        layer: one of `prunable_layers`.
        left: indices (n,) among the channels that the layer has now, ascending, on its device.
        optimizer: its buffers of the shape of a parameter lose the same slices.
    """
    for module in (layer.name, *layer.through):
        narrow(model.get_submodule(module), left, optimizer)
    reader: Any = model.get_submodule(layer.reader)
    inputs = torch.arange(layer.features, device=left.device) + layer.features * left[:, None]
    shrink(reader.weight, 1, inputs.flatten(), optimizer)
    width = "in_features" if isinstance(reader, nn.Linear) else "in_channels"
    setattr(reader, width, inputs.numel())
    if isinstance(model, WideResNet):
        middle = tuple(block.conv1.out_channels for block in model.residual_blocks)
        model.profile = replace(model.profile, middle=middle)


def narrow(module: Any, left: Tensor, optimizer: torch.optim.Optimizer | None) -> None:
    """Keep some outputs of a layer that makes channels, or through which they pass."""
    if isinstance(module, nn.PReLU) and module.num_parameters == 1:
        return
    for parameter in module.parameters(recurse=False):
        shrink(parameter, 0, left, optimizer)
    for name in ("running_mean", "running_var"):
        if getattr(module, name, None) is not None:
            setattr(module, name, select(getattr(module, name), 0, left))
    if getattr(module, "groups", 1) > 1:
        module.groups = module.in_channels = len(left)
    for name in ("out_channels", "num_features", "num_parameters"):
        if hasattr(module, name):
            setattr(module, name, len(left))


def tap(reader: nn.Module, features: int, gate: Gate) -> RemovableHandle:
    """Apply a gate, as of `WideResNet.forward`, to what a layer reads; remove the handle to end it.

    The gate gets (N, channels, H, W), and of a linear layer (N, channels, features, 1).
    """

    def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        a, *others = inputs
        pixels = a if a.dim() == 4 else a.reshape(len(a), a.shape[1] // features, features, 1)
        return gate(pixels).reshape(a.shape), *others

    return reader.register_forward_pre_hook(hook)


@contextmanager
def gated(model: nn.Module, layers: Sequence["Layer"], gates: Sequence[Gate]) -> Iterator[None]:
    """A context in which a gate stands in front of the reader of each of some candidates."""
    handles = [
        tap(model.get_submodule(layer.reader), layer.features, gate)
        for layer, gate in zip(layers, gates, strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def masked(model: nn.Module, layer: "Layer", left: Tensor) -> AbstractContextManager[None]:
    """A context in which a candidate's channels are zero, but for those that are left."""

    def mask(a: Tensor) -> Tensor:
        kept = torch.zeros(a.shape[1], device=a.device, dtype=a.dtype).index_fill(0, left, 1)
        return a * kept[:, None, None]

    return gated(model, [layer], [mask])


def layer_widths(model: nn.Module, layers: Sequence["Layer"]) -> list[int]:
    """How many channels each candidate has now."""
    return [maker.out_channels for maker in makers(model, layers)]


def makers(model: nn.Module, layers: Sequence["Layer"]) -> list[nn.Conv2d]:
    """The convolutions that make the candidates' channels."""
    return [cast(nn.Conv2d, model.get_submodule(layer.name)) for layer in layers]


def params(model: nn.Module) -> int:
    """Parameters of a network; running statistics are none."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def macs(model: nn.Module, example: Tensor) -> dict[str, int]:
    """Multiply-accumulates for one image, of the whole network (`TOTAL`) and of modules by name:

    those of convolutions and matrix products, as PyTorch counts them, in eval mode.
    """
    modes = {module: module.training for module in model.modules()}
    with FlopCounterMode(display=False) as counter:
        model.eval()(example)
    for module, training in modes.items():
        module.training = training
    found = {TOTAL: counter.get_total_flops()}
    for name, by_operator in counter.get_flop_counts().items():
        found[name.partition(".")[2] or TOTAL] = sum(by_operator.values())
    return {name: flops // (2 * len(example)) for name, flops in found.items()}


def savings(model: nn.Module, example: Tensor, layers: Sequence["Layer"]) -> list[int]:
    """Multiply-accumulates for one image that one channel of each candidate costs; 0 if it is all.

    They are saved in the layer that makes it, in those that it passes, and in its reader.
    """
    spent = macs(model, example)
    saved = []
    for layer, width in zip(layers, layer_widths(model, layers), strict=True):
        touched = (layer.name, *layer.through, layer.reader)
        saved.append(sum(spent.get(name, 0) for name in touched) // width if width > 1 else 0)
    return saved
