"""Fisher saliency, and what it estimates: the change of the loss without a channel.

Fisher saliency (Theis et al., 2018; the paper's section 2): the loss of sample n, with channel k of
activation a multiplied by a gate of 1, has the gradient

    g_nk = sum over pixels of a_nk * dL_n / da_nk

in that gate, and closing the gate changes the mean loss by about

    saliency_k = 1 / (2N) * sum over samples of g_nk ** 2.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.kernels.norm_relu import pixel_products
from prunelib.nets.wideresnet import Gate, WideResNet
from prunelib.training.machine import Machine


class FisherTap(torch.autograd.Function):
    """The identity; its backward pass adds sum over n of g_nk ** 2 to `total`.

    The activation is kept for the next convolution anyway, so this costs one pass over it.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, total: Tensor) -> Tensor:
        """Hand on the activation (N, C, H, W); `total` is (C,)."""
        ctx.save_for_backward(a)
        ctx.total = total
        return a.view_as(a)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Accumulate, and hand on the gradient. It is that of the mean loss: hence times N."""
        (a,) = ctx.saved_tensors
        g = len(a) * pixel_products(a, gradient).to(ctx.total.dtype)
        ctx.total += g.square_().sum(0)
        return gradient, None


class Fisher:
    """Accumulates Fisher saliency over batches whose mean losses are differentiated.

    Scored are the channels of the blocks of a `WideResNet`, or any others: `widths` says how many
    each gate sees.

    >>> from prunelib import ChannelProfile, WideResNet
    >>> model = WideResNet(ChannelProfile.full(10, 0.25))
    >>> x, y = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
    >>> fisher = Fisher(model)
    >>> F.cross_entropy(model(x, fisher.gates), y).backward()
    >>> fisher.samples += len(y)
    >>> [tuple(score.shape) for score in fisher.scores()]
    [(4,), (8,), (16,)]
    """

    def __init__(self, model: nn.Module, widths: Sequence[int] | None = None) -> None:
        first = next(model.parameters())
        if widths is None:
            widths = cast(WideResNet, model).profile.middle
        self.totals = [torch.zeros(c, device=first.device, dtype=first.dtype) for c in widths]
        self.samples = 0

    @property
    def gates(self) -> list[Gate]:
        """One gate per block for `WideResNet.forward`."""
        return [partial(self._tap, total=total) for total in self.totals]

    @staticmethod
    def _tap(a: Tensor, total: Tensor) -> Tensor:
        return FisherTap.apply(a, total)

    def scores(self) -> list[Tensor]:
        """Saliency of every channel, (C,) for each block.

        Raises:
            PrunelibError: no sample was seen.
        """
        if not self.samples:
            raise PrunelibError(
                "there are no scores without images: the batches are empty, or are used up"
            )
        return [total / (2 * self.samples) for total in self.totals]


def saliency_by_block(
    model: WideResNet, batches: Iterable[tuple[Tensor, Tensor]], machine: Machine | None = None
) -> list[Tensor]:
    """See `prunelib.fisher_saliency`."""
    fisher = Fisher(model)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for x, y in batches:
        with machine.autocast() if machine else torch.autocast(x.device.type, enabled=False):
            loss = F.cross_entropy(model(x, fisher.gates), y)
        torch.autograd.grad(loss, parameters)
        fisher.samples += len(y)
    return fisher.scores()


@torch.no_grad()
def loss_changes(
    model: WideResNet,
    x: Tensor,
    y: Tensor,
    machine: Machine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Tensor]:
    """What Fisher saliency estimates, measured: the change of the loss without each channel.

    Each channel is removed by itself, in eval mode. Everything before its block is computed only
    once for all channels of the block.

    Args:
        model: its mode is restored afterwards.
        x: normalised images (N, C, H, W), all held in memory at every layer in turn.
        y: labels (N,).
        machine: gives the precision; by default that of the model's parameters.
        progress: told the channels done and their number.

    Returns:
        One float64 tensor (channels,) for each block, in nats.
    """
    training = model.training
    model.eval()
    changes, done = [], 0
    with machine.autocast() if machine else torch.autocast(x.device.type, enabled=False):
        h = model.stem(x)
        whole = None
        for number, block in enumerate(model.residual_blocks):
            rest = model.residual_blocks[number + 1 :]
            if whole is None:
                whole = _loss_after(model, model.residual_blocks, h, y)
            change = torch.zeros(block.conv2.in_channels, dtype=torch.float64)
            for channel in range(len(change)):
                change[channel] = (
                    _loss_after(model, rest, block(h, _closed_gate(channel)), y) - whole
                )
                done += 1
                if progress:
                    progress(done, model.profile.prunable)
            changes.append(change)
            h = block(h)
    model.train(training)
    return changes


def _closed_gate(channel: int) -> Gate:
    """A gate that is closed for one channel."""

    def gate(a: Tensor) -> Tensor:
        a[:, channel] = 0
        return a

    return gate


def _loss_after(model: WideResNet, blocks: Iterable, h: Tensor, y: Tensor) -> float:
    """Mean loss of what the given blocks, and all that follows them, make of `h`."""
    for block in blocks:
        h = block(h)
    logits = model.linear(F.relu(model.bn(h)).mean((2, 3))).double()
    return F.cross_entropy(logits, y).item()
