"""How errors, and what a shape is worth, depend on how long networks are trained."""

import math

import pandas as pd

from prunelib.evidence import by_size
from prunelib.evidence.comparisons import between, log_ratios
from prunelib.evidence.statistics import Number, mean
from prunelib.evidence.view import View
from prunelib.study.families import AT_LENGTH, BOTTLENECK, LENGTH_OF, LENGTHS, SCRATCH


def epochs_of_images(view: View, images: Number) -> float:
    """Epochs that hold so many training images."""
    return float(images / view.scale.data.training_count)


def shape_by_length(view: View) -> pd.DataFrame:
    """What the pruned shape is worth beside a bottleneck network, by size and length of training.

    Both are trained from scratch for as many images. Columns: `size` (the budget), `length` (one of
    `LENGTHS`), `epochs` (mean), `points` (error of the bottleneck network minus that of the shape,
    mean over seeds), `ratio` (logarithm of the one error over the other, mean), `low` and `high`
    (interval of the ratio; those of all sizes hold together at 95%), and `seeds`.
    """
    rows, networks = [], view.networks
    for length in LENGTHS:
        pair = (AT_LENGTH[SCRATCH, length], AT_LENGTH[BOTTLENECK, length])
        points, ratios = between(view, pair[0], pair[1:]), log_ratios(view, *pair)
        ends = by_size.intervals(ratios)
        for size, (ratio, low, high) in ends.items():
            runs = networks[networks["family"].isin(pair) & (networks["budget"] == size)]
            rows.append(
                {
                    "size": size,
                    "length": length,
                    "epochs": epochs_of_images(view, mean(runs["images_seen"])),
                    "points": float(mean(points[size].values())),
                    "ratio": ratio,
                    "low": low,
                    "high": high,
                    "seeds": len(ratios[size]),
                }
            )
    columns = ["size", "length", "epochs", "points", "ratio", "low", "high", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def errors_by_length(views: dict[str, View]) -> pd.DataFrame:
    """The mean error of each family, by size and length of training, over scales.

    Scales may be put beside each other where data and base network are the same. Columns: `scale`,
    `family` (that of the usual length), `length`, `size` (the budget, or the parameters of
    the base network), `epochs` (that its images are; of pruned networks those of base and pruning),
    `error`, `best`, `worst` (over seeds), `seeds`, `errors` (by seed) and `keys` (of the records).
    """
    rows = []
    for name, view in views.items():
        groups = view.networks.groupby(["family", "budget"], dropna=False)
        for (family, budget), runs in groups:
            kind, length = LENGTH_OF.get(family, (family, ""))
            rows.append(
                {
                    "scale": name,
                    "family": kind,
                    "length": length,
                    "size": int(runs["params"].iloc[0] if math.isnan(budget) else budget),
                    "epochs": epochs_of_images(view, mean(runs["images_seen"])),
                    "error": float(mean(runs["error"])),
                    "best": float(runs["error"].min()),
                    "worst": float(runs["error"].max()),
                    "seeds": len(runs),
                    "errors": dict(zip(runs["seed"], runs["error"], strict=True)),
                    "keys": runs["key"].tolist(),
                }
            )
    columns = "scale family length size epochs error best worst seeds errors keys"
    table = pd.DataFrame(rows, columns=columns.split())
    return table.sort_values(["size", "family", "epochs"])
