"""Families: rules that make profiles at budgets. Training never asks where a profile came from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prunelib.profile import ChannelProfile
from prunelib.shapes import PROFILES, Shape
from prunelib.store import Record

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
    """A family: its rule, and whether that needs the pruning trajectory of the seed."""

    name: str
    title: str
    rule: Rule | None = None
    needs_trajectory: bool = False


FAMILIES = {
    family.name: family
    for family in (
        Family("base", "Base network"),
        Family("pruned-and-tuned", "Pruned and tuned", None, True),
        Family("reduced-width", "Reduced width", reduced_width),
        Family("bottleneck", "Bottleneck", bottleneck),
        Family("pruned-from-scratch", "Pruned architecture from scratch", pruned, True),
        Family("copycat", "Copycat", copycat, True),
        Family("random-profile", "Random profile", random_profile),
        Family("saliency", "Saliency against what removals really do"),
    )
}
