"""Residual blocks that train on a GPU in bfloat16 with few kernels, written in Triton.

PyTorch makes some 45 kernels of a block and its gradients, each of a few microseconds in a narrow
network, and a GPU begins about a million kernels a second, whoever asks. It also pads, in kernels
of their own, every channel count that is no multiple of 8, and after pruning most are not. Here a
block has six: batch norm and ReLU are computed where a convolution reads its input, the sums that
the next batch norm needs where it writes its output, and the gradients of input and weights in one.

Activations are (N, H, W, C) in memory, C last. Between the convolutions of a block channels are
padded with zeros up to a power of two. A tile is `TILE` pixels with all their channels. Sums over
tiles are added up in no fixed order, hence as integers: so the result is always the same.
"""
# ruff: noqa: N803 - what is known when a kernel is compiled has a capital name, as in Triton
# mypy: allow-untyped-defs

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor, nn

TILE = 64
"""Pixels of a tile: all numbers of pixels must be multiples of it."""
LEAST, MOST = 16, 128
"""Channels in memory: matrix units multiply 16 by 16; 128 is the last stage of WRN-40-2."""
WIDE = 2048
"""Input times output channels above which a kernel takes more threads, and unrolls no loop."""
SPLITS = 16
"""Most parts into which pixels are divided for the gradient of weights."""
FORWARD, BACK = tl.constexpr(2.0**26), tl.constexpr(2.0**44)
"""What sums of activations, and of gradients, are multiplied by to become integers."""
SIZES = ["pixels", "H", "W", "HO", "WO", "ci", "co"]


@triton.jit
def normal(sums, weight, bias, pixels, eps, c, real, C: tl.constexpr):
    """Of a batch norm: mean, 1 / standard deviation, factor and offset; variance beside."""
    unit = 1.0 / (pixels * FORWARD).to(tl.float64)
    exact = tl.load(sums + c).to(tl.float64) * unit
    variance = (tl.load(sums + C + c).to(tl.float64) * unit - exact * exact).to(tl.float32)
    mean, variance = exact.to(tl.float32), tl.maximum(variance, 0.0)
    rstd = 1.0 / tl.sqrt(variance + eps)
    factor = tl.load(weight + c, mask=c < real, other=0.0) * rstd
    offset = tl.load(bias + c, mask=c < real, other=0.0) - mean * factor
    return mean, variance, rstd, factor, offset


@triton.jit(do_not_specialize=SIZES)
def convolve(
    x, w, sums, weight, bias, running_mean, running_var, count, shortcut, y, next_sums,
    pixels, H, W, HO, WO, ci, co, momentum, eps,
    XS: tl.constexpr, CI: tl.constexpr, CO: tl.constexpr, KS: tl.constexpr, STRIDE: tl.constexpr,
    NORM: tl.constexpr, TRACK: tl.constexpr, ADD: tl.constexpr, SUM: tl.constexpr,
    TILE: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """One tile of the output of a convolution, of x or of the ReLU of its batch norm."""
    tile = tl.program_id(0)
    p = tile * TILE + tl.arange(0, TILE)
    column, row, n = p % WO, (p // WO) % HO, p // (WO * HO)
    c, o = tl.arange(0, CI), tl.arange(0, CO)
    if NORM:
        mean, variance, _, factor, offset = normal(sums, weight, bias, pixels, eps, c, ci, CI)
        if TRACK:  # noqa: SIM102 - known when this is compiled
            if tile == 0:
                known = c < ci
                old = tl.load(running_mean + c, mask=known, other=0.0)
                tl.store(running_mean + c, old + momentum * (mean - old), mask=known)
                old = tl.load(running_var + c, mask=known, other=0.0)
                unbiased = variance * (pixels / (pixels - 1.0))
                tl.store(running_var + c, old + momentum * (unbiased - old), mask=known)
                tl.store(count, tl.load(count) + 1)
    total = tl.zeros((TILE, CO), tl.float32)
    for k in tl.range(0, KS * KS, loop_unroll_factor=UNROLL):
        i = row * STRIDE + k // KS - KS // 2
        j = column * STRIDE + k % KS - KS // 2
        inside = (i >= 0) & (i < H) & (j >= 0) & (j < W)
        at = (((n * H + i) * W + j) * XS)[:, None] + c[None, :]
        a = tl.load(x + at, mask=inside[:, None] & (c < XS)[None, :], other=0.0).to(tl.float32)
        if NORM:
            a = tl.maximum(a * factor[None, :] + offset[None, :], 0.0)
            a = tl.where(inside[:, None], a, 0.0)
        known = (c < ci)[:, None] & (o < co)[None, :]
        v = tl.load(w + (o[None, :] * (KS * KS) + k) * ci + c[:, None], mask=known, other=0.0)
        total += tl.dot(a.to(y.dtype.element_ty), v.to(y.dtype.element_ty))
    at = p[:, None] * CO + o[None, :]
    if ADD:
        total += tl.load(shortcut + at).to(tl.float32)
    result = total.to(y.dtype.element_ty)
    tl.store(y + at, result)
    if SUM:
        result = result.to(tl.float32)
        tl.atomic_add(next_sums + o, (tl.sum(result, 0) * FORWARD).to(tl.int64))
        tl.atomic_add(next_sums + CO + o, (tl.sum(result * result, 0) * FORWARD).to(tl.int64))


@triton.jit
def of_weights(
    dy, x, factor, offset, dw, last, part, rounds, k, H, W, HO, WO, ci, co,
    XS: tl.constexpr, CI: tl.constexpr, CO: tl.constexpr, KS: tl.constexpr, STRIDE: tl.constexpr,
    NORM: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """The gradient of weights at place k of the kernel, over a part of the `last` output pixels."""
    c, o = tl.arange(0, CI), tl.arange(0, CO)
    total = tl.zeros((CO, CI), tl.float32)
    for step in range(0, rounds):
        p = (part * rounds + step) * TILE + tl.arange(0, TILE)
        there = p < last
        d = tl.load(dy + p[:, None] * CO + o[None, :], mask=there[:, None], other=0.0)
        i = (p // WO) % HO * STRIDE + k // KS - KS // 2
        j = p % WO * STRIDE + k % KS - KS // 2
        inside = there & (i >= 0) & (i < H) & (j >= 0) & (j < W)
        at = (((p // (WO * HO) * H + i) * W + j) * XS)[:, None] + c[None, :]
        a = tl.load(x + at, mask=inside[:, None] & (c < XS)[None, :], other=0.0).to(tl.float32)
        if NORM:
            a = tl.maximum(a * factor[None, :] + offset[None, :], 0.0)
            a = tl.where(inside[:, None], a, 0.0)
        total += tl.dot(tl.trans(d), a.to(d.dtype))
    at = (o[:, None] * (KS * KS) + k) * ci + c[None, :]
    known = (o < co)[:, None] & (c < ci)[None, :]
    tl.atomic_add(dw + at, (total * BACK).to(tl.int64), mask=known)


@triton.jit
def of_input(
    dy, w, x, mean, rstd, factor, offset, other, g, g_sums, tile, H, W, HO, WO, ci, co,
    CI: tl.constexpr, CO: tl.constexpr, KS: tl.constexpr, STRIDE: tl.constexpr,
    RELU: tl.constexpr, ADD: tl.constexpr, TILE: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """One tile of the gradient before a convolution, and before the ReLU there."""
    p = tile * TILE + tl.arange(0, TILE)
    column, row, n = p % W, (p // W) % H, p // (W * H)
    c, o = tl.arange(0, CI), tl.arange(0, CO)
    total = tl.zeros((TILE, CI), tl.float32)
    for k in tl.range(0, KS * KS, loop_unroll_factor=UNROLL):
        i = row + KS // 2 - k // KS
        j = column + KS // 2 - k % KS
        inside = (i >= 0) & (i < HO * STRIDE) & (j >= 0) & (j < WO * STRIDE)
        if STRIDE > 1:
            inside = inside & (i % STRIDE == 0) & (j % STRIDE == 0)
        at = ((n * HO + i // STRIDE) * WO + j // STRIDE)[:, None] * CO + o[None, :]
        d = tl.load(dy + at, mask=inside[:, None], other=0.0)
        known = (o < co)[:, None] & (c < ci)[None, :]
        v = tl.load(w + (o[:, None] * (KS * KS) + k) * ci + c[None, :], mask=known, other=0.0)
        total += tl.dot(d, v.to(g.dtype.element_ty))
    at = p[:, None] * CI + c[None, :]
    if ADD:
        total += tl.load(other + at).to(tl.float32)
    if RELU:
        v = tl.load(x + at).to(tl.float32)
        total = tl.where(v * factor[None, :] + offset[None, :] > 0, total, 0.0)
        result = total.to(g.dtype.element_ty).to(tl.float32)
        tl.atomic_add(g_sums + c, (tl.sum(result, 0) * BACK).to(tl.int64))
        result = result * (v - mean[None, :]) * rstd[None, :]
        tl.atomic_add(g_sums + CI + c, (tl.sum(result, 0) * BACK).to(tl.int64))
    tl.store(g + at, total.to(g.dtype.element_ty))


@triton.jit(do_not_specialize=[*SIZES, "parts", "rounds"])
def convolve_back(
    dy, w, x, sums, weight, bias, other, g, g_sums, dw,
    pixels, H, W, HO, WO, ci, co, parts, rounds, eps,
    XS: tl.constexpr, CI: tl.constexpr, CO: tl.constexpr, KS: tl.constexpr, STRIDE: tl.constexpr,
    NORM: tl.constexpr, INPUT: tl.constexpr, RELU: tl.constexpr, ADD: tl.constexpr,
    TILE: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """A share of a convolution's gradients: `of_weights` or `of_input`."""
    c = tl.arange(0, CI)
    if NORM:
        mean, _, rstd, factor, offset = normal(sums, weight, bias, pixels, eps, c, ci, CI)
    else:
        mean, rstd, factor, offset = c, c, c, c
    program = tl.program_id(0)
    first = KS * KS * parts
    if program < first:
        of_weights(
            dy, x, factor, offset, dw, pixels // (STRIDE * STRIDE), program // (KS * KS), rounds,
            program % (KS * KS), H, W, HO, WO, ci, co, XS, CI, CO, KS, STRIDE, NORM, TILE,
        )  # fmt: skip
    elif INPUT:
        of_input(
            dy, w, x, mean, rstd, factor, offset, other, g, g_sums, program - first,
            H, W, HO, WO, ci, co, CI, CO, KS, STRIDE, RELU, ADD, TILE, UNROLL,
        )  # fmt: skip


@triton.jit(do_not_specialize=["pixels", "real"])
def norm_back(
    g, x, sums, weight, bias, g_sums, other, dx, pixels, real, eps,
    C: tl.constexpr, ADD: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """One tile of the gradient before a batch norm, and what comes from the shortcut."""
    c = tl.arange(0, C)
    at = (tl.program_id(0) * TILE + tl.arange(0, TILE))[:, None] * C + c[None, :]
    mean, _, rstd, factor, _ = normal(sums, weight, bias, pixels, eps, c, real, C)
    v = (tl.load(x + at).to(tl.float32) - mean[None, :]) * rstd[None, :]
    unit = 1.0 / (pixels * BACK).to(tl.float64)
    mean_g = (tl.load(g_sums + c).to(tl.float64) * unit).to(tl.float32)
    mean_p = (tl.load(g_sums + C + c).to(tl.float64) * unit).to(tl.float32)
    d = tl.load(g + at).to(tl.float32) - mean_g[None, :]
    d = (d - v * mean_p[None, :]) * factor[None, :]
    if ADD:
        d += tl.load(other + at).to(tl.float32)
    tl.store(dx + at, d.to(dx.dtype.element_ty))


@triton.jit(do_not_specialize=["pixels", "real", "samples"])
def fisher(
    x, g, sums, weight, bias, total, pixels, real, samples, eps,
    SIZE: tl.constexpr, C: tl.constexpr, AT_ONCE: tl.constexpr,
):  # fmt: skip
    """Add the squared gradient in the gate of each channel, of one sample of `SIZE` pixels."""
    n = tl.program_id(0)
    c, p = tl.arange(0, C), tl.arange(0, AT_ONCE)
    _, _, _, factor, offset = normal(sums, weight, bias, pixels, eps, c, real, C)
    gate = tl.zeros((C,), tl.float32)
    for first in range(0, SIZE, AT_ONCE):
        at = (n * SIZE + first + p)[:, None] * C + c[None, :]
        a = tl.load(x + at).to(tl.float32) * factor[None, :] + offset[None, :]
        gate += tl.sum(tl.maximum(a, 0.0) * tl.load(g + at).to(tl.float32), 0)
    gate = gate * samples
    tl.atomic_add(total + c, gate * gate, mask=c < real)


@triton.jit(do_not_specialize=["size"])
def as_floats(integers, floats, size, AT_ONCE: tl.constexpr):
    """Sums of gradients as numbers."""
    i = tl.program_id(0) * AT_ONCE + tl.arange(0, AT_ONCE)
    v = tl.load(integers + i, mask=i < size, other=0).to(tl.float64) / BACK
    tl.store(floats + i, v.to(tl.float32), mask=i < size)


class Norm(NamedTuple):
    """A batch norm as kernels compute it: its input's sums of values and squares, (2, C)."""

    sums: Tensor
    module: nn.BatchNorm2d

    @property
    def given(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the kernels are given of it."""
        return self.sums, self.module.weight, self.module.bias


class Sums(NamedTuple):
    """Where a block's kernels add up, int64: for both batch norms the sums of their inputs and of
    gradients, each (2, C), and the gradients of weights, (C', KS, KS, C).

    `back` is all memory of gradients.
    """

    first: Tensor
    second: Tensor
    first_back: Tensor
    second_back: Tensor
    weights: list[Tensor]
    back: Tensor


def in_memory(channels: int) -> int:
    """Channels as they lie in memory."""
    return max(LEAST, triton.next_power_of_2(channels))


def compiled_for(size: int, products: int) -> dict[str, int]:
    """How a convolution is compiled: unrolled, its loads overlap, but a wide one would run out of
    registers."""
    wide = products > WIDE
    return {"UNROLL": 1 if wide else size * size, "num_warps": 8 if wide else 4}


def conv(
    x: Tensor,
    weight: Tensor,
    stride: int,
    norm: Norm | None,
    sums: Tensor | None,
    shortcut: Tensor | None = None,
    dtype: torch.dtype | None = None,
    track: bool = True,
) -> Tensor:
    """A convolution of x (N, H, W, C), after `norm` and ReLU, to (N, H', W', C').

    `shortcut` is added to it, and its own sums to `sums`; `norm` keeps its running statistics.
    """
    n, h, w, channels = x.shape
    co, ci, ks, _ = weight.shape
    ho, wo, c_out, c_in = h // stride, w // stride, in_memory(co), max(LEAST, channels)
    y = torch.empty(n, ho, wo, c_out, device=x.device, dtype=dtype or x.dtype)
    m = norm.module if norm else None
    running = (m.running_mean, m.running_var, m.num_batches_tracked) if m else (None,) * 3
    convolve[(n * ho * wo // TILE,)](
        x, weight, *(norm.given if norm else (None,) * 3), *running, shortcut, y, sums,
        n * h * w, h, w, ho, wo, ci, co, m.momentum if m else 0.0, m.eps if m else 0.0,
        XS=channels, CI=c_in, CO=c_out, KS=ks, STRIDE=stride,
        NORM=norm is not None, TRACK=track, ADD=shortcut is not None, SUM=sums is not None,
        TILE=TILE, **compiled_for(ks, c_in * c_out),
    )  # fmt: skip
    return y


def conv_back(
    dy: Tensor,
    weight: Tensor,
    x: Tensor,
    stride: int,
    norm: Norm | None,
    dw: Tensor,
    g_sums: Tensor | None = None,
    other: Tensor | None = None,
    wanted: bool = True,
) -> Tensor:
    """The gradient before a convolution of x (N, H, W, C); that of the weight is added to `dw`.

    With `g_sums` it is that before the ReLU, after `other` was added, and its sums go there. It is
    not computed, but where `wanted`.
    """
    n, h, w, channels = x.shape
    co, ci, ks, _ = weight.shape
    _, ho, wo, c_out = dy.shape
    c_in = max(LEAST, channels)
    tiles = n * ho * wo // TILE
    rounds = -(-tiles // min(SPLITS, max(1, tiles // 8)))
    parts = -(-tiles // rounds)
    g = torch.empty_like(x) if wanted else dy
    convolve_back[(ks * ks * parts + (n * h * w // TILE if wanted else 0),)](
        dy, weight, x, *(norm.given if norm else (None,) * 3), other, g, g_sums, dw,
        n * h * w, h, w, ho, wo, ci, co, parts, rounds, norm.module.eps if norm else 0.0,
        XS=channels, CI=c_in, CO=c_out, KS=ks, STRIDE=stride,
        NORM=norm is not None, INPUT=wanted, RELU=g_sums is not None, ADD=other is not None,
        TILE=TILE, **compiled_for(ks, c_in * c_out),
    )  # fmt: skip
    return g


def batch_norm_back(
    g: Tensor, x: Tensor, norm: Norm, g_sums: Tensor, other: Tensor | None = None
) -> Tensor:
    """The gradient of a batch norm's input x (N, H, W, C); `other` is added to it."""
    n, h, w, channels = x.shape
    dx = torch.empty_like(x)
    norm_back[(n * h * w // TILE,)](
        g, x, *norm.given, g_sums, other, dx, n * h * w, norm.module.num_features,
        norm.module.eps, C=channels, ADD=other is not None, TILE=TILE,
    )  # fmt: skip
    return dx


def gradients(back: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Sums of gradients as floats, in pieces of the shape of `like`."""
    floats = torch.empty(back.shape, device=back.device)
    as_floats[(-(-len(back) // 1024),)](back, floats, len(back), AT_ONCE=1024)
    return pieces(floats, [piece.shape for piece in like])


def pieces(memory: Tensor, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Memory in pieces of some shapes, each at a multiple of 16 entries."""
    sizes = [torch.Size(shape).numel() for shape in shapes]
    parts = memory.split([-(-size // LEAST) * LEAST for size in sizes])
    return [p[:n].view(*shape) for p, n, shape in zip(parts, sizes, shapes, strict=True)]


def of_norm(g_sums: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """Gradients of a batch norm's weight and bias."""
    real = norm.module.num_features
    return g_sums[1, :real], g_sums[0, :real]


class Stem(torch.autograd.Function):
    """The first convolution, of images (N, H, W, C); its sums go to `sums`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, sums: Tensor, dw: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """Convolve, to a number format."""
        ctx.save_for_backward(x, weight)
        ctx.dw = dw
        return conv(x, weight, 1, None, sums, dtype=dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the weight; images need none."""
        x, weight = ctx.saved_tensors
        conv_back(dy.contiguous(), weight, x, 1, None, ctx.dw, wanted=False)
        (dw,) = gradients(ctx.dw.view(-1), [ctx.dw])
        return None, dw.permute(0, 3, 1, 2), None, None, None


class Block(torch.autograd.Function):
    """A pre-activation block on (N, H, W, C)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        block: Any,
        sums: Sums,
        next_sums: Tensor | None,
        total: Tensor | None,
        *parameters: Tensor,
    ) -> Tensor:
        """`parameters` are those of the block, for autograd; saliency goes to `total`."""
        stride = block.conv1.stride[0]
        first, second = Norm(sums.first, block.bn1), Norm(sums.second, block.bn2)
        shortcut = x
        if block.shortcut is not None:
            shortcut = conv(x, block.shortcut.weight, stride, first, None, track=False)
        y = conv(x, block.conv1.weight, stride, first, sums.second)
        ctx.save_for_backward(x, y, *parameters)
        ctx.norms, ctx.stride, ctx.sums, ctx.total = (first, second), stride, sums, total
        return conv(y, block.conv2.weight, 1, second, next_sums, shortcut)

    @staticmethod
    def backward(ctx: Any, dz: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x and the parameters."""
        x, y, w1, w2, *others = ctx.saved_tensors
        (first, second), sums, projection = ctx.norms, ctx.sums, others[4:]
        dz = dz.contiguous()
        g = conv_back(dz, w2, y, 1, second, sums.weights[1], sums.second_back)
        if ctx.total is not None:
            n, h, w, channels = y.shape
            fisher[(n,)](
                y, g, *second.given, ctx.total, n * h * w, second.module.num_features, n,
                second.module.eps, SIZE=h * w, C=channels, AT_ONCE=min(TILE, h * w),
            )  # fmt: skip
        dy = batch_norm_back(g, y, second, sums.second_back)
        around = None
        if projection:
            around = conv_back(dz, projection[0], x, ctx.stride, first, sums.weights[2])
        g = conv_back(dy, w1, x, ctx.stride, first, sums.weights[0], sums.first_back, around)
        dx = batch_norm_back(g, x, first, sums.first_back, None if projection else dz)
        of_first, of_second, *of_weights = gradients(
            sums.back, [sums.first_back, sums.second_back, *sums.weights]
        )
        one, two, *three = (dw.permute(0, 3, 1, 2) for dw in of_weights)
        of_norms = *of_norm(of_first, first), *of_norm(of_second, second)
        return dx, None, None, None, None, one, two, *of_norms, *three


def features(
    stem: nn.Conv2d,
    blocks: Sequence[Any],
    x: Tensor,
    totals: Sequence[Tensor] = (),
    dtype: torch.dtype = torch.bfloat16,
) -> Tensor:
    """What stem and blocks make of images (N, C, H, W), channels-last in memory.

    Args:
        stem: the first convolution.
        blocks: of `nets.wideresnet`, in training.
        x: the images.
        totals: for each block where saliency is added up, (channels between its convolutions,).
        dtype: of activations.
    """
    of_stem, of_blocks = room(stem, blocks, x.device)
    x = Stem.apply(x.permute(0, 2, 3, 1), stem.weight, of_blocks[0].first, of_stem, dtype)
    for number, (block, sums) in enumerate(zip(blocks, of_blocks, strict=True)):
        following = of_blocks[number + 1].first if number + 1 < len(blocks) else None
        total = totals[number] if totals else None
        x = Block.apply(x, block, sums, following, total, *parameters_of(block))
    return x.permute(0, 3, 1, 2)


def parameters_of(block: Any) -> list[Tensor]:
    """Parameters of a block, in the order of its gradients."""
    found = [block.conv1.weight, block.conv2.weight]
    found += [block.bn1.weight, block.bn1.bias, block.bn2.weight, block.bn2.bias]
    return found if block.shortcut is None else [*found, block.shortcut.weight]


def room(stem: nn.Conv2d, blocks: Sequence[Any], device: torch.device) -> tuple[Tensor, list[Sums]]:
    """Zeroed memory for a step: the gradient of the stem's weight, and what blocks add up."""
    shapes: list[list[tuple[int, ...]]] = [[as_rows(stem.weight)]]
    for block in blocks:
        norms = [(2, in_memory(n.num_features)) for n in (block.bn1, block.bn2)]
        weights = [as_rows(w) for w in parameters_of(block) if w.dim() == 4]
        shapes += [[*norms], [*norms, *weights]]
    lengths = [
        sum(-(-torch.Size(shape).numel() // LEAST) * LEAST for shape in group) for group in shapes
    ]
    memory = torch.zeros(sum(lengths), device=device, dtype=torch.int64).split(lengths)
    (of_stem,) = pieces(memory[0], shapes[0])
    found = []
    for number in range(1, len(memory), 2):
        first, second = pieces(memory[number], shapes[number])
        back = memory[number + 1]
        first_back, second_back, *of_weights = pieces(back, shapes[number + 1])
        found.append(Sums(first, second, first_back, second_back, of_weights, back))
    return of_stem, found


def as_rows(weight: Tensor) -> tuple[int, ...]:
    """Sizes of a convolution's weight as it lies in memory, channels-last."""
    out, into, height, width = weight.shape
    return out, height, width, into
