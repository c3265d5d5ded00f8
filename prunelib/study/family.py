"""What a family is: a name, a rule that makes profiles, and a way to train them."""

from dataclasses import dataclass
from typing import Any, Literal

from prunelib.study.profile_rules import TRAJECTORY_RULES, ProfileRule

BASE = "base"
PRUNED = "pruned-and-tuned"
REDUCED = "reduced-width"
BOTTLENECK = "bottleneck"
SCRATCH = "pruned-from-scratch"
COPYCAT = "copycat"
RANDOM_PROFILE = "random-profile"
SALIENCY = "saliency"
RANDOM_REMOVAL = "random-removal"
L1_REMOVAL = "l1-removal"
RETRAINED = "retrained"
INITIAL = "initial-weights"
SCRATCH_LONG = "pruned-from-scratch-long"
BOTTLENECK_LONG = "bottleneck-long"
SCRATCH_LONGEST = "pruned-from-scratch-longest"
BOTTLENECK_LONGEST = "bottleneck-longest"
PENALISED = ("flop-penalty-1", "flop-penalty-2", "flop-penalty-3")
SEARCHED_SHORT = "searched-short"
BASE_LONG = "base-long"
SLICED = "sliced-weights"
TAPER = "taper"
TAPER_MACS = "taper-macs"
UNTRAINED_REMOVAL = "untrained-removal"
UNTRAINED_SHAPE = "untrained-shape"
L1_SHAPE = "l1-shape"
RANDOM_SHAPE = "random-shape"
REDUCED_DEPTH = "reduced-depth"
RECALIBRATED = "recalibrated"
SNIP_REMOVAL = "snip-removal"
SNIP_SHAPE = "snip-shape"
DISTILLED_BOTTLENECK = "distilled-bottleneck"
DISTILLED_SHAPE = "distilled-shape"


@dataclass(frozen=True)
class Changes:
    """What a pruning run does differently from the scale's protocol.

    Args:
        criterion: which channel goes next; see `pruning.criteria`.
        penalty_index: which of the scale's FLOP penalties, from 0.
        start: that of `specs.PruneSpec`.
        ranked: that of `training.protocols.PruneProtocol`.
        steps: updates between removals.
        lr: learning rate of fine-tuning.
        eval_every: removals between evaluations.
    """

    criterion: str | None = None
    penalty_index: int | None = None
    start: Literal["initial"] | None = None
    ranked: Literal["once"] | None = None
    steps: int | None = None
    lr: float | None = None
    eval_every: int | None = None


@dataclass(frozen=True)
class Family:
    """A family: a way to a small network.

    Args:
        name: as on the command line.
        title: for readers.
        rule: makes profiles at budgets; None where one run covers all budgets.
        pruning: how it prunes; None for families that do not prune.
        trajectory_of: the family whose pruning run gives the trajectory.
        trajectory_scale: the scale whose pruning run it is, if it is another one.
        start: which weights training begins with: `new` random ones, or those of
            `specs.Start`.
        training: what is other than in the scale's training; None: nothing.
        distilled: learns from the base network of its seed, too.
        images: trained for as many images as the `base` saw, as base and pruning of the `pruned`
            network together, or as those and training it anew: the `retrained` one.
        longer: the family of the same networks, trained for as many images as the `pruned` one.
        longest: the same, for as many as the `retrained` one.
        control: asks why, and is not part of the paper.
        seeds: run with all seeds of a scale, with its `control_seeds`, or with one.
    """

    name: str
    title: str
    rule: ProfileRule | None = None
    pruning: Changes | None = None
    trajectory_of: str = PRUNED
    trajectory_scale: str | None = None
    start: Literal["new", "tuned", "initial", "sliced"] = "new"
    training: dict[str, Any] | None = None
    distilled: bool = False
    images: Literal["base", "pruned", "retrained"] = "base"
    longer: str | None = None
    longest: str | None = None
    control: bool = False
    seeds: Literal["all", "controls", "one"] = "all"

    @property
    def needs_trajectory(self) -> bool:
        """Whether its networks are known only when the pruning run of the seed is there.

        It gives their profiles, or how many images they see.
        """
        return self.rule in TRAJECTORY_RULES or (self.rule is not None and self.images != "base")
