"""Families: ways to a small network. A family has a name, a rule, and a way to train."""

from dataclasses import dataclass
from typing import Any, Literal

from prunelib.study.profile_rules import (
    Rule,
    bottleneck,
    copycat,
    pruned,
    random_profile,
    reduced_depth,
    reduced_width,
    taper,
    taper_macs,
)

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
        needs_trajectory: whether the pruning run of the seed must be there first.
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
    rule: Rule | None = None
    needs_trajectory: bool = False
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


FAMILIES = {
    family.name: family
    for family in (
        Family(BASE, "Base network", longer=BASE_LONG),
        Family(PRUNED, "Pruned and tuned", pruning=Changes()),
        Family(REDUCED, "Reduced width", reduced_width),
        Family(
            BOTTLENECK,
            "Bottleneck",
            bottleneck,
            longer=BOTTLENECK_LONG,
            longest=BOTTLENECK_LONGEST,
        ),
        Family(
            SCRATCH,
            "Pruned architecture from scratch",
            pruned,
            needs_trajectory=True,
            longer=SCRATCH_LONG,
            longest=SCRATCH_LONGEST,
        ),
        Family(COPYCAT, "Copycat", copycat, needs_trajectory=True),
        Family(RANDOM_PROFILE, "Random profile", random_profile),
        Family(SALIENCY, "Saliency against what removals really do"),
        Family(
            RANDOM_REMOVAL,
            "Pruned at random and tuned",
            pruning=Changes(criterion="random"),
            control=True,
            seeds="controls",
        ),
        Family(
            L1_REMOVAL,
            "Pruned by weight size and tuned",
            pruning=Changes(criterion="l1"),
            control=True,
            seeds="controls",
        ),
        Family(
            RETRAINED,
            "Pruned and retrained",
            pruned,
            needs_trajectory=True,
            start="tuned",
            control=True,
        ),
        Family(
            INITIAL,
            "Pruned architecture, initial weights",
            pruned,
            needs_trajectory=True,
            start="initial",
            control=True,
            seeds="controls",
        ),
        Family(
            SCRATCH_LONG,
            "Pruned architecture from scratch, longer",
            pruned,
            needs_trajectory=True,
            images="pruned",
            control=True,
        ),
        Family(
            BOTTLENECK_LONG,
            "Bottleneck, longer",
            bottleneck,
            needs_trajectory=True,
            images="pruned",
            control=True,
        ),
        Family(
            SCRATCH_LONGEST,
            "Pruned architecture from scratch, longest",
            pruned,
            needs_trajectory=True,
            images="retrained",
            control=True,
        ),
        Family(
            BOTTLENECK_LONGEST,
            "Bottleneck, longest",
            bottleneck,
            needs_trajectory=True,
            images="retrained",
            control=True,
        ),
        *(
            Family(
                name,
                f"Pruned with FLOP penalty {index + 1} and tuned",
                pruning=Changes(penalty_index=index),
                control=True,
                seeds="one",
            )
            for index, name in enumerate(PENALISED)
        ),
        Family(
            SEARCHED_SHORT,
            "Shape found by 10 epochs and pruning, from scratch",
            pruned,
            needs_trajectory=True,
            trajectory_scale="mini",
            control=True,
        ),
        Family(BASE_LONG, "Base network, longer", images="pruned", control=True, seeds="one"),
        Family(
            SLICED,
            "Pruned architecture, weights drawn for the whole network",
            pruned,
            needs_trajectory=True,
            start="sliced",
            control=True,
        ),
        Family(TAPER, "Late stages thinned by hand", taper, control=True, seeds="controls"),
        Family(
            TAPER_MACS,
            "Late stages thinned by hand, to equal MACs",
            taper_macs,
            needs_trajectory=True,
            control=True,
            seeds="controls",
        ),
        Family(
            UNTRAINED_REMOVAL,
            "Pruned by Fisher before any training",
            pruning=Changes(start="initial", lr=0.0, eval_every=1000),
            control=True,
            seeds="controls",
        ),
        Family(
            UNTRAINED_SHAPE,
            "Shape found before any training, from scratch",
            pruned,
            needs_trajectory=True,
            trajectory_of=UNTRAINED_REMOVAL,
            trajectory_scale="mini",
            control=True,
            seeds="controls",
        ),
        Family(
            L1_SHAPE,
            "Shape found by weight size, from scratch",
            pruned,
            needs_trajectory=True,
            trajectory_of=L1_REMOVAL,
            control=True,
            seeds="controls",
        ),
        Family(
            RANDOM_SHAPE,
            "Shape left by random removal, from scratch",
            pruned,
            needs_trajectory=True,
            trajectory_of=RANDOM_REMOVAL,
            control=True,
            seeds="controls",
        ),
        Family(REDUCED_DEPTH, "Fewer blocks", reduced_depth, control=True, seeds="controls"),
        # At a learning rate of zero, training does nothing but renew the running averages.
        Family(
            RECALIBRATED,
            "Pruned and tuned, batch-norm statistics renewed",
            pruned,
            needs_trajectory=True,
            start="tuned",
            training={"epochs": 1, "milestones": (), "lr": 0.0},
            control=True,
            seeds="controls",
        ),
        Family(
            SNIP_REMOVAL,
            "Pruned by SNIP before any training",
            pruning=Changes(
                criterion="snip",
                start="initial",
                ranked="once",
                steps=1,
                lr=0.0,
                eval_every=1000,
            ),
            control=True,
            seeds="controls",
        ),
        Family(
            SNIP_SHAPE,
            "Shape found by SNIP, from scratch",
            pruned,
            needs_trajectory=True,
            trajectory_of=SNIP_REMOVAL,
            control=True,
            seeds="controls",
        ),
        Family(
            DISTILLED_BOTTLENECK,
            "Bottleneck, distilled",
            bottleneck,
            distilled=True,
            control=True,
            seeds="controls",
        ),
        Family(
            DISTILLED_SHAPE,
            "Pruned architecture from scratch, distilled",
            pruned,
            needs_trajectory=True,
            distilled=True,
            control=True,
            seeds="controls",
        ),
    )
}
MAIN = tuple(name for name, family in FAMILIES.items() if not family.control)
CONTROLS = tuple(name for name, family in FAMILIES.items() if family.control)
STAGES = (
    MAIN,
    (SCRATCH_LONG, BOTTLENECK_LONG),
    (BASE_LONG,),
    (RETRAINED, SCRATCH_LONGEST, BOTTLENECK_LONGEST),
    (SEARCHED_SHORT, UNTRAINED_SHAPE, SNIP_SHAPE),
    CONTROLS,
)
"""The order in which a study is made, so that each beginning of it is of use: the paper's families,
equal images, a base for as many, retraining and its equals, shorter searches, other controls."""
FIRST = (
    *MAIN,
    RANDOM_REMOVAL,
    L1_REMOVAL,
    RETRAINED,
    INITIAL,
    SCRATCH_LONG,
    BOTTLENECK_LONG,
    SCRATCH_LONGEST,
    BOTTLENECK_LONGEST,
    *PENALISED,
)
"""The families of the first study."""
