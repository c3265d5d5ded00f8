"""Passes of `narrow.cpp` in place of PyTorch's, for networks in bfloat16 on one CPU thread."""

import ctypes
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from prunelib.nets.wideresnet import Gate, WideResNet
from prunelib.training.machine import Machine

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = (
    *("-O3", "-shared", "-fPIC", "-std=c++17", "-Wno-psabi", "-mtune=znver3", "-mfma"),
    *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512bf16"),
)
GROUP = 16
"""Images that share a vector; see `narrow.cpp`."""

EVALUATED = 128
"""Images that are evaluated at once: their activations stay in memory until the pass is over."""

counts = {"passes": 0}
"""Passes since a record was written."""


def is_able() -> bool:
    """Whether this processor has the instructions, and a compiler that knows them is there."""
    if not torch.cpu.get_capabilities().get("avx512_bf16") or which("g++") is None:
        return False
    trial = ["g++", *FLAGS, "-x", "c++", "-E", os.devnull]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


@cache
def library() -> ctypes.CDLL:
    """The compiled kernels; compiled first if they are older than their source."""
    built = SOURCE.with_name("libnarrow.so")
    if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
        part = built.with_suffix(f".{os.getpid()}")
        subprocess.run(["g++", *FLAGS, SOURCE, "-o", part], check=True)
        part.replace(built)
    kernels = ctypes.CDLL(str(built))
    pointer, number, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
    kernels.create.restype = pointer
    kernels.create.argtypes = [number, number, number, pointer]
    kernels.destroy.argtypes = [pointer]
    kernels.forward.argtypes = [pointer, pointer, number, pointer, pointer, real, real, pointer]
    kernels.backward.argtypes = [pointer, pointer, pointer, pointer]
    return kernels


class Network:
    """The network of `narrow.cpp` of one form, with its buffers, which hold the last pass alone."""

    def __init__(self, form: tuple) -> None:
        self.form, self.passes = form, 0
        channels, side, blocks = form
        flat = [number for block in blocks for number in block]
        numbers = (ctypes.c_int * len(flat))(*flat)
        self.handle = library().create(channels, side, len(blocks), numbers)

    def __del__(self) -> None:
        library().destroy(self.handle)

    def forward(
        self, x: Tensor, params: list[Tensor], running: list[Tensor], momentum: float, eps: float
    ) -> Tensor:
        """Features of images, so many that groups are full; momentum -1 stands for evaluation."""
        self.passes += 1
        found = torch.empty(len(x), len(params[-1]), dtype=torch.float32)
        library().forward(
            *(self.handle, x.data_ptr(), len(x), pointers(params), pointers(running)),
            *(momentum, eps, found.data_ptr()),
        )
        return found

    def __deepcopy__(self, memo: dict) -> None:
        """Not copied with a model, nor written with it: made anew."""

    def __reduce__(self) -> tuple:
        return type(None), ()


def pointers(tensors: list[Tensor]) -> ctypes.Array:
    """Where the numbers of tensors are."""
    return (ctypes.c_void_p * len(tensors))(*[tensor.data_ptr() for tensor in tensors])


def parts(model: WideResNet, side: int) -> tuple[tuple, list[Tensor], list[Tensor], list[Tensor]]:
    """The form of a model; its parameters, running statistics and counters, in the order of
    `narrow.cpp`."""
    norms: list[Any] = []
    params, blocks = [model.stem.weight], []
    for block in model.residual_blocks:
        norms += [block.bn1, block.bn2]
        for module in (block.bn1, block.conv1, block.bn2, block.conv2, block.shortcut):
            params += [] if module is None else list(module.parameters())
        out, middle = block.conv2.weight.shape[:2]
        projects = int(block.shortcut is not None)
        blocks.append((block.conv1.weight.shape[1], middle, out, block.conv1.stride[0], projects))
    norms.append(model.bn)
    params += [model.bn.weight, model.bn.bias]
    running = [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var)]
    form = (model.stem.weight.shape[1], side, tuple(blocks))
    return form, params, running, [norm.num_batches_tracked for norm in norms]


class Pass(torch.autograd.Function):
    """Features (N, C) of images (N, channels, H, H), and the gradients of all parameters."""

    @staticmethod
    def forward(
        ctx: Any, network: Network, norm: nn.BatchNorm2d, running: list, x: Tensor, *params: Tensor
    ) -> Tensor:
        """In training: running statistics change."""
        assert norm.momentum is not None
        x, flat = x.contiguous(), [param.detach().contiguous() for param in params]
        found = network.forward(x, flat, running, norm.momentum, norm.eps)
        ctx.save_for_backward(*params)
        ctx.network, ctx.number, ctx.flat = network, network.passes, flat
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        """Those of the parameters; images have none."""
        _ = ctx.saved_tensors  # raises if one has changed since
        if ctx.number != ctx.network.passes:
            raise RuntimeError(
                "these kernels keep the last pass of a network alone: call backward before the next"
            )
        gradient = gradient.float().contiguous()
        result = [torch.empty_like(param) for param in ctx.flat]
        library().backward(
            ctx.network.handle, gradient.data_ptr(), pointers(ctx.flat), pointers(result)
        )
        return (None, None, None, None, *result)


def evaluated(
    network: Network, norm: nn.BatchNorm2d, running: list[Tensor], x: Tensor, params: list[Tensor]
) -> Tensor:
    """Features with the running statistics."""
    flat, features = [param.contiguous() for param in params], []
    for some in x.contiguous().split(EVALUATED):
        more = -len(some) % GROUP
        images = torch.cat([some, some.new_zeros(more, *some.shape[1:])])
        features.append(network.forward(images, flat, running, -1.0, norm.eps)[: len(some)])
    return torch.cat(features)


def features(model: WideResNet, x: Tensor) -> Tensor | None:
    """What the linear layer of a model takes, (N, C), or None where this is not for these kernels.

    They are for training and for evaluation, in bfloat16, of squares of 16, 32 or 64 pixels.
    """
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and not x.requires_grad
    fits = x.dim() == 4 and len(x) > 0 and x.shape[1] == model.stem.weight.shape[1]
    square = fits and x.shape[2] == x.shape[3] and x.shape[2] in (16, 32, 64)
    usual = model.training == torch.is_grad_enabled() and not (model.training and len(x) % GROUP)
    alone = torch.get_num_threads() == 1
    rounded = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if not (plain and square and usual and alone and rounded):
        return None
    form, params, running, counters = parts(model, x.shape[2])
    if {tensor.dtype for tensor in (*params, *running)} != {torch.float32}:
        return None
    network = model.__dict__.get("narrow")
    if network is None or network.form != form:
        network = model.__dict__["narrow"] = Network(form)
    counts["passes"] += 1
    if not model.training:
        return evaluated(network, model.bn, running, x, params)
    torch._foreach_add_(counters, 1)
    return Pass.apply(network, model.bn, running, x, *params)


def install() -> None:
    """Let every network pass through these kernels where it can, and records say so."""
    if not is_able():
        sys.exit("these kernels need a processor with AVX512-BF16, and g++")
    library()
    forward, describe = WideResNet.forward, Machine.describe

    def narrow_forward(self: WideResNet, x: Tensor, gates: list[Gate] | None = None) -> Tensor:
        found = features(self, x) if gates is None else None
        return forward(self, x, gates) if found is None else self.linear(found)

    def honest_describe(self: Machine) -> dict:
        passes, counts["passes"] = counts["passes"], 0
        return describe(self) | ({"kernels": "narrow"} if passes else {})

    WideResNet.forward = narrow_forward  # type: ignore[method-assign,assignment]
    Machine.describe = honest_describe  # type: ignore[method-assign]
