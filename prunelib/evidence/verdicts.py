"""What the records of one scale say of each claim. These are the rules, fixed before the runs.

**Values.** A rule gives a value for each size (budget) and seed: most often a difference of two
errors, of the same seed and size. A value counts where all networks are there that it compares.

**By size first.** Each size has a mean over its seeds and an interval. The spread of one value is
pooled over all sizes, with degrees of freedom by how much a seed deviates at all sizes alike
(`by_size.spread`); intervals are Student's, and all sizes' hold together with 95 % (Bonferroni).
Fewer than two seeds have no interval.

**Then the mean.** For each seed with all sizes the mean over the sizes, and of these means the 95 %
interval (Student's): seeds are independent, sizes of one seed are not.

**Words.** With the interval, a claim is

- *supported* where the whole interval lies where the claim holds,
- *refuted* where none of it does,
- *equal* where it is neither, the statistic is a difference of errors, and the whole interval lies
  within 5 % of the error of the networks compared: two one-sided tests of equivalence, each at
  2.5 %,
- otherwise *open*.

Claims of equality (C5, C10, C11) hold within that margin to begin with. A claim as a whole

- *depends on the size* where it is supported at one size and refuted at another; or where its mean
  is open, one size at least is supported or refuted, and the sizes differ (F test, 5 %),
- otherwise has the word of its mean.

**Many claims.** `p` is twice the one-sided probability of the mean's word (the limit, or the nearer
one of two; for *equal* that of the margin), and for *depends on the size* that of the F test.
Holm's method takes all claims of a scale that have one: `survives` are those decided ones that stay
below 5 %.

**More seeds.** `enough` is said of open claims only, and only where sizes do not differ.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from prunelib.errors import Missing
from prunelib.evidence import by_size
from prunelib.evidence.by_size import Values
from prunelib.evidence.claims import CLAIMS, EQUAL, Claim
from prunelib.evidence.comparisons import column
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.statistics import (
    Number,
    beyond,
    deviation,
    half_width,
    holm,
    mean,
    mean_interval,
)
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES
from prunelib.text import plain

MAX_SAMPLE_SIZE = 100
"""Seeds up to which it is computed how many would be enough."""
CHANCE = 0.05
DEPENDS = "depends on the size"


@dataclass(frozen=True)
class AtSize:
    """What the records say of a claim at one size (parameters), from `seeds` seeds."""

    size: int
    verdict: str
    mean: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True)
class Verdict:
    """What the records of one scale say of a claim, from `seeds` of the `planned` ones.

    `mean`, `low` and `high` are of the mean over sizes; `sizes` says it for each. `margin` is what
    would be equal, in points. `differ` is the probability of sizes so far apart by chance, `p` that
    of the verdict, and `survives` whether it stands among all claims of the scale. `enough` seeds
    would settle an open claim, were mean and spread to stay as they are. Where a study does not ask
    this, 0 seeds are planned.
    """

    claim: str
    text: str
    short: str
    where: str
    scale: str
    statistic: str
    verdict: str
    mean: float | None
    low: float | None
    high: float | None
    seeds: int
    planned: int
    enough: int | None
    records: tuple[str, ...]
    sizes: tuple[AtSize, ...] = ()
    margin: float | None = None
    differ: float | None = None
    p: float | None = None
    survives: bool | None = None
    counted: str | None = None


@dataclass(frozen=True)
class Limits:
    """Where a claim holds, and what is equal to zero for all that matters (None: nothing is)."""

    low: float
    high: float
    margin: float | None = None

    def word(self, left: float, right: float) -> str:
        """What an interval says; see the module's text.

        >>> Limits(0.0, math.inf).word(0.2, 1.4)
        'supported'
        """
        if math.isnan(left):
            return "open"
        if self.low < left and right < self.high:
            return "supported"
        if right < self.low or left > self.high:
            return "refuted"
        if self.margin is not None and -self.margin < left and right < self.margin:
            return "equal"
        return "open"


def seeds_to_settle(values: Sequence[Number], low: float, high: float) -> int | None:
    """Seeds whose interval would no longer hold `low` or `high`, were mean and spread to stay.

    None where fewer than two seeds tell no spread, or where `MAX_SAMPLE_SIZE` are not enough.

    >>> seeds_to_settle([2.0, -1.0, 2.0], 0, float("inf"))
    15
    """
    if len(values) < 2:
        return None
    middle, spread = float(mean(values)), deviation(values)
    away = min(abs(middle - low), abs(middle - high))
    enough = (n for n in range(2, MAX_SAMPLE_SIZE + 1) if half_width(spread, n) < away)
    return next(enough, None)


def probability(values: Sequence[Number], limits: Limits, word: str) -> float | None:
    """Twice the one-sided probability of a word on the mean of some values; None of one value."""
    if len(values) < 2:
        return None
    middle, freedom = float(mean(values)), len(values) - 1
    error = deviation(values) / math.sqrt(len(values))

    def past(distance: float) -> float:
        if not error:
            return 0.0 if distance > 0 else 1.0 if distance < 0 else 0.5
        return beyond(distance / error, freedom)

    if word == "equal" and limits.margin is not None:
        return 2 * max(past(limits.margin - middle), past(limits.margin + middle))
    within = max(past(middle - limits.low), past(limits.high - middle))
    outside = min(past(limits.low - middle), past(middle - limits.high))
    return min(1.0, 2 * within, 2 * outside)


def limits_by_size(claim: Claim, view: View, values: Values) -> Callable[[int | None], Limits]:
    """The limits of a claim at a size, or (None) of its mean over sizes."""
    errors: dict[int, list[Number]] = {size: [] for size in values}
    for family in claim.families if claim.points else ():
        for size, at in column(view, family).items():
            errors.get(size, []).extend(e for seed, e in at.items() if seed in values.get(size, ()))

    def limits(size: int | None = None) -> Limits:
        compared = [e for budget, at in errors.items() if size in (None, budget) for e in at]
        if not compared:
            return Limits(claim.low, claim.high)
        error = float(mean(compared))
        scale = error if claim.relative else 1.0
        return Limits(claim.low * scale, claim.high * scale, EQUAL * error)

    return limits


def at_sizes(values: Values, limits: Callable[[int], Limits]) -> tuple[AtSize, ...]:
    """What is said at each size that has values."""
    return tuple(
        AtSize(
            size,
            limits(size).word(left, right),
            known(middle),
            known(left),
            known(right),
            len(values[size]),
        )
        for size, (middle, left, right) in by_size.intervals(values).items()
    )


def known(x: float) -> float | None:
    """A number, or None where there is none."""
    return None if math.isnan(x) else x


def as_a_whole(word: str, sizes: tuple[AtSize, ...], differ: float | None) -> str:
    """The word for a claim, given that of its mean and those at its sizes."""
    decided = {at.verdict for at in sizes} & {"supported", "refuted"}
    unlike = differ is not None and differ < CHANCE
    if len(decided) == 2 or (word == "open" and decided and unlike):
        return DEPENDS
    return word


def judge(claim: Claim, view: View) -> Verdict:
    """The verdict on one claim, taken by itself."""
    try:
        values = claim.rule(view)
    except Missing:
        values = {}
    means = by_size.seed_means(values)
    numbers = list(means.values())
    limits_at = limits_by_size(claim, view, values)
    limits, sizes = limits_at(None), at_sizes(values, limits_at)
    middle, left, right = mean_interval(numbers)
    differ = by_size.sizes_differ(values)
    word = as_a_whole(limits.word(left, right), sizes, differ)
    p = differ if word == DEPENDS else probability(numbers, limits, word)
    alike = differ is None or differ >= CHANCE
    enough = seeds_to_settle(numbers, limits.low, limits.high) if word == "open" and alike else None
    return Verdict(
        claim=claim.number,
        text=claim.text,
        short=claim.short,
        where=claim.where,
        scale=view.scale.name,
        statistic=claim.statistic,
        verdict=word,
        mean=known(middle),
        low=known(left),
        high=known(right),
        seeds=len(numbers),
        planned=planned(claim, view),
        enough=enough,
        records=behind(claim, view, values),
        sizes=sizes,
        margin=limits.margin,
        differ=differ,
        p=p,
        counted=claim.counted,
    )


def behind(claim: Claim, view: View, values: Values) -> tuple[str, ...]:
    """The keys of the records of all networks that the values compare."""
    seeds, rows = {seed for at in values.values() for seed in at}, view.networks
    rows = rows[rows["family"].isin(claim.families) & rows["seed"].isin(seeds)]
    return tuple(sorted(set(rows["key"])))


def planned(claim: Claim, view: View) -> int:
    """How many seeds the study of a scale has for a claim; 0 where it is not asked."""
    if not set(claim.families) <= set(view.scale.families):
        return 0
    return min(view.scale.seeds_of(FAMILIES[name]) for name in claim.families)


def judge_claims(view: View, asked: tuple[Claim, ...] | None = None) -> list[Verdict]:
    """A verdict on every claim from the records of one scale; by default on `CLAIMS`.

    Whether they survive is told of the family of all claims and questions.
    """
    asked = CLAIMS if asked is None else asked
    every = remembered(view) if isinstance(view, View) else judge_all(view)
    return [every.get(claim.number) or judge(claim, view) for claim in asked]


def judge_all(view: View) -> dict[str, Verdict]:
    """The verdicts on all claims and questions, and which of them survive."""
    every = {claim.number: judge(claim, view) for claim in (*CLAIMS, *QUESTIONS)}
    raised = holm({number: v.p for number, v in every.items() if v.p is not None})
    for number, p in raised.items():
        found = every[number]
        every[number] = replace(found, survives=p < CHANCE and found.verdict != "open")
    return every


remembered = lru_cache(maxsize=16)(judge_all)
"""Pages ask for the same verdicts many times."""


def verdict_rows(found: list[Verdict]) -> list[dict]:
    """Verdicts as plain data, for JSON and for tables, with numbers as they leave."""
    return [{name: plain(value) for name, value in asdict(verdict).items()} for verdict in found]
