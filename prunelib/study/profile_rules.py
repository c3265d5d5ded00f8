"""Rules that make profiles at budgets. Training never asks where a profile came from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import PROFILES, InputShape
from prunelib.nets.profile import ChannelProfile, Count
from prunelib.study.trajectory import Trajectory

COPYCAT_SHARE = 500 / 1344
"""Share of the channels that is gone in the profile that copycats scale (the paper's 3.2)."""


def copied_after(base: ChannelProfile) -> int:
    """Removals after which the profile that copycats scale is reached."""
    return round(COPYCAT_SHARE * base.prunable)


@dataclass(frozen=True)
class RuleInputs:
    """What a rule makes a profile from.

    `base` is the unpruned profile, `budget` a number of parameters, `shape` that of the images;
    `trajectory` is that of the seed's pruning run, if the family needs one.
    """

    base: ChannelProfile
    budget: int
    seed: int
    shape: InputShape
    trajectory: Trajectory | None = None

    @property
    def found(self) -> ChannelProfile:
        """The profile that pruning found at this budget.

        Raises:
            PrunelibError: pruning did not come so far.
        """
        assert self.trajectory is not None
        return self.trajectory.after(self.trajectory.reach(self.budget))

    def fitted(self, profile: ChannelProfile) -> ChannelProfile:
        """The largest scaled copy of a profile within the budget."""
        return profile.fit_params(self.budget, self.shape.in_channels, self.shape.num_classes)


ProfileRule = Callable[[RuleInputs], ChannelProfile]


def reduced_width(given: RuleInputs) -> ChannelProfile:
    """Every block narrower, inside and outside, by one factor."""
    return given.base.fit_width(given.budget, given.shape.in_channels, given.shape.num_classes)


def bottleneck(given: RuleInputs) -> ChannelProfile:
    """Every bottleneck narrower by one factor (figure 2b)."""
    return given.fitted(given.base)


def pruned(given: RuleInputs) -> ChannelProfile:
    """The architecture that pruning found at this budget."""
    return given.found


def copycat(given: RuleInputs) -> ChannelProfile:
    """One profile of the trajectory, scaled linearly: after 500 of 1344 channels, or that share."""
    assert given.trajectory is not None
    return given.fitted(given.trajectory.after(copied_after(given.base)))


def random_profile(given: RuleInputs) -> ChannelProfile:
    """A share drawn uniformly for each block, scaled to the budget; another for each seed."""
    base = given.base
    random = np.random.default_rng(np.random.SeedSequence([given.seed, PROFILES]))
    drawn = (max(1, round(random.uniform() * c)) for c in base.middle)
    return given.fitted(ChannelProfile(base.depth, base.width, tuple(drawn)))


def taper(given: RuleInputs) -> ChannelProfile:
    """No search: thin the last stage to a budget of parameters, and stages before it if need be."""
    return tapered(given.base, given.budget, given.shape.params)


def taper_macs(given: RuleInputs) -> ChannelProfile:
    """The same, with as many MACs as the architecture that pruning found at this budget."""
    return tapered(given.base, given.shape.macs(given.found), given.shape.macs)


def tapered(base: ChannelProfile, budget: int, count: Count) -> ChannelProfile:
    """The largest network within a budget of which whole late stages are thin.

    One stage is thinned by one factor; later ones keep one channel a block, earlier ones all.

    Raises:
        PrunelibError: the budget cannot be met.
    """
    per_stage = len(base.middle) // 3
    for stage in (2, 1, 0):
        first, last = stage * per_stage, (stage + 1) * per_stage
        for width in range(base.middle[first], 0, -1):
            thin = (width,) * per_stage + (1,) * (len(base.middle) - last)
            profile = ChannelProfile(base.depth, base.width, base.middle[:first] + thin)
            if count(profile) <= budget:
                return profile
    raise PrunelibError(f"no thinned network has {budget:,}: at least {count(profile):,}")


def reduced_depth(given: RuleInputs) -> ChannelProfile:
    """Fewer blocks, all of full width: the deepest such network within the budget."""
    for depth in range(given.base.depth, 9, -6):
        profile = ChannelProfile.full(depth, given.base.width)
        if given.shape.params(profile) <= given.budget:
            return profile
    raise PrunelibError(
        f"no network of this family has {given.budget:,} parameters: "
        f"at least {given.shape.params(profile):,}"
    )


TRAJECTORY_RULES: tuple[ProfileRule, ...] = (pruned, copycat, taper_macs)
"""The rules that read the trajectory of a pruning run."""
