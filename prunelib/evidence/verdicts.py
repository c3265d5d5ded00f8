"""What the records say of each claim.

A verdict rests on the mean over seeds and its 95 % interval (Student's t): a claim is *supported*
if the whole interval lies where the claim holds, *refuted* if none of it does, and otherwise
*open*; with fewer than two seeds it is open.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np

from prunelib.errors import Missing
from prunelib.evidence.claims import CLAIMS, Claim
from prunelib.evidence.statistics import half_width
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES

MOST_SEEDS = 100


@dataclass(frozen=True)
class Verdict:
    """What the records of one scale say of a claim, from `seeds` of the `planned` ones.

    `enough` seeds would settle an open claim, were mean and spread to stay as they are.
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


def judge(values: list[float], low: float, high: float) -> tuple[str, float, float, float]:
    """Verdict, mean and 95 % interval of the values of some seeds.

    >>> judge([1.0, 1.1, 0.9], 0, float("inf"))[0]
    'supported'
    """
    values = np.asarray(values, float)
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < 2:
        return "open", mean, math.nan, math.nan
    half = half_width(values.std(ddof=1), len(values))
    left, right = mean - half, mean + half
    if left > low and right < high:
        return "supported", mean, left, right
    if right < low or left > high:
        return "refuted", mean, left, right
    return "open", mean, left, right


def seeds_to_settle(values: list[float], low: float, high: float) -> int | None:
    """Seeds whose interval would no longer hold `low` or `high`, were mean and spread to stay.

    None where fewer than two seeds tell no spread, or where `MOST_SEEDS` are not enough.

    >>> seeds_to_settle([2.0, -1.0, 2.0], 0, float("inf"))
    15
    """
    if len(values) < 2:
        return None
    values = np.asarray(values, float)
    away = min(abs(values.mean() - low), abs(values.mean() - high))
    seeds = np.arange(2, MOST_SEEDS + 1)
    settled = half_width(values.std(ddof=1), seeds) < away
    return int(seeds[settled][0]) if settled.any() else None


def verdicts(view: View, asked: tuple[Claim, ...] | None = None) -> list[Verdict]:
    """A verdict on every claim from the records of one scale; by default on `CLAIMS`."""
    networks, found = view.networks, []
    for claim in CLAIMS if asked is None else asked:
        try:
            by_seed = claim.rule(view)
        except Missing:
            by_seed = {}
        by_seed = {seed: v for seed, v in by_seed.items() if math.isfinite(v)}
        values = list(by_seed.values())
        behind = networks[networks["family"].isin(claim.families) & networks["seed"].isin(by_seed)]
        verdict, *numbers = judge(values, claim.low, claim.high)
        mean, low, high = (None if math.isnan(n) else n for n in numbers)
        found.append(
            Verdict(
                claim.number,
                claim.text,
                claim.short,
                claim.where,
                view.scale.name,
                claim.statistic,
                verdict,
                mean,
                low,
                high,
                len(values),
                min(view.scale.seeds_of(FAMILIES[name]) for name in claim.families),
                seeds_to_settle(values, claim.low, claim.high) if verdict == "open" else None,
                tuple(sorted(set(behind["key"]))),
            )
        )
    return found


def as_rows(found: list[Verdict]) -> list[dict]:
    """Verdicts as plain data, for JSON and for tables."""
    return [asdict(verdict) for verdict in found]
