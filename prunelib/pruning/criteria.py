"""Which channel goes next: criteria, a few lines each, and the choice by their scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet


@dataclass(frozen=True)
class CriterionInputs:
    """What a criterion may look at.

    `fisher` has the Fisher saliency of every channel, (C,) for each block, accumulated while the
    network was fine-tuned since the last removal; it is None for criteria of `WITHOUT_FISHER`.
    `random` is a stream of its own for each removal. `makers` are the convolutions that make the
    channels, by default the first one of each block.
    """

    model: nn.Module
    fisher: list[Tensor] | None
    random: torch.Generator
    makers: Sequence[nn.Conv2d] | None = None

    @property
    def made_by(self) -> Sequence[nn.Conv2d]:
        """The convolutions that make the channels."""
        if self.makers is not None:
            return self.makers
        return [block.conv1 for block in cast(WideResNet, self.model).residual_blocks]

    @property
    def filters(self) -> list[Tensor]:
        """The weights (C, C_in, H, W) that make the channels."""
        return [maker.weight.detach() for maker in self.made_by]


Criterion = Callable[[CriterionInputs], list[Tensor]]
"""Gives every channel a score, (C,) for each block; the channel with the lowest score goes."""


def fisher_scores(inputs: CriterionInputs) -> list[Tensor]:
    """Fisher saliency (Theis et al., 2018): what removing a channel costs, in nats."""
    assert inputs.fisher is not None
    return inputs.fisher


def l1_scores(inputs: CriterionInputs) -> list[Tensor]:
    """Mean absolute weight of the filter that makes the channel (Li et al., 2017)."""
    return [filters.abs().mean((1, 2, 3)) for filters in inputs.filters]


def random_scores(inputs: CriterionInputs) -> list[Tensor]:
    """Uniform random numbers: every channel is as likely to go as any other."""
    return [torch.rand(len(filters), generator=inputs.random) for filters in inputs.filters]


def snip_scores(inputs: CriterionInputs) -> list[Tensor]:
    """SNIP by channels: the connection sensitivity |w dL/dw| (Lee et al., 2019), summed over the
    filter that makes the channel. The gradient is that of the last batch.
    """
    gradients = [maker.weight.grad for maker in inputs.made_by]
    pairs = zip(inputs.filters, gradients, strict=True)
    return [(w * g).abs().sum((1, 2, 3)) for w, g in pairs if g is not None]


CRITERIA: dict[str, Criterion] = {
    "fisher": fisher_scores,
    "random": random_scores,
    "l1": l1_scores,
    "snip": snip_scores,
}
"""Criteria by name; put your own beside them."""
WITHOUT_FISHER = {random_scores, l1_scores, snip_scores}
"""Criteria that need no Fisher saliency, so that none is accumulated for them."""


def criterion_named(name: str) -> Criterion:
    """The criterion of this name.

    Raises:
        PrunelibError: there is none.
    """
    if name not in CRITERIA:
        raise PrunelibError(f"unknown criterion {name!r}; choose one of: {', '.join(CRITERIA)}")
    return CRITERIA[name]


def scores_of(name: str, inputs: CriterionInputs) -> list[Tensor]:
    """The scores that a criterion gives, if they are one number for each channel.

    Raises:
        PrunelibError: unknown criterion, or it gives too few or too many scores, or one that is
            not a number.
    """
    scores = [torch.as_tensor(score) for score in criterion_named(name)(inputs)]
    widths = [len(filters) for filters in inputs.filters]
    if len(scores) != len(widths):
        raise PrunelibError(
            f"criterion {name!r} must score {len(widths)} blocks, but gave {len(scores)} tensors"
        )
    for number, (score, channels) in enumerate(zip(scores, widths, strict=True), 1):
        if score.shape != (channels,):
            raise PrunelibError(
                f"criterion {name!r}: block {number} has {channels} channels, "
                f"but the shape of its scores is {tuple(score.shape)}"
            )
        if score.isnan().any():
            raise PrunelibError(
                f"criterion {name!r}: a score of block {number} is not a number (NaN)"
            )
    return scores


def flop_savings(profile: ChannelProfile, shape: InputShape) -> list[int]:
    """MACs saved for one image by removing one channel of each block; 0 where only one is left."""
    total = shape.macs(profile)
    return [
        total - shape.macs(profile.without(b.number)) if b.middle > 1 else 0 for b in profile.blocks
    ]


def least_salient(
    scores: list[Tensor], savings: list[int] | None = None, penalty: float = 0.0
) -> tuple[int, int, float]:
    """Block (from 1), channel (from 0) and score of the channel to remove next.

    It has the least score - penalty * MACs saved / 10^6 (Theis et al., 2018, with beta in nats per
    million MACs). A block's last channel is never chosen; ties go to the first block.

    >>> least_salient([torch.tensor([3.0, 1.0]), torch.tensor([0.0])])
    (1, 1, 1.0)
    """
    candidates = []
    for number, score in enumerate(scores, 1):
        if len(score) > 1:
            value, channel = score.min(0)
            saved = savings[number - 1] if savings else 0
            cost = value.item() - penalty * saved / 1e6
            candidates.append((cost, number, int(channel), value.item()))
    return min(candidates)[1:]
