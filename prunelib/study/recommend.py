"""Which small network for one's own images: candidates, a plan that fits the time, and training."""

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import torch

from prunelib.errors import PrunelibError
from prunelib.files import write_atomically
from prunelib.nets.blocks import round_half_up
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.study.folder import PACKAGED
from prunelib.study.profile_rules import copied_after
from prunelib.study.runs import run
from prunelib.study.scales import SCALES
from prunelib.study.specs import DataSpec, TrainSpec
from prunelib.study.store import Record, Store
from prunelib.study.trajectory import Trajectory
from prunelib.training.data import Dataset, train_batches
from prunelib.training.machine import Machine
from prunelib.training.protocols import TrainProtocol
from prunelib.training.source import Source
from prunelib.training.trainer import evaluate
from prunelib.training.updates import sgd, sgd_step

DEPTHS = (40, 28, 16, 10)
WIDTHS = (1, 2, 4)
ENOUGH = 15
"""Epochs below which a shallower base is the better choice."""
MOST = 200
"""Epochs: the paper's."""
STEPS = 4
"""Updates that are timed for each candidate."""
SHARE = 0.75
"""Of the time that training may take; the rest is for timing, evaluation and files."""
AFTER = 12.0
"""Seconds that writing and timing a candidate takes."""
SHAPES_FROM = "mini"
FAMILIES = ("bottleneck", "reduced-width", "copycat")


@dataclass(frozen=True)
class Candidate:
    """A network within the budgets and how long it is trained."""

    family: str
    profile: ChannelProfile
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What is going to be trained: it is kept, so that the same command goes on with it."""

    base: ChannelProfile
    candidates: tuple[Candidate, ...]

    @property
    def seconds(self) -> float:
        """Expected time of all training."""
        return sum(candidate.seconds for candidate in self.candidates)

    def to_json(self) -> str:
        """What `from_json` reads."""
        rows = [asdict(c) | {"profile": json.loads(c.profile.to_json())} for c in self.candidates]
        return json.dumps({"base": json.loads(self.base.to_json()), "candidates": rows})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` wrote."""
        fields = json.loads(text)

        def profile(values: dict) -> ChannelProfile:
            return ChannelProfile.from_json(json.dumps(values))

        rows = [
            Candidate(**row | {"profile": profile(row["profile"])}) for row in fields["candidates"]
        ]
        return cls(profile(fields["base"]), tuple(rows))


def within(
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
        "bottleneck": (base.fit, base),
        "reduced-width": (base.fit_full, base),
        "copycat": (shaped.fit, shaped.scaled(10**6)),
    }
    found: dict[str, ChannelProfile] = {}
    for family, (fit, full) in rules.items():
        with contextlib.suppress(PrunelibError):
            profile = within(fit, full, shape, params, macs)
            if profile not in found.values():
                found[family] = profile
    return found


def protocol(shape: InputShape, images: int, epochs: int) -> TrainProtocol:
    """The paper's protocol at this length; smaller batches where there are few images."""
    batch = 128 if images >= 5_000 else 64 if images >= 1_000 else 32
    usual = TrainProtocol(pad=max(1, shape.image_size // 8), batch_size=batch)
    return usual.lasting(epochs)


def epoch_seconds(profile: ChannelProfile, data: Dataset, machine: Machine) -> float:
    """Seconds of an epoch with its evaluation, from a few updates on the device."""
    shape, images = data.shape, len(data.train.y)
    model = machine.place(WideResNet(profile, shape.num_classes, shape.in_channels)).train()
    how = protocol(shape, images, 1)
    optimizer = sgd(model, how.lr, how.momentum, how.weight_decay)
    batches = train_batches(data, how.batch_size, how.pad, how.flip, 0)
    taken = []
    for _ in range(STEPS + 1):
        x, y = next(batches)
        started = time.perf_counter()
        sgd_step(model, optimizer, x, y, machine).item()
        taken.append((time.perf_counter() - started) / len(y))
    started = time.perf_counter()
    few = type(data.test)(data.test.x[:500], data.test.y[:500])
    evaluate(model, data, few, machine)
    evaluation = (time.perf_counter() - started) / len(few.y)
    return sorted(taken[1:])[STEPS // 2] * images + evaluation * len(data.test.y)


def make_plan(
    data: Dataset, params: int | None, macs: int | None, seconds: float, machine: Machine
) -> Plan:
    """The deepest base whose candidates can be trained well in the time; the same time for each.

    Raises:
        PrunelibError: no network fits the budgets, or not one epoch fits the time.
    """
    shape, started = data.shape, time.perf_counter()
    data = data.to(machine.device)
    torch.set_num_threads(machine.threads)
    able = {depth: largest_base(depth, shape, params, macs) for depth in DEPTHS}
    able = {depth: found for depth, found in able.items() if found[1]}
    if not able:
        raise PrunelibError("no network of this library fits these budgets; allow more")
    # The shallowest is timed first: how long deeper ones take follows from their blocks.
    depth = min(able)
    while True:
        base, found = able[depth]
        took = {family: epoch_seconds(profile, data, machine) for family, profile in found.items()}
        left = seconds - (time.perf_counter() - started) - AFTER * len(found)
        each = SHARE * left / len(found)
        slowest = max(took.values())
        deeper = [d for d in able if d > depth and each >= ENOUGH * slowest * d / depth]
        if depth > min(able) or not deeper:
            break
        depth = max(deeper)
    epochs = {family: min(MOST, int(each / took[family])) for family in found}
    if min(epochs.values()) < 1:
        raise PrunelibError("not one epoch of each candidate fits the time; allow more: --time")
    rows = (Candidate(f, found[f], epochs[f], epochs[f] * took[f]) for f in found)
    return Plan(base, tuple(rows))


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


def kept_plan(path: Path, make: Callable[[], Plan]) -> tuple[Plan, bool]:
    """The plan in a file, or one made now and kept there; whether it was there."""
    if path.exists():
        try:
            return Plan.from_json(path.read_text(encoding="utf-8")), True
        except (ValueError, TypeError, KeyError, OSError):
            raise PrunelibError(
                f"{path} is damaged; delete it, and the plan is made anew"
            ) from None
    plan = make()
    write_atomically(path, plan.to_json().encode())
    return plan, False


def specs(plan: Plan, data: Dataset) -> list[TrainSpec]:
    """The training run of each candidate."""
    spec, images = DataSpec.of(data), len(data.train.y)
    return [
        TrainSpec(c.profile, spec, protocol(data.shape, images, c.epochs), 0)
        for c in plan.candidates
    ]


def train_all(
    plan: Plan,
    runs: Sequence[TrainSpec],
    store: Store,
    source: Source,
    machine: Machine,
    show: Callable[[float, float, str], None],
) -> list[Record]:
    """The record of each candidate; what is there is not trained again."""
    records, passed = [], 0.0
    for candidate, spec in zip(plan.candidates, runs, strict=True):

        def tick(
            done: float, total: float, note: str, of: Candidate = candidate, before: float = passed
        ) -> None:
            show(before + of.seconds * done / total, plan.seconds, f"{of.family} {note}")

        record = store.find(spec)
        if record is None or not store.weights(spec).exists():
            record = run(spec, store, machine, source, tick)
        records.append(record)
        passed += candidate.seconds
        show(passed, plan.seconds, candidate.family)
    return records
