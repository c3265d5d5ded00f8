"""Runs in this process, or in several on this machine.

Processes are single-threaded by default: on a CPU two of them beat one run with two threads.
"""

import contextlib
import multiprocessing
import multiprocessing.util
import os
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, MutableSequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from prunelib.errors import PrunelibError
from prunelib.study.cost import cost_estimate
from prunelib.study.executors.base import Losses, ProgressCheck, Result, Setting, failure
from prunelib.study.specs import Spec
from prunelib.study.store import Record
from prunelib.training.machine import cores
from prunelib.training.trainer import NotFinite

LONGEST_FOLDER = 60
"""Characters of a temporary folder: with what is added, addresses of sockets hold 107."""
FILES_PER_WORKER = 16
"""Open files that a worker takes, about twice over."""


class _Ended(Exception):
    """A run in this process is to end now: only its progress can tell it so."""


@dataclass
class Here:
    """Runs one spec after the other in this process."""

    setting: Setting
    waiting: list[Spec] = field(default_factory=list)
    jobs: int = 1

    def submit(self, spec: Spec) -> None:
        """Queue a spec."""
        self.waiting.append(spec)

    def results(self, tick: ProgressCheck) -> Iterator[Result]:
        """Run what is queued, unless `tick`, which is told the work done of the run, ends it."""
        spec = self.waiting.pop(0)

        def progress(done: int, total: int, note: str) -> None:
            if not tick(cost_estimate(spec) * done / total):
                raise _Ended

        try:
            yield spec, self.setting.run(spec, progress)
        except _Ended:
            return
        except (NotFinite, RuntimeError, MemoryError) as error:
            yield spec, failure(error)

    def close(self) -> None:
        """Nothing to end."""


class Processes:
    """Runs specs in `jobs` worker processes; a killed worker's run is started again.

    Each worker is a pool of its own: one that is killed takes no other with it.
    """

    def __init__(self, setting: Setting, jobs: int) -> None:
        self.setting = setting
        self.jobs = jobs
        allow_files(FILES_PER_WORKER * jobs)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["prunelib.study.runs", "prunelib.kernels.preload"])
        # A worker writes its own place only. A lock would stay locked if one is killed with it.
        self.seen = self.context.Array("d", jobs, lock=False)
        self.pools: dict[int, ProcessPoolExecutor] = {}
        self.waiting: list[Spec] = []
        self.running: dict[Future, tuple[Spec, int]] = {}
        self.losses = Losses()

    def submit(self, spec: Spec) -> None:
        """Queue a spec."""
        self.waiting.append(spec)
        self._begin()

    def _begin(self) -> None:
        """Give what is queued to workers that have nothing to do."""
        busy = {slot for _, slot in self.running.values()}
        for slot in [n for n in range(self.jobs) if n not in busy][: len(self.waiting)]:
            spec = self.waiting.pop(0)
            with uninterrupted():
                try:
                    if slot not in self.pools:
                        self.pools[slot] = self._pool(slot)
                    future = self.pools[slot].submit(run_in_worker, spec, self.setting)
                except BrokenProcessPool as error:  # its worker was killed since the last look
                    future = Future()
                    future.set_exception(error)
            self.running[future] = spec, slot

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        """A pool of one worker."""
        return ProcessPoolExecutor(1, self.context, start_worker, (self.seen, slot))

    def results(self, tick: ProgressCheck) -> Iterator[Result]:
        """Wait about a second for runs that end; `tick` is told the work done of the others."""
        done, _ = wait(self.running, timeout=1, return_when=FIRST_COMPLETED)
        for future in done:
            spec, slot = self.running.pop(future)
            try:
                yield spec, future.result()
            except BrokenProcessPool:
                self.pools.pop(slot).shutdown(wait=False)
                self.seen[slot] = 0.0
                if error := self.losses.add(spec):
                    yield spec, error
                else:
                    self.waiting.insert(0, spec)
            except (NotFinite, RuntimeError, MemoryError) as error:
                yield spec, failure(error)
        self._begin()
        tick(sum(self.seen))

    def close(self) -> None:
        """End all workers at once; what they had not finished is not recorded."""
        for pool in self.pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


def allow_files(number: int) -> None:
    """Let this process have so many more files open, or as many as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = soft + number
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and `kill` wait: nobody could end a worker that is half started.

    Workers are started meanwhile and inherit the blocked Ctrl-C for good; their parent ends them,
    with the other signal.
    """
    waiting = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Another thread may still receive the signal, and its handler runs in the main one.
    main = threading.current_thread() is threading.main_thread()
    stops = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if main else ()
    handlers = {n: signal.signal(n, lambda number, _: waiting.append(number)) for n in stops}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if waiting:
            signal.raise_signal(waiting[0])


def local_executor(setting: Setting, jobs: int | None = None) -> Here | Processes:
    """The executor for a number of parallel runs; by default one per core, or one on a GPU.

    Raises:
        PrunelibError: workers cannot be started from this script, or share nothing here.
    """
    if jobs is None:
        jobs = cores() if setting.machine.device == "cpu" else 1
    if jobs == 1:
        return Here(setting)
    check_script()
    shorten_temporary_folder()
    try:
        multiprocessing.Lock()
        return Processes(setting, jobs)
    except OSError as error:
        raise PrunelibError(
            f"workers cannot share memory here ({error.strerror or error}); run one after the "
            "other: --jobs 1"
        ) from None


def check_script() -> None:
    """Raise PrunelibError for a script that would start itself again in each worker.

    Workers import the script that started them, for it may bring a criterion of its own.
    """
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is not None or not path:
        return
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        raise PrunelibError(
            f"each worker imports the script that starts a study, and {path} is not a file; save "
            "the script to one"
        ) from None
    except UnicodeDecodeError:
        return
    if "__name__" not in text:
        raise PrunelibError(
            f"{path} is imported by each worker, and would open its study again there; put "
            'what it does under: if __name__ == "__main__":'
        )


def shorten_temporary_folder() -> None:
    """Let processes meet in a folder whose path fits into the address of a socket."""
    before = tempfile.tempdir
    if len(tempfile.gettempdir()) > LONGEST_FOLDER:
        places = [place for place in ("/tmp", "/var/tmp") if os.access(place, os.W_OK)]
        tempfile.tempdir = next(iter(places), before)
    multiprocessing.util.get_temp_dir()
    tempfile.tempdir = before


_have_seen: Callable[[float], None] = lambda images: None  # noqa: E731


def start_worker(seen: MutableSequence[float], slot: int) -> None:
    """Set up a worker: it tells how far it is, and does not outlive its parent."""
    global _have_seen

    def have_seen(images: float) -> None:
        seen[slot] = images

    _have_seen = have_seen
    threading.Thread(target=die_with_parent, daemon=True).start()


def die_with_parent() -> None:
    """Without this a worker would go on for hours after its study was killed."""
    with contextlib.suppress(Exception):
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
    os._exit(1)


def run_in_worker(spec: Spec, setting: Setting) -> Record:
    """One run, in a worker."""
    size = cost_estimate(spec)
    try:
        return setting.run(spec, lambda done, total, note: _have_seen(size * done / total))
    finally:
        _have_seen(0.0)
