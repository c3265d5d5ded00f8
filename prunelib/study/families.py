"""Families: rules that make profiles at budgets. Training never asks where a profile came from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from prunelib.nets.inputs import PROFILES, Shape
from prunelib.nets.profile import ChannelProfile
from prunelib.study.store import Record

COPYCAT_SHARE = 500 / 1344
"""Share of the channels that is gone in the profile that copycats scale (the paper's 3.2)."""


@dataclass(frozen=True)
class Trajectory:
    """The walk of a pruning run through profiles."""

    full: ChannelProfile
    blocks: tuple[int | None, ...]
    params: tuple[int, ...]

    @classmethod
    def of(cls, record: Record) -> "Trajectory":
        """The trajectory of a pruning record."""
        points = record.outcome["points"]
        return cls(record.spec.base.profile, tuple(points["block"]), tuple(points["params"]))

    def after(self, removals: int) -> ChannelProfile:
        """The profile after so many removals."""
        middle = list(self.full.middle)
        for block in self.blocks[:removals]:
            middle[block - 1] -= 1
        return ChannelProfile(self.full.depth, self.full.width, tuple(middle))

    def at(self, budget: int) -> int | None:
        """Removals until at most `budget` parameters are left; None if that never happens."""
        return next((i for i, params in enumerate(self.params) if params <= budget), None)


def copied_after(base: ChannelProfile) -> int:
    """Removals after which the profile that copycats scale is reached."""
    return round(COPYCAT_SHARE * base.prunable)


Rule = Callable[[ChannelProfile, int, int, Shape, Trajectory | None], ChannelProfile]
"""(base profile, budget, seed, data, trajectory of that seed) -> profile."""


def reduced_width(base, budget, seed, shape, trajectory) -> ChannelProfile:
    """Every layer narrower by one factor (figure 2a)."""
    return base.fit_width(budget, shape.in_channels, shape.num_classes)


def bottleneck(base, budget, seed, shape, trajectory) -> ChannelProfile:
    """Every bottleneck narrower by one factor (figure 2b)."""
    return base.fit_params(budget, shape.in_channels, shape.num_classes)


def pruned(base, budget, seed, shape, trajectory) -> ChannelProfile:
    """The architecture that pruning found at this budget."""
    return trajectory.after(trajectory.at(budget))


def copycat(base, budget, seed, shape, trajectory) -> ChannelProfile:
    """One profile of the trajectory, scaled linearly: after 500 of 1344 channels, or that share."""
    source = trajectory.after(copied_after(base))
    return source.fit_params(budget, shape.in_channels, shape.num_classes)


def random_profile(base, budget, seed, shape, trajectory) -> ChannelProfile:
    """A share drawn uniformly for each block, scaled to the budget; another for each seed."""
    random = np.random.default_rng(np.random.SeedSequence([seed, PROFILES]))
    drawn = (max(1, round(random.uniform() * c)) for c in base.middle)
    profile = ChannelProfile(base.depth, base.width, tuple(drawn))
    return profile.fit_params(budget, shape.in_channels, shape.num_classes)


@dataclass(frozen=True)
class Family:
    """A family: a way to a small network.

    Args:
        name: as on the command line.
        title: for readers.
        rule: makes profiles at budgets; None where one run covers all budgets.
        needs_trajectory: whether the pruning run of the seed must be there first.
        pruning: what a pruning run does differently from the scale's protocol; None for families
            that do not prune. The value of `flop_penalty` counts those of the scale.
        start: which weights training begins with: `new` random ones, or those of
            `specs.Start`.
        images: trained for as many images as the `base` saw, as base and pruning of the `pruned`
            network together, or as those and training it anew: the `retrained` one.
        control: asks why, and is not part of the paper.
    """

    name: str
    title: str
    rule: Rule | None = None
    needs_trajectory: bool = False
    pruning: dict | None = None
    start: str = "new"
    images: Literal["base", "pruned", "retrained"] = "base"
    control: bool = False


FAMILIES = {
    family.name: family
    for family in (
        Family("base", "Base network"),
        Family("pruned-and-tuned", "Pruned and tuned", pruning={}),
        Family("reduced-width", "Reduced width", reduced_width),
        Family("bottleneck", "Bottleneck", bottleneck),
        Family("pruned-from-scratch", "Pruned architecture from scratch", pruned, True),
        Family("copycat", "Copycat", copycat, True),
        Family("random-profile", "Random profile", random_profile),
        Family("saliency", "Saliency against what removals really do"),
        Family(
            "random-removal",
            "Pruned at random and tuned",
            pruning={"criterion": "random"},
            control=True,
        ),
        Family(
            "l1-removal",
            "Pruned by weight size and tuned",
            pruning={"criterion": "l1"},
            control=True,
        ),
        Family(
            "retrained",
            "Pruned and retrained",
            pruned,
            needs_trajectory=True,
            start="tuned",
            control=True,
        ),
        Family(
            "initial-weights",
            "Pruned architecture, initial weights",
            pruned,
            needs_trajectory=True,
            start="initial",
            control=True,
        ),
        Family(
            "pruned-from-scratch-long",
            "Pruned architecture from scratch, longer",
            pruned,
            needs_trajectory=True,
            images="pruned",
            control=True,
        ),
        Family(
            "bottleneck-long",
            "Bottleneck, longer",
            bottleneck,
            needs_trajectory=True,
            images="pruned",
            control=True,
        ),
        Family(
            "pruned-from-scratch-longest",
            "Pruned architecture from scratch, longest",
            pruned,
            needs_trajectory=True,
            images="retrained",
            control=True,
        ),
        Family(
            "bottleneck-longest",
            "Bottleneck, longest",
            bottleneck,
            needs_trajectory=True,
            images="retrained",
            control=True,
        ),
        *(
            Family(
                f"flop-penalty-{i}",
                f"Pruned with FLOP penalty {i} and tuned",
                pruning={"flop_penalty": i},
                control=True,
            )
            for i in (1, 2, 3)
        ),
    )
}
MAIN = tuple(name for name, family in FAMILIES.items() if not family.control)
CONTROLS = tuple(name for name, family in FAMILIES.items() if family.control)
PENALISED = tuple(name for name in CONTROLS if name.startswith("flop-penalty"))
