"""Convolutions whose gradients oneDNN gets wrong, and how to do without it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

VECTOR = 8
"""Numbers in a vector of AVX2."""


@contextmanager
def sound_gradients(model: nn.Module) -> Iterator[None]:
    """A context in which the gradients of a network are what they should be.

    On AVX2 oneDNN goes beyond its memory in the weight gradient of a strided 1x1 convolution that
    has fewer input channels than a vector has numbers, channels-last: gradients are wrong, or the
    process dies (oneDNN's issue 6035, in PyTorch 2.13). Networks with such a convolution are left
    to PyTorch's own ones, on every processor, for they should learn the same everywhere.

    >>> with sound_gradients(nn.Conv2d(3, 8, 1, stride=2)):
    ...     torch.backends.mkldnn.enabled
    False
    """
    before = torch.backends.mkldnn.enabled
    try:
        if any(is_mistaken(module) for module in model.modules()):
            torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def is_mistaken(module: nn.Module) -> bool:
    """Whether oneDNN gets the gradient of a module wrong."""
    return (
        isinstance(module, nn.Conv2d)
        and type(module).forward is nn.Conv2d.forward
        and module.in_channels < VECTOR
        and tuple(module.kernel_size) == (1, 1)
        and max(module.stride) > 1
    )
