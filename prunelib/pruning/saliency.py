"""Which channel matters least: Fisher saliency and other criteria, a few lines each.

Fisher saliency (Theis et al., 2018; the paper's section 2): the loss of sample n, with channel k of
activation a multiplied by a gate of 1, has the gradient

    g_nk = sum over pixels of a_nk * dL_n / da_nk

in that gate, and closing the gate changes the mean loss by about

    saliency_k = 1 / (2N) * sum over samples of g_nk ** 2.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from prunelib.kernels.norm_relu import pixel_products
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import Gate, WideResNet
from prunelib.training.machine import Machine


class FisherTap(torch.autograd.Function):
    """The identity; its backward pass adds sum over n of g_nk ** 2 to `total`.

    The activation is kept for the next convolution anyway, so this costs one pass over it.
    """

    @staticmethod
    def forward(ctx, a: Tensor, total: Tensor) -> Tensor:
        """Hand on the activation (N, C, H, W); `total` is (C,)."""
        ctx.save_for_backward(a)
        ctx.total = total
        return a.view_as(a)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        """Accumulate, and hand on the gradient. It is that of the mean loss: hence times N."""
        (a,) = ctx.saved_tensors
        g = len(a) * pixel_products(a, gradient).to(ctx.total.dtype)
        ctx.total += g.square_().sum(0)
        return gradient, None


class Fisher:
    """Accumulates Fisher saliency over batches whose mean losses are differentiated.

    Scored are the channels of the blocks of a `WideResNet`, or any others: `widths` says how many
    each gate sees.

    >>> fisher = Fisher(model); loss = cross_entropy(model(x, fisher.gates), y)
    >>> loss.backward(); fisher.samples += len(y); fisher.scores()
    """

    def __init__(self, model: nn.Module, widths: Sequence[int] | None = None) -> None:
        first = next(model.parameters())
        widths = model.profile.middle if widths is None else widths
        self.totals = [torch.zeros(c, device=first.device, dtype=first.dtype) for c in widths]
        self.samples = 0

    @property
    def gates(self) -> list[Gate]:
        """One gate a block for `WideResNet.forward`."""
        return [lambda a, total=total: FisherTap.apply(a, total) for total in self.totals]

    def scores(self) -> list[Tensor]:
        """Saliency of every channel, (C,) for each block."""
        return [total / (2 * self.samples) for total in self.totals]


def fisher_saliency(
    model: WideResNet, batches: Iterable[tuple[Tensor, Tensor]], machine: Machine | None = None
) -> list[Tensor]:
    """Fisher saliency of every channel over the given batches, without updating the model.

    In eval mode samples do not see each other, so the result is that of Theis et al. whatever the
    batches. In train mode, as while pruning, batch statistics couple the samples of a batch, and
    gradients go through them.

    Args:
        model: used in the mode that it is in.
        batches: normalised images (N, C, H, W) and labels (N,), on the model's device.
        machine: gives the precision; by default that of the model's parameters.

    Returns:
        One tensor (channels,) for each block; dimension: change of the mean loss, in nats.
    """
    fisher = Fisher(model)
    parameters = list(model.parameters())
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

    Every channel is taken away by itself, in eval mode. What lies before its block is computed
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
        for number, block in enumerate(model.blocks):
            rest = model.blocks[number + 1 :]
            if whole is None:
                whole = loss_after(model, model.blocks, h, y)
            change = torch.zeros(block.conv2.in_channels, dtype=torch.float64)
            for channel in range(len(change)):
                change[channel] = loss_after(model, rest, block(h, without(channel)), y) - whole
                done += 1
                if progress:
                    progress(done, model.profile.prunable)
            changes.append(change)
            h = block(h)
    model.train(training)
    return changes


def without(channel: int) -> Gate:
    """A gate that is closed for one channel."""

    def gate(a: Tensor) -> Tensor:
        a[:, channel] = 0
        return a

    return gate


def loss_after(model: WideResNet, blocks: Iterable, h: Tensor, y: Tensor) -> float:
    """Mean loss of what the given blocks, and all that follows them, make of `h`."""
    for block in blocks:
        h = block(h)
    logits = model.linear(F.relu(model.bn(h)).mean((2, 3))).double()
    return F.cross_entropy(logits, y).item()


@dataclass(frozen=True)
class Evidence:
    """What a criterion may look at: the network, its Fisher scores, and a random stream.

    `makers` are the convolutions that make the channels, by default the first one of each block.
    """

    model: nn.Module
    fisher: list[Tensor] | None
    random: torch.Generator
    makers: Sequence[nn.Conv2d] | None = None

    @property
    def filters(self) -> list[Tensor]:
        """The weights (C, C_in, H, W) that make the channels."""
        makers = self.makers or [block.conv1 for block in self.model.blocks]
        return [maker.weight.detach() for maker in makers]


def fisher(evidence: Evidence) -> list[Tensor]:
    """Saliency accumulated over the fine-tuning steps since the last removal."""
    return evidence.fisher


def random(evidence: Evidence) -> list[Tensor]:
    """No idea: every channel is as likely to go as any other."""
    return [torch.rand(len(made), generator=evidence.random) for made in evidence.filters]


def l1(evidence: Evidence) -> list[Tensor]:
    """Mean absolute weight of the filter that makes the channel (Li et al., 2017)."""
    return [made.abs().mean((1, 2, 3)) for made in evidence.filters]


Criterion = Callable[[Evidence], list[Tensor]]
CRITERIA: dict[str, Criterion] = {"fisher": fisher, "random": random, "l1": l1}


def flop_savings(profile: ChannelProfile, shape: InputShape) -> list[int]:
    """MACs saved for one image by removing one channel of each block; 0 where only one is left."""
    total = shape.macs(profile)
    return [
        total - shape.macs(profile.without(b.number)) if b.middle > 1 else 0 for b in profile.blocks
    ]


def least_salient(
    scores: list[Tensor], savings: list[int] | None = None, penalty: float = 0.0
) -> tuple[int, int, float]:
    """Block (from 1), channel (from 0) and saliency of the channel to remove next.

    It has the least saliency - penalty * MACs saved / 10^6 (Theis et al., 2018, with beta in nats
    per million MACs). A block's last channel is never chosen; ties go to the first block.
    """
    best = None
    for number, score in enumerate(scores, 1):
        if len(score) > 1:
            value, channel = score.min(0)
            cost = value.item() - (penalty * savings[number - 1] / 1e6 if penalty else 0.0)
            if best is None or cost < best[0]:
                best = cost, number, int(channel), value.item()
    return best[1:]
