"""How long an ONNX network takes here, against another one, in turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prunelib.errors import PrunelibError
from prunelib.nets.export import session

WARM_UP_ROUNDS = 5
ROUNDS = 200
LEAST_SECONDS = 2e-3
"""Seconds that one network computes in a round, at least: shorter times are not read off well."""
TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}

TimedCall = Callable[[], object]
OnnxNetwork = bytes | Path
"""An ONNX network: its content, or its file."""


@dataclass(frozen=True)
class Quartiles:
    """The median of some numbers, and the quartiles around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Quartiles":
        """Those of some numbers.

        >>> Quartiles.of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
        Quartiles(low=2.0, median=3.0, high=4.0)
        """
        return cls(*(float(q) for q in np.percentile(numbers, [25, 50, 75])))


@dataclass(frozen=True)
class Times:
    """Milliseconds of a batch by network, the ratio of the first to the second, and the rounds."""

    each: tuple[Quartiles, ...]
    ratio: Quartiles | None
    rounds: int


def time_networks(
    networks: Sequence[OnnxNetwork], batch: int = 1, threads: int = 1, seconds: float = 5.0
) -> Times:
    """How long some networks take here, in turns; the ratio, too, where there are several.

    Raises:
        PrunelibError: one is not an ONNX network, or does not take one batch of images.
    """
    taken = in_turns([step(network, batch, threads) for network in networks], seconds)
    ratio = Quartiles.of(taken[:, 0] / taken[:, 1]) if len(networks) > 1 else None
    return Times(tuple(Quartiles.of(times * 1e3) for times in taken.T), ratio, len(taken))


def step(network: OnnxNetwork, batch: int, threads: int) -> TimedCall:
    """What computes one batch of random images.

    Raises:
        PrunelibError: it is not an ONNX network, or does not take one batch of images.
    """
    opened = session(network, threads)
    inputs = opened.get_inputs()
    size = inputs[0].shape[1:]
    if len(inputs) != 1 or inputs[0].type not in TYPES or any(type(n) is not int for n in size):
        raise PrunelibError("only networks with one input of images (N, C, H, W) can be timed")
    pixels = np.random.default_rng(0).integers(0, 256, (batch, *size))
    feed = {inputs[0].name: pixels.astype(TYPES[inputs[0].type])}
    return lambda: opened.run(None, feed)


def in_turns(
    steps: list[TimedCall], seconds: float = 5.0, rounds: int = ROUNDS, least: int = 10
) -> np.ndarray:
    """Seconds that each step takes, by round (rounds, steps).

    All take turns, in another order each round, so that a busy machine slows all alike; it ends
    after some seconds or rounds, whichever is first, but not before the least rounds.
    """
    repeats = [max(1, round(LEAST_SECONDS / quickest(one, least))) for one in steps]
    random = np.random.default_rng(0)
    until = time.perf_counter() + seconds
    taken: list[np.ndarray] = []
    while len(taken) < least or (len(taken) < rounds and time.perf_counter() < until):
        row = np.empty(len(steps))
        for i in random.permutation(len(steps)):
            started = time.perf_counter()
            for _ in range(repeats[i]):
                steps[i]()
            row[i] = (time.perf_counter() - started) / repeats[i]
        taken.append(row)
    return np.array(taken)


def quickest(one: TimedCall, calls: int) -> float:
    """Seconds of the quickest of a few calls."""
    times = []
    for _ in range(min(calls, WARM_UP_ROUNDS)):
        started = time.perf_counter()
        one()
        times.append(time.perf_counter() - started)
    return min(times)
