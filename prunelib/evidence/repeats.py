"""The same runs made twice: how much another machine or number format changes an error."""

import contextlib
from pathlib import Path

import pandas as pd

from prunelib.errors import Missing
from prunelib.evidence.statistics import exact
from prunelib.evidence.view import View
from prunelib.study.store import Store

TIMES = ("seconds", "evaluation_seconds")

KEPT = "repeats"
"""Folder beside the scales, with records of runs that were made once more."""


def repeated_runs(view: View, other: Store) -> pd.DataFrame:
    """One row for each run of a study that is also in another store.

    Columns: `key`, `family`, `budget`, `seed`, `error`, `other` (error of the other record, per
    cent), `difference` (other minus error, points), `same` (whether all but times is equal),
    `other_images` (whether both records name the images that they saw, and these differ), and
    `hardware` and `precision`, with `other_hardware` and `other_precision`.

    Raises:
        Missing: no run is in both.
        PrunelibError: a record is damaged.
    """
    rows = {}
    for request, record in view.planned:
        if record is None or record.key in rows:
            continue
        twin = other.named(record.key, record.spec)
        if twin is None:
            continue
        ours, theirs = record.circumstances, twin.circumstances
        digests = {ours.get("data_digest"), theirs.get("data_digest")} - {None}
        rows[record.key] = {
            "key": record.key,
            "family": request.family,
            "budget": request.budget,
            "seed": request.seed,
            "error": record.outcome["error"],
            "other": twin.outcome["error"],
            "difference": float(exact(twin.outcome["error"]) - exact(record.outcome["error"])),
            "same": timeless(record.outcome) == timeless(twin.outcome),
            "other_images": len(digests) > 1,
            **{name: ours[name] for name in ("hardware", "precision")},
            **{f"other_{name}": theirs[name] for name in ("hardware", "precision")},
        }
    if not rows:
        raise Missing(f"no run of {view.scale.name} is in {other.folder} too")
    return pd.DataFrame(rows.values())


def kept(studies: dict[str, View], results: Path) -> dict[str, pd.DataFrame]:
    """The runs made twice at each scale that has some; see `repeated_runs`."""
    folder = results / KEPT
    runs = {}
    for name, view in studies.items():
        with contextlib.suppress(Missing):
            runs[name] = repeated_runs(view, Store(folder / name))
    return runs


def timeless(outcome: dict) -> dict:
    """An outcome without the times in it."""
    return {
        name: timeless(value) if isinstance(value, dict) else value
        for name, value in outcome.items()
        if name not in TIMES
    }
