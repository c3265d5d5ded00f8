"""The paper's claims, each with the rule by which it is judged."""

import math
from dataclasses import dataclass
from functools import partial

from prunelib.evidence import rules
from prunelib.evidence.comparisons import SIMPLE
from prunelib.study.families import COPYCAT, SCRATCH

EQUAL = 0.05
"""Share of their error within which networks do "about as well" (C5), compete (C11) or are equal:
one in twenty of the images that are wrong."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and how it is judged: it holds where `low` < statistic < `high`.

    Args:
        number: C for the paper's claims, K for questions of ours.
        text: the claim.
        short: a label for pictures.
        where: in the paper.
        statistic: what is measured, in words.
        rule: what is measured.
        low: limit from below.
        high: limit from above.
        relative: the limits are shares of the error of the networks compared.
        points: the statistic is a difference of errors, so that it can be equal to zero for all
            that matters.
        why: controls that tell why it does not hold, where it does not.
        counted: the same question with the search for the shape counted in, where here it is free.
        only: the one scale that it is about; by default all.
    """

    number: str
    text: str
    short: str
    where: str
    statistic: str
    rule: rules.Rule
    low: float = -math.inf
    high: float = math.inf
    relative: bool = False
    points: bool = True
    why: tuple[str, ...] = ()
    counted: str | None = None
    only: str | None = None

    @property
    def families(self) -> tuple[str, ...]:
        """The families whose records the rule reads."""
        return self.rule.families


claim_of_equality = partial(Claim, low=-EQUAL, high=EQUAL, relative=True)
"""A claim that holds within the margin to either side."""

CLAIMS = (
    Claim(
        "C1",
        "At equal parameters, pruned-and-tuned networks are beaten by simpler ones trained from "
        "scratch.",
        "simple networks beat pruned ones",
        "fig. 1, 3.1",
        "error of pruned-and-tuned minus error of reduced width and bottleneck, points",
        rules.beaten_by(*SIMPLE),
        low=0,
        why=("K7", "K5", "K10", "K1", "K2"),
    ),
    Claim(
        "C2",
        "That gap grows as networks get smaller.",
        "the gap grows when smaller",
        "3.1",
        "growth of the gap of C1 for each halving of the parameters, points",
        rules.gap_grows,
        low=0,
        points=False,
    ),
    Claim(
        "C3",
        "Architectures found by pruning, trained from scratch, beat their own pruned-and-tuned "
        "weights.",
        "pruned shapes beat pruned weights",
        "fig. 1, 3.2",
        "error of pruned-and-tuned minus error of the same architecture from scratch, points",
        rules.beaten_by(SCRATCH),
        low=0,
        why=("K6", "K5", "K9", "K4"),
    ),
    Claim(
        "C4",
        "They also beat the simpler networks at most budgets.",
        "pruned shapes beat simple networks",
        "fig. 1, 3.2",
        "error of reduced width and bottleneck minus that of the pruned architecture from "
        "scratch, mean over the budgets, points",
        rules.beats(SCRATCH, *SIMPLE),
        low=0,
        why=("K3", "K8", "K11"),
        counted="K14",
    ),
    claim_of_equality(
        "C5",
        "Copycats do about as well as the pruned architectures from scratch.",
        "copycats do as well",
        "fig. 1, 3.2",
        f"error of copycat minus that of the pruned architecture from scratch, points; about as "
        f"well: within {EQUAL:.0%} of their error; at the size of the profile that is scaled both "
        f"are the same network, and the difference is zero by construction",
        rules.beats(SCRATCH, COPYCAT),
        why=("K3",),
    ),
    Claim(
        "C6",
        "Later layers lose more channels than earlier ones.",
        "later blocks lose more",
        "fig. 2c",
        "rank correlation of block number and share of channels left",
        rules.later_lose_more,
        high=0,
        points=False,
    ),
    Claim(
        "C7",
        "Strided blocks lose less than the later blocks of their stages (the paper: hardly any).",
        "strided blocks keep more",
        "fig. 2c",
        "share left in strided blocks minus that in the other blocks of their stages, "
        "percentage points",
        rules.strided_keep_more,
        low=0,
        points=False,
    ),
    Claim(
        "C8",
        "The profile keeps its shape under further pruning.",
        "the shape is kept",
        "footnote 2",
        "rank correlation of the shares left early on and at the smallest budget, which tells of "
        "the order of the blocks only; kept: above 0.5",
        rules.shape_is_kept,
        low=0.5,
        points=False,
    ),
    Claim(
        "C9",
        "Pruning costs more than training a small network.",
        "pruning costs more",
        "abstract, 4",
        "multiply-accumulates of base and pruning over those of training a simple network for as "
        "many epochs as the base, mean over the budgets; counted, and above 1 by counting alone",
        rules.pruning_costs_more,
        low=1,
        points=False,
    ),
    claim_of_equality(
        "C10",
        "The FLOP penalty makes little difference.",
        "a FLOP penalty hardly matters",
        "implementation details",
        f"error with a penalty minus error without, points; of three penalties, at equal "
        f"parameters and at equal MACs, the one furthest from zero; little: within {EQUAL:.0%} of "
        f"the error",
        rules.penalty_matters,
    ),
    Claim(
        "C11",
        "Copycats compete with SNIP's networks.",
        "copycats match SNIP",
        "3.2",
        f"error of copycat minus SNIP's at that size, points; competes: worse by less than "
        f"{EQUAL:.0%} of the error; scale paper only",
        rules.copycats_compete,
        high=EQUAL,
        relative=True,
        only="paper",
    ),
)
