"""The blocks of a wide residual network, and the widths of its stages."""

import math
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from prunelib.errors import PrunelibError, is_integer

STEM = 16
STAGES = (16, 32, 64)


class Block(NamedTuple):
    """One residual block: `c_in` -> 3x3 -> `middle` -> 3x3 -> `c_out`, the first 3x3 strided."""

    number: int
    c_in: int
    middle: int
    c_out: int
    stride: int

    @property
    def has_shortcut(self) -> bool:
        """Whether a 1x1 convolution, not the identity, carries the shortcut."""
        return self.stride != 1 or self.c_in != self.c_out


def round_half_up(x: float | Fraction) -> int:
    """Round half up, and never below one channel.

    >>> round_half_up(2.5), round_half_up(0.1)
    (3, 1)
    """
    return max(1, math.floor(x + Fraction(1, 2)))


@cache
def stage_widths(width: float) -> tuple[int, int, int]:
    """Channels of the three stages of a network of this width.

    >>> stage_widths(2)
    (32, 64, 128)
    """
    first, second, third = (round_half_up(c * Fraction(width)) for c in STAGES)
    return first, second, third


def check_depth(depth: int) -> None:
    """Raise PrunelibError unless depth is 6n + 4, from 10 to 1000."""
    if not is_integer(depth) or not 10 <= depth <= 1_000 or depth % 6 != 4:
        raise PrunelibError(
            f"depth must be 6n + 4, 10 to 1000 (10, 16, 22, 28, 34, 40, …), not {depth!r}"
        )
