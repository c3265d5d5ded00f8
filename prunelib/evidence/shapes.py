"""Shapes of one size beside each other, whoever found them: a view in, a DataFrame out."""

import math

import pandas as pd

from prunelib.evidence.comparisons import column
from prunelib.evidence.statistics import (
    between_seeds,
    mean,
    rank_correlation,
    repeatability_limit,
)
from prunelib.evidence.view import View
from prunelib.study import families
from prunelib.text import rounded

FOUND = {
    families.SCRATCH: "pruned by Fisher saliency",
    families.L1_SHAPE: "pruned by weight size",
    families.RANDOM_SHAPE: "pruned at random",
    families.SNIP_SHAPE: "SNIP before training",
    families.UNTRAINED_SHAPE: "Fisher before training",
    families.SEARCHED_SHORT: "pruned after 10 epochs",
    families.COPYCAT: "copycat",
    families.TAPER: "taper by hand",
    families.BOTTLENECK: "bottleneck",
    families.REDUCED: "reduced width",
    families.RANDOM_PROFILE: "random profile",
    families.REDUCED_DEPTH: "fewer blocks",
}
"""Families that differ in their shape alone, and where each has it from."""


def shapes_of_size(view: View, budget: int) -> pd.DataFrame:
    """Networks of one size that were trained alike from new weights, by the error, best first.

    Columns: `family`, `found` (where it has its shape from), `error` (mean over seeds), `best`,
    `worst` (of the seeds), `lead` (by how much the pruned shape is better at equal seeds, points;
    not a number without one), `usual` (what as many pairs of one network with unlike seeds differ
    by at most on average, in 19 of 20 cases; not a number where that is not known), `seeds`,
    `pairs` (seeds that both have), `params` and `macs` (for one image; means) and `keys` (of the
    records).
    """
    ours = column(view, families.SCRATCH).get(budget, {})
    spread = between_seeds(view.networks)
    rows = []
    for family, found in FOUND.items():
        errors = column(view, family).get(budget, {})
        if not errors:
            continue
        pairs = [errors[seed] - ours[seed] for seed in errors if seed in ours]
        own = view.networks[
            (view.networks["family"] == family) & (view.networks["budget"] == budget)
        ].sort_values("seed")
        rows.append(
            {
                "family": family,
                "found": found,
                "error": float(mean(errors.values())),
                "best": float(min(errors.values())),
                "worst": float(max(errors.values())),
                "lead": float(mean(pairs)) if pairs else math.nan,
                "usual": usual(spread, 0 if family == families.SCRATCH else len(pairs)),
                "seeds": len(errors),
                "pairs": len(pairs),
                **{name: rounded(mean(own[name])) for name in ("params", "macs")},
                "keys": own["key"].tolist(),
            }
        )
    columns = "family found error best worst lead usual seeds pairs params macs keys"
    return pd.DataFrame(rows, columns=columns.split()).sort_values(
        ["error", "found"], ignore_index=True
    )


def usual(spread: float | None, pairs: int) -> float:
    """What so many pairs of runs differ by at most on average, in 19 of 20 cases, points."""
    if spread is None or not pairs:
        return math.nan
    return repeatability_limit(spread) / math.sqrt(pairs)


def work_and_error(rows: pd.DataFrame) -> float:
    """Rank correlation of what a shape computes for one image with its error.

    Not a number where none can be compared with the pruned shape. The error is that beside the
    pruned shape, over the seeds that both have: the mean error of a shape with fewer seeds would
    tell of the seeds, too.

    Args:
        rows: of `shapes_of_size`.
    """
    known = rows.dropna(subset=["lead"])
    if known.empty:
        return math.nan
    return rank_correlation(known["macs"].tolist(), known["lead"].tolist())
