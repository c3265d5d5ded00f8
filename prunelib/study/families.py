"""The families: ways to a small network."""

from prunelib.study.family import (
    BASE,
    BASE_LONG,
    BOTTLENECK,
    BOTTLENECK_LONG,
    BOTTLENECK_LONGEST,
    COPYCAT,
    DISTILLED_BOTTLENECK,
    DISTILLED_SHAPE,
    INITIAL,
    L1_REMOVAL,
    L1_SHAPE,
    PENALISED,
    PRUNED,
    RANDOM_PROFILE,
    RANDOM_REMOVAL,
    RANDOM_SHAPE,
    RECALIBRATED,
    REDUCED,
    REDUCED_DEPTH,
    RETRAINED,
    SALIENCY,
    SCRATCH,
    SCRATCH_LONG,
    SCRATCH_LONGEST,
    SEARCHED_SHORT,
    SLICED,
    SNIP_REMOVAL,
    SNIP_SHAPE,
    TAPER,
    TAPER_MACS,
    UNTRAINED_REMOVAL,
    UNTRAINED_SHAPE,
    Changes,
    Family,
)
from prunelib.study.profile_rules import (
    bottleneck,
    copycat,
    pruned,
    random_profile,
    reduced_depth,
    reduced_width,
    taper,
    taper_macs,
)

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
            "Pruned shape from scratch",
            pruned,
            longer=SCRATCH_LONG,
            longest=SCRATCH_LONGEST,
        ),
        Family(COPYCAT, "Copycat", copycat),
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
            start="tuned",
            control=True,
        ),
        Family(
            INITIAL,
            "Pruned shape, initial weights",
            pruned,
            start="initial",
            control=True,
            seeds="controls",
        ),
        Family(
            SCRATCH_LONG,
            "Pruned shape from scratch, longer",
            pruned,
            images="pruned",
            control=True,
        ),
        Family(
            BOTTLENECK_LONG,
            "Bottleneck, longer",
            bottleneck,
            images="pruned",
            control=True,
        ),
        Family(
            SCRATCH_LONGEST,
            "Pruned shape from scratch, longest",
            pruned,
            images="retrained",
            control=True,
        ),
        Family(
            BOTTLENECK_LONGEST,
            "Bottleneck, longest",
            bottleneck,
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
            trajectory_scale="mini",
            control=True,
        ),
        Family(BASE_LONG, "Base network, longer", images="pruned", control=True, seeds="one"),
        Family(
            SLICED,
            "Pruned shape, weights drawn for the whole network",
            pruned,
            start="sliced",
            control=True,
        ),
        Family(TAPER, "Late stages thinned by hand", taper, control=True, seeds="controls"),
        Family(
            TAPER_MACS,
            "Late stages thinned by hand, to equal MACs",
            taper_macs,
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
            trajectory_of=UNTRAINED_REMOVAL,
            trajectory_scale="mini",
            control=True,
            seeds="controls",
        ),
        Family(
            L1_SHAPE,
            "Shape found by weight size, from scratch",
            pruned,
            trajectory_of=L1_REMOVAL,
            control=True,
            seeds="controls",
        ),
        Family(
            RANDOM_SHAPE,
            "Shape left by random removal, from scratch",
            pruned,
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
            "Pruned shape from scratch, distilled",
            pruned,
            distilled=True,
            control=True,
            seeds="controls",
        ),
    )
}
MAIN = tuple(name for name, family in FAMILIES.items() if not family.control)
CONTROLS = tuple(name for name, family in FAMILIES.items() if family.control)
STUDY_ORDER = (
    MAIN,
    (SCRATCH_LONG, BOTTLENECK_LONG),
    (BASE_LONG,),
    (RETRAINED, SCRATCH_LONGEST, BOTTLENECK_LONGEST),
    (SEARCHED_SHORT, UNTRAINED_REMOVAL, UNTRAINED_SHAPE, SNIP_REMOVAL, SNIP_SHAPE),
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
LENGTHS = ("", "-long", "-longest")
"""Lengths of training: for as many images as the base network saw, as base and pruning together,
and as these and retraining."""
AT_LENGTH = {
    (family.name, length): name
    for family in FAMILIES.values()
    for length, name in zip(LENGTHS, (family.name, family.longer, family.longest), strict=True)
    if name is not None
}
"""The family of the same networks, trained so long."""
LENGTH_OF = {name: (name, "") for name in FAMILIES} | {
    name: pair for pair, name in AT_LENGTH.items() if pair[1]
}
"""The other way round: of which networks a family is, and how long it is trained."""
