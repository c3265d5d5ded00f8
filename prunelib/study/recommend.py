"""Which small networks for one's own images: candidates within a budget, and a plan."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import Annotated

from pydantic import Field, TypeAdapter

from prunelib.errors import PrunelibError
from prunelib.nets.blocks import round_half_up
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import BOTTLENECK, COPYCAT, REDUCED
from prunelib.study.folder import PACKAGED
from prunelib.study.profile_rules import copied_after
from prunelib.study.scales import SCALES
from prunelib.study.store import Store
from prunelib.study.trajectory import Trajectory
from prunelib.training.protocols import TrainProtocol

DEPTHS = (40, 28, 16, 10)
WIDTHS = (1, 2, 4)
SHAPES_FROM = "mini"
EVALUATIONS = 10
"""Of a pruning run."""


@dataclass(frozen=True)
class Candidate:
    """A network within the budgets, and how long it is trained.

    Args:
        family: bottleneck, reduced-width, copycat, or pruned-and-tuned.
        profile: what is trained; of a pruning run the network that it begins with.
        epochs: of training.
        seconds: expected, with one seed.
        steps: updates between removals of a pruning run.
        stop_params: where a pruning run ends; None for all others.
    """

    family: str
    profile: ChannelProfile
    epochs: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    steps: Annotated[int, Field(ge=0)] = 0
    stop_params: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Plan:
    """What is going to be trained: it is kept, so that the same command goes on with it."""

    base: ChannelProfile
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)]
    seeds: Annotated[int, Field(ge=1)] = 1

    @property
    def seconds(self) -> float:
        """Expected time of all training."""
        return self.seeds * sum(candidate.seconds for candidate in self.candidates)

    def to_json(self) -> str:
        """What `from_json` reads."""
        rows = [asdict(c) | {"profile": json.loads(c.profile.to_json())} for c in self.candidates]
        base = json.loads(self.base.to_json())
        return json.dumps({"base": base, "candidates": rows, "seeds": self.seeds})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is no plan.
        """
        return TypeAdapter(cls).validate_json(text, strict=True)


def largest_within(
    fit: Callable[[int, Callable, str], ChannelProfile],
    full: ChannelProfile,
    shape: InputShape,
    params: int | None,
    macs: int | None,
) -> ChannelProfile:
    """The largest network of a family within one budget or both."""
    found = []
    if params is not None:
        found.append(fit(min(params, shape.params(full)), shape.params, "parameters"))
    if macs is not None:
        found.append(fit(min(macs, shape.macs(full)), shape.macs, "MACs"))
    return min(found, key=shape.macs)


def found_by_pruning(base: ChannelProfile) -> ChannelProfile:
    """The shape that pruning found on CIFAR-10, carried over to another depth and width.

    Blocks of a stage take the mean share of those at the same place in it.
    """
    scale = SCALES[SHAPES_FROM]
    record = Store(PACKAGED / scale.name).find(scale.prune_spec(0))
    if record is None:
        raise PrunelibError(f"the pruning run of {scale.name} is not there")
    shares = Trajectory.of(record).after(copied_after(scale.base)).shares()
    have, want = len(shares) // 3, len(base.middle) // 3
    starts = [i * have // want for i in range(want + 1)]
    places = [(first, max(last, first + 1)) for first, last in pairwise(starts)]
    picked = [
        fmean(shares[stage * have + first : stage * have + last])
        for stage in range(3)
        for first, last in places
    ]
    full = base.unpruned.middle
    middle = (max(1, round_half_up(c * s)) for c, s in zip(full, picked, strict=True))
    return replace(base, middle=tuple(middle))


def candidates(
    base: ChannelProfile, shape: InputShape, params: int | None, macs: int | None
) -> dict[str, ChannelProfile]:
    """The networks of each family within the budgets; families that have none are left out."""
    shaped = found_by_pruning(base)
    rules = {
        BOTTLENECK: (base.fit, base),
        REDUCED: (base.fit_full, base),
        COPYCAT: (shaped.fit, shaped.scaled(10**6)),
    }
    found: dict[str, ChannelProfile] = {}
    for family, (fit, full) in rules.items():
        with contextlib.suppress(PrunelibError):
            profile = largest_within(fit, full, shape, params, macs)
            if profile not in found.values():
                found[family] = profile
    return found


def protocol(shape: InputShape, images: int, epochs: int) -> TrainProtocol:
    """The paper's protocol at this length; smaller batches where there are few images."""
    batch = 128 if images >= 5_000 else 64 if images >= 1_000 else 32
    usual = TrainProtocol(pad=max(1, shape.image_size // 8), batch_size=batch)
    return usual.lasting(epochs)


def fitting(
    shape: InputShape, params: int | None, macs: int | None
) -> dict[int, tuple[ChannelProfile, dict[str, ChannelProfile]]]:
    """The base network of each depth, and its candidates.

    Raises:
        PrunelibError: no network fits the budgets.
    """
    found = {depth: largest_base(depth, shape, params, macs) for depth in DEPTHS}
    found = {depth: (base, networks) for depth, (base, networks) in found.items() if networks}
    if not found:
        raise PrunelibError("no network of this library fits these budgets; allow more")
    return found


def largest_base(
    depth: int, shape: InputShape, params: int | None, macs: int | None
) -> tuple[ChannelProfile, dict[str, ChannelProfile]]:
    """The narrowest base of a depth that is larger than the budgets, and its candidates."""
    for width in WIDTHS:
        base = ChannelProfile.full(depth, width)
        larger = (params is None or shape.params(base) > params) and (
            macs is None or shape.macs(base) > macs
        )
        if larger or width == WIDTHS[-1]:
            return base, candidates(base, shape, params, macs)
    raise AssertionError("there are widths")
