"""What two runs of a test have in common."""

from dataclasses import asdict

import torch

TIMES = {"seconds", "evaluation_seconds"}


def without_times(points):
    return [{k: v for k, v in asdict(p).items() if k not in TIMES} for p in points]


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
