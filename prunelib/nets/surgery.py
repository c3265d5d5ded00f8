"""Taking channels out of a network: it computes and stores less afterwards, nothing is masked."""

from collections.abc import Sequence

import torch
from torch import Tensor

from prunelib.errors import PrunelibError
from prunelib.nets.wideresnet import WideResNet


@torch.no_grad()
def remove_channel(
    model: WideResNet,
    block: int,
    channel: int,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Take one channel out of a block, and out of the optimizer's momentum.

    Parameters keep their identity, so an optimizer goes on working with them. Their gradients are
    dropped. A loss computed before can no longer be differentiated; it may live on.

    Args:
        model: changed in place, its profile too.
        block: counted from 1.
        channel: index among the channels that the block has now, from 0.
        optimizer: its buffers of the shape of a parameter lose the same slice.

    Raises:
        PrunelibError: there is no such block or channel, or it is the last one of its block.

    >>> from prunelib import ChannelProfile, WideResNet
    >>> model = WideResNet(ChannelProfile.full(10, 1))
    >>> remove_channel(model, block=2, channel=0)
    >>> model.profile.middle
    (16, 31, 64)
    """
    profile = model.profile.without(block)
    target = model.residual_blocks[block - 1]
    count = target.conv1.out_channels
    if not 0 <= channel < count:
        raise PrunelibError(f"block {block} has channels 0 to {count - 1}, not {channel}")
    left = torch.arange(count, device=target.conv1.weight.device)
    left = left[left != channel]
    for parameter, dim in (
        (target.conv1.weight, 0),
        (target.bn2.weight, 0),
        (target.bn2.bias, 0),
        (target.conv2.weight, 1),
    ):
        shrink(parameter, dim, left, optimizer)
    assert target.bn2.running_mean is not None
    assert target.bn2.running_var is not None
    target.bn2.running_mean = select(target.bn2.running_mean, 0, left)
    target.bn2.running_var = select(target.bn2.running_var, 0, left)
    target.conv1.out_channels = target.bn2.num_features = target.conv2.in_channels = count - 1
    model.profile = profile


def remove_channels(model: WideResNet, order: Sequence[tuple[int, int]]) -> None:
    """Take channels out of an unpruned network, one after the other.

    Args:
        model: changed in place, its profile too.
        order: of (block from 1, channel in the unpruned network from 0).
    """
    alive = [list(range(channels)) for channels in model.profile.middle]
    for block, channel in order:
        remove_channel(model, block, alive[block - 1].index(channel))
        alive[block - 1].remove(channel)


def shrink(
    parameter: Tensor,
    dim: int,
    left: Tensor,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Keep the slices `left` of a parameter along one dimension, and of its optimizer's buffers."""
    states = optimizer.state[parameter] if optimizer else {}
    for name, state in states.items():
        if isinstance(state, Tensor) and state.shape == parameter.shape:
            states[name] = select(state, dim, left)
    _replace_data(parameter, select(parameter.data, dim, left))


def select(tensor: Tensor, dim: int, left: Tensor) -> Tensor:
    """The slices `left` of a tensor along one dimension, in the memory format of the whole."""
    kept = tensor.index_select(dim, left)
    form = torch.channels_last if is_channels_last(tensor) else torch.contiguous_format
    # A copy, for a tensor with one channel passes for either form, with strides of the other.
    return torch.empty_like(kept, memory_format=form).copy_(kept)


def is_channels_last(tensor: Tensor) -> bool:
    """Whether a tensor has the strides of channels-last, and not just such that would do.

    >>> is_channels_last(torch.empty(4, 1, 3, 3))
    False
    >>> is_channels_last(torch.empty(4, 1, 3, 3, memory_format=torch.channels_last))
    True
    """
    if tensor.dim() != 4:
        return False
    return tensor.stride() == torch.empty_like(tensor, memory_format=torch.channels_last).stride()


def _replace_data(parameter: Tensor, data: Tensor) -> None:
    """Give a parameter data of another shape.

    While a loss of before is alive, so is autograd's node that accumulates this parameter's
    gradient, and it insists on the old shape. PyTorch drops that node when the type changes.
    """
    other = torch.float32 if data.dtype == torch.float64 else torch.float64
    parameter.data = torch.empty(0, dtype=other, device=data.device)
    parameter.data = data
    parameter.grad = None
