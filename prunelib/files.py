"""Files that are whole or not there: text and tensors, written atomically."""

import contextlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prunelib.errors import PrunelibError

MOST = 16 * 2**20
"""Bytes of a file of text; a record of thousands of removals takes a fiftieth of them."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark. Pipes are not waited for.

    Raises:
        PrunelibError: it cannot be read, is no file, not text, or larger than `MOST`.
    """
    try:
        # A pipe that nobody writes would be waited for without end.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise PrunelibError(f"{path} cannot be read: it is not a file")
            if status.st_size > MOST:
                raise PrunelibError(
                    f"{path} cannot be read: it has {status.st_size:,} bytes, more than {MOST:,}"
                )
            return file.read(MOST).decode("utf-8-sig")
    except OSError as error:
        raise PrunelibError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise PrunelibError(
            f"{path} cannot be read: it is not UTF-8 text ({error.reason})"
        ) from None


def parsed_json(text: str) -> object:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, has a number that JSON lacks, or is nested too deep.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that after any interruption it is the old one or the new one.

    Raises:
        PrunelibError: the folder cannot be written, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Some file systems (CIFS, NTFS) refuse it, and need none.
        with contextlib.suppress(OSError):
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise PrunelibError(
            f"{path} cannot be written: {error.strerror or error}; "
            "make room or choose another folder with --results"
        ) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


class Cadence:
    """When an unfinished run saves its state: soon after it begins, then ever less often.

    It is time when the work since the last save took a second, a fiftieth of what this process has
    done, and twenty times what saving took, whichever is most; a minute is always enough. So a run
    that is stopped again and again still gets on, and saving costs at most a twentieth.

    >>> Cadence().due()
    False
    """

    def __init__(self) -> None:
        self.began = self.saved = time.monotonic()
        self.cost = 0.0

    def due(self) -> bool:
        """Whether it is time to save."""
        now = time.monotonic()
        return now - self.saved >= min(60, max(1.0, (now - self.began) / 50, 20 * self.cost))

    def save(self, write: Callable[[], None]) -> None:
        """Save now, and note what that took."""
        started = time.monotonic()
        write()
        self.saved = time.monotonic()
        self.cost = self.saved - started


def save_tensors(
    path: Path, tensors: dict, text: str = "", metadata: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors, with a text and other texts by name in the metadata."""
    from safetensors.torch import save

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(flat, {**(metadata or {}), "text": text}))


def load_tensors(path: Path) -> tuple[dict, str]:
    """Read what `save_tensors` wrote: tensors on the CPU, and the text.

    Raises:
        PrunelibError: the file is not there, or is not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, (file.metadata() or {}).get("text", "")
    except (OSError, SafetensorError) as error:
        raise PrunelibError(f"{path} cannot be read as safetensors: {error}") from None


def load_metadata(path: Path) -> dict[str, str]:
    """The texts in the metadata of a safetensors file, by name.

    Raises:
        PrunelibError: the file is not there, or is not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise PrunelibError(f"{path} cannot be read as safetensors: {error}") from None
