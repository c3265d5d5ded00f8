"""Numbers that outcomes hold: counted, packed and rounded."""

import base64
import zlib

import numpy as np

from prunelib.nets.wideresnet import WideResNet
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.trainer import assess


def images_tuned(total: int, batch: int, steps: int, times: int) -> list[int]:
    """Images seen while fine-tuning so many times: the last batch of an epoch may be smaller."""
    per_epoch = -(-total // batch)

    def seen(step: int) -> int:
        epochs, rest = divmod(step, per_epoch)
        return epochs * total + min(rest * batch, total)

    return [seen((i + 1) * steps) - seen(i * steps) for i in range(times)]


def packed_wrong_images(model: WideResNet, data: Dataset, machine: Machine) -> str:
    """Which test images a network gets wrong: a bit each, packed (first image in the highest bit),
    compressed with zlib, in base64.
    """
    wrong, _ = assess(machine.place(model), data.to(machine.device), machine=machine)
    return base64.b64encode(zlib.compress(np.packbits(wrong.numpy()).tobytes(), 9)).decode()


def columns(rows: list[dict], names: tuple[str, ...]) -> dict[str, list]:
    """Rows as columns, with floats rounded to 7 significant digits."""
    return {name: [seven_digits(row[name]) for row in rows] for name in names}


def seven_digits(value: object) -> object:
    """A float to 7 significant digits; anything else as it is."""
    return float(f"{value:.7g}") if isinstance(value, float) else value
