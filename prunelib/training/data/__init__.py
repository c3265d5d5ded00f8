"""Data sets, and training batches made from them."""

from prunelib.training.data.batches import generator, train_batches
from prunelib.training.data.cifar10 import download_cifar10, find_cifar10
from prunelib.training.data.dataset import Dataset, Split
from prunelib.training.data.registry import load

__all__ = [
    "Dataset",
    "Split",
    "download_cifar10",
    "find_cifar10",
    "generator",
    "load",
    "train_batches",
]
