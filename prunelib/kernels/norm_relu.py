"""Batch norm and ReLU in one, with the gradient of a shortcut around them.

`norm_relu` computes what PyTorch's two modules compute. In training on one CPU thread it takes
Numba's loops (`kernels`) if they are there; everywhere else it is these two modules. The loops have
first derivatives only, backwards.
"""

from functools import cache
from math import gcd
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

LENGTH = 128
"""Entries of a row, at least, where there are as many pixels."""


@cache
def kernels() -> ModuleType | None:
    """The loops, or None where Numba is not there, or cannot compile or keep what it compiles."""
    try:
        from prunelib.kernels import numba_cpu as kernels

        x, one = np.ones((1, 1), np.float32), np.ones(1, np.float32)
        kernels.products(x, x, 1, 1)
        kernels.gradients(x, None, x, x, one, *kernels.moments(x, 1), x.copy())
    except (ImportError, NotImplementedError, OSError, RuntimeError, TypeError):
        return None
    return kernels


def fits(x: Tensor) -> bool:
    """Whether the loops take an activation: float32 or bfloat16, channels-last, one CPU thread."""
    return (
        not torch.compiler.is_compiling()
        and type(x) in (Tensor, nn.Parameter)
        and x.device.type == "cpu"
        and x.dtype in (torch.bfloat16, torch.float32)
        and x.is_contiguous(memory_format=torch.channels_last)
        and torch.get_num_threads() == 1
        and kernels() is not None
    )


def usual(norm: nn.Module, x: Tensor) -> bool:
    """Whether this is batch norm in training as the networks here have it, and of such inputs."""
    return (
        type(norm) is nn.BatchNorm2d
        and norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and not norm._forward_hooks
        and norm.weight.dtype == norm.running_mean.dtype == torch.float32
        and x.shape[1] == len(norm.weight) == len(norm.running_mean)
        and x.numel() > x.shape[1]
    )


def norm_relu(norm: nn.BatchNorm2d, x: Tensor) -> tuple[Tensor, Tensor]:
    """ReLU of the batch norm of `x` (N, C, H, W), and `x` itself for what goes around them.

    The gradients of both results meet in one pass.
    """
    if not (usual(norm, x) and torch.is_grad_enabled() and fits(x)):
        return F.relu(norm(x), inplace=True), x
    norm.num_batches_tracked += 1
    return NormReLU.apply(x, norm.weight, norm.bias, norm)


class NormReLU(torch.autograd.Function):
    """Batch norm over batch and pixels (Ioffe & Szegedy, 2015), then ReLU; returns `x` beside."""

    @staticmethod
    def forward(
        ctx, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d
    ) -> tuple[Tensor, Tensor]:
        """Normalise with the statistics of the batch, and keep them in the running ones."""
        y = torch.empty_like(x)
        ctx.side = beside(x.numel() // x.shape[1], x.shape[1])
        ctx.statistics = kernels().norm_relu(
            rows(x, ctx.side),
            weight.numpy(),
            bias.numpy(),
            norm.running_mean.numpy(),
            norm.running_var.numpy(),
            norm.momentum,
            norm.eps,
            rows(y, ctx.side),
        )
        ctx.save_for_backward(x, y, weight)
        ctx.set_materialize_grads(False)
        return y, x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(
        ctx, gradient: Tensor | None, shortcut: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """Gradients of x, weight and bias."""
        if gradient is None:
            return shortcut, None, None, None
        x, y, weight = ctx.saved_tensors
        result = torch.empty_like(x)
        of_weight, of_bias = kernels().gradients(
            rows(gradient, ctx.side),
            None if shortcut is None else rows(shortcut, ctx.side),
            rows(x, ctx.side),
            rows(y, ctx.side),
            weight.numpy(),
            *ctx.statistics,
            rows(result, ctx.side),
        )
        return result, torch.from_numpy(of_weight), torch.from_numpy(of_bias), None


def products(a: Tensor, b: Tensor) -> Tensor:
    """Sums of a * b over the pixels of each sample: two (N, C, H, W) to float32 (N, C)."""
    if not fits(a):
        # PyTorch adds up in float32 anyway; asking for it in `sum` would copy all pixels.
        return (a * b).sum((2, 3)).float()
    samples, channels = a.shape[:2]
    side = beside(a.shape[2] * a.shape[3], channels)
    return torch.from_numpy(
        kernels().products(rows(a.detach(), side), rows(b.detach(), side), samples, channels)
    )


def beside(pixels: int, channels: int) -> int:
    """How many pixels stand side by side in a row: a power of two that divides their number."""
    return gcd(pixels, 1 << (-(-LENGTH // channels) - 1).bit_length())


def rows(x: Tensor, side: int) -> np.ndarray:
    """The memory of (N, C, H, W), channels-last, as (rows, side * C); bfloat16 as uint16."""
    flat = x.permute(0, 2, 3, 1).reshape(-1, side * x.shape[1])
    return (flat.view(torch.uint16) if x.dtype == torch.bfloat16 else flat).numpy()
