"""Runs that were made twice, in words."""

import pandas as pd

from prunelib.book.escape import markdown
from prunelib.evidence.agreement import describe_agreement
from prunelib.evidence.statistics import between_seeds
from prunelib.evidence.view import View

RULE = (
    "The first record of a run counts, whatever comes later; later ones lie beside it. Four "
    "records were replaced nevertheless: `results/repeats/replaced` says why."
)


def made_twice(studies: dict[str, View], runs: dict[str, pd.DataFrame]) -> str:
    """How well the runs of `kept` agree, a Markdown paragraph a scale, and which of them counts."""
    parts = [
        f"Scale {markdown(name)}: {describe_agreement(rows, between_seeds(studies[name].networks))}"
        for name, rows in runs.items()
    ]
    return "\n\n".join([RULE, *parts])
