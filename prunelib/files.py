"""Files that are whole or not there: text and tensors, written atomically."""

import contextlib
import errno
import glob
import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from prunelib.errors import PrunelibError

MOST_BYTES = 16 * 2**20
"""Bytes of a file of text; a record of thousands of removals takes a fiftieth of them."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file for reading. Pipes are not waited for.

    Raises:
        PrunelibError: it cannot be opened, or is not a file.
    """
    try:
        # A pipe that nobody writes would be waited for without end.
        file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb")
    except OSError as error:
        raise PrunelibError(f"{path} cannot be read: {error.strerror or error}") from None
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PrunelibError(f"{path} cannot be read: it is not a file")
        yield file


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
        PrunelibError: it cannot be read, is not a file, not text, or larger than `MOST_BYTES`.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise PrunelibError(
                f"{path} cannot be read: it has {size:,} bytes, more than {MOST_BYTES:,}"
            )
        try:
            return file.read(MOST_BYTES).decode("utf-8-sig")
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
        raise ValueError(f"{name} is not a number in JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_value(path: Path, what: str, advice: str = "") -> object:
    """The value in a JSON file.

    Args:
        path: of the file.
        what: it should be, for the message.
        advice: the end of the message.

    Raises:
        PrunelibError: it cannot be read, or is not JSON.
    """
    try:
        return parsed_json(read_text(path))
    except PrunelibError:
        raise
    except ValueError as error:
        raise PrunelibError(f"{path} is not {what}: {error}{advice}") from None


def read_json(path: Path, what: str) -> dict:
    """The object in a JSON file; arguments and errors as of `read_value`."""
    value = read_value(path, what)
    if not isinstance(value, dict):
        raise PrunelibError(f"{path} is not {what}: it holds no object")
    return value


WAYS_OUT = {
    errno.EISDIR: "move or delete the folder of this name",
    errno.ENOSPC: "make room on the disk, or choose a folder on another one",
    errno.EDQUOT: "make room, or choose a folder on another disk",
}
"""What to do about an error of writing, where that is not to choose another folder."""
ELSEWHERE = "choose another folder (records: --results, other files: --output)"


def unwritable(path: Path, error: OSError, otherwise: str = ELSEWHERE) -> PrunelibError:
    """The error of a file that cannot be written, with a way out."""
    way = WAYS_OUT.get(error.errno or 0, otherwise)
    return PrunelibError(f"{path} cannot be written: {error.strerror or error}; {way}")


PARTIAL = ".partial"
"""How the name of a file ends that is being written."""
LEFT_SECONDS = 3_600
"""After which a file that is being written is none any more: its process was killed."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that after any interruption it is the old one or the new one.

    What earlier writes have left that were killed is removed.

    Raises:
        PrunelibError: the folder cannot be written, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(PARTIAL, f".{path.name[:200]}.", path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Some file systems (CIFS, NTFS) refuse it, and need none.
        with contextlib.suppress(OSError):
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
        remove_partial(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def remove_partial(path: Path) -> None:
    """Remove what writes of a file have left that were killed long before it was written now.

    Both times are of the file system, which may be another machine's.
    """
    with contextlib.suppress(OSError):
        now = path.stat().st_mtime
        for left in path.parent.glob(f".{glob.escape(path.name[:200])}.*{PARTIAL}"):
            if now - left.stat().st_mtime > LEFT_SECONDS:
                left.unlink()


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
    """Write tensors as safetensors, with a text and other texts by name in the metadata.

    There stand also the file's name up to the first dot, which in a store is the key of a run, and
    a checksum of all that.
    """
    from safetensors.torch import save

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header, data = split(save(flat))
    about = {"name": name_of(path), **(metadata or {}), "text": text}
    about["sha256"] = checksum(header | {"__metadata__": about}, data)
    write_atomically(path, safetensors_bytes(header | {"__metadata__": about}, data))


def load_tensors(path: Path, own: bool = False) -> tuple[dict, str]:
    """Read what `save_tensors` wrote: tensors on the CPU, and the text.

    Args:
        path: of the file.
        own: it must have been saved under this name, with a checksum; others may be anybody's.

    Raises:
        PrunelibError: the file is not there, is not safetensors, is damaged, or another's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        with opened(path) as file:
            header, data = split(file.read())
        about = header.pop("__metadata__", {})
        given = about.pop("sha256", None)
        if given not in (None, checksum(header | {"__metadata__": about}, data)):
            raise ValueError("it is damaged")
        if own and (given is None or about.get("name") != name_of(path)):
            raise ValueError("it was not saved under this name")
        return load(safetensors_bytes(header, data)), about.get("text", "")
    except (OSError, ValueError, SafetensorError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
    raise PrunelibError(f"{path} cannot be read as safetensors: {reason}") from None


def name_of(path: Path) -> str:
    """A file's name up to the first dot, as text: names need not be UTF-8, metadata must."""
    return as_text(path.name.partition(".")[0])


def as_text(name: str) -> str:
    """The name of a file as text that can be written anywhere."""
    return os.fsencode(name).decode("utf-8", "replace")


def split(content: bytes) -> tuple[dict, memoryview]:
    """Header and data of safetensors.

    Raises:
        ValueError: it is none.
    """
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 + length:
        raise ValueError("it is not safetensors, or is cut off")
    header = parsed_json(content[8 : 8 + length].decode())
    if not isinstance(header, dict):
        raise ValueError("it is not safetensors")
    return header, memoryview(content)[8 + length :]


def safetensors_bytes(header: dict, data: memoryview) -> bytes:
    """Safetensors of header and data."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, data))


def checksum(header: dict, data: memoryview) -> str:
    """SHA-256 of safetensors, in hexadecimal digits."""
    return hashlib.sha256(safetensors_bytes(header, data)).hexdigest()


def set_aside(path: Path, reason: object) -> None:
    """Rename a file that cannot be used, and say so: what replaces it is made anew."""
    aside = path.with_name(f"{path.name}.damaged")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
        logging.getLogger("prunelib").warning("%s; it is now %s", reason, aside.name)


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
