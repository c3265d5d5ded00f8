"""Networks beside each other, at equal seed and size: DataFrames in, DataFrames or means out."""

import math

import numpy as np
import pandas as pd

from prunelib.evidence.tables import PRUNED
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES

SIMPLE = ("reduced-width", "bottleneck")

Cells = pd.DataFrame
"""Values by seed (rows), and by budget and family (columns)."""


def advantage(networks: pd.DataFrame, trajectories: pd.DataFrame) -> pd.DataFrame:
    """Each network from scratch beside the pruned-and-tuned one of its seed and exact size.

    The error of the latter is interpolated between the measured points of the trajectory; networks
    outside its range are left out.

    Columns: those of the network, `tuned_error`, `difference` (tuned minus the network's, in
    points of error), and `tuned_macs` (spent on base and pruning up to there).
    """
    measured = trajectories.dropna(subset=["error"])
    base = networks[networks["family"] == "base"].set_index("seed")["training_macs"]
    rows = []
    trained = [name for name, family in FAMILIES.items() if family.rule is not None]
    for row in networks[networks["family"].isin(trained)].itertuples():
        run = measured[measured["seed"] == row.seed].sort_values("params")
        if run.empty or not run["params"].min() <= row.params <= run["params"].max():
            continue
        tuned = float(np.interp(row.params, run["params"], run["error"]))
        walk = trajectories[trajectories["seed"] == row.seed]
        walk = walk[walk["params"] >= row.params]
        spent = float((3 * walk["macs"].astype(float) * walk["images"]).sum())
        rows.append(
            row._asdict()
            | {
                "tuned_error": tuned,
                "difference": tuned - row.error,
                "tuned_macs": spent + float(base.get(row.seed, np.nan)),
            }
        )
    columns = [*networks.columns, "tuned_error", "difference", "tuned_macs"]
    return pd.DataFrame(rows, columns=columns)


def differences(view: View, families: tuple[str, ...], column: str = "difference") -> Cells:
    """A column of `advantage`: networks of some families beside the pruned-and-tuned ones.

    By default error(pruned and tuned) - error(the network), of equal seed and parameters.
    """
    rows = advantage(view.networks, view.trajectories)
    rows = rows.assign(ratio=rows["tuned_macs"] / rows["training_macs"])
    return cells(view, rows, families, column)


def cells(
    view: View, rows: pd.DataFrame, families: tuple[str, ...], column: str = "error"
) -> Cells:
    """A column of networks, (seed) by (budget, family); only seeds where no cell is missing."""
    table = rows.pivot_table(index="seed", columns=["budget", "family"], values=column)
    wanted = pd.MultiIndex.from_product([view.scale.budgets, families], names=["budget", "family"])
    return table.reindex(columns=wanted).dropna()


def seed_means(table: Cells) -> dict[int, float]:
    """Mean of each row."""
    return {int(seed): float(mean) for seed, mean in table.mean(axis=1).items()}


def between(view: View, better: str, others: tuple[str, ...]) -> dict[int, float]:
    """error(others) - error(better), points."""
    table = cells(view, view.networks, (better, *others)).T.groupby("family").mean().T
    if table.empty:
        return {}
    gaps = table[list(others)].mean(axis=1) - table[better]
    return {int(seed): float(gap) for seed, gap in gaps.items()}


def walks_apart(view: View, family: str, axis: str = "params") -> dict[int, float]:
    """error(pruned as this family is) - error(pruned and tuned), at equal size, points."""
    walks = view.walks.dropna(subset=["error"])
    plain = dict(list(walks[walks["family"] == PRUNED].groupby("seed")))
    return {
        int(seed): gap(walk, plain[seed], view.scale.budgets, axis)
        for seed, walk in walks[walks["family"] == family].groupby("seed")
        if seed in plain
    }


def gap(walk: pd.DataFrame, plain: pd.DataFrame, budgets: tuple[int, ...], axis: str) -> float:
    """Mean difference of error of two walks where the plain one meets the budgets, points."""
    gaps = []
    for budget in budgets:
        reached = plain[plain["params"] <= budget]
        if len(reached):
            at = reached[axis].iloc[0]
            if walk[axis].min() <= at <= walk[axis].max():
                error = np.interp(at, walk[axis][::-1], walk["error"][::-1])
                gaps.append(error - reached["error"].iloc[0])
    return float(np.mean(gaps)) if gaps else math.nan


def saliency_ranks(saliencies: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each criterion with the measured change, one row a seed."""
    criteria = [c for c in saliencies if c.startswith("fisher_") or c == "l1"]
    rows = {
        seed: run[[*criteria, "actual"]].corr("spearman")["actual"][criteria]
        for seed, run in saliencies.groupby("seed")
    }
    return pd.DataFrame(rows).T.dropna(axis=1, how="all")
