"""Wide residual networks with a bottleneck width for each block (Zagoruyko & Komodakis, 2016)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.kernels.norm_relu import norm_relu
from prunelib.nets.profile import STEM, Block, ChannelProfile

Gate = Callable[[Tensor], Tensor]


class Projection(nn.Conv2d):
    """A 1x1 convolution without padding, computed as a matrix product over pixels.

    PyTorch 2.13 writes beyond its memory in the weight gradient of strided 1x1 convolutions,
    channels-last on AVX2 processors, for some channel counts (6 to 13 is one).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride)."""
        # Sliced after permuting, so that the gradient is channels-last, too.
        pixels = x.permute(0, 2, 3, 1)[:, :: self.stride[0], :: self.stride[1]]
        return F.linear(pixels, self.weight[:, :, 0, 0]).permute(0, 3, 1, 2)


class PreActBlock(nn.Module):
    """Batch norm, ReLU, 3x3 convolution, twice, around a shortcut (He et al., 2016b).

    The channels between the convolutions are the ones that pruning removes: neither the input nor
    the output of the block depends on how many there are.
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(block.c_in)
        self.conv1 = nn.Conv2d(block.c_in, block.middle, 3, block.stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(block.middle)
        self.conv2 = nn.Conv2d(block.middle, block.c_out, 3, 1, 1, bias=False)
        self.shortcut = (
            Projection(block.c_in, block.c_out, 1, block.stride, bias=False)
            if block.has_shortcut
            else None
        )

    def forward(self, x: Tensor, gate: Gate | None = None) -> Tensor:
        """Map (N, c_in, H, W) to (N, c_out, H / stride, W / stride).

        `gate` is applied to the activation that pruning scores, (N, middle, H', W').
        """
        a, x = norm_relu(self.bn1, x)
        # Where channels or resolution change, the shortcut starts after the activation.
        shortcut = x if self.shortcut is None else self.shortcut(a)
        m, _ = norm_relu(self.bn2, self.conv1(a))
        if gate is not None:
            m = gate(m)
        return self.conv2(m) + shortcut


class WideResNet(nn.Module):
    """A wide residual network built from its channel profile.

    Args:
        profile: the architecture.
        num_classes: outputs of the linear layer.
        in_channels: channels of the images.

    >>> WideResNet(ChannelProfile.full(16, 1))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, profile: ChannelProfile, num_classes: int = 10, in_channels: int = 3
    ) -> None:
        super().__init__()
        self.profile = profile
        self.stem = nn.Conv2d(in_channels, STEM, 3, 1, 1, bias=False)
        self.blocks = nn.ModuleList(PreActBlock(block) for block in profile.blocks)
        self.bn = nn.BatchNorm2d(profile.blocks[-1].c_out)
        self.linear = nn.Linear(profile.blocks[-1].c_out, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, gates: Sequence[Gate] | None = None) -> Tensor:
        """Logits (N, num_classes) of images (N, in_channels, H, W).

        `gates`, one a block, are applied between the convolutions: a gate that multiplies by zeros
        masks channels, one that records gradients measures saliency.
        """
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            x = block(x, gates[i] if gates is not None else None)
        x, _ = norm_relu(self.bn, x)
        return self.linear(x.mean((2, 3)))


@torch.no_grad()
def remove_channel(
    model: WideResNet,
    block: int,
    channel: int,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Take one channel out of a block physically, and out of the optimizer's momentum.

    Parameters keep their identity, so an optimizer goes on working with them.

    Args:
        model: changed in place, its profile too.
        block: counted from 1.
        channel: index among the channels that the block has now, from 0.
        optimizer: its per-parameter buffers lose the same slice.

    Raises:
        PrunelibError: no such block or channel, or it is the last channel of its block.
    """
    profile = model.profile.without(block)
    target = model.blocks[block - 1]
    count = target.conv1.out_channels
    if not 0 <= channel < count:
        raise PrunelibError(f"block {block} has channels 0 to {count - 1}, not {channel}")
    keep = torch.arange(count, device=target.conv1.weight.device) != channel

    def shrink(tensor: Tensor, dim: int) -> Tensor:
        kept = tensor.index_select(dim, keep.nonzero()[:, 0])
        channels_last = tensor.dim() == 4 and is_channels_last(tensor)
        form = torch.channels_last if channels_last else torch.contiguous_format
        # A copy, for a tensor with one channel passes for either form, with strides of the other.
        return torch.empty_like(kept, memory_format=form).copy_(kept)

    for parameter, dim in (
        (target.conv1.weight, 0),
        (target.bn2.weight, 0),
        (target.bn2.bias, 0),
        (target.conv2.weight, 1),
    ):
        for name, state in (optimizer.state[parameter] if optimizer else {}).items():
            if isinstance(state, Tensor) and state.shape == parameter.shape:
                optimizer.state[parameter][name] = shrink(state, dim)
        parameter.data = shrink(parameter.data, dim)
        parameter.grad = None
    target.bn2.running_mean = shrink(target.bn2.running_mean, 0)
    target.bn2.running_var = shrink(target.bn2.running_var, 0)
    target.conv1.out_channels = target.bn2.num_features = target.conv2.in_channels = count - 1
    model.profile = profile


def remove_channels(model: WideResNet, order: Sequence[tuple[int, int]]) -> None:
    """Take channels out of a network that is whole, one after the other.

    Args:
        model: changed in place, its profile too.
        order: of (block from 1, channel in the whole network from 0).
    """
    alive = [list(range(channels)) for channels in model.profile.middle]
    for block, channel in order:
        remove_channel(model, block, alive[block - 1].index(channel))
        alive[block - 1].remove(channel)


def is_channels_last(tensor: Tensor) -> bool:
    """Whether a 4-d tensor lies in memory as (N, H, W, C)."""
    return tensor.is_contiguous(memory_format=torch.channels_last)
