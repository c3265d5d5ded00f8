import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from prunelib.kernels import norm_relu as fused
from prunelib.kernels.norm_relu import (
    NormReLU,
    as_rows,
    batchnorm_relu,
    pixel_products,
    pixels_per_row,
)

numba = pytest.importorskip("numba")

FORMATS = {torch.float32: 2e-5, torch.bfloat16: 2**-7}
SHAPES = st.tuples(*(st.integers(1, n) for n in (9, 70, 6, 6))).filter(
    lambda shape: shape[0] * shape[2] * shape[3] > 1
)


@pytest.fixture(autouse=True)
def one_thread_of_a_processor_with_bfloat16(monkeypatch):
    monkeypatch.setattr(fused, "bfloat16_is_fast", lambda: True)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def activation(shape, dtype, seed=0, offset=0.5):
    x = offset + torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


def norm_of(channels, seed=0):
    norm = nn.BatchNorm2d(channels)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        norm.weight.copy_(torch.randn(channels, generator=random))
        norm.bias.copy_(torch.randn(channels, generator=random))
        norm.running_mean.copy_(torch.randn(channels, generator=random))
    return norm


def close(got, wanted, tolerance, size=1e-3):
    """`size` is that of the terms that may cancel."""
    assert (got.double() - wanted).norm() <= tolerance * (wanted.norm() + size)


@settings(max_examples=60)
@given(
    SHAPES,
    st.sampled_from(list(FORMATS)),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([0.0, 1.0, 20.0]),
)
def test_batch_norm_relu_and_their_gradients_are_those_of_float64(
    shape, dtype, around, seed, offset
):
    x = activation(shape, dtype, seed, offset).requires_grad_()
    dy, dx = (activation(shape, dtype, seed + i, 0.0) for i in (1, 2))
    norm, exact = norm_of(shape[1], seed), norm_of(shape[1], seed).double()
    y, passed = batchnorm_relu(norm, x)
    assert y.grad_fn.name() == "NormReLUBackward"
    assert y.dtype == dtype
    assert torch.equal(passed, x)

    x64 = x.detach().double().requires_grad_()
    y64 = F.relu(exact(x64))
    # Two values of a channel that hardly differ leave little of the mean that is taken away.
    means, spreads = x64.mean((0, 2, 3)), x64.std((0, 2, 3), correction=0)
    close(y, y64, FORMATS[dtype], 0.05 * (means * exact.weight / spreads).norm())
    for mine, theirs in zip(norm.buffers(), exact.buffers(), strict=True):
        close(mine.double(), theirs.double(), 1e-5)

    # Where rounding moved an entry across zero, one of the two lets the gradient through.
    dy[(y > 0) != (y64 > 0)] = 0
    torch.autograd.backward((y, passed) if around else y, (dy, dx) if around else dy)
    y64.backward(dy.double())
    terms = dy.double().norm() * (exact.weight / x64.std((0, 2, 3), correction=0)).abs().max()
    wanted = x64.grad + (dx.double() if around else 0)
    close(x.grad, wanted, FORMATS[dtype] * (1 + offset), terms)
    close(norm.bias.grad, exact.bias.grad, 1e-5)
    close(norm.weight.grad, exact.weight.grad, 1e-4 * (1 + offset))


@settings(max_examples=30)
@given(SHAPES, st.sampled_from(list(FORMATS)))
def test_sums_of_products_are_those_of_float64(shape, dtype):
    a, b = activation(shape, dtype, 1), activation(shape, dtype, 2)
    found = pixel_products(a, b)
    assert found.dtype == torch.float32
    close(found, (a.double() * b.double()).sum((2, 3)), 1e-5)


def test_bfloat16_is_rounded_as_pytorch_rounds_it():
    from prunelib.kernels.numba_cpu import as_float32, as_stored

    @numba.njit
    def rounded(x, y):
        for i in range(len(x)):
            y[i, 0] = as_stored(as_float32(x[i, 0]), y[i, 0])

    bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint32)
    halfway = (np.arange(1000, dtype=np.uint32) << 16) + np.uint32(0x3F808000)
    special = np.array([0x7F800000, 0xFF800000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0], np.uint32)
    numbers = torch.from_numpy(np.concatenate([bits, halfway, special]).view(np.float32))
    x = numbers[:, None, None, None]
    y = torch.empty_like(x, dtype=torch.bfloat16)
    rounded(as_rows(x, 1), as_rows(y, 1))
    assert torch.equal(y.isnan(), x.isnan())
    assert torch.equal(y[~y.isnan()], x.bfloat16()[~y.isnan()])


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_a_number_stays_visible(dtype, bad):
    x = activation((4, 3, 2, 2), dtype)
    x[1, 2, 0, 0] = bad
    y, _ = batchnorm_relu(norm_of(3), x.requires_grad_())
    assert y[:, 2].isnan().all()
    assert y[:, :2].isfinite().all()


def test_constant_channels_do_not_divide_by_zero():
    x = activation((4, 3, 2, 2), torch.bfloat16)
    x[:, 1] = 3.140625
    norm, x = norm_of(3), x.requires_grad_()
    y, _ = batchnorm_relu(norm, x)
    y.sum().backward()
    assert torch.allclose(y[:, 1].float(), F.relu(norm.bias[1]).expand_as(y[:, 1]), rtol=0.01)
    assert x.grad.isfinite().all()


def refuse(*args):
    raise AssertionError("the loops must not be taken")


@pytest.mark.parametrize(
    "change", ["threads", "evaluation", "no gradient", "layout", "numba", "slow bfloat16"]
)
def test_elsewhere_it_is_pytorchs_own(change, monkeypatch):
    dtype = torch.bfloat16 if change == "slow bfloat16" else torch.float32
    x, norm, plain = activation((4, 3, 5, 2), dtype), norm_of(3), norm_of(3)
    if change == "threads":
        torch.set_num_threads(2)
    elif change == "evaluation":
        norm.eval(), plain.eval()
    elif change == "layout":
        x = x.contiguous()
    elif change == "numba":
        monkeypatch.setattr(fused, "numba_loops", lambda: None)
    elif change == "slow bfloat16":
        monkeypatch.setattr(fused, "bfloat16_is_fast", lambda: False)
    monkeypatch.setattr(NormReLU, "apply", refuse)
    with torch.set_grad_enabled(change != "no gradient"):
        assert torch.equal(batchnorm_relu(norm, x)[0], F.relu(plain(x)))


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(3, affine=False),
        nn.BatchNorm2d(3, momentum=None),
        nn.BatchNorm2d(3, track_running_stats=False),
        nn.BatchNorm2d(3).bfloat16(),
        nn.GroupNorm(1, 3),
        nn.Identity(),
    ],
)
def test_another_norm_is_left_to_pytorch(norm, monkeypatch):
    monkeypatch.setattr(NormReLU, "apply", refuse)
    y, _ = batchnorm_relu(norm, 1 * activation((4, 3, 2, 2), torch.bfloat16).requires_grad_())
    assert y.shape == (4, 3, 2, 2)


@pytest.mark.parametrize("shape", [(4, 2, 2, 2), (1, 3, 1, 1)])
def test_what_pytorch_refuses_is_refused(shape):
    with pytest.raises((RuntimeError, ValueError)):
        batchnorm_relu(norm_of(3), activation(shape, torch.float32).requires_grad_())


def test_an_empty_batch_leaves_the_statistics_as_they_were():
    norm = norm_of(3)
    batchnorm_relu(norm, torch.empty(0, 3, 2, 2).requires_grad_())
    assert torch.equal(norm.running_mean, norm_of(3).running_mean)


def test_weights_that_change_before_the_backward_pass_are_noticed():
    norm = norm_of(3)
    y, _ = batchnorm_relu(norm, activation((4, 3, 2, 2), torch.float32).requires_grad_())
    with torch.no_grad():
        norm.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [
        "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'",
        "import sys; sys.modules['numba'] = None",
        "import os, numba.core.caching as c; c.os.replace = None",
    ],
)
def test_training_goes_on_where_numba_cannot_compile(tmp_path, broken):
    code = (
        f"{broken}\nimport torch\ntorch.set_num_threads(1)\n"
        "from prunelib.kernels.norm_relu import batchnorm_relu\n"
        "x = torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last).requires_grad_()\n"
        "print(batchnorm_relu(torch.nn.BatchNorm2d(4), x)[0].grad_fn.name())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin"},
    )
    assert done.stdout.strip() == "ReluBackward0", done.stderr


def test_it_compiles_in_one_piece():
    norm, x = norm_of(3), activation((4, 3, 2, 2), torch.float32).requires_grad_()
    whole = torch.compile(lambda x: batchnorm_relu(norm, x)[0], fullgraph=True, backend="eager")
    assert torch.equal(whole(x), F.relu(norm_of(3)(x)))


@given(st.integers(1, 5000), st.integers(1, 300))
def test_rows_hold_whole_numbers_of_pixels(pixels, channels):
    side = pixels_per_row(pixels, channels)
    assert pixels % side == 0
    assert side == 1 or side * channels < 4 * fused.ROW_LENGTH
