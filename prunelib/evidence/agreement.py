"""How well runs that were made twice agree, in words: `prunelib compare` and the book say it."""

import math
from typing import Any

import pandas as pd

from prunelib.evidence.statistics import (
    exact,
    mean,
    mean_interval,
    repeatability_limit,
)
from prunelib.study.families import FAMILIES
from prunelib.text import fixed, short


def describe_agreement(runs: pd.DataFrame, deviation: float | None) -> str:
    """How well runs that were made twice agree, beside the deviation between seeds, if known."""
    others = runs[~runs["same"]]
    same = len(runs) - len(others)
    sentences = [f"{same} of {len(runs)} runs came out the same to the last digit."]
    if len(others):
        apart = others["difference"].tolist()
        typical = math.sqrt(mean(exact(x) ** 2 for x in apart))
        they = f"The other {len(others)}" if same else "They"
        sentences.append(
            f"{they} differ by up to {fixed(max(map(abs, apart)))} points of test error, "
            f"typically by {fixed(typical)} points; {on_average(apart)}."
        )
        if deviation is not None:
            limit = repeatability_limit(deviation)
            within = sum(abs(x) <= limit for x in apart)
            sentences.append(
                f"Two seeds of one network typically differ by {fixed(math.sqrt(2) * deviation)} "
                f"points, and in 19 of 20 cases by less than {fixed(limit)}; {within} of "
                f"{len(others)} runs lie within that."
            )
    return " ".join(sentences)


def other_images(runs: pd.DataFrame) -> str:
    """Which runs saw other images the second time, in a sentence; nothing if none did."""
    others = [run_title(run) for run in runs[runs["other_images"]].itertuples()]
    if not others:
        return ""
    return (
        f"{len(others)} of {len(runs)} runs saw other images there (data_digest in their records "
        f"differs), so their errors do not compare: {'; '.join(others)}."
    )


def on_average(apart: list[float]) -> str:
    """Which of the two records is better on average, and how sure that is."""
    middle, low, high = mean_interval(apart)
    better = "later" if middle < 0 else "first"
    sure = "" if math.isnan(low) else f" ± {fixed((high - low) / 2)}"
    return f"on average the {better} record is better by {fixed(abs(middle))}{sure} points"


def run_title(run: Any) -> str:
    """The name of a run for readers; a row of `repeats`, as `itertuples` gives it."""
    size = f" at {short(int(run.budget))}" if pd.notna(run.budget) else ""
    return f"{FAMILIES[run.family].title}{size}, seed {run.seed}"
