"""Which convolutions of a network make channels that can be removed, and why others do not.

Torch-Pruning's graph says who reads the channels of a convolution. Whether removing them does what
masking them does is then tried on a copy, so that an operation that the graph misreads is found.
"""

import re
from copy import deepcopy
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.pruning.any_network.channels import keep, masked
from prunelib.pruning.prunable import weight_is_computed
from prunelib.text import one_line
from prunelib.training.arguments import checked_logits, unwrapped

INSTALL = (
    "pruning another network than a WideResNet needs Torch-Pruning: pip install 'prunelib[any]'"
)
FITS = "the example must be a batch of images (N, C, H, W) as the network takes them"
PASSED = (nn.BatchNorm1d, nn.BatchNorm2d, nn.PReLU)
"""Layers that treat each channel by itself, and have parameters for it."""


@dataclass(frozen=True)
class Layer:
    """A convolution, and what becomes of the channels that it makes.

    Candidates have a `number`, from 1, in the order in which the network computes; the others have
    a `reason`. `through` are the layers that the channels pass on the way to their `reader`, which
    has `features` inputs for each: one, or a picture of them where it is linear.
    """

    name: str
    channels: int
    number: int | None = None
    through: tuple[str, ...] = ()
    reader: str = ""
    features: int = 1
    reason: str | None = None


def prunable_layers(model: nn.Module, example: Tensor) -> list[Layer]:
    """All convolutions of a network, in order: which can lose channels, and why others cannot.

    Args:
        model: stays as it is.
        example: a batch of images (N, C, H, W).

    Raises:
        PrunelibError: Torch-Pruning is missing, the network does not take the example or does not
            give logits (N, classes), or there is no candidate; the message names the reasons.

    >>> import torch
    >>> network = nn.Sequential(
    ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10)
    ... )
    >>> for layer in prunable_layers(network, torch.zeros(1, 3, 32, 32)):
    ...     print(layer.number, layer.name, layer.reader, layer.reason)
    1 0 3 None
    """
    network, images, _ = in_double(model, example)
    calls = called(network, images)
    found = [with_reason(network, calls, layer) for layer in traced(network, images, calls)]
    found = tried(model, example, found)
    candidates = [layer for layer in found if not layer.reason]
    if not candidates:
        why = "; ".join(f"{layer.name}: {layer.reason}" for layer in found[:3])
        raise PrunelibError(
            f"no channels of this {type(model).__name__} can be removed ({why or 'no convolution'})"
        )
    numbers = {layer.name: number for number, layer in enumerate(candidates, 1)}
    return [replace(layer, number=numbers.get(layer.name)) for layer in found]


def in_double(model: nn.Module, example: Tensor) -> tuple[nn.Module, Tensor, float]:
    """A copy in float64, which tells rounding from errors; as it is, if it insists on its format.

    Returns:
        The copy in eval mode with all gradients, the example for it, and the difference of outputs,
        as a share of the largest, that rounding may explain.
    """
    if not isinstance(example, Tensor) or example.dim() != 4 or not len(example):
        raise PrunelibError(f"{FITS}, not {getattr(example, 'shape', type(example).__name__)}")
    network = copied(model)
    example = example.to(next(network.parameters()).device)
    logits = checked_logits(output_of(network, example), len(example))
    if not logits.isfinite().all():
        raise PrunelibError("the network makes numbers of the example that are not finite")
    try:
        output_of(network.double(), example.double())
    except PrunelibError:
        return copied(model), example, 1e-3
    return network, example.double(), 1e-9


def copied(model: nn.Module) -> nn.Module:
    """A copy in eval mode with all gradients.

    Raises:
        PrunelibError: it cannot be copied, or has no parameters.
    """
    try:
        if hasattr(model, "_orig_mod"):
            raise PrunelibError(f"it is compiled; prune {unwrapped(model)}")
        network = deepcopy(model).eval().requires_grad_()
    except Exception as error:
        why = f"{beginning(error)}; masks of torch.nn.utils.prune: make them last with remove"
        raise PrunelibError(f"the network cannot be copied: {why}") from None
    if next(network.parameters(), None) is None:
        raise PrunelibError("the network has no parameters, and so no channels")
    return network


@torch.no_grad()
def output_of(network: nn.Module, example: Tensor) -> object:
    """What the network makes of the example.

    Raises:
        PrunelibError: it does not take it.
    """
    try:
        return network(example)
    except Exception as error:
        shape = tuple(example.shape)
        raise PrunelibError(f"{FITS}; with {shape} it fails: {beginning(error)}") from None


def beginning(error: Exception) -> str:
    """The beginning of an exception's message."""
    return one_line(error)[:200]


def called(network: nn.Module, example: Tensor) -> dict[str, int]:
    """How often each module is called, by name, in the order of first calls."""
    counts: dict[str, int] = {}

    def hook(name: str) -> object:
        return lambda *_: counts.update({name: counts.get(name, 0) + 1})

    handles = [m.register_forward_pre_hook(hook(name)) for name, m in network.named_modules()]
    output_of(network, example)
    for handle in handles:
        handle.remove()
    return counts


def torch_pruning() -> ModuleType:
    """The package.

    Raises:
        PrunelibError: it is not installed.
    """
    try:
        import torch_pruning
    except ImportError:
        raise PrunelibError(INSTALL) from None
    return torch_pruning


def traced(network: nn.Module, example: Tensor, calls: dict[str, int]) -> list[Layer]:
    """What the dependency graph says of each convolution that is called."""
    tp = torch_pruning()
    modules = dict(network.named_modules())
    try:
        graph = tp.DependencyGraph().build_dependency(network, [example], verbose=False)
    except Exception as error:
        what = f"{type(error).__name__}: {beginning(error)}"
        raise PrunelibError(
            f"Torch-Pruning cannot follow this network's channels: {what}"
        ) from None
    names = {module: name for name, module in modules.items()}
    found = []
    for name in calls:
        module = modules[name]
        if isinstance(module, nn.Conv2d) and module in graph.module2node:
            everything = list(range(module.out_channels))
            group = graph.get_pruning_group(module, tp.prune_conv_out_channels, everything)
            found.append(layer_of(tp, graph, group, names, module))
        elif isinstance(module, nn.Conv2d):
            found.append(Layer(name, module.out_channels, reason="the logits do not depend on it"))
    return found


def layer_of(
    tp: Any, graph: Any, group: Any, names: dict[nn.Module, str], conv: nn.Conv2d
) -> Layer:
    """One convolution, from what shares its channels."""
    made, through, readers, other = [], [], [], []
    for dep, _ in group:
        module, kind = dep.target.module, dep.target.type
        name = names.get(module, "")
        if is_depthwise(module) or isinstance(module, PASSED):
            through.append(name)
        elif name and graph.is_out_channel_pruning_fn(dep.handler):
            made.append(name)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            readers.append(name)
        elif kind not in (tp.ops.OPTYPE.ELEMENTWISE, tp.ops.OPTYPE.RESHAPE):
            other.append(name or kind.name.lower())
    layer = Layer(names[conv], conv.out_channels)
    others = [name for name in made if name != layer.name]
    if is_depthwise(conv):
        reason = f"depthwise: goes with {some(others)}" if others else "depthwise, of the images"
    elif others:
        reason = f"shares its channels with {some(others)}"
    elif "output" in other:
        reason = "its channels are the network's outputs"
    elif other:
        reason = f"passes {some(other)}"
    elif len(readers) != 1:
        reason = f"read by {some(readers)}" if readers else "no layer reads its channels"
    else:
        return replace(layer, through=tuple(dict.fromkeys(through)), reader=readers[0])
    return replace(layer, reason=reason)


def is_depthwise(module: object) -> bool:
    """Whether a layer is a convolution of each channel by itself."""
    return isinstance(module, nn.Conv2d) and (
        1 < module.groups == module.in_channels == module.out_channels
    )


def some(names: list[str]) -> str:
    """The first names of a list."""
    names = sorted(set(names), key=natural)
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names with numbers in them as people do: layer2 before layer10."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def with_reason(network: nn.Module, calls: dict[str, int], layer: Layer) -> Layer:
    """The same layer, with a reason where one of its modules is not what can be sliced."""
    if layer.reason:
        return layer
    modules = dict(network.named_modules())
    for name in (layer.name, *layer.through, layer.reader):
        module = modules[name]
        if calls.get(name) != 1:
            return replace(layer, reason=f"{name} is used {calls.get(name, 0)} times")
        if weight_is_computed(module):
            return replace(layer, reason=f"the weight of {name} is computed from others")
        if shares_parameters(network, module):
            return replace(layer, reason=f"{name} shares parameters with another layer")
        if isinstance(module, nn.Conv2d) and module.groups > 1 and not is_depthwise(module):
            return replace(layer, reason=f"{name} is a grouped convolution")
        if getattr(module, "num_features", layer.channels) != layer.channels:
            return replace(layer, reason=f"{name} has another number of channels")
    inputs = getattr(modules[layer.reader], "in_features", layer.channels)
    return replace(layer, features=inputs // layer.channels)


def shares_parameters(network: nn.Module, module: nn.Module) -> bool:
    """Whether another module has a parameter of this one."""
    own = {id(parameter) for parameter in module.parameters(recurse=False)}
    others = (m for m in network.modules() if m is not module)
    return any(id(p) in own for m in others for p in m.parameters(recurse=False))


def tried(model: nn.Module, example: Tensor, layers: list[Layer]) -> list[Layer]:
    """The same layers, with a reason where removing channels is not what masking them is.

    Of each candidate every other channel is removed, for good, so that one copy will do for all.
    """
    network, images, tolerance = in_double(model, example)
    found = []
    for layer in layers:
        reason = layer.reason or difference(network, images, layer, tolerance)
        if reason and not layer.reason:
            network, _, _ = in_double(model, example)
        found.append(replace(layer, reason=reason))
    return found


@torch.no_grad()
def difference(network: nn.Module, example: Tensor, layer: Layer, tolerance: float) -> str | None:
    """Remove every other channel of a layer; None, or how that differs from masking them."""
    left = torch.arange(0, layer.channels, 2, device=example.device)
    try:
        with masked(network, layer, left):
            expected = network(example)
        keep(network, layer, left)
        output = network(example)
    except Exception as error:
        return f"it fails without a channel: {beginning(error)}"
    if (output - expected).abs().max() > tolerance * expected.abs().max():
        return "a channel of zeros is not like no channel"
    return None
