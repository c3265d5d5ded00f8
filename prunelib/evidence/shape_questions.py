"""Questions of ours on what a shape is worth, and on how it is found.

They were written before any network of their families was trained.
"""

from prunelib.evidence import rules
from prunelib.evidence.claims import EQUAL, Claim, claim_of_equality
from prunelib.study.families import (
    BOTTLENECK,
    DISTILLED_BOTTLENECK,
    DISTILLED_SHAPE,
    INITIAL,
    L1_SHAPE,
    RANDOM_SHAPE,
    SCRATCH,
    SEARCHED_SHORT,
    SLICED,
    SNIP_SHAPE,
    TAPER,
    TAPER_MACS,
    UNTRAINED_SHAPE,
)

SHAPE_QUESTIONS = (
    claim_of_equality(
        "K15",
        "Search short, train long: the shapes that pruning found at `mini`, after 10 epochs, do "
        "about as well as those found at this scale.",
        "a short search is enough",
        "",
        f"error of the shape found at mini minus that of the shape found here, both trained from "
        f"scratch here, points; about as well: within {EQUAL:.0%} of their error",
        rules.beats(SCRATCH, SEARCHED_SHORT),
    ),
    Claim(
        "K16",
        "A base network that is trained on as many images as base and pruning together is better, "
        "too.",
        "a longer base is better",
        "",
        "error of the base network minus that of the base network trained longer, points",
        rules.longer_base_is_better,
        low=0,
    ),
    Claim(
        "K17",
        "The scale of the first weights matters: the pruned architecture does better from new "
        "weights that are drawn for the whole network and sliced than from weights drawn for its "
        "own size.",
        "sliced weights are better",
        "",
        "error of the pruned architecture from new weights drawn for it minus that from new ones "
        "drawn for the whole network and sliced, points",
        rules.beats(SLICED, SCRATCH),
        low=0,
    ),
    Claim(
        "K18",
        "The very weights that the base network began with matter, and not only their scale.",
        "the very first weights matter",
        "",
        "error of the pruned architecture from new weights drawn for the whole network and sliced "
        "minus that from the first weights of the base network, points",
        rules.beats(INITIAL, SLICED),
        low=0,
    ),
    Claim(
        "K19",
        "Pruning does better than just thinning the late stages, at equal parameters.",
        "more than a taper",
        "",
        "error of a network whose late stages are thinned by hand minus that of the pruned "
        "architecture from scratch, at equal parameters, points",
        rules.beats(SCRATCH, TAPER),
        low=0,
    ),
    Claim(
        "K20",
        "Pruning does better than just thinning the late stages, at equal multiply-accumulates. "
        "(At small sizes the thinned network then has far fewer parameters.)",
        "more than a taper,<br>equal MACs",
        "",
        "error of a network whose late stages are thinned by hand minus that of the pruned "
        "architecture from scratch, at equal multiply-accumulates for an image, points",
        rules.beats(SCRATCH, TAPER_MACS),
        low=0,
    ),
    claim_of_equality(
        "K21",
        "Shapes that are found before any training do about as well as those found by pruning a "
        "trained network.",
        "no training needed<br>to find a shape",
        "",
        f"error of the shape that the same walk finds from random weights minus that of the pruned "
        f"architecture, both from scratch, points; about as well: within {EQUAL:.0%} of their "
        f"error",
        rules.beats(SCRATCH, UNTRAINED_SHAPE),
    ),
    Claim(
        "K22",
        "Fisher saliency finds better shapes than the size of the weights does.",
        "Fisher's shapes beat<br>weight size's",
        "",
        "error of the shape that pruning by weight size found minus that of the one that Fisher "
        "saliency found, both from scratch, points",
        rules.beats(SCRATCH, L1_SHAPE),
        low=0,
    ),
    Claim(
        "K23",
        "Fisher saliency finds better shapes than random removals do.",
        "Fisher's shapes beat chance's",
        "",
        "error of the shape that removals at random left minus that of the one that Fisher "
        "saliency found, both from scratch, points",
        rules.beats(SCRATCH, RANDOM_SHAPE),
        low=0,
    ),
    Claim(
        "K24",
        "Fewer blocks beat narrower ones, at equal parameters.",
        "fewer blocks beat bottlenecks",
        "",
        "error of a bottleneck network of as many parameters, read off between the measured ones, "
        "minus that of a network with fewer blocks of full width, points",
        rules.fewer_blocks_beat_narrower,
        low=0,
    ),
    Claim(
        "K25",
        "Pruned networks do better when their batch-norm statistics are renewed before they are "
        "tested.",
        "batch-norm statistics were stale",
        "",
        "error of pruned-and-tuned networks minus that of the same weights after one pass over the "
        "training images that renews the running averages of batch norm and nothing else, points",
        rules.statistics_were_stale,
        low=0,
    ),
    Claim(
        "K26",
        "Pruning a trained network finds better shapes than SNIP by channels does before any "
        "training.",
        "Fisher's shapes beat SNIP's",
        "",
        "error of the shape that SNIP found, which ranks channels once by the sensitivity of their "
        "connections to one batch, minus that of the one that Fisher saliency found, both from "
        "scratch, points",
        rules.beats(SCRATCH, SNIP_SHAPE),
        low=0,
    ),
    Claim(
        "K27",
        "A bottleneck network does better when it learns from the base network, too.",
        "distillation helps<br>bottlenecks",
        "",
        "error of the bottleneck network minus that of the same one distilled from the base "
        "network of its seed, points",
        rules.beats(DISTILLED_BOTTLENECK, BOTTLENECK),
        low=0,
    ),
    Claim(
        "K28",
        "A pruned shape does better when it learns from the base network, too.",
        "distillation helps<br>pruned shapes",
        "",
        "error of the pruned architecture from scratch minus that of the same one distilled from "
        "the base network of its seed, points",
        rules.beats(DISTILLED_SHAPE, SCRATCH),
        low=0,
    ),
    Claim(
        "K29",
        "A pruned shape beats a bottleneck network when both learn from the base network, too.",
        "pruned shapes beat bottlenecks,<br>both distilled",
        "",
        "error of the bottleneck network minus that of the pruned architecture, both from scratch "
        "and distilled from the base network of their seed, points",
        rules.beats(DISTILLED_SHAPE, DISTILLED_BOTTLENECK),
        low=0,
    ),
)
