"""Where runs run: as tasks on a Ray cluster that is there already.

Every run computes in a temporary store of its own on some node. The driver sends along the data,
once for each node, and the files of its store that the run uses; the task gives back the files that
it made, and the driver alone writes records.
"""

import logging
import math
import os
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import torch

from prunelib.errors import PrunelibError
from prunelib.files import write_atomically
from prunelib.study.executors.base import Losses, ProgressCheck, Result, failure
from prunelib.study.images import data_of
from prunelib.study.runs import run_on
from prunelib.study.specs import Spec
from prunelib.study.start_weights import RunContext
from prunelib.study.store import Store, files_read
from prunelib.text import one_line
from prunelib.training.checkpoint import forget
from prunelib.training.data import Dataset, Split
from prunelib.training.machine import Machine
from prunelib.training.source import Source

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
try:
    import ray
except ImportError:
    raise PrunelibError("Ray is not installed: pip install ray") from None

REACH_SECONDS, CONNECT_SECONDS, END_SECONDS = 5, 20, 3


class RayTasks:
    """Runs specs on the nodes of a Ray cluster; runs whose worker or node is lost start again.

    Args:
        store: where the driver keeps records and weights.
        address: of the cluster, HOST:PORT; this machine must be one of its nodes.
        jobs: runs at a time; None: as many as the cluster holds.
        device: `cpu` or `cuda`; None: GPUs if the cluster has any.
        threads: CPUs of a run.
        runs_per_gpu: how many runs share a GPU.
        root: folder with CIFAR-10, which only the driver reads.
        snapshots: see `start_weights.RunContext`.
        precision: of `machine.Machine`; None: what is fastest on each node.

    Raises:
        PrunelibError: there is no cluster, or no node of it can hold a run.
    """

    def __init__(
        self,
        store: Store,
        address: str,
        jobs: int | None = None,
        device: str | None = None,
        threads: int = 1,
        runs_per_gpu: int = 4,
        root: Path | Source | None = None,
        snapshots: tuple[int, ...] = (),
        precision: str | None = None,
    ) -> None:
        if device not in (None, "cpu", "cuda"):
            raise PrunelibError(f"on Ray, runs compute on cpu or cuda, not on {device!r}")
        connect(address)
        torch.set_num_threads(threads)  # as a run does that reads the data itself
        self.store, self.root, self.snapshots = store, root, snapshots
        self.limit = sys.maxsize if jobs is None else jobs
        self.device = device or ("cuda" if any(has.get("GPU") for has in nodes()) else "cpu")
        self.threads, self.precision = threads, precision
        self.runs_per_gpu = runs_per_gpu if self.device == "cuda" else 0
        # Ray counts in ten-thousandths of a GPU. It would repeat a run without end that is killed
        # for its memory; so repeating is left to `Losses`.
        share = math.floor(1e4 / runs_per_gpu) / 1e4 if self.runs_per_gpu else 0
        self.task = ray.remote(num_cpus=threads, num_gpus=share, max_retries=0)(run_task)
        self.running: dict[ray.ObjectRef, Spec] = {}
        self.data: dict[tuple[str, int, int], ray.ObjectRef] = {}
        self.losses = Losses()
        self.jobs = 0
        self._count()
        if not self.jobs:  # a task that no node can hold would wait for ever
            wanted = f"{self.threads} CPU{'s' * (self.threads > 1)}"
            wanted += " and a GPU" if self.runs_per_gpu else ""
            raise PrunelibError(
                f"no node of the Ray cluster has {wanted} for a run; choose other --threads or "
                "--device, or add a node"
            )

    def _count(self) -> None:
        """How many runs the cluster holds: nodes come and go, and all may be away for a while."""
        held = sum(self._held(has) for has in nodes())
        self.jobs = min(self.limit, held) if held else self.jobs

    def _held(self, has: dict[str, float]) -> int:
        """Runs that a node with these resources can hold at once."""
        held = int(has.get("CPU", 0) // self.threads)
        return min(held, int(has.get("GPU", 0)) * self.runs_per_gpu) if self.runs_per_gpu else held

    def submit(self, spec: Spec) -> None:
        """Hand a spec to the cluster."""
        files = {
            str(path.relative_to(self.store.folder)): path.read_bytes()
            for path in files_read(spec, self.store)
        }
        data = self._put(spec)
        task = self.task.remote(
            spec, files, data, (self.device, self.threads, self.precision), self.snapshots
        )
        self.running[task] = spec

    def _put(self, spec: Spec) -> ray.ObjectRef:
        """The data of a spec in the cluster's shared memory."""
        data = data_of(spec, self.root)
        name = data.name, data.shape.image_size, len(data.train.y)
        if name not in self.data:
            self.data[name] = ray.put(dataset_arrays(data))
        return self.data[name]

    def results(self, tick: ProgressCheck) -> Iterator[Result]:
        """Wait about a second for a run that ends; how far the others are is not known."""
        self._count()
        done, _ = ray.wait(list(self.running), timeout=1)
        for task in done:
            spec = self.running.pop(task)
            try:
                files = ray.get(task)
            except ray.exceptions.RayTaskError as error:
                yield spec, failure(error.cause)
            except ray.exceptions.RayError:
                if lost := self.losses.add(spec):
                    yield spec, lost
                else:
                    self.submit(spec)
            else:
                self._write(spec, files)
                record = self.store.find(spec)
                assert record is not None
                yield spec, record
        tick(0.0)

    def _write(self, spec: Spec, files: dict[str, bytes]) -> None:
        """Write what a run made, records last: where there is a record, its weights are there."""
        for name in sorted(files, key=lambda name: "/" not in name):
            write_atomically(self.store.folder / name, files[name])
        forget(self.store.checkpoint(spec))

    def close(self) -> None:
        """End all tasks; those that are cancelled remove their temporary stores first."""
        for task in self.running:
            ray.cancel(task)
        if self.running:
            ray.wait(list(self.running), num_returns=len(self.running), timeout=END_SECONDS)
        ray.shutdown()


def connect(address: str) -> None:
    """Become a driver of the cluster at an address.

    Raises:
        PrunelibError: nothing answers there within seconds, or this machine is not part of it.
    """
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in host:
        raise PrunelibError(f"{address!r} is not a Ray cluster's address, such as 10.0.0.1:6379")
    connected: Future[None] = Future()

    def begin() -> None:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
            connected.set_result(None)
        except Exception as error:
            connected.set_exception(error)

    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
        # Where something else answers, Ray would try for a quarter of an hour.
        threading.Thread(target=begin, daemon=True).start()
        connected.result(CONNECT_SECONDS)
    except TimeoutError:
        raise PrunelibError(f"no Ray cluster answers at {address}") from None
    except Exception as error:
        raise PrunelibError(
            f"cannot use a Ray cluster at {address}: {one_line(error)}; start one with: "
            "ray start --head"
        ) from None


def nodes() -> list[dict[str, float]]:
    """The resources of each node that is alive."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def dataset_arrays(data: Dataset) -> tuple:
    """Data as NumPy arrays, which Ray shares without copying."""
    tensors = *data.train, *data.test, data.mean, data.std
    return data.name, data.classes, *(tensor.numpy() for tensor in tensors)


def dataset_from_arrays(name: str, classes: tuple[str, ...], *parts: np.ndarray) -> Dataset:
    """The data set from `dataset_arrays`. Its memory cannot be written, and nothing does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        x, y, test_x, test_y, mean, std = map(torch.from_numpy, parts)
    return Dataset(name, Split(x, y), Split(test_x, test_y), mean, std, classes)


def run_task(
    spec: Spec,
    files: dict[str, bytes],
    data: tuple,
    machine: tuple[str, int, str | None],
    snapshots: tuple[int, ...],
) -> dict[str, bytes]:
    """One run, in a worker: from files of the driver's store to those that it makes."""
    with tempfile.TemporaryDirectory(prefix="prunelib-") as folder:
        store = Store(Path(folder))
        for name, content in files.items():
            write_atomically(store.folder / name, content)
        context = RunContext(
            store, dataset_from_arrays(*data), Machine.here(*machine), snapshots=snapshots
        )
        run_on(spec, context)
        made = (path for path in store.folder.rglob("*") if path.is_file())
        found = {str(path.relative_to(store.folder)): path for path in made}
        return {name: path.read_bytes() for name, path in found.items() if name not in files}
