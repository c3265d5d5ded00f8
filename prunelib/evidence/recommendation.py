"""What a few networks, each trained once and tested on some images, allow to say."""

import math
from dataclasses import dataclass

Z = 1.96
"""Half of the 95 % interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Measured:
    """A network: its test error in per cent, on so many images, and what it costs."""

    family: str
    error: float
    images: int
    params: int
    macs: int
    milliseconds: float | None

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the error that the number of test images gives, in points.

        Wilson's, so that an error of 0 is not certain.

        >>> round(Measured("bottleneck", 20.0, 400, 1, 1, None).half_width, 1)
        3.9
        """
        p, n = self.error / 100, self.images
        spread = math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return 100 * Z * spread / (1 + Z**2 / n)


def ranked(networks: list[Measured]) -> list[Measured]:
    """The one with the least error first; the cheaper one of two that are equal."""
    return sorted(networks, key=lambda network: (network.error, network.macs))


def clearly_better(first: Measured, other: Measured) -> bool:
    """Whether the difference of two errors is more than the test images leave open."""
    apart = math.hypot(first.half_width, other.half_width)
    return other.error - first.error > apart
