"""How well runs that were made twice agree, in words."""

import math

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.book.prose.words import interval, signed
from prunelib.evidence.statistics import between_seeds, exact, mean, repeatability_limit
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES
from prunelib.text import fixed, short

RULE = (
    "The first record of a run counts, whatever comes later; later ones lie beside it, and "
    "differences are those of the later run. Four records were replaced all the same: "
    "`results/repeats/replaced` says why."
)


def made_twice(studies: dict[str, View], runs: dict[str, pd.DataFrame]) -> str:
    """How well the runs of `kept` agree, a Markdown paragraph a scale, and which of them counts."""
    parts = [
        f"Scale {markdown(name)}: {agree(rows, between_seeds(studies[name].networks))}"
        for name, rows in runs.items()
    ]
    return "\n\n".join([RULE, *parts])


def agree(runs: pd.DataFrame, deviation: float | None) -> str:
    """How well runs that were made twice agree, beside the deviation between seeds, if known."""
    others = runs[~runs["same"]]
    sentences = [
        f"{len(runs) - len(others)} of {len(runs)} runs came out the same to the last digit."
    ]
    if len(others):
        apart = others["difference"].tolist()
        typical = math.sqrt(mean(exact(x) ** 2 for x in apart))
        sentences.append(
            f"The other {len(others)} differ by {signed(min(apart))} to {signed(max(apart))} "
            f"points of test error, typically by {fixed(typical)}, on average by {interval(apart)}."
        )
        if deviation is not None:
            limit = repeatability_limit(deviation)
            within = sum(abs(x) <= limit for x in apart)
            sentences.append(
                f"Runs of one network with different seeds typically differ by "
                f"{fixed(math.sqrt(2) * deviation)}; {within} of {len(others)} are no further "
                f"apart than such runs are in 19 of 20 cases (±{fixed(limit)})."
            )
    return " ".join(sentences)


def run_title(run) -> str:
    """The name of a run for readers: a row of `repeats`."""
    size = f" at {short(int(run.budget))}" if pd.notna(run.budget) else ""
    return f"{FAMILIES[run.family].title}{size}, seed {run.seed}"
