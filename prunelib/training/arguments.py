"""What people hand to training, pruning and evaluation, looked at before anything is computed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from prunelib.errors import PrunelibError
from prunelib.nets.surgery import is_channels_last
from prunelib.nets.wideresnet import WideResNet
from prunelib.text import one_line
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine, into
from prunelib.training.protocols import TrainProtocol

WRAPPED = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def must_be(kind: type, **values: object) -> None:
    """Raise PrunelibError unless values, by name, are of a kind.

    >>> must_be(int, seed=0)
    """
    for name, value in values.items():
        if not isinstance(value, kind):
            raise PrunelibError(f"{name} must be a {kind.__name__}, not a {type(value).__name__}")


def check_arguments(
    model: object, data: object, machine: object, protocol: object, kind: type
) -> None:
    """Raise PrunelibError unless these are a network, data that it can learn, a machine, and a
    protocol of a kind.
    """
    must_be(Machine, machine=machine)
    must_be(kind, protocol=protocol)
    if isinstance(protocol, TrainProtocol):
        protocol.check()
    check_data(data)
    assert isinstance(data, Dataset)
    check_network(model, data)
    assert isinstance(model, nn.Module)
    check_dtype(model, data)


def check_data(data: object) -> None:
    """Raise PrunelibError unless this is a data set that can be learnt from."""
    if not isinstance(data, Dataset):
        raise PrunelibError(
            f"data must be a Dataset of prunelib, not a {type(data).__name__}; make one with "
            "Dataset.from_torch, from_arrays, from_folder or from_parquet"
        )
    data.check()


def check_network(model: object, data: Dataset) -> None:
    """Raise PrunelibError unless this is a network, and if a `WideResNet`, one for these data."""
    must_be(nn.Module, model=model)
    assert isinstance(model, nn.Module)
    if any(map(is_lazy, model.parameters())):
        raise PrunelibError("the network has lazy layers: call it once, with one of the images")
    if not isinstance(model, WideResNet):
        return
    channels, classes = model.stem.in_channels, model.linear.out_features
    if channels != data.shape.in_channels:
        raise PrunelibError(
            f"the network takes images of {channels} channels, those of the data have "
            f"{data.shape.in_channels}: WideResNet(profile, in_channels={data.shape.in_channels})"
        )
    check_enough_classes(classes, data)


def check_enough_classes(classes: int, data: Dataset) -> None:
    """Raise PrunelibError for a network that knows fewer classes than the data have."""
    if classes < data.num_classes:
        raise PrunelibError(
            f"the network knows {classes} classes, the data have {data.num_classes}"
        )


def checked_logits(logits: object, number: int) -> Tensor:
    """What a network gives for so many images.

    Raises:
        PrunelibError: it is not logits (N, classes).
    """
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != number:
        shape = tuple(getattr(logits, "shape", ())) or type(logits).__name__
        raise PrunelibError(f"the network must give logits (N, classes), not {shape}")
    return logits


def check_dtype(model: nn.Module, data: Dataset) -> None:
    """Raise PrunelibError unless a network's parameters are of the type that images come in."""
    wanted = data.normalise(data.train.x[:1]).dtype
    others = {str(p.dtype)[6:] for p in model.parameters() if p.dtype != wanted}
    if others:
        raise PrunelibError(
            f"the network's parameters are in {', '.join(sorted(others))}, images come in "
            f"{str(wanted)[6:]}: call model.to({wanted}) first"
        )


@contextmanager
def placed(model: nn.Module, data: Dataset, batch_size: int, machine: Machine) -> Iterator[None]:
    """A context in which a network is on the device, and is known to take the data.

    It computes channels-last, as images come. Only a `WideResNet` stays like that. Another network
    is given its own memory format back, and in it computes if it cannot do otherwise, as with
    `x.view(len(x), -1)`.

    Raises:
        PrunelibError: as `rehearse`.
    """
    machine.place(model)
    ours = isinstance(model, WideResNet) or hasattr(model, "_orig_mod")
    if ours or all(is_channels_last(p) for p in model.parameters() if p.dim() == 4):
        rehearse(model, data, batch_size, machine)
        yield
        return
    hook = None
    try:
        into(torch.channels_last, model)
        try:
            rehearse(model, data, batch_size, machine)
        except PrunelibError:
            into(torch.contiguous_format, model)
            hook = model.register_forward_pre_hook(contiguous)
            rehearse(model, data, batch_size, machine)
        yield
    finally:
        into(torch.contiguous_format, model)
        if hook:
            hook.remove()


def contiguous(model: nn.Module, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The images that a network is called with, channels first in memory."""
    # A clone, for `contiguous` leaves images of one channel alone: they pass for either form.
    return tuple(x.clone(memory_format=torch.contiguous_format) for x in images)


def rehearse(model: nn.Module, data: Dataset, batch_size: int, machine: Machine) -> None:
    """Take the smallest batch of an epoch through a network, which stays as it is.

    Args:
        model: on the machine's device.
        data: likewise.
        batch_size: that of training.
        machine: how to compute.

    Raises:
        PrunelibError: the network cannot be trained on these data, and why.
    """
    if hasattr(model, "_orig_mod"):
        return  # it would be compiled for a batch of another size
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise PrunelibError(
            "the network was made inside torch.inference_mode(), and cannot be trained; make it "
            "outside"
        )
    number = len(data.train.y) % batch_size or min(batch_size, len(data.train.y))
    x = data.normalise(data.train.x[:number])
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    training = [module for module in model.modules() if module.training]
    device = torch.device(machine.device)
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), machine.autocast():
            logits = model.train()(x)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise PrunelibError(
            f"a batch of {number} images {tuple(x.shape[1:])}, the smallest of an epoch, cannot go "
            f"through this network: {one_line(error)[:300]}"
        ) from None
    finally:
        model.eval()
        for module in training:
            module.training = True
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    check_enough_classes(checked_logits(logits, number).shape[1], data)
    if not logits.requires_grad:
        raise PrunelibError(
            "there is nothing to train: all parameters are frozen (model.requires_grad_() frees "
            "them), or this is inside torch.no_grad()"
        )


def unwrapped(model: nn.Module) -> str:
    """What to hand over in place of a network that is wrapped; empty if it is not."""
    if hasattr(model, "_orig_mod"):
        return "the network that was compiled: model._orig_mod"
    return "the network within: model.module" if isinstance(model, WRAPPED) else ""
