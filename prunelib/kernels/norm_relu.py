"""Batch norm and ReLU in one, with the gradient of a shortcut around them.

`batchnorm_relu` computes what PyTorch's two modules compute. In training on one CPU thread it takes
Numba's loops (`numba_cpu`) if they are there; everywhere else it is these two modules. The loops
have first derivatives only, backwards.
"""

from functools import cache
from math import gcd
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

ROW_LENGTH = 128
"""Entries of a row, at least, where there are as many pixels."""


@cache
def numba_loops() -> Any:
    """The loops: `numba_cpu`, or None where Numba is not there, or cannot compile or cache."""
    try:
        from prunelib.kernels import numba_cpu

        x, one = np.ones((1, 1), np.float32), np.ones(1, np.float32)
        numba_cpu.products(x, x, 1, 1)
        numba_cpu.backward(x, None, x, x, one, *numba_cpu.moments(x, 1), x.copy())
    except (ImportError, NotImplementedError, OSError, RuntimeError, TypeError):
        return None
    return numba_cpu


@cache
def bfloat16_is_fast() -> bool:
    """Whether this processor has instructions for bfloat16.

    Without them, on AVX2, the loops take six times as long in bfloat16 as PyTorch's operators.
    """
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def kernel_supports(x: Tensor) -> bool:
    """Whether the loops take an activation, and gain by it.

    It must be float32, or bfloat16 where that is fast, channels-last, on one CPU thread.
    """
    return (
        not torch.compiler.is_compiling()
        and type(x) in (Tensor, nn.Parameter)
        and x.device.type == "cpu"
        and (x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and bfloat16_is_fast()))
        and x.is_contiguous(memory_format=torch.channels_last)
        and torch.get_num_threads() == 1
        and numba_loops() is not None
    )


def is_plain_batchnorm(norm: nn.Module, x: Tensor) -> bool:
    """Whether this is batch norm in training as the networks here have it, and of such inputs."""
    return (
        type(norm) is nn.BatchNorm2d
        and norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and not norm._forward_hooks
        and norm.running_mean is not None
        and norm.weight.dtype == norm.running_mean.dtype == torch.float32
        and x.shape[1] == len(norm.weight) == len(norm.running_mean)
        and x.numel() > x.shape[1]
    )


def batchnorm_relu(norm: nn.BatchNorm2d, x: Tensor) -> tuple[Tensor, Tensor]:
    """ReLU of the batch norm of `x` (N, C, H, W), and `x` itself for what goes around them.

    The gradients of both results meet in one pass.
    """
    if not (is_plain_batchnorm(norm, x) and torch.is_grad_enabled() and kernel_supports(x)):
        return F.relu(norm(x), inplace=True), x
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked += 1
    return NormReLU.apply(x, norm.weight, norm.bias, norm)


class NormReLU(torch.autograd.Function):
    """Batch norm over batch and pixels (Ioffe & Szegedy, 2015), then ReLU; returns `x` beside."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d
    ) -> tuple[Tensor, Tensor]:
        """Normalise with the statistics of the batch, and keep them in the running ones."""
        assert norm.running_mean is not None
        assert norm.running_var is not None
        y = torch.empty_like(x)
        ctx.side = pixels_per_row(x.numel() // x.shape[1], x.shape[1])
        ctx.statistics = numba_loops().forward(
            as_rows(x, ctx.side),
            weight.numpy(),
            bias.numpy(),
            norm.running_mean.numpy(),
            norm.running_var.numpy(),
            norm.momentum,
            norm.eps,
            as_rows(y, ctx.side),
        )
        ctx.save_for_backward(x, y, weight)
        ctx.set_materialize_grads(False)
        return y, x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor | None, shortcut: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """Gradients of x, weight and bias."""
        if gradient is None:
            return shortcut, None, None, None
        x, y, weight = ctx.saved_tensors
        result = torch.empty_like(x)
        of_weight, of_bias = numba_loops().backward(
            as_rows(gradient, ctx.side),
            None if shortcut is None else as_rows(shortcut, ctx.side),
            as_rows(x, ctx.side),
            as_rows(y, ctx.side),
            weight.numpy(),
            *ctx.statistics,
            as_rows(result, ctx.side),
        )
        return result, torch.from_numpy(of_weight), torch.from_numpy(of_bias), None


def pixel_products(a: Tensor, b: Tensor) -> Tensor:
    """Sums of a * b over the pixels of each sample: two (N, C, H, W) to float32 (N, C)."""
    if not kernel_supports(a):
        # PyTorch adds up in float32 anyway; asking for it in `sum` would copy all pixels.
        return (a * b).sum((2, 3)).float()
    samples, channels = a.shape[:2]
    side = pixels_per_row(a.shape[2] * a.shape[3], channels)
    return torch.from_numpy(
        numba_loops().products(
            as_rows(a.detach(), side), as_rows(b.detach(), side), samples, channels
        )
    )


def pixels_per_row(pixels: int, channels: int) -> int:
    """How many pixels stand side by side in a row: a power of two that divides their number."""
    return gcd(pixels, 1 << (-(-ROW_LENGTH // channels) - 1).bit_length())


def as_rows(x: Tensor, side: int) -> np.ndarray:
    """The memory of (N, C, H, W), channels-last, as (rows, side * C); bfloat16 as uint16."""
    flat = x.permute(0, 2, 3, 1).reshape(-1, side * x.shape[1])
    return (flat.view(torch.uint16) if x.dtype == torch.bfloat16 else flat).numpy()
