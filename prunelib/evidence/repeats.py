"""The same runs made twice: how much another machine or number format changes an error."""

import contextlib
import math
from pathlib import Path

import numpy as np
import pandas as pd

from prunelib.book.answers import interval
from prunelib.book.notebook import Records, nearest
from prunelib.errors import Missing
from prunelib.study.families import FAMILIES
from prunelib.study.plan import found
from prunelib.study.store import Store
from prunelib.text import short

TIMES = ("seconds", "evaluation_seconds")
KEPT = "repeats"
"""Folder beside the scales, with records of runs that were made once more."""


def repeats(records: Records, other: Store) -> pd.DataFrame:
    """One row for each run of a study that is also in another store.

    Columns: `key`, `family`, `budget`, `seed`, `error`, `other` (error of the other record, per
    cent), `difference` (other minus error, points), `same` (whether all but times is equal), and
    `hardware` and `precision`, with `other_hardware` and `other_precision`.

    Raises:
        Missing: no run is in both.
        PrunelibError: a record is damaged.
    """
    rows = {}
    for request, record in found(records.requests, records.find):
        twin = record and other.named(record.key, record.spec)
        if twin is None or record.key in rows:
            continue
        ours, theirs = record.circumstances, twin.circumstances
        rows[record.key] = {
            "key": record.key,
            "family": request.family,
            "budget": request.budget,
            "seed": request.seed,
            "error": record.outcome["error"],
            "other": twin.outcome["error"],
            "difference": twin.outcome["error"] - record.outcome["error"],
            "same": timeless(record.outcome) == timeless(twin.outcome),
            **{name: ours[name] for name in ("hardware", "precision")},
            **{f"other_{name}": theirs[name] for name in ("hardware", "precision")},
        }
    if not rows:
        raise Missing(f"no run of {records.scale.name} is in {other.folder} too")
    return pd.DataFrame(rows.values())


def kept(studies: dict[str, Records], results: str | None) -> dict[str, pd.DataFrame]:
    """The runs made twice at each scale that has some; see `repeats`."""
    folder = (Path(results) if results else nearest("results")) / KEPT
    runs = {}
    for name, records in studies.items():
        with contextlib.suppress(Missing):
            runs[name] = repeats(records, Store(folder / name))
    return runs


def told(studies: dict[str, Records], runs: dict[str, pd.DataFrame]) -> str:
    """How well the runs of `kept` agree, a Markdown paragraph a scale."""
    return "\n\n".join(
        f"Scale {name}: {agreement(rows, between_seeds(studies[name].networks))}"
        for name, rows in runs.items()
    )


def timeless(outcome: dict) -> dict:
    """An outcome without the times in it."""
    return {
        name: timeless(value) if isinstance(value, dict) else value
        for name, value in outcome.items()
        if name not in TIMES
    }


def between_seeds(networks: pd.DataFrame) -> float | None:
    """Standard deviation of the error between seeds of one network, pooled over networks.

    None where no network was trained with two seeds. Those whose widths differ between seeds do
    not count.

    Args:
        networks: of `frames.networks`.
    """
    same = networks.groupby(["family", "budget", "middle"], dropna=False)["error"]
    squares, freedom = 0.0, 0
    for _, errors in same:
        squares += ((errors - errors.mean()) ** 2).sum()
        freedom += len(errors) - 1
    return math.sqrt(squares / freedom) if freedom else None


def usual(deviation: float) -> float:
    """What two runs of different seeds differ by at most, in 19 of 20 cases, points."""
    return 1.96 * math.sqrt(2) * deviation


def agreement(runs: pd.DataFrame, deviation: float | None) -> str:
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
            within = int((apart.abs() <= usual(deviation)).sum())
            sentences.append(
                f"Runs of one network with different seeds typically differ by "
                f"{math.sqrt(2) * deviation:.2f}; {within} of {len(others)} are no further apart "
                f"than such runs are in 19 of 20 cases (±{usual(deviation):.2f})."
            )
    return " ".join(sentences)


def title(run) -> str:
    """The name of a run for readers: a row of `repeats`."""
    size = f" at {short(int(run.budget))}" if pd.notna(run.budget) else ""
    return f"{FAMILIES[run.family].title}{size}, seed {run.seed}"
