"""Where and how runs compute: device, threads, number format. Stated in every record."""

import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import TypeVar

import torch
from torch import nn

from prunelib import __version__
from prunelib.environment import result_settings
from prunelib.errors import PrunelibError
from prunelib.kernels.norm_relu import bfloat16_is_fast, numba_loops
from prunelib.nets.wideresnet import WideResNet

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Machine:
    """How runs compute here.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        precision: `bfloat16` (autocast, float32 master weights) or `float32`.
        threads: of PyTorch on the CPU. The same spec gives the same result to the last bit only
            with the same number of threads.
    """

    device: str
    precision: str
    threads: int

    @classmethod
    def here(
        cls,
        device: str | None = None,
        threads: int | None = None,
        precision: str | None = None,
    ) -> "Machine":
        """The fastest sensible setting, unless it is given: a GPU if there is one, bfloat16 where
        it pays.

        Without instructions for bfloat16 a CPU emulates it, about 20 times slower than float32.

        Raises:
            PrunelibError: the device is not there.
        """
        try:
            found = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
            if found.type not in ("cpu", "cuda"):
                raise RuntimeError("it must be cpu, cuda or cuda:N")
            torch.empty(0, device=found)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise PrunelibError(f"device {device!r} cannot be used: {reason}") from None
        if found.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = bfloat16_is_fast()
        threads = threads or torch.get_num_threads()
        return cls(str(found), precision or ("bfloat16" if fast else "float32"), threads)

    def autocast(self) -> torch.autocast:
        """A context in which convolutions and products run in this precision."""
        device = torch.device(self.device).type
        return torch.autocast(device, torch.bfloat16, enabled=self.precision == "bfloat16")

    def place(self, model: Model) -> Model:
        """Move a model to the device; a `WideResNet`, compiled or not, channels-last in memory."""
        if not isinstance(getattr(model, "_orig_mod", model), WideResNet):
            return model.to(self.device)
        # PyTorch documents the memory format, but does not annotate it.
        return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def describe(self) -> dict:
        """Hardware, settings and versions, as they stand in a record."""
        cuda = torch.device(self.device).type == "cuda"
        return asdict(self) | {
            "hardware": torch.cuda.get_device_name(self.device) if cuda else cpu_name(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numba": version("numba") if not cuda and self.threads == 1 and numba_loops() else None,
            "prunelib": __version__,
            **({"settings": settings} if (settings := result_settings()) else {}),
        }


def into(form: torch.memory_format, model: nn.Module) -> None:
    """Bring the parameters and buffers of a model into a memory format, in place."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.dim() == 4:
            # A copy, for `to` leaves a tensor with one channel alone: it passes for either form.
            tensor.data = torch.empty_like(tensor.data, memory_format=form).copy_(tensor.data)


def cores() -> int:
    """CPUs that this process may use; a container or a batch system may give it but some."""
    able = getattr(os, "sched_getaffinity", None)
    return len(able(0)) if able else os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """The processor's name, as PyTorch knows it, and its widest vector instructions."""
    able = torch.cpu.get_capabilities()
    vectors = next((v for v in ("amx_bf16", "avx512_bf16", "avx512_f", "avx2") if able.get(v)), "")
    return f"{able.get('cpu_name') or platform.machine()} {vectors}".strip()
