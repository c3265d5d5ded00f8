"""Questions of ours on what a shape is worth, and on how it is found.

They were written before any network of their families was trained.
"""

from prunelib.evidence import rules
from prunelib.evidence.claims import EQUAL, Claim
from prunelib.evidence.comparisons import SCRATCH

SHAPE_QUESTIONS = (
    Claim(
        "K15",
        "Search short, train long: the shapes that pruning found at `mini`, after 10 epochs, do "
        "about as well as those found at this scale.",
        "a short search is enough",
        "",
        f"error of the shape found at mini minus that of the shape found here, both trained from "
        f"scratch here, points; about as well: within {EQUAL:.0%} of their error",
        rules.beats(SCRATCH, "searched-short"),
        (SCRATCH, "searched-short"),
        low=-EQUAL,
        high=EQUAL,
        relative=True,
    ),
    Claim(
        "K16",
        "A base network that is trained for as many images as base and pruning together is better, "
        "too.",
        "a longer base is better",
        "",
        "error of the base network minus that of the base network trained longer, points",
        rules.longer_base_is_better,
        ("base", "base-long"),
        low=0,
    ),
    Claim(
        "K17",
        "The scale of the first weights matters: the pruned architecture does better from new "
        "weights that are drawn for the whole network and sliced than from those drawn for itself.",
        "sliced weights are better",
        "",
        "error of the pruned architecture from new weights drawn for it minus that from new ones "
        "drawn for the whole network and sliced, points",
        rules.beats("sliced-weights", SCRATCH),
        (SCRATCH, "sliced-weights"),
        low=0,
    ),
    Claim(
        "K18",
        "The very weights that the base network began with matter, and not only their scale.",
        "the very first weights matter",
        "",
        "error of the pruned architecture from new weights drawn for the whole network and sliced "
        "minus that from the first weights of the base network, points",
        rules.beats("initial-weights", "sliced-weights"),
        ("sliced-weights", "initial-weights"),
        low=0,
    ),
    Claim(
        "K19",
        "Pruning finds more than to thin the late stages, at equal parameters.",
        "more than a taper",
        "",
        "error of a network whose late stages are thinned by hand minus that of the pruned "
        "architecture from scratch, at equal parameters, points",
        rules.beats(SCRATCH, "taper"),
        (SCRATCH, "taper"),
        low=0,
    ),
    Claim(
        "K20",
        "Pruning finds more than to thin the late stages, at equal multiply-accumulates.",
        "more than a taper,<br>equal MACs",
        "",
        "error of a network whose late stages are thinned by hand minus that of the pruned "
        "architecture from scratch, at equal multiply-accumulates for an image, points",
        rules.beats(SCRATCH, "taper-macs"),
        (SCRATCH, "taper-macs"),
        low=0,
    ),
    Claim(
        "K21",
        "Shapes that are found before any training do about as well as those found by pruning a "
        "trained network.",
        "no training needed<br>to find a shape",
        "",
        f"error of the shape that the same walk finds from random weights minus that of the pruned "
        f"architecture, both from scratch, points; about as well: within {EQUAL:.0%} of their "
        f"error",
        rules.beats(SCRATCH, "untrained-shape"),
        (SCRATCH, "untrained-shape"),
        low=-EQUAL,
        high=EQUAL,
        relative=True,
    ),
    Claim(
        "K22",
        "Fisher saliency finds better shapes than the size of the weights does.",
        "Fisher's shapes beat<br>weight size's",
        "",
        "error of the shape that pruning by weight size found minus that of the one that Fisher "
        "saliency found, both from scratch, points",
        rules.beats(SCRATCH, "l1-shape"),
        (SCRATCH, "l1-shape"),
        low=0,
    ),
    Claim(
        "K23",
        "Fisher saliency finds better shapes than removals at random leave.",
        "Fisher's shapes beat chance's",
        "",
        "error of the shape that removals at random left minus that of the one that Fisher "
        "saliency found, both from scratch, points",
        rules.beats(SCRATCH, "random-shape"),
        (SCRATCH, "random-shape"),
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
        ("base", "bottleneck", "reduced-depth"),
        low=0,
    ),
)
