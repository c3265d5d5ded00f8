"""Files that are whole or not there: text and tensors, written atomically."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prunelib.errors import PrunelibError


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


def save_tensors(path: Path, tensors: dict, text: str = "") -> None:
    """Write tensors as safetensors, with a text in the metadata."""
    from safetensors.torch import save

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(flat, {"text": text}))


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
