"""Release trained weights: `python results/release.py FOLDER [KEY …] --data DIR`.

FOLDER is that of a scale, with records and `weights/`. Those of trained networks, or of the runs
that are named, are tested: they must give the error on record. Then they lie in
`results/SCALE/released/`, in git, and travel with the package.
"""

import argparse
from pathlib import Path

import torch

from prunelib.errors import PrunelibError
from prunelib.study.exporting import release
from prunelib.study.images import data_of
from prunelib.study.specs import TrainSpec
from prunelib.study.store import Store

MOST = 30 * 2**20
"""Bytes of all released weights together."""


def main() -> None:
    """Test and release what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("keys", nargs="*")
    parser.add_argument("--data", help="Folder with CIFAR-10.")
    given = parser.parse_args()
    torch.set_num_threads(1)
    source = Store(given.folder)
    target = Store(Path(__file__).parent / given.folder.absolute().name)
    for record in source.records():
        wanted = record.key in given.keys if given.keys else isinstance(record.spec, TrainSpec)
        weights, there = source.weights(record.spec), target.released(record.spec)
        if not wanted or there.exists() or not weights.exists():
            continue
        try:
            error = release(record, weights, target, data_of(record.spec, given.data))
        except PrunelibError as problem:
            print(problem)
            continue
        told = record.outcome["error"]
        print(f"{there.name}: {error:.2f} % in float32, {told:.2f} % on record", flush=True)
    size = sum(path.stat().st_size for path in target.folder.parent.glob("*/released/*"))
    print(f"all released weights have {size:,} bytes of {MOST:,}")


if __name__ == "__main__":
    main()
