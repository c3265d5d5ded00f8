"""Families that figures show beside each other."""

import pandas as pd
import plotly.graph_objects as go

from prunelib.book.figures.errors import error_against
from prunelib.book.figures.style import require_rows
from prunelib.evidence.view import View
from prunelib.study import families

STATISTICS = "batch-norm statistics"

COMPARISONS = {
    "which channel goes": (families.PRUNED, families.RANDOM_REMOVAL, families.L1_REMOVAL),
    "weights and schedule": (
        families.PRUNED,
        families.SCRATCH,
        families.INITIAL,
        families.RETRAINED,
    ),
    "equal images": (
        families.PRUNED,
        families.SCRATCH,
        families.SCRATCH_LONG,
        families.BOTTLENECK,
        families.BOTTLENECK_LONG,
    ),
    "retraining": (
        families.PRUNED,
        families.RETRAINED,
        families.SCRATCH_LONGEST,
        families.BOTTLENECK_LONGEST,
    ),
    "FLOP penalty": (families.PRUNED, *families.PENALISED),
    "first weights": (families.SCRATCH, families.INITIAL, families.SLICED),
    "distillation": (
        families.BOTTLENECK,
        families.DISTILLED_BOTTLENECK,
        families.SCRATCH,
        families.DISTILLED_SHAPE,
    ),
    STATISTICS: (families.PRUNED, families.RECALIBRATED),
}
"""Families that stand beside each other to answer one question."""

OVERVIEW = (
    *(name for name in families.MAIN if name not in (families.RANDOM_PROFILE, families.SALIENCY)),
    families.BOTTLENECK_LONG,
    families.SCRATCH_LONG,
)
"""Families of the book's first figure, both with and without equal images."""


def comparison(view: View, question: str) -> go.Figure:
    """Error against parameters of the families of one of `COMPARISONS`.

    At each budget with the seeds that all of them have there, so that no difference comes from
    unlike seeds. Statistics are renewed in weights of the same run, of which no way is known.
    """
    shown, networks = COMPARISONS[question], view.networks
    own = networks[networks["family"].isin(shown)]
    require_rows(own[own["family"].isin(families.CONTROLS)])
    told = question != STATISTICS
    own, ways = same_seeds(own if told else same_weights(own)), view.trajectories
    ways = ways[ways["seed"].isin(own["seed"]) & told]
    rows = pd.concat([own, networks[networks["family"] == "base"]])
    return error_against(rows, ways, families=shown, epochs=view.scale.train.epochs)


def same_seeds(networks: pd.DataFrame) -> pd.DataFrame:
    """Of the networks at each budget those whose seed every family has that is there."""
    at = networks.groupby("budget", dropna=False)["family"]
    having = networks.groupby(["budget", "seed"], dropna=False)["family"]
    return networks[having.transform("nunique") == at.transform("nunique")]


def same_weights(networks: pd.DataFrame) -> pd.DataFrame:
    """Networks with renewed statistics, and each as it was before, as one that is only pruned.

    Both count the images of base and pruning.
    """
    renewed = networks[networks["family"] == families.RECALIBRATED]
    pruned = networks[networks["family"] == families.PRUNED]
    seen = pruned.set_index(["budget", "seed"])["images_seen"]
    before = seen.reindex(pd.MultiIndex.from_frame(renewed[["budget", "seed"]])).to_numpy()
    after = renewed.assign(images_seen=renewed["images_seen"] + before)
    stale = renewed.assign(family=families.PRUNED, error=renewed["first_error"], images_seen=before)
    return pd.concat([stale, after])
