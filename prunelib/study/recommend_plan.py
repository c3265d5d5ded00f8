"""A plan for one's own images that fits the time: what each network takes is measured here."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from prunelib.errors import PrunelibError
from prunelib.files import read_text, write_atomically
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.timing import TimedCall, in_turns
from prunelib.nets.wideresnet import WideResNet
from prunelib.study.families import PRUNED
from prunelib.study.recommend import EVALUATIONS, Candidate, Plan, fitting, protocol
from prunelib.text import counted
from prunelib.training.data import Dataset, Split, train_batches
from prunelib.training.machine import Machine
from prunelib.training.trainer import evaluate
from prunelib.training.updates import sgd, sgd_step

LEAST_EPOCHS = 15
"""Epochs below which a shallower base is the better choice."""
MOST_EPOCHS = 200
"""Epochs: the paper's."""
ROUNDS = 20
"""In which the candidates are timed in turns, at most."""
TIMING = 1.5
"""Seconds that timing a candidate takes; longer only where three updates do."""
EVALUATED = 500
"""Images in the evaluation that is timed."""
SHARE = 0.75
"""Of the time that training may take; the rest is for timing, evaluation and files."""
AFTER = 12.0
"""Seconds that writing and timing a candidate takes."""
SEARCH = 0.4
"""Of the time of a pruning run, the share that training the base network takes, as in the paper."""
SHRINKING = 0.7
"""Of the time of an update of the base network, what one takes on average while it is pruned."""
MOST_STEPS = 100
"""Updates between removals: the paper's."""
MOST_SEEDS = 3
Networks = dict[int, tuple[ChannelProfile, dict[str, ChannelProfile]]]
"""A base network and its candidates, by depth."""


class EpochSeconds(NamedTuple):
    """What an epoch takes: its updates, and the evaluation after it."""

    updates: float
    evaluation: float

    @property
    def epoch(self) -> float:
        """Both."""
        return self.updates + self.evaluation


def time_epochs(
    profiles: Sequence[ChannelProfile], data: Dataset, machine: Machine
) -> list[EpochSeconds]:
    """What an epoch of each network takes, from a few updates and evaluations on the device.

    All take turns, so that a machine that is busy now and then slows all alike: how long each is
    trained follows from this, and unequal training would be compared as if it were equal.
    """
    images = len(data.train.y)
    batch = min(protocol(data.shape, images, 1).batch_size, images)
    few = Split(data.test.x[:EVALUATED], data.test.y[:EVALUATED])
    steps = [step for profile in profiles for step in timed_steps(profile, data, few, machine)]
    rounds = in_turns(steps, TIMING * len(profiles), ROUNDS, least=3)
    updates, evaluations = np.median(rounds, axis=0).reshape(-1, 2).T
    return [
        EpochSeconds(float(u) * images / batch, float(e) * len(data.test.y) / len(few.y))
        for u, e in zip(updates, evaluations, strict=True)
    ]


def timed_steps(
    profile: ChannelProfile, data: Dataset, few: Split, machine: Machine
) -> tuple[TimedCall, TimedCall]:
    """An update of a network, and its evaluation on a few images."""
    shape, how = data.shape, protocol(data.shape, len(data.train.y), 1)
    model = machine.place(WideResNet(profile, shape.num_classes, shape.in_channels)).train()
    optimizer = sgd(model, how.lr, how.momentum, how.weight_decay)
    x, y = next(train_batches(data, how.batch_size, how.pad, how.flip, 0))
    return (
        lambda: sgd_step(model, optimizer, x, y, machine).item(),
        lambda: evaluate(model, data, few, machine),
    )


def make_plan(
    data: Dataset,
    params: int | None,
    macs: int | None,
    seconds: float,
    machine: Machine,
    search: bool = False,
) -> Plan:
    """The deepest base whose candidates can be trained well in the time; the same time for each.

    With `search` a pruning run is one of them, of a base that can get down to `params`, if there is
    one. Time that is left after the paper's number of epochs goes to further seeds.

    Raises:
        PrunelibError: no network fits the budgets, or not one epoch fits the time.
    """
    shape, started = data.shape, time.perf_counter()
    data = data.to(machine.device)
    torch.set_num_threads(machine.threads)
    able = fitting(shape, params, macs)
    ending = params if search and params and reaching(able, shape, params) else None
    able = reaching(able, shape, ending) if ending else able

    def at(depth: int) -> tuple[list[Candidate], float]:
        """The candidates of a depth, and the time for each."""
        base, profiles = able[depth]
        took = dict(zip(profiles, time_epochs([*profiles.values()], data, machine), strict=True))
        number = len(profiles) + (ending is not None)
        each = SHARE * (seconds - (time.perf_counter() - started) - AFTER * number) / number
        found = [trained_for(each, f, profiles[f], took[f].epoch) for f in profiles]
        if ending is not None:
            found.append(searched(each, base, shape, ending, data, machine))
        return found, each

    # The shallowest is timed first: how long deeper ones take follows from their blocks.
    depth = min(able)
    rows, each = at(depth)
    trained = [row for row in rows if row.stop_params is None]
    fewest = min(each * row.epochs / row.seconds if row.epochs else 0 for row in trained)
    deeper = [d for d in able if d > depth and fewest >= LEAST_EPOCHS * d / depth]
    if deeper:
        other, time_each = at(max(deeper))
        if min(row.epochs for row in other) >= 1:
            depth, rows, each = max(deeper), other, time_each
    check_epochs(rows)
    longest = max(row.seconds for row in rows)
    return Plan(able[depth][0], tuple(rows), max(1, min(MOST_SEEDS, int(each / longest))))


def reaching(able: Networks, shape: InputShape, params: int) -> Networks:
    """Of base networks, by depth, those that pruning can bring down to so many parameters."""
    return {d: found for d, found in able.items() if least_params(found[0], shape) <= params}


def least_params(base: ChannelProfile, shape: InputShape) -> int:
    """Parameters that pruning leaves of a network at least: with one channel a block."""
    return shape.params(base.scaled(0))


def check_epochs(rows: list[Candidate]) -> None:
    """Raise PrunelibError for a candidate that there is no time to train."""
    if min(row.epochs for row in rows) < 1:
        raise PrunelibError(
            "not one epoch of each candidate fits the time; allow more with --time: to write and "
            f"time {counted(len(rows), 'network')} takes about {AFTER * len(rows):.0f} s by itself"
        )


def trained_for(seconds: float, family: str, profile: ChannelProfile, epoch: float) -> Candidate:
    """A candidate that is trained for so long, if an epoch takes so many seconds."""
    epochs = max(0, min(MOST_EPOCHS, int(seconds / epoch)))
    return Candidate(family, profile, epochs, epochs * epoch)


def searched(
    seconds: float,
    base: ChannelProfile,
    shape: InputShape,
    params: int,
    data: Dataset,
    machine: Machine,
) -> Candidate:
    """A pruning run that takes so long: the base network is trained, then loses channels.

    Where not one update a removal fits the time, it has no epoch.
    """
    (took,) = time_epochs([base], data, machine)
    epochs = max(1, min(MOST_EPOCHS, int(SEARCH * seconds / took.epoch)))
    full, least = shape.params(base), least_params(base, shape)
    removals = max(1.0, base.prunable * (full - params) / (full - least))
    updates = -(-len(data.train.y) // protocol(shape, len(data.train.y), 1).batch_size)
    removal = removals * SHRINKING * took.updates / updates
    evaluations = EVALUATIONS * took.evaluation
    steps = min(MOST_STEPS, int((seconds - epochs * took.epoch - evaluations) / removal))
    taken = epochs * took.epoch + steps * removal + evaluations
    if steps < 1:
        epochs = 0
    return Candidate(PRUNED, base, epochs, taken, max(1, steps), params)


def plan_name(params: int | None, macs: int | None, seconds: float, search: bool) -> str:
    """What the file of a plan is called that was made for these budgets and this time."""
    return f"plan-{params or 'any'}-{macs or 'any'}-{seconds:g}{'-search' * search}.json"


def kept_plan(path: Path, make: Callable[[], Plan]) -> tuple[Plan, bool]:
    """The plan in a file, or one made now and kept there; whether it was there."""
    if os.path.lexists(path):
        try:
            return Plan.from_json(read_text(path)), True
        except ValueError:
            raise PrunelibError(
                f"{path} is damaged; delete it, and the plan is made anew"
            ) from None
    plan = make()
    write_atomically(path, plan.to_json().encode())
    return plan, False
