"""Networks beside each other on the same test images: which of them does each get wrong?"""

import base64
import math
import zlib
from dataclasses import dataclass

import numpy as np

from prunelib.evidence.view import View
from prunelib.study.store import Record
from prunelib.study.trajectory import Trajectory

Wrong = dict[int, dict[int, np.ndarray]]
"""By size, then by seed: whether each test image is wrong."""


@dataclass(frozen=True)
class Paired:
    """Two families at one size, on the same images; shares and points in per cent, over seeds.

    `first_only` and `second_only` are the images that one of both gets wrong, `both` those that
    both do. `difference` is the error of the first minus that of the second. `half` is half the
    width of its 95% interval over images: for these very networks on other images.
    """

    size: int
    first_only: float
    second_only: float
    both: float
    difference: float
    half: float
    seeds: int


def paired_rows(view: View, first: str, second: str) -> list[Paired]:
    """Two families beside each other at each size where both tell which images were wrong."""
    ours, theirs = wrong_images(view, first), wrong_images(view, second)
    rows = []
    for size in view.scale.budgets:
        seeds = sorted(ours[size].keys() & theirs[size].keys())
        if not seeds:
            continue
        one = np.stack([ours[size][seed] for seed in seeds])
        other = np.stack([theirs[size][seed] for seed in seeds])
        apart = (one.astype(int) - other).mean(0)
        rows.append(
            Paired(
                size=size,
                first_only=100 * float((one & ~other).mean()),
                second_only=100 * float((other & ~one).mean()),
                both=100 * float((one & other).mean()),
                difference=100 * float(apart.mean()),
                half=100 * 1.96 * float(apart.std(ddof=1)) / math.sqrt(len(apart)),
                seeds=len(seeds),
            )
        )
    return rows


def wrong_images(view: View, family: str) -> Wrong:
    """Which images the networks of a family get wrong, as far as that is on record."""
    images: Wrong = {size: {} for size in view.scale.budgets}
    for request, record in view.planned:
        if record is None or request.family != family:
            continue
        for size in images:
            text = told(record, size if request.budget is None else None)
            if text and request.budget in (None, size):
                images[size][request.seed] = unpacked(text, view.scale.data.test_count)
    return images


def told(record: Record, size: int | None) -> str | None:
    """What a record tells of wrong images; of a pruning run, where it first is within a size."""
    wrong = record.outcome.get("wrong")
    if size is None or not isinstance(wrong, dict):
        return wrong
    return wrong.get(str(Trajectory.of(record).at(size)))


def unpacked(text: str, images: int) -> np.ndarray:
    """Whether each test image is wrong (bool, images): see `study.measured.packed_wrong_images`."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.unpackbits(bits)[:images].astype(bool)
