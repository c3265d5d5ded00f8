"""An architecture is data: the channel profile of a wide residual network.

Parameters are counted as in the paper: convolutions, two per batch-norm channel, 1x1 shortcuts and
the linear layer; running statistics are not counted. MACs are multiply-accumulates of convolutions
and of the linear layer for one image.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from prunelib.errors import PrunelibError, check_integers, is_integer, is_number
from prunelib.files import parsed_json
from prunelib.nets.blocks import STAGES, STEM, Block, check_depth, round_half_up, stage_widths

WIDEST = 64
"""The greatest width that a network may have."""
CIFAR = {"in_channels": 3, "num_classes": 10}


@dataclass(frozen=True)
class ChannelProfile:
    """Depth, width and the bottleneck width of each residual block.

    The bottleneck width (`middle`) is the number of channels between the two convolutions of a
    block; blocks count from 1, as in the paper.

    Args:
        depth: 6n + 4 layers, n blocks in each of three stages.
        width: the widening factor k of Zagoruyko & Komodakis (2016); any positive number.
        middle: bottleneck widths, block 1 first; each at least 1, and at most 4096.

    Raises:
        PrunelibError: the depth is not 6n + 4 or above 1000, the width not positive or above 64, or
            `middle` does not have one such integer per block.

    >>> ChannelProfile.full(40, 2).params
    2243546
    """

    depth: int
    width: float
    middle: tuple[int, ...]

    def __post_init__(self) -> None:
        check_depth(self.depth)
        width = self.width
        if not is_number(width) or not 0 < width <= WIDEST:
            raise PrunelibError(
                f"width must be a number above 0 and at most {WIDEST}, not {width!r}"
            )
        if not isinstance(self.middle, Iterable):
            raise PrunelibError(
                f"middle must be a list of bottleneck widths, one a block, not {self.middle!r}"
            )
        middle = tuple(int(c) if is_integer(c) else c for c in self.middle)
        object.__setattr__(self, "depth", int(self.depth))
        object.__setattr__(self, "width", float(width))
        object.__setattr__(self, "middle", middle)
        if len(self.middle) != self.depth // 6 * 3:
            raise PrunelibError(
                f"a network of depth {self.depth} has {self.depth // 6 * 3} blocks, "
                f"but {len(self.middle)} bottleneck widths were given"
            )
        for number, channels in enumerate(self.middle, 1):
            if not is_integer(channels) or not 1 <= channels <= WIDEST * STAGES[-1]:
                raise PrunelibError(
                    f"block {number}: the bottleneck width must be an integer of at least 1 and at "
                    f"most {WIDEST * STAGES[-1]}, not {channels!r}"
                )

    @classmethod
    def full(cls, depth: int, width: float) -> "ChannelProfile":
        """The unpruned network: every bottleneck as wide as the output of its block."""
        check_depth(depth)
        per_stage = depth // 6
        probe = cls(depth, width, (1,) * (3 * per_stage))
        return replace(probe, middle=tuple(block.c_out for block in probe.blocks))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The residual blocks in order."""
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        per_stage = self.depth // 6
        c_in = STEM
        for i, middle in enumerate(self.middle):
            c_out = stage_widths(self.width)[i // per_stage]
            stride = 2 if i % per_stage == 0 and i > 0 else 1
            yield Block(i + 1, c_in, middle, c_out, stride)
            c_in = c_out

    @property
    def strided(self) -> tuple[int, ...]:
        """Numbers of the blocks that halve the resolution (7 and 13 at depth 40)."""
        return tuple(block.number for block in self.blocks if block.stride != 1)

    @property
    def prunable(self) -> int:
        """How many channels can be removed, those between the convolutions of all blocks."""
        return sum(self.middle)

    @cached_property
    def params(self) -> int:
        """Parameters for CIFAR-10; `count_params` counts for other data."""
        return self.count_params(**CIFAR)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for one 32x32 image of CIFAR-10; see `count_macs`."""
        return self.count_macs(image_size=32, **CIFAR)

    def count_params(self, in_channels: int = 3, num_classes: int = 10) -> int:
        """Trainable parameters for this kind of input."""
        check_integers(1, in_channels=in_channels, num_classes=num_classes)
        total = 9 * in_channels * STEM
        for b in self.blocks:
            total += 2 * b.c_in + 9 * b.c_in * b.middle + 2 * b.middle + 9 * b.middle * b.c_out
            total += b.c_in * b.c_out * b.has_shortcut
        last = self.blocks[-1].c_out
        return total + 2 * last + last * num_classes + num_classes

    def count_macs(self, image_size: int = 32, in_channels: int = 3, num_classes: int = 10) -> int:
        """Multiply-accumulates of convolutions and linear layer for one square image."""
        check_integers(1, image_size=image_size, in_channels=in_channels, num_classes=num_classes)
        size = image_size
        total = 9 * in_channels * STEM * size**2
        for b in self.blocks:
            size = -(-size // b.stride)
            total += (9 * b.c_in * b.middle + 9 * b.middle * b.c_out) * size**2
            total += b.c_in * b.c_out * b.has_shortcut * size**2
        return total + self.blocks[-1].c_out * num_classes

    @property
    def unpruned(self) -> "ChannelProfile":
        """The full network of the same depth and width."""
        return ChannelProfile.full(self.depth, self.width)

    def shares(self) -> tuple[float, ...]:
        """Share of the full bottleneck that is left in each block, 0 to 1."""
        return tuple(b.middle / b.c_out for b in self.blocks)

    def without(self, block: int, n: int = 1) -> "ChannelProfile":
        """This profile with `n` channels fewer in one block (counted from 1).

        Raises:
            PrunelibError: there is no such block, no channel would be left in it, or n is negative.
        """
        if not is_integer(block) or not 1 <= block <= len(self.middle):
            raise PrunelibError(f"there is no block {block}; blocks are 1 to {len(self.middle)}")
        if not is_integer(n) or n < 0:
            raise PrunelibError(f"{n} channels cannot be removed")
        left = self.middle[block - 1] - n
        if left < 1:
            raise PrunelibError(
                f"block {block} has {self.middle[block - 1]} channels; removing {n} leaves none"
            )
        return replace(self, middle=(*self.middle[: block - 1], left, *self.middle[block:]))

    def scaled(self, s: float | Fraction) -> "ChannelProfile":
        """Every bottleneck width times `s`, rounded, at least 1 and at most the full width."""
        if not is_number(s) or not 0 <= s < math.inf:
            raise PrunelibError(f"a scale factor must be a finite number of 0 or more, not {s}")
        share = Fraction(s if isinstance(s, Fraction | int | float) else float(s))
        return replace(
            self,
            middle=tuple(min(b.c_out, round_half_up(b.middle * share)) for b in self.blocks),
        )

    def bottleneck(self, z: float | Fraction) -> "ChannelProfile":
        """The full network with every bottleneck width times `z` (the paper's figure 2b).

        Raises:
            PrunelibError: z is not above 0 and at most 1.
        """
        if not is_number(z) or not 0 < z <= 1:
            raise PrunelibError(f"the share of a bottleneck must be above 0 and at most 1, not {z}")
        return self.unpruned.scaled(z)

    def reduced(self, width: float) -> "ChannelProfile":
        """The full network of the same depth and another width."""
        return ChannelProfile.full(self.depth, width)

    def fit_params(self, n: int, in_channels: int = 3, num_classes: int = 10) -> "ChannelProfile":
        """The largest scaled copy of this profile with at most `n` parameters.

        Applied to the full profile this gives the bottleneck network of a budget, applied to a
        pruned profile the copycat (the paper's section 3.2).

        Raises:
            PrunelibError: the budget is below the smallest or above the largest scaled copy.

        >>> ChannelProfile.full(40, 2).fit_params(1_129_370).middle[0]
        16
        """
        return self.fit(n, lambda p: p.count_params(in_channels, num_classes), "parameters")

    def fit_width(self, n: int, in_channels: int = 3, num_classes: int = 10) -> "ChannelProfile":
        """The largest full network of this depth, no wider than this one, within `n` parameters.

        Raises:
            PrunelibError: the budget is below the smallest or above the largest such network.
        """
        return self.fit_full(n, lambda p: p.count_params(in_channels, num_classes), "parameters")

    def fit(self, budget: int, count: "Count", what: str) -> "ChannelProfile":
        """The largest scaled copy of this profile for which `count` is within the budget.

        Raises:
            PrunelibError: the budget cannot be met; says so in terms of `what`.
        """
        widths = {(b.middle, b.c_out) for b in self.blocks}
        factors = {Fraction(2 * m - 1, 2 * c) for c, full in widths for m in range(2, full + 1)}
        candidates = [Fraction(0), *sorted(factors)]
        return largest(lambda i: self.scaled(candidates[i]), len(candidates), budget, count, what)

    def fit_full(self, budget: int, count: "Count", what: str) -> "ChannelProfile":
        """Like `fit`, of all full networks of this depth that are no wider than this one."""
        step = Fraction(1, 2 * STAGES[-1])
        number = max(1, math.floor(Fraction(self.width) / step))
        return largest(lambda i: self.reduced(float((i + 1) * step)), number, budget, count, what)

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads."""
        return json.dumps({"depth": self.depth, "width": self.width, "middle": list(self.middle)})

    @classmethod
    def from_json(cls, text: str) -> "ChannelProfile":
        """Read what `to_json` wrote.

        Raises:
            PrunelibError: the text is not JSON, or not a channel profile.
        """
        try:
            fields = parsed_json(text)
        except (TypeError, ValueError) as error:
            raise PrunelibError(f"a channel profile must be JSON: {error}") from None
        if not isinstance(fields, dict) or set(fields) != {"depth", "width", "middle"}:
            raise PrunelibError("a channel profile has exactly the keys depth, width and middle")
        if not isinstance(fields["middle"], list):
            raise PrunelibError("middle must be a list of bottleneck widths, one per block")
        return cls(fields["depth"], fields["width"], tuple(fields["middle"]))


Count = Callable[[ChannelProfile], int]
"""What a budget counts: parameters or MACs of a profile."""


def largest(
    make: Callable[[int], ChannelProfile], number: int, budget: int, count: Count, what: str
) -> ChannelProfile:
    """Of `make(0)`, …, `make(number - 1)`, which grow, the last that is within the budget."""
    if not is_number(budget):
        raise PrunelibError(f"a budget must be a number of {what} such as 150_000, not {budget!r}")
    smallest, greatest = count(make(0)), count(make(number - 1))
    if not smallest <= budget <= greatest:
        raise PrunelibError(
            f"no network of this family has {budget:,} {what}: choose {smallest:,} to {greatest:,}"
        )
    low, high = 0, number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(make(middle)) <= budget else (low, middle)
    return make(low)
