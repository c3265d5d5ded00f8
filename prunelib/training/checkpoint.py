"""The state of an unfinished run: a model and its momentum as tensors by name, and back, bit for
bit; in a file, and the state before it in another.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors, save_tensors, set_aside

S = TypeVar("S")


def packed(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What both hold, by name: `model.NAME` and `momentum.NAME`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        buffer = optimizer.state[parameter].get("momentum_buffer")
        if buffer is not None:
            tensors[f"momentum.{name}"] = buffer
    return tensors


def unpack(tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put what `packed` gave into a model of the same shapes, and into its optimiser.

    Raises:
        PrunelibError: it is of another network; nothing is changed then.
    """
    shapes = {f"model.{name}": tensor.shape for name, tensor in model.state_dict().items()}
    momenta = {f"momentum.{name}": tensor.shape for name, tensor in model.named_parameters()}
    for name, tensor in tensors.items():
        ours = name.startswith(("model.", "momentum."))
        if ours and tensor.shape != (shapes | momenta).get(name):
            raise PrunelibError(f"{name} in a checkpoint is of another network")
    if shapes.keys() - tensors.keys():
        raise PrunelibError("a checkpoint lacks part of the network")
    model.load_state_dict({n[6:]: t for n, t in tensors.items() if n.startswith("model.")})
    for name, parameter in model.named_parameters():
        buffer = tensors.get(f"momentum.{name}")
        if buffer is not None:
            kept = torch.empty_like(parameter, requires_grad=False).copy_(buffer)
            optimizer.state[parameter]["momentum_buffer"] = kept


def save(path: Path, tensors: dict[str, Tensor], text: str) -> None:
    """Write a state, whole or not at all; the one before stays beside it."""
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, before(path))
    save_tensors(path, tensors, text)


def restored(path: Path | None, restore: Callable[[dict[str, Tensor], str], S | None]) -> S | None:
    """What `restore` makes of the newest state that is whole; None if there is none.

    Damaged files are set aside. `restore` gives None, and has changed nothing, for a state of
    another run.

    Raises:
        PrunelibError: what has this name is a folder.
    """
    if path and path.is_dir():
        raise PrunelibError(f"{path} is a folder; a checkpoint is a file, so give the name of one")
    for file in (path, before(path)) if path else ():
        if os.path.lexists(file):
            try:
                found = restore(*load_tensors(file, own=True))
            except (PrunelibError, LookupError, TypeError, ValueError, RuntimeError) as error:
                set_aside(file, error if isinstance(error, PrunelibError) else f"{file} is damaged")
            else:
                if found is not None:
                    return found
    return None


def forget(path: Path) -> None:
    """Remove a state and the one before it: the run has ended."""
    for file in (path, before(path)):
        file.unlink(missing_ok=True)


def before(path: Path) -> Path:
    """Where the state before the newest lies."""
    return path.with_name(f"{path.name}.before")
