"""The record of `benchmarks/your_network.py`: pruned ResNet-18 beside narrower ones."""

import os
from pathlib import Path

import pandas as pd

from prunelib.errors import Missing
from prunelib.evidence.benchmarks import benchmark_source, checked_benchmark
from prunelib.files import read_json
from prunelib.study.families import PRUNED, REDUCED
from prunelib.study.folder import laid_over
from prunelib.text import counted

FAMILY_OF = {"pruned": PRUNED, "narrower": REDUCED}
DATA = {"cifar10": "CIFAR-10", "digits": "handwritten digits"}
FULL_STEM = 64
"""Channels of the first stage of ResNet-18."""


def read_comparison(results: str | Path) -> dict:
    """The record; the project's, where a folder has none.

    Raises:
        Missing: the benchmark has not been run.
        PrunelibError: the record is damaged.
    """
    path = laid_over(results, "your-network/resnet18.json")
    if not os.path.lexists(path):
        command = "python benchmarks/your_network.py"
        raise Missing(f"{path} is not there; measure it with: {command}")
    return checked_benchmark(path, read_json(path, "a record of this benchmark"))


def compared_networks(record: dict) -> pd.DataFrame:
    """One row per network: the bases, pruned ones, and narrower ones of about the same size.

    Columns: `family`, `share` (of the base's parameters), `seed`, `params`, `macs`, `error`,
    `images`.
    """
    rows = []
    for run in record["runs"]:
        rows.append({"family": "base", "share": 1.0, "seed": run["seed"], **run["base"]})
        rows += [
            {"family": family, "share": pair["share"], "seed": run["seed"], **pair[kind]}
            for pair in run["compared"]
            for kind, family in FAMILY_OF.items()
        ]
    return pd.DataFrame(rows)


def recorded_points(record: dict) -> pd.DataFrame:
    """One row per removal of each pruning run: `seed`, and the columns of a point."""
    frames = [pd.DataFrame(run["points"]).assign(seed=run["seed"]) for run in record["runs"]]
    return pd.concat(frames, ignore_index=True)


def circumstances(record: dict) -> str:
    """What was measured, and on what. Plain text."""
    return f"{setup_text(record)} {benchmark_source(record)}"


def setup_text(record: dict) -> str:
    """What was measured. Plain text."""
    run, size = record["runs"][0], record["size"]
    stem = next(layer["channels"] for layer in run["layers"] if layer["number"])
    return (
        f"ResNet-18 with {stem / FULL_STEM:.0%} of its channels ({run['base']['params']:,} "
        f"parameters), {DATA[record['images']]} at {size}×{size} pixels, trained for "
        f"{counted(record['epochs'], 'epoch')}, {counted(record['steps'], 'update')} per removal."
    )
