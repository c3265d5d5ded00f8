"""How well runs that were made twice agree, in words."""

import math

import numpy as np
import pandas as pd

from prunelib.book.prose.words import interval
from prunelib.evidence.statistics import between_seeds, repeatability_limit
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES
from prunelib.text import short


def made_twice(studies: dict[str, View], runs: dict[str, pd.DataFrame]) -> str:
    """How well the runs of `kept` agree, a Markdown paragraph a scale."""
    return "\n\n".join(
        f"Scale {name}: {agree(rows, between_seeds(studies[name].networks))}"
        for name, rows in runs.items()
    )


def agree(runs: pd.DataFrame, deviation: float | None) -> str:
    """How well runs that were made twice agree, beside the deviation between seeds, if known."""
    others = runs[~runs["same"]]
    sentences = [
        f"{len(runs) - len(others)} of {len(runs)} runs came out the same to the last digit."
    ]
    if len(others):
        apart = others["difference"]
        sentences.append(
            f"The other {len(others)} differ by {apart.min():+.2f} to {apart.max():+.2f} points of "
            f"test error, typically by {np.sqrt((apart**2).mean()):.2f}, on average by "
            f"{interval(apart)}."
        )
        if deviation is not None:
            within = int((apart.abs() <= repeatability_limit(deviation)).sum())
            sentences.append(
                f"Runs of one network with different seeds typically differ by "
                f"{math.sqrt(2) * deviation:.2f}; {within} of {len(others)} are no further apart "
                f"than such runs are in 19 of 20 cases (±{repeatability_limit(deviation):.2f})."
            )
    return " ".join(sentences)


def run_title(run) -> str:
    """The name of a run for readers: a row of `repeats`."""
    size = f" at {short(int(run.budget))}" if pd.notna(run.budget) else ""
    return f"{FAMILIES[run.family].title}{size}, seed {run.seed}"
