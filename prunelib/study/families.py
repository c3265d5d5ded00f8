"""Families: rules that make profiles at budgets. Training never asks where a profile came from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

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
        removals = self.trajectory.at(self.budget)
        if removals is None:
            raise PrunelibError(f"the pruning run does not come down to {self.budget:,} parameters")
        return self.trajectory.after(removals)

    def fitted(self, profile: ChannelProfile) -> ChannelProfile:
        """The largest scaled copy of a profile within the budget."""
        return profile.fit_params(self.budget, self.shape.in_channels, self.shape.num_classes)


Rule = Callable[[RuleInputs], ChannelProfile]


def reduced_width(given: RuleInputs) -> ChannelProfile:
    """Every layer narrower by one factor."""
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


@dataclass(frozen=True)
class Family:
    """A family: a way to a small network.

    Args:
        name: as on the command line.
        title: for readers.
        rule: makes profiles at budgets; None where one run covers all budgets.
        needs_trajectory: whether the pruning run of the seed must be there first.
        pruning: what a pruning run does differently from the scale's protocol; None for families
            that do not prune. The value of `flop_penalty` counts those of the scale; `start` is
            that of `specs.PruneSpec`.
        walk: the family whose pruning run gives the trajectory.
        walk_scale: the scale whose pruning run it is, if it is another one.
        start: which weights training begins with: `new` random ones, or those of
            `specs.Start`.
        images: trained for as many images as the `base` saw, as base and pruning of the `pruned`
            network together, or as those and training it anew: the `retrained` one.
        control: asks why, and is not part of the paper.
        seeds: run with all seeds of a scale, with its `control_seeds`, or with one.
    """

    name: str
    title: str
    rule: Rule | None = None
    needs_trajectory: bool = False
    pruning: dict | None = None
    walk: str = "pruned-and-tuned"
    walk_scale: str | None = None
    start: str = "new"
    images: Literal["base", "pruned", "retrained"] = "base"
    control: bool = False
    seeds: Literal["all", "controls", "one"] = "all"


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
            seeds="controls",
        ),
        Family(
            "l1-removal",
            "Pruned by weight size and tuned",
            pruning={"criterion": "l1"},
            control=True,
            seeds="controls",
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
            seeds="controls",
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
                seeds="one",
            )
            for i in (1, 2, 3)
        ),
        Family(
            "searched-short",
            "Shape found by 10 epochs and pruning, from scratch",
            pruned,
            needs_trajectory=True,
            walk_scale="mini",
            control=True,
        ),
        Family("base-long", "Base network, longer", images="pruned", control=True, seeds="one"),
        Family(
            "sliced-weights",
            "Pruned architecture, weights drawn for the whole network",
            pruned,
            needs_trajectory=True,
            start="sliced",
            control=True,
        ),
        Family("taper", "Late stages thinned by hand", taper, control=True, seeds="controls"),
        Family(
            "taper-macs",
            "Late stages thinned by hand, to equal MACs",
            taper_macs,
            needs_trajectory=True,
            control=True,
            seeds="controls",
        ),
        Family(
            "untrained-removal",
            "Pruned by Fisher before any training",
            pruning={"start": "initial", "lr": 0.0, "eval_every": 1000},
            control=True,
            seeds="controls",
        ),
        Family(
            "untrained-shape",
            "Shape found before any training, from scratch",
            pruned,
            needs_trajectory=True,
            walk="untrained-removal",
            walk_scale="mini",
            control=True,
            seeds="controls",
        ),
        Family(
            "l1-shape",
            "Shape found by weight size, from scratch",
            pruned,
            needs_trajectory=True,
            walk="l1-removal",
            control=True,
            seeds="controls",
        ),
        Family(
            "random-shape",
            "Shape left by random removal, from scratch",
            pruned,
            needs_trajectory=True,
            walk="random-removal",
            control=True,
            seeds="controls",
        ),
        Family("reduced-depth", "Fewer blocks", reduced_depth, control=True, seeds="controls"),
    )
}
MAIN = tuple(name for name, family in FAMILIES.items() if not family.control)
CONTROLS = tuple(name for name, family in FAMILIES.items() if family.control)
PENALISED = tuple(name for name in CONTROLS if name.startswith("flop-penalty"))
