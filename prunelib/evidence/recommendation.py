"""What a few networks, trained once or a few times and tested on some images, allow to say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prunelib.evidence.statistics import LEVEL, mean, quantile, squares
from prunelib.study.store import Record

Z = 1.96
"""Half of the 95% interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Measured:
    """A network, what it costs, and its test error in per cent for each seed, on so many images.

    `key` is that of its first run.
    """

    family: str
    errors: tuple[float, ...]
    images: int
    params: int
    macs: int
    milliseconds: float | None
    key: str = ""

    @property
    def error(self) -> float:
        """The mean over seeds."""
        return float(mean(self.errors))

    @property
    def half_width(self) -> float:
        """Half of the 95% interval of the error, in points.

        The number of test images leaves Wilson's interval, so that an error of 0 is not certain;
        where there are several seeds, Student's t of their mean is added.

        >>> round(Measured("bottleneck", (20.0,), 400, 1, 1, None).half_width, 1)
        3.9
        >>> round(Measured("bottleneck", (18.0, 20.0, 22.0), 400, 1, 1, None).half_width, 1)
        6.3
        """
        p, n, seeds = self.error / 100, self.images, len(self.errors)
        spread = math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        of_images = 100 * Z * spread / (1 + Z**2 / n)
        if seeds == 1:
            return of_images
        deviation = math.sqrt(squares(self.errors) / (seeds - 1))
        return math.hypot(of_images, quantile(seeds - 1, LEVEL) * deviation / math.sqrt(seeds))


def measured_networks(
    runs: Mapping[str, Sequence[Record]], images: int, milliseconds: Mapping[str, float]
) -> list[Measured]:
    """The networks of some families, each trained once or a few times.

    Args:
        runs: records by family, one for each seed.
        images: that they were tested on.
        milliseconds: of inference, by family, where that was timed.
    """
    return [
        Measured(
            family,
            tuple(record.outcome["error"] for record in records),
            images,
            records[0].outcome["params"],
            records[0].outcome["macs"],
            milliseconds.get(family),
            records[0].key,
        )
        for family, records in runs.items()
    ]


def rank_networks(networks: list[Measured]) -> list[Measured]:
    """The one with the least error first; the cheaper one of two that are equal."""
    return sorted(networks, key=lambda network: (network.error, network.macs))


def clearly_better(first: Measured, other: Measured) -> bool:
    """Whether the difference of two errors is more than test images and seeds leave open."""
    apart = math.hypot(first.half_width, other.half_width)
    return other.error - first.error > apart
