"""Records of the benchmarks, which `make bench` writes.

They are of one machine and say which; another one's numbers differ, its ratios less so.
"""

import math
import os
from pathlib import Path

import pandas as pd

from prunelib.errors import Missing, PrunelibError
from prunelib.evidence.curves import Curve
from prunelib.evidence.statistics import interpolated
from prunelib.files import read_json
from prunelib.study.folder import laid_over

ENGINES = ("ONNX Runtime", "PyTorch")
SETTING = ["network", "size", "budget", "engine", "batch"]
TIMED_AS = {
    "pruned-and-tuned": "pruned",
    "pruned-from-scratch": "pruned",
    "pruned-from-scratch-long": "pruned",
    "pruned-from-scratch-longest": "pruned",
    "retrained": "pruned",
    "bottleneck-long": "bottleneck",
    "bottleneck-longest": "bottleneck",
}
"""What families whose networks were timed under another name are called in the benchmark."""


def read_benchmark(results: str | Path, name: str) -> dict:
    """The record of a benchmark; the project's, where a folder has none.

    Raises:
        Missing: it has not been run.
        PrunelibError: the record is damaged.
    """
    path = laid_over(results, f"benchmarks/{name}.json")
    if not os.path.lexists(path):
        raise Missing(f"{path} is not there; measure it with: make bench")
    return checked_benchmark(path, read_json(path, "a record of a benchmark"))


def checked_benchmark(path: Path, record: dict) -> dict:
    """The same record.

    Raises:
        PrunelibError: it does not say where and when it was made.
    """
    made = record.get("circumstances")
    if not isinstance(made, dict) or not {"hardware", "cores", "torch", "finished"} <= set(made):
        raise PrunelibError(f"{path} does not say on what it was measured; measure it anew")
    return record


def find_benchmark(results: str | Path, name: str) -> dict | None:
    """The record of a benchmark; None if it has not been run."""
    try:
        return read_benchmark(results, name)
    except Missing:
        return None


def benchmark_source(record: dict) -> str:
    """One sentence: on what, with what and when a benchmark was run. Plain text."""
    made = record["circumstances"]
    return (
        f"Benchmark on {made['hardware']}, {made['cores']} cores, PyTorch {made['torch']}, "
        f"{made['finished'][:10]}."
    )


def single_thread(record: dict) -> pd.DataFrame:
    """Inference on one thread in float32, by the engines that all networks were timed with."""
    rows = pd.DataFrame(record["rows"])
    single = (rows["threads"] == 1) & (rows["precision"] == "float32")
    return rows[single & rows["engine"].isin(ENGINES)]


def with_times(networks: pd.DataFrame, record: dict, base: str, size: int) -> pd.DataFrame:
    """Networks with the milliseconds that one image takes: one thread, float32, the first engine.

    Times are those of a network of the same family and budget, with random weights, for time
    does not depend on them; not a number where no such network was timed.

    Args:
        networks: of `tables.networks`.
        record: of the benchmark `inference`.
        base: the base network as the benchmark calls it, such as `WRN-40-1`.
        size: pixels of an image's side.
    """
    rows = single_thread(record)
    rows = rows[(rows["network"] == base) & (rows["size"] == size) & (rows["batch"] == 1)]
    rows = rows[rows["engine"] == ENGINES[0]]
    times = {
        (row.family, None if pd.isna(row.budget) else int(row.budget)): row.ms
        for row in rows.itertuples()
    }
    asked = [
        (TIMED_AS.get(row.family, row.family), None if pd.isna(row.budget) else int(row.budget))
        for row in networks.itertuples()
    ]
    return networks.assign(ms=[times.get(key, math.nan) for key in asked])


def interpolated_time(record: dict, base: str, size: int, family: str, macs: int) -> float | None:
    """What one image takes a network of a family, read off between those that were timed.

    On one thread, in float32, by the first engine; None outside of what was timed.

    Args:
        record: of the benchmark `inference`.
        base: the base network as the benchmark calls it, such as `WRN-40-1`.
        size: pixels of an image's side.
        family: such as `bottleneck`.
        macs: multiply-accumulates of the network for one image.
    """
    rows = single_thread(record)
    rows = rows[(rows["network"] == base) & (rows["size"] == size) & (rows["batch"] == 1)]
    rows = rows[(rows["engine"] == ENGINES[0]) & (rows["family"] == TIMED_AS.get(family, family))]
    rows = rows.drop_duplicates("macs").sort_values("macs")
    found = interpolated(macs, rows["macs"].tolist(), rows["ms"].tolist())
    return None if found is None else float(found)


def speeds(record: dict, base: str, size: int) -> dict[str, Curve]:
    """What `interpolated_time` reads off, by family: the times at the MACs that were timed.

    Each curve ends at the base network, which is the largest of every kind.
    """
    rows = single_thread(record)
    rows = rows[(rows["network"] == base) & (rows["size"] == size) & (rows["batch"] == 1)]
    rows = rows[rows["engine"] == ENGINES[0]].sort_values("macs")
    whole = rows[rows["family"] == "base"]
    curves = {}
    for family in ("pruned-and-tuned", "copycat", "bottleneck", "reduced-width"):
        own = rows[rows["family"] == TIMED_AS.get(family, family)]
        points = pd.concat([own, whole]).drop_duplicates("macs")
        if len(own):
            ones = (1,) * len(points)
            curves[family] = Curve(tuple(points["macs"]), tuple(points["ms"]), ones)
    return curves
