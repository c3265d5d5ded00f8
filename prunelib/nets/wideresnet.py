"""Wide residual networks with a bottleneck width for each block (Zagoruyko & Komodakis, 2016)."""

from collections.abc import Callable, Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError, check_integers
from prunelib.kernels.norm_relu import batchnorm_relu
from prunelib.nets.blocks import STEM, Block
from prunelib.nets.profile import ChannelProfile

Gate = Callable[[Tensor], Tensor]


class Projection(nn.Conv2d):
    """A 1x1 convolution without padding, computed as a matrix product over pixels.

    oneDNN gets the weight gradient of a strided one wrong where few channels come in, on AVX2: see
    `kernels.onednn`.
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
        a, x = batchnorm_relu(self.bn1, x)
        # Where channels or resolution change, the shortcut starts after the activation.
        shortcut = x if self.shortcut is None else self.shortcut(a)
        m, _ = batchnorm_relu(self.bn2, self.conv1(a))
        if gate is not None:
            m = gate(m)
        return self.conv2(m) + shortcut


class WideResNet(nn.Module):
    """A wide residual network built from its channel profile.

    Args:
        profile: the architecture.
        num_classes: outputs of the linear layer.
        in_channels: channels of the images.

    Raises:
        PrunelibError: this is no profile, or there are no classes or channels.

    >>> import torch
    >>> WideResNet(ChannelProfile.full(16, 1))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, profile: ChannelProfile, num_classes: int = 10, in_channels: int = 3
    ) -> None:
        super().__init__()
        if not isinstance(profile, ChannelProfile):
            raise PrunelibError(
                f"profile must be a ChannelProfile, such as ChannelProfile.full(16, 1), not "
                f"{profile!r}"
            )
        check_integers(1, num_classes=num_classes, in_channels=in_channels)
        self.profile = profile
        self.stem = nn.Conv2d(in_channels, STEM, 3, 1, 1, bias=False)
        self.blocks = nn.ModuleList(PreActBlock(block) for block in profile.blocks)
        self.bn = nn.BatchNorm2d(profile.blocks[-1].c_out)
        self.linear = nn.Linear(profile.blocks[-1].c_out, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    @property
    def residual_blocks(self) -> list[PreActBlock]:
        """The blocks in order; block 1 of a profile is the first."""
        return [cast(PreActBlock, block) for block in self.blocks]

    def forward(self, x: Tensor, gates: Sequence[Gate] | None = None) -> Tensor:
        """Logits (N, num_classes) of images (N, in_channels, H, W).

        `gates` are applied between the convolutions, one per block: one that multiplies by zeros
        masks channels, one that records gradients measures saliency.
        """
        x = self.stem(x)
        for i, block in enumerate(self.residual_blocks):
            x = block(x, gates[i] if gates is not None else None)
        x, _ = batchnorm_relu(self.bn, x)
        return self.linear(x.mean((2, 3)))
