"""Batches that are augmented as batches, and the random streams of a seed.

Every training batch is one gather from the images in memory: the crop and the flip of each image
are only other indices. There are no worker processes.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from prunelib.errors import PrunelibError, is_integer
from prunelib.nets.inputs import TRAINING
from prunelib.training.data.dataset import Dataset


def generator(seed: int, *stream: int) -> torch.Generator:
    """An independent random stream of a seed, the same on every machine.

    Raises:
        PrunelibError: the seed is not an integer of 0 or more.
    """
    if not is_integer(seed) or seed < 0:
        raise PrunelibError(f"a seed must be an integer of 0 or more, not {seed!r}")
    state = np.random.SeedSequence([int(seed), *stream]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def train_batches(
    data: Dataset,
    batch_size: int,
    pad: int,
    flip: bool,
    seed: int,
    stream: int = TRAINING,
    start: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented training batches without end, from step `start` on.

    Every epoch visits each image once; its order, crops and flips are a function of seed,
    stream and epoch alone, so that a run can go on from any step. The last batch of an epoch may
    be smaller.

    Args:
        data: on any device; batches are made there.
        batch_size: images in a batch.
        pad: zeros added on each side, of which a random crop takes as many away (the paper: 4).
        flip: mirror each image with probability 0.5.
        seed: of order and augmentation.
        stream: one of the random streams of `nets.inputs`.
        start: step to begin with.

    Yields:
        Float32 images (N, C, H, W), channels-last in memory, and labels (N,).
    """
    x, y = data.train
    n, size = len(y), x.shape[1]
    padded = F.pad(x, (0, 0, pad, pad, pad, pad))
    window = torch.arange(size, device=x.device)
    steps = -(-n // batch_size)
    epoch, step = divmod(start, steps)
    while True:
        random = generator(seed, stream, epoch)
        order = torch.randperm(n, generator=random).to(x.device)
        corner = torch.randint(2 * pad + 1, (2, n), generator=random).to(x.device)
        mirror = (torch.rand(n, generator=random) < 0.5).to(x.device) & flip
        rows = corner[0, :, None] + window
        columns = corner[1, :, None] + torch.where(mirror[:, None], window.flip(0), window)
        for i in range(step * batch_size, n, batch_size):
            index = order[i : i + batch_size]
            j = slice(i, i + batch_size)
            batch = padded[index[:, None, None], rows[j, :, None], columns[j, None, :]]
            yield data.normalise(batch), y[index]
        epoch, step = epoch + 1, 0
