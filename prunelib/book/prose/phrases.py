"""Who is better by how much: what a verdict says, in plain words.

Every claim that compares errors has two sides, and every other claim says its own number. From
these and five words for a verdict all sentences are made, `PHRASES[claim, verdict]`.
"""

import math
from typing import NamedTuple

from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import DEPENDS

WORDS = ("supported", "refuted", "equal", DEPENDS, "open")


class Sides(NamedTuple):
    """What a claim compares: `first` is better where its statistic is above zero."""

    first: str
    second: str
    when: str = ""


EQUAL_EPOCHS = "at equal epochs"
EQUAL_IMAGES = "at equal images"
RETRAINING_COUNTED = "at equal images, counting those of retraining"
SEARCH_COUNTED = "with the search for the shape counted in"
PRUNED_NETWORKS = "pruned-and-tuned networks"
PRUNED_SHAPES = "pruned shapes trained from scratch"
BOTTLENECK_NETWORKS = "bottleneck networks"
RETRAINED_NETWORKS = "pruned networks that are retrained"
SIDES = {
    "C1": Sides("simple networks", PRUNED_NETWORKS, EQUAL_EPOCHS),
    "C3": Sides(PRUNED_SHAPES, PRUNED_NETWORKS, EQUAL_EPOCHS),
    "C4": Sides(PRUNED_SHAPES, "simple networks", EQUAL_EPOCHS),
    "C5": Sides("pruned shapes", "copycats", EQUAL_EPOCHS),
    "C10": Sides("networks pruned without a FLOP penalty", "networks pruned with one"),
    "C11": Sides("SNIP's networks", "copycats"),
    "K1": Sides("networks pruned by Fisher saliency", "networks pruned at random"),
    "K2": Sides("networks pruned by Fisher saliency", "networks pruned by the size of weights"),
    "K3": Sides("pruned shapes", "random shapes", EQUAL_EPOCHS),
    "K4": Sides("pruned shapes from the base's first weights", "pruned shapes from new weights"),
    "K5": Sides(RETRAINED_NETWORKS, "pruned networks that are only tuned"),
    "K6": Sides(PRUNED_SHAPES, PRUNED_NETWORKS, EQUAL_IMAGES),
    "K7": Sides(BOTTLENECK_NETWORKS, PRUNED_NETWORKS, EQUAL_IMAGES),
    "K8": Sides(PRUNED_SHAPES, BOTTLENECK_NETWORKS, EQUAL_IMAGES),
    "K9": Sides(RETRAINED_NETWORKS, PRUNED_SHAPES, RETRAINING_COUNTED),
    "K10": Sides(RETRAINED_NETWORKS, BOTTLENECK_NETWORKS, RETRAINING_COUNTED),
    "K11": Sides(PRUNED_SHAPES, BOTTLENECK_NETWORKS, "at equal multiply-accumulates"),
    "K12": Sides(PRUNED_SHAPES, BOTTLENECK_NETWORKS, RETRAINING_COUNTED),
    "K13": Sides(RETRAINED_NETWORKS, PRUNED_SHAPES, SEARCH_COUNTED),
    "K14": Sides(PRUNED_SHAPES, BOTTLENECK_NETWORKS, SEARCH_COUNTED),
    "K15": Sides("shapes found at this scale", "shapes found at mini"),
    "K16": Sides("base networks trained for longer", "base networks trained as usual"),
    "K17": Sides(
        "first weights sliced from the whole network", "first weights drawn for the narrow one"
    ),
    "K18": Sides("the base's own first weights", "new weights drawn in the same way"),
    "K19": Sides("pruned shapes", "stages thinned by hand", "at equal parameters"),
    "K20": Sides("pruned shapes", "stages thinned by hand", "at equal multiply-accumulates"),
    "K21": Sides("shapes found by pruning a trained network", "shapes found before any training"),
    "K22": Sides("shapes found by Fisher saliency", "shapes found by the size of weights"),
    "K23": Sides("shapes found by Fisher saliency", "shapes left by random removals"),
    "K24": Sides("networks with fewer blocks", BOTTLENECK_NETWORKS, "at equal parameters"),
    "K25": Sides(
        "pruned networks with renewed batch-norm statistics", "pruned networks left as they are"
    ),
    "K26": Sides("shapes found by Fisher saliency", "shapes found by SNIP before any training"),
    "K27": Sides("distilled bottleneck networks", "bottleneck networks that are not distilled"),
    "K28": Sides("distilled pruned shapes", "pruned shapes that are not distilled"),
    "K29": Sides("pruned shapes", BOTTLENECK_NETWORKS, "if both are distilled"),
}
"""What each claim compares whose statistic is a difference of errors."""


class Fact(NamedTuple):
    """What a claim says that is not a comparison of errors: with a number above zero, or below it.

    In a table its number stands between what is `before` and its `unit`; `sides` are what a number
    below zero and one above it are for, where its sign is told in words.
    """

    above: str
    below: str
    unit: str = ""
    before: str = ""
    sides: tuple[str, str] | None = None


FACTS = {
    "C2": Fact(
        "simple networks gain {x} on pruned ones with each halving of the size",
        "simple networks lose {x} to pruned ones with each halving of the size",
        " points",
        sides=("against", "for"),
    ),
    "C6": Fact(
        "the later a block, the more of its channels are left (rank correlation {x})",
        "the later a block, the fewer of its channels are left (rank correlation −{x})",
        before="rank correlation ",
    ),
    "C7": Fact(
        "strided blocks keep {x} more of their channels than the later blocks of their stages",
        "strided blocks keep {x} fewer of their channels than the later blocks of their stages",
        " percentage points",
        sides=("fewer", "more"),
    ),
    "C8": Fact(
        "early and late in pruning, the blocks stand in a similar order (rank correlation {x})",
        "early and late in pruning, the blocks stand in opposite order (rank correlation −{x})",
        before="rank correlation ",
    ),
    "C9": Fact(
        "base and pruning take {x} the work of training a simple network",
        "base and pruning take −{x} the work of training a simple network",
        " times",
    ),
}


ALIKE = tuple(claim.number for claim in CLAIMS + QUESTIONS if claim.relative)
"""Claims that networks do about as well: above zero, those that they are about are worse."""
TWO_SIDED = tuple(
    claim.number for claim in CLAIMS + QUESTIONS if claim.relative and claim.low > -math.inf
)
"""Those of them that do not hold if the networks are much better, either."""


def phrase(claim: str, verdict: str, above: bool) -> str:
    """What a verdict says, with a place for the number."""
    sides, when = SIDES.get(claim), ""
    if sides is None:
        text = FACTS[claim].above if above else FACTS[claim].below
    else:
        when = f"{sides.when}, " if sides.when else ""
        better, worse = (sides.first, sides.second) if above else (sides.second, sides.first)
        text = f"{better} beat {worse} by {{x}}"
        alike = verdict == "supported" and claim in ALIKE and (above or claim in TWO_SIDED)
        if verdict == "equal" or alike:
            text = f"{sides.first} and {sides.second} are {{x}} apart, too little to matter"
    doubt = {DEPENDS: "it depends on the size; on average, ", "open": "not settled; on average, "}
    return f"{doubt.get(verdict, '')}{when}{text}"


PHRASES = {
    (claim, verdict): (phrase(claim, verdict, True), phrase(claim, verdict, False))
    for claim in (*SIDES, *FACTS)
    for verdict in WORDS
}
"""What is said of a claim with a verdict: where its statistic is above zero, and where below."""


def unit(claim: str) -> str:
    """The unit of a claim's statistic, with the space before it."""
    return FACTS[claim].unit if claim in FACTS else " points"
