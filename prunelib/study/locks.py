"""Which runs of a folder are being made, so that studies that share a folder share the work.

A run that is being made has a lock file beside the records. It names its owner and has a beat that
the owner changes every few seconds. On one machine the operating system tells whether the owner is
still there, and his lock is taken over at once when he is not. Of other machines, which share the
folder over NFS (version 3 or later; written for it, but never tried on it), a lock is taken over
when its beat has stood still for a minute. That minute is on one's own clock, which nobody can set:
times of two machines are never compared. Where two still make one run, both write the same record
whole, and nothing is lost.
"""

import contextlib
import fcntl
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prunelib.errors import PrunelibError

BEAT_SECONDS, STALE_SECONDS = 10.0, 60.0


def this_machine() -> str:
    """A name of this machine since it was started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return platform.node() or "unknown"


class RunLocks:
    """The runs that this process has claimed in a folder.

    Args:
        folder: with the records.
        machine: its name; locks of the same machine are judged by the operating system.
        clock: seconds that only ever grow.
    """

    def __init__(
        self,
        folder: Path,
        machine: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.machine, self.clock = folder, machine or this_machine(), clock
        self.owner = f"{self.machine} {platform.node()} {os.getpid()} {secrets.token_hex(8)}"
        self.held: dict[str, int] = {}
        self.seen: dict[Path, tuple[bytes, float]] = {}
        self.beats = 0
        self.guard = (
            threading.Lock()
        )  # a closed file's number may be another file's the next moment
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None

    def path(self, name: str) -> Path:
        """The lock file of a run."""
        return self.folder / f".{name}.lock"

    def take(self, name: str) -> bool:
        """Claim a run; False if somebody else is making it.

        Raises:
            PrunelibError: the folder cannot be written.
        """
        path = self.path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                if not self._removed(path):
                    return False
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            # First the system's lock, then the owner's name: who reads the name can ask for him.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self.guard:
                self.held[name] = handle
                self._write(handle)
        except FileExistsError:
            return False
        except OSError as error:
            raise PrunelibError(f"{path} cannot be written: {error.strerror or error}") from None
        if self.thread is None:
            self.thread = threading.Thread(target=self._keep_beating, daemon=True)
            self.thread.start()
        return True

    def release(self, name: str) -> None:
        """Give a run up that was claimed; its record is there, or it failed."""
        with self.guard:
            handle = self.held.pop(name)
            with contextlib.suppress(OSError):
                if same_file(self.path(name), handle):
                    self.path(name).unlink()
            os.close(handle)

    def close(self) -> None:
        """Give everything up, and clear away what studies have left that were killed here."""
        self.ended.set()
        for name in list(self.held):
            self.release(name)
        for path in self.folder.glob(".*.lock"):
            with contextlib.suppress(OSError):
                self._removed(path)

    def beat(self) -> None:
        """Show that the owner is still there."""
        with self.guard:
            self.beats += 1
            for handle in self.held.values():
                with contextlib.suppress(OSError):  # the disk is full, or it was taken over
                    self._write(handle)

    def _keep_beating(self) -> None:
        while not self.ended.wait(BEAT_SECONDS):
            self.beat()

    def _write(self, handle: int) -> None:
        os.pwrite(handle, f"{self.owner} {self.beats:012d}\n".encode(), 0)
        os.fsync(handle)

    def _removed(self, path: Path) -> bool:
        """Whether a lock is gone; it is removed if its owner is."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except FileNotFoundError:
            return True
        try:
            content = os.read(handle, 1_000)
            if content.split(b" ")[0] == self.machine.encode():
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                except OSError:
                    pass  # a file system without such locks
                else:
                    return removed_if_same(path, handle)
            return self._stands_still(path, content) and removed_if_same(path, handle)
        finally:
            os.close(handle)

    def _stands_still(self, path: Path, content: bytes) -> bool:
        """Whether a lock has looked the same for a minute."""
        now = self.clock()
        before, since = self.seen.setdefault(path, (content, now))
        if before != content:
            self.seen[path] = content, now
            return False
        return now - since > STALE_SECONDS


def same_file(path: Path, handle: int) -> bool:
    """Whether a name still is that of an open file."""
    return os.path.samestat(os.stat(path), os.fstat(handle))


def removed_if_same(path: Path, handle: int) -> bool:
    """Remove an abandoned lock, unless another has taken its place."""
    try:
        if same_file(path, handle):
            path.unlink()
            return True
    except FileNotFoundError:
        return True
    return False


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """A context in which this process makes a run.

    Raises:
        PrunelibError: somebody else is making it, or the folder cannot be written.
    """
    locks = RunLocks(folder)
    if not locks.take(name):
        raise PrunelibError(
            f"run {name} is being made by another process; wait for its record, or stop it there"
        )
    try:
        yield
    finally:
        locks.close()
