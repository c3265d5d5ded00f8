"""What a few networks, trained once or a few times and tested on some images, allow to say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prunelib.evidence.statistics import deviation, half_width, mean
from prunelib.study.store import Record
from prunelib.text import fixed

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
    def interval(self) -> tuple[float, float]:
        """The ends of the 95% interval of the error, in per cent.

        The number of test images leaves Wilson's interval, so that an error of 0 is not certain;
        where there are several seeds, Student's t of their mean is added on either side.

        >>> [round(end, 1) for end in Measured("bottleneck", (0.0,), 12, 1, 1, None).interval]
        [0.0, 24.3]
        >>> seeds = Measured("bottleneck", (18.0, 20.0, 22.0), 400, 1, 1, None)
        >>> [round(end, 1) for end in seeds.interval]
        [13.8, 26.5]
        """
        p, n = self.error / 100, self.images
        middle = p + Z**2 / (2 * n)
        reach = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        low, high = (100 * end / (1 + Z**2 / n) for end in (middle - reach, middle + reach))
        seeds = half_width(deviation(self.errors), len(self.errors)) if self.errors[1:] else 0.0
        below, above = math.hypot(self.error - low, seeds), math.hypot(high - self.error, seeds)
        return max(0.0, self.error - below), min(100.0, self.error + above)


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


def error_text(network: Measured) -> str:
    """An error and its interval.

    >>> error_text(Measured("bottleneck", (0.0,), 12, 1, 1, None))
    '0.0% (0.0 to 24.3)'
    """
    low, high = network.interval
    return f"{fixed(network.error, 1)}% ({fixed(low, 1)} to {fixed(high, 1)})"


def clearly_better(first: Measured, other: Measured) -> bool:
    """Whether the difference of two errors is more than test images and seeds leave open.

    It is if Newcombe's 95% interval of the difference, made from those of both errors, is above 0.
    That takes each network to have test images of its own; on the same ones networks tend to err
    alike, so this says too seldom rather than too often that one is better.
    """
    apart = math.hypot(first.interval[1] - first.error, other.error - other.interval[0])
    return other.error - first.error > apart
