"""Any convolutional network as the loop of pruning sees it, and its Fisher saliency."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.kernels.cuda_graph import Step
from prunelib.kernels.onednn import sound_gradients
from prunelib.pruning.any_network import channels
from prunelib.pruning.any_network.layers import Layer, prunable_layers
from prunelib.pruning.criteria import criterion_named
from prunelib.pruning.prunable import check_not_frozen
from prunelib.pruning.saliency import Fisher
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.updates import sgd_step


@dataclass
class PrunableLayers:
    """Any network, whose channels in some layers can go; `example` is one image of its data."""

    model: nn.Module
    layers: tuple[Layer, ...]
    example: Tensor
    machine: Machine

    @property
    def makers(self) -> Sequence[nn.Conv2d]:
        """The convolution that makes the channels of each layer."""
        return channels.makers(self.model, self.layers)

    def widths(self) -> list[int]:
        """How many channels each layer has now."""
        return channels.layer_widths(self.model, self.layers)

    def params(self) -> int:
        """Parameters of the network now."""
        return channels.params(self.model)

    def macs(self) -> int:
        """Multiply-accumulates for one image now."""
        return channels.macs(self.model, self.example)[channels.TOTAL]

    def savings(self) -> list[int]:
        """Multiply-accumulates that go with one channel of each layer; 0 for the last channel."""
        return channels.savings(self.model, self.example, self.layers)

    @contextmanager
    def updates(
        self, optimizer: torch.optim.Optimizer, steps: int, fisher: Fisher | None
    ) -> Iterator[Step]:
        """A context with what makes updates: in it, `fisher` reads what the layers' readers see."""

        def update(x: Tensor, y: Tensor) -> Tensor:
            return sgd_step(self.model, optimizer, x, y, self.machine)

        gates = fisher.gates if fisher else []
        with channels.gated(self.model, self.layers[: len(gates)], gates):
            yield update

    def remove(
        self, number: int, channel: int, optimizer: torch.optim.Optimizer | None = None
    ) -> None:
        """Take a channel (from 0, of those that its layer has now) away, and its momentum."""
        layer = self.layers[number - 1]
        left = torch.arange(self.widths()[number - 1], device=next(self.model.parameters()).device)
        channels.keep(self.model, layer, left[left != channel], optimizer)


def prunable_network(
    model: nn.Module, data: Dataset, protocol: PruneProtocol, example: Tensor, machine: Machine
) -> PrunableLayers:
    """Any network for the loop.

    Raises:
        PrunelibError: as `prunelib.prune`.
    """
    machine.place(model)
    criterion_named(protocol.criterion)
    layers = candidate_layers(model, example)
    example = example.to(machine.device)
    check_prunable(model, layers, example, data, protocol)
    return PrunableLayers(model, layers, example[:1], machine)


def saliency_by_layer(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    example: Tensor,
    machine: Machine | None = None,
) -> list[Tensor]:
    """See `prunelib.fisher_saliency`."""
    layers = candidate_layers(model, example)
    fisher = Fisher(model, channels.layer_widths(model, layers))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with channels.gated(model, layers, fisher.gates), sound_gradients(model):
        for x, y in batches:
            with machine.autocast() if machine else torch.autocast(x.device.type, enabled=False):
                loss = F.cross_entropy(model(x), y)
            torch.autograd.grad(loss, parameters, allow_unused=True)
            fisher.samples += len(y)
    return fisher.scores()


def candidate_layers(model: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """The layers whose channels can be removed.

    Raises:
        PrunelibError: there is none, or one is frozen.
    """
    layers = tuple(layer for layer in prunable_layers(model, example) if layer.number)
    for layer, maker in zip(layers, channels.makers(model, layers), strict=True):
        check_not_frozen(layer.name, maker)
    return layers


def check_prunable(
    model: nn.Module,
    layers: tuple[Layer, ...],
    example: Tensor,
    data: Dataset,
    protocol: PruneProtocol,
) -> None:
    """Raise PrunelibError for data that do not suit a network, or an end that it cannot reach."""
    shape = data.shape
    images = shape.in_channels, shape.image_size, shape.image_size
    if tuple(example.shape[1:]) != images:
        raise PrunelibError(
            f"the example's images are {tuple(example.shape[1:])}, those of the data {images}"
        )
    with torch.no_grad():
        classes = deepcopy(model).eval()(example).shape[1]
    if classes < shape.num_classes:
        raise PrunelibError(
            f"the network knows {classes} classes, the data have {shape.num_classes}"
        )
    smallest = deepcopy(model)
    for layer in layers:
        channels.keep(smallest, layer, torch.zeros(1, dtype=torch.int64, device=example.device))
    removable = sum(channels.layer_widths(model, layers)) - len(layers)
    protocol.check_ends(removable, channels.params(smallest), "layer")
