"""Pruning and saliency for a `WideResNet`, and with an example image for any other network."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.any_network.prunable import prunable_network, saliency_by_layer
from prunelib.pruning.checkpoint import Point
from prunelib.pruning.loop import Run, Watch, prunable_wideresnet, prune_and_tune
from prunelib.pruning.prunable import Prunable, check_channels
from prunelib.pruning.saliency import saliency_by_block
from prunelib.training.arguments import check_arguments, must_be, placed, unwrapped
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol
from prunelib.training.trainer import Progress


def prune(
    model: nn.Module,
    data: Dataset,
    protocol: PruneProtocol,
    seed: int,
    machine: Machine | None = None,
    progress: Progress | None = None,
    *,
    replay: Sequence[int] | None = None,
    checkpoint: Path | None = None,
    watch: Watch | None = None,
    example: Tensor | None = None,
) -> list[Point]:
    """Prune a trained network in place, channel by channel, and record the trajectory.

    With `example`, the model can be any convolutional network. Channels go from the layers that
    `prunable_layers` numbers, each of which keeps at least one; `block` of a point is the layer's
    number. Your own optimizer keeps working: parameters keep their identity.

    Args:
        model: trained; on return the pruned and tuned network.
        data: for fine-tuning and evaluation.
        protocol: what to do.
        seed: of batches and of the random criterion.
        machine: by default the best there is.
        progress: called after every removal.
        replay: the block (from 1) of each removal, as recorded by another run of a `WideResNet`.
            The least salient channel of that block goes, so the profiles are those of the other
            run, and the channels suit these weights.
        checkpoint: file that an interrupted run resumes from. The state is written to it from
            time to time; it stays until the caller has kept the result.
        watch: called each time a point is added, before the removal, with the model and all
            points so far.
        example: images (N, C, H, W) like those of the data, used only to trace the network.

    Returns:
        One point for each removal and one for the final network.

    Raises:
        PrunelibError: unknown criterion, no end given, an end that cannot be reached, or an order
            that does not fit; the network does not take the data, or is frozen. With `example`:
            Torch-Pruning is missing, no channels can be removed, or model, data and example do not
            suit each other.
        NotFinite: the loss became infinite or not a number.

    >>> import torch
    >>> from prunelib.training.data import load
    >>> from prunelib.training.protocols import PruneProtocol
    >>> network = nn.Sequential(
    ...     nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 10)
    ... )
    >>> protocol = PruneProtocol(steps=1, removals=2)
    >>> points = prune(network, load("digits"), protocol, 0, example=torch.zeros(1, 1, 8, 8))
    >>> len(points), network[0].out_channels + network[2].out_channels
    (3, 14)
    """
    machine = machine or Machine.here()
    check_arguments(model, data, machine, protocol, PruneProtocol)
    if example is None:
        check_channels(ours(model))
        network: Prunable = prunable_wideresnet(ours(model), data, protocol, machine, replay)
    elif replay is None:
        network = prunable_network(model, data, protocol, example, machine)
    else:
        raise PrunelibError("replay is for a WideResNet without example")
    run = Run(network, data.to(machine.device), protocol, seed, machine)
    with placed(model, run.data, protocol.batch_size, machine):
        return prune_and_tune(run, progress, checkpoint and Path(checkpoint), watch, replay)


def fisher_saliency(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    machine: Machine | None = None,
    example: Tensor | None = None,
) -> list[Tensor]:
    """Fisher saliency of every channel over the given batches, without updating the model.

    In eval mode samples do not affect each other, so the result is that of Theis et al. for any
    batches. In train mode, as while pruning, batch statistics couple the samples of a batch, and
    gradients pass through them.

    Args:
        model: used in the mode that it is in.
        batches: normalised images (N, C, H, W) and labels (N,), on the model's device.
        machine: gives the precision; by default that of the model's parameters.
        example: images (N, C, H, W), for any convolutional network.

    Returns:
        One tensor (channels,) for each block, or for each layer that `prunable_layers` numbers;
        dimension: change of the mean loss, in nats.

    Raises:
        PrunelibError: there are no batches, or the network is frozen; with `example` as `prune`.

    >>> import torch
    >>> network = nn.Sequential(
    ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10)
    ... )
    >>> batches = [(torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64))]
    >>> fisher_saliency(network, batches, example=torch.zeros(1, 3, 32, 32))[0].shape
    torch.Size([8])
    """
    must_be(nn.Module, model=model)
    if not torch.is_grad_enabled():
        raise PrunelibError("saliency needs gradients: call this outside torch.no_grad()")
    pairs = checked_pairs(batches)
    if example is None:
        check_channels(ours(model))
        return saliency_by_block(ours(model), pairs, machine)
    return saliency_by_layer(model, pairs, example, machine)


def checked_pairs(batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """The same batches.

    Raises:
        PrunelibError: these are none.
    """
    what = "batches must be pairs of float images (N, C, H, W) and int64 labels (N,)"
    if not isinstance(batches, Iterable):
        raise PrunelibError(f"{what}, not a {type(batches).__name__}")
    for batch in batches:
        pair = isinstance(batch, list | tuple) and len(batch) == 2
        if not pair or not all(isinstance(part, Tensor) for part in batch):
            raise PrunelibError(f"{what}, not a {type(batch).__name__}")
        x, y = batch
        if not x.is_floating_point() or y.dtype != torch.int64 or len(x) != len(y):
            raise PrunelibError(
                f"{what}, not {tuple(x.shape)} {x.dtype}, {tuple(y.shape)} {y.dtype}"
            )
        yield x, y


def ours(model: nn.Module) -> WideResNet:
    """The same network.

    Raises:
        PrunelibError: it is not a `WideResNet`, and so needs an example.
    """
    if instead := unwrapped(model):
        raise PrunelibError(f"a {type(model).__name__} cannot be pruned; prune {instead}")
    if not isinstance(model, WideResNet):
        raise PrunelibError(
            f"a {type(model).__name__} needs an example: example=torch.zeros(1, 3, 32, 32), "
            "with the shape of your images"
        )
    return model
