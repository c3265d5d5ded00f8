"""Questions of ours that explain the verdicts on the paper's claims, judged as those are."""

from prunelib.evidence import rules
from prunelib.evidence.claims import Claim
from prunelib.evidence.shape_questions import SHAPE_QUESTIONS
from prunelib.study.families import (
    BOTTLENECK_LONG,
    BOTTLENECK_LONGEST,
    INITIAL,
    L1_REMOVAL,
    RANDOM_PROFILE,
    RANDOM_REMOVAL,
    RETRAINED,
    SCRATCH,
    SCRATCH_LONG,
    SCRATCH_LONGEST,
)

QUESTIONS = (
    Claim(
        "K1",
        "Fisher saliency chooses better than chance.",
        "Fisher beats chance",
        "",
        "error of networks pruned at random and tuned minus that of pruned-and-tuned, at equal "
        "parameters, points",
        rules.pruned_otherwise(RANDOM_REMOVAL),
        low=0,
    ),
    Claim(
        "K2",
        "Fisher saliency chooses better than the size of the weights.",
        "Fisher beats weight size",
        "",
        "error of networks pruned by weight size and tuned minus that of pruned-and-tuned, at "
        "equal parameters, points",
        rules.pruned_otherwise(L1_REMOVAL),
        low=0,
    ),
    Claim(
        "K3",
        "The shape matters: random profiles do worse than the pruned architecture.",
        "pruned shapes beat random shapes",
        "",
        "error of random profile minus that of the pruned architecture, both from scratch, points",
        rules.beats(SCRATCH, RANDOM_PROFILE),
        low=0,
    ),
    Claim(
        "K4",
        "The first weights matter: a pruned shape does better from the weights that the base "
        "network began with.",
        "first weights matter",
        "",
        "error of the pruned architecture from new weights minus that from its first ones, points",
        rules.beats(INITIAL, SCRATCH),
        low=0,
    ),
    Claim(
        "K5",
        "Retraining helps: the pruned network does better after one more full training run.",
        "retraining helps",
        "",
        "error of pruned-and-tuned minus that of the same network retrained, which sees the images "
        "of a whole training more, points",
        rules.beaten_by(RETRAINED),
        low=0,
    ),
    Claim(
        "K6",
        "A pruned shape, trained from scratch on as many images, beats the pruned network that it "
        "came from.",
        "pruned shapes beat pruned weights,\nequal images",
        "",
        "error of pruned-and-tuned minus that of its architecture from scratch, trained for as "
        "many images as base and pruning saw, points",
        rules.beaten_by(SCRATCH_LONG),
        low=0,
    ),
    Claim(
        "K7",
        "A bottleneck network trained on as many images beats the pruned network.",
        "bottlenecks beat pruned ones,\nequal images",
        "",
        "error of pruned-and-tuned minus that of the bottleneck network, trained for as many "
        "images as base and pruning saw, points",
        rules.beaten_by(BOTTLENECK_LONG),
        low=0,
    ),
    Claim(
        "K8",
        "A pruned shape beats a bottleneck network, both trained from scratch on as many images "
        "as the pruned network.",
        "pruned shapes beat bottlenecks,\nequal images",
        "",
        "error of the bottleneck network minus that of the pruned architecture from scratch, both "
        "trained for as many images as base and pruning saw, points",
        rules.beats(SCRATCH_LONG, BOTTLENECK_LONG),
        low=0,
        counted="K14",
    ),
    Claim(
        "K9",
        "The weights that pruning leaves are worth keeping: retrained, they beat new weights in "
        "the same shape that are trained on as many images.",
        "pruned weights are worth keeping",
        "",
        "error of the pruned architecture from scratch minus that of the retrained network; "
        "images: those of base, pruning and retraining; points",
        rules.beats(RETRAINED, SCRATCH_LONGEST),
        low=0,
        counted="K13",
    ),
    Claim(
        "K10",
        "A pruned network that is retrained beats a bottleneck network trained on as many images.",
        "retraining beats bottlenecks",
        "",
        "error of the bottleneck network minus that of the retrained network; images: those of "
        "base, pruning and retraining; points",
        rules.beats(RETRAINED, BOTTLENECK_LONGEST),
        low=0,
    ),
    Claim(
        "K11",
        "A pruned shape from scratch also beats a bottleneck network that computes as many "
        "multiply-accumulates for an image.",
        "pruned shapes win at equal MACs",
        "",
        "error of a bottleneck network with as many multiply-accumulates, read off between the "
        "measured ones, minus that of the pruned architecture from scratch, points",
        rules.shape_wins_at_equal_macs,
        low=0,
    ),
    Claim(
        "K12",
        "A pruned shape beats a bottleneck network, both trained from scratch on as many images "
        "as a pruned and retrained network.",
        "pruned shapes beat bottlenecks,\nlongest training",
        "",
        "error of the bottleneck network minus that of the pruned architecture from scratch; "
        "images: those of base, pruning and retraining; points",
        rules.beats(SCRATCH_LONGEST, BOTTLENECK_LONGEST),
        low=0,
        counted="K14",
    ),
    Claim(
        "K13",
        "If the search for the shape counts, retraining beats new weights in the shape.",
        "retraining beats new weights,\nsearch counted",
        "",
        "error of the pruned architecture from scratch minus that of the retrained network: after "
        "base and pruning, which found the shape, both are trained once; points",
        rules.beats(RETRAINED, SCRATCH),
        low=0,
    ),
    Claim(
        "K14",
        "A pruned shape beats a bottleneck network even if the search for the shape counts.",
        "pruned shapes beat bottlenecks,\nsearch counted",
        "",
        "error of the bottleneck network, trained for the images of base, pruning and one training "
        "more, minus that of the pruned architecture, which is trained once after base and pruning "
        "have found it, points",
        rules.beats(SCRATCH, BOTTLENECK_LONGEST),
        low=0,
    ),
    *SHAPE_QUESTIONS,
)

EQUAL_MACS = {"C4": "K11", "K19": "K20"}
"""Claims at equal parameters, and what they come to at equal multiply-accumulates for an image."""

IDENTITIES = {
    "C1": (("C3", 1), ("C4", -1)),
    "K7": (("K6", 1), ("K8", -1)),
    "K10": (("K9", 1), ("K12", 1)),
}
"""Claims whose statistic is a sum of others, with their signs: not one more piece of evidence.

Exactly where all errors are at the budget itself (K10), and else up to the few parameters by which
networks miss it.
"""
