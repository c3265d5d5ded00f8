"""scikit-learn's digits: a data set that needs no download."""

import numpy as np
import torch

from prunelib.training.data.dataset import Split


def read_digits() -> tuple[Split, Split]:
    """The 1,797 digits of scikit-learn, 8x8 grey; every fifth image is a test image."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.from_numpy((digits.images * (255 / 16)).round().astype(np.uint8))[..., None]
    y = torch.from_numpy(digits.target.astype(np.int64))
    test = torch.arange(len(y)) % 5 == 4
    return Split(x[~test], y[~test]), Split(x[test], y[test])
