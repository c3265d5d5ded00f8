"""Whether residual blocks train by the kernels of `triton_block`: on a GPU, in bfloat16."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from prunelib.kernels.norm_relu import is_plain_batchnorm

OLDEST = (8, 0)
"""Compute capability from which there are matrix units for bfloat16."""


@cache
def gpu_blocks() -> Any:
    """The kernels: `triton_block`, or None where there is no Triton."""
    try:
        from prunelib.kernels import triton_block
    except (ImportError, RuntimeError):
        return None
    return triton_block


def blocks_support(stem: nn.Conv2d, blocks: Sequence[Any], x: Tensor) -> bool:
    """Whether the kernels take a training step of these blocks on images (N, C, H, W)."""
    return (
        x.device.type == "cuda"
        and torch.is_grad_enabled()
        and not x.requires_grad
        and not torch.compiler.is_compiling()
        and torch.is_autocast_enabled("cuda")
        and torch.get_autocast_dtype("cuda") == torch.bfloat16
        and torch.cuda.get_device_capability(x.device) >= OLDEST
        and gpu_blocks() is not None
        and tiles_fit(stem, blocks, x)
    )


def tiles_fit(stem: nn.Conv2d, blocks: Sequence[Any], x: Tensor) -> bool:
    """Whether images and channels have sizes that the kernels are made for, and nothing listens."""
    kernels = gpu_blocks()
    if not (x.is_contiguous(memory_format=torch.channels_last) and usual(stem)):
        return False
    pixels, size = x.shape[0], x.shape[2]
    for block in blocks:
        stride = block.conv1.stride[0]
        if size % stride or pixels * size * size % kernels.TILE:
            return False
        size //= stride
        ends = block.conv1.in_channels, block.conv2.out_channels
        if (
            any(kernels.in_memory(c) != c for c in ends)
            or max(*ends, kernels.in_memory(block.conv1.out_channels)) > kernels.MOST
        ):
            return False
        convolutions = [block.conv1, block.conv2, *([block.shortcut] if block.shortcut else [])]
        if not all(usual(c) for c in convolutions):
            return False
        if not all(
            is_plain_batchnorm(n, x[:, :1].expand(-1, n.num_features, -1, -1))
            for n in (block.bn1, block.bn2)
        ):
            return False
    return pixels * size * size % kernels.TILE == 0


def usual(conv: nn.Conv2d) -> bool:
    """Whether a convolution is one as the networks here have it, its weight channels-last."""
    return (
        conv.bias is None
        and conv.weight.dtype == torch.float32
        and conv.weight.is_contiguous(memory_format=torch.channels_last)
        and not conv._forward_hooks
    )
