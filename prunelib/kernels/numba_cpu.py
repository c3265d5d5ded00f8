"""Batch norm with ReLU, both ways, and products over pixels, compiled by Numba for one CPU thread.

PyTorch's operators read and write every activation once for each of batch norm, ReLU and the sum of
gradients, and convert bfloat16 each time; here each direction takes two passes.

Activations are float32, or uint16 that holds bfloat16. A row is several pixels side by side, (rows,
pixels * channels), so that the inner loop is long enough for vector instructions when only a few
channels are left. Values per channel are float32 (channels,).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

CHUNK = 64
"""Rows that are added up in float32 before float64 takes over."""


def as_float32(value: np.float32 | np.uint16) -> np.float32:
    """A float32 from what is stored."""
    raise NotImplementedError("for Numba alone")


def as_stored(value: np.float32, like: np.float32 | np.uint16) -> np.float32 | np.uint16:
    """What is stored of a float32, in the format of `like`: bfloat16 rounds to nearest even.

    What is not a number stays none, which the addition alone does not see to.
    """
    raise NotImplementedError("for Numba alone")


# Numba insists on the same annotations outside and inside: hence none.
@overload(as_float32)
def _as_float32(value):  # type: ignore[no-untyped-def]
    if value == types.float32:
        return lambda value: value
    return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)


@overload(as_stored)
def _as_stored(value, like):  # type: ignore[no-untyped-def]
    if like == types.float32:
        return lambda value, like: np.float32(value)

    def bfloat16(value, like):  # type: ignore[no-untyped-def]
        bits = np.float32(value).view(np.uint32)
        odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
        rounded = np.uint32(bits + np.uint32(odd + np.uint32(0x7FFF)))
        safe = rounded if value == value else np.uint32(0x7FC00000)
        return np.uint16(safe >> np.uint32(16))

    return bfloat16


def _compiled(function: Callable) -> Any:
    """Compile, and keep what is compiled for other processes where a folder can be written."""
    options: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


@_compiled
def _by_channel(values: np.ndarray, channels: int) -> np.ndarray:
    """Sums over the pixels of a row: (pixels * channels,) to (channels,)."""
    return values.reshape(-1, channels).sum(0)


@_compiled
def _per_pixel(values: np.ndarray, length: int) -> np.ndarray:
    """Values per channel, float32, once for each pixel of a row: (channels,) to (length,)."""
    row = np.empty(length, np.float32)
    for j in range(length):
        row[j] = values[j % len(values)]
    return row


@_compiled
def moments(x: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each channel, float64 (channels,).

    Taken about the first pixel, for squares far from zero would cost the variance its digits.
    """
    rows, length = x.shape
    first, second = np.zeros(length), np.zeros(length)
    about = np.empty(length, np.float32)
    for j in range(length):
        about[j] = as_float32(x[0, j % channels])
    a, b = np.empty(length, np.float32), np.empty(length, np.float32)
    for start in range(0, rows, CHUNK):
        a[:] = 0
        b[:] = 0
        for i in range(start, min(start + CHUNK, rows)):
            for j in range(length):
                value = as_float32(x[i, j]) - about[j]
                a[j] += value
                b[j] += value * value
        first += a
        second += b
    pixels = x.size // channels
    mean = _by_channel(first, channels) / pixels
    variance = _by_channel(second, channels) / pixels - mean**2
    return about[:channels] + mean, np.maximum(variance, 0)


@_compiled
def forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    momentum: float,
    eps: float,
    y: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Write y = max(0, weight * (x - mean) / std + bias), and move the running statistics.

    Returns mean and 1 / std of the batch, float64 (channels,).
    """
    rows, length = x.shape
    channels = len(weight)
    pixels = x.size // channels
    mean, variance = moments(x, channels)
    inverse = 1 / np.sqrt(variance + eps)
    running_mean += momentum * (mean - running_mean)
    running_var += momentum * (variance * pixels / max(1, pixels - 1) - running_var)
    scale = _per_pixel(weight * inverse, length)
    shift = _per_pixel(bias - weight * inverse * mean, length)
    for i in range(rows):
        for j in range(length):
            value = scale[j] * as_float32(x[i, j]) + shift[j]
            # Not max(): a value that is not a number must stay one.
            y[i, j] = as_stored(types.float32(0) if value < 0 else value, y[i, j])
    return mean, inverse


@_compiled
def backward(
    gradient: np.ndarray,
    shortcut: np.ndarray | None,
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    mean: np.ndarray,
    inverse: np.ndarray,
    result: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Write the gradient of x, plus that which comes along the shortcut, if it is not None.

    With m pixels, x' the normalised input, and dy the gradient where y > 0, else 0, the gradient
    of x is weight / std * (dy - sum(dy) / m - x' * sum(dy * x') / m). Returns those of weight and
    bias, float32.
    """
    rows, length = x.shape
    channels = len(weight)
    pixels = x.size // channels
    first, second = np.zeros(length), np.zeros(length)
    a, b = np.empty(length, np.float32), np.empty(length, np.float32)
    middle = _per_pixel(mean, length)
    for start in range(0, rows, CHUNK):
        a[:] = 0
        b[:] = 0
        for i in range(start, min(start + CHUNK, rows)):
            for j in range(length):
                value = as_float32(gradient[i, j]) if as_float32(y[i, j]) > 0 else types.float32(0)
                a[j] += value
                b[j] += value * (as_float32(x[i, j]) - middle[j])
        first += a
        second += b
    of_bias = _by_channel(first, channels)
    of_weight = _by_channel(second, channels) * inverse
    scale = weight * inverse
    of_x = -scale * inverse * of_weight / pixels
    shift = _per_pixel(-scale * of_bias / pixels - of_x * mean, length)
    scale, of_x = _per_pixel(scale, length), _per_pixel(of_x, length)
    for i in range(rows):
        for j in range(length):
            value = as_float32(gradient[i, j]) if as_float32(y[i, j]) > 0 else types.float32(0)
            value = scale[j] * value + of_x[j] * as_float32(x[i, j]) + shift[j]
            if shortcut is not None:
                value += as_float32(shortcut[i, j])
            result[i, j] = as_stored(value, result[i, j])
    return of_weight.astype(np.float32), of_bias.astype(np.float32)


@_compiled
def products(a: np.ndarray, b: np.ndarray, samples: int, channels: int) -> np.ndarray:
    """Sums of a * b over the pixels of each sample, float32 (samples, channels)."""
    rows, length = a.shape
    each = rows // samples
    found = np.zeros((samples, length), np.float32)
    for n in range(samples):
        for i in range(n * each, (n + 1) * each):
            for j in range(length):
                found[n, j] += as_float32(a[i, j]) * as_float32(b[i, j])
    return found.reshape(samples, -1, channels).sum(1)
