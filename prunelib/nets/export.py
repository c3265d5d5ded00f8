"""A network as a file that runs elsewhere: ONNX, or safetensors.

The file needs nothing beside it. An ONNX network takes pixels as a camera or an image file gives
them, 0 to 255; both formats say in their metadata which classes there are, how large images must
be, how they are normalised, and where the weights come from.
"""

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from prunelib.errors import PrunelibError
from prunelib.files import as_text, load_metadata, load_tensors, save_tensors, write_atomically
from prunelib.nets.card import Card
from prunelib.nets.inputs import InputShape
from prunelib.nets.wideresnet import WideResNet

FORMATS = ("onnx", "safetensors")
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
PIXELS = {"uint8": torch.uint8, "float32": torch.float32}
"""What an ONNX network may take; in either case values from 0 to 255."""
LOGIT_TOLERANCE = 1e-4
"""By how much logits of ONNX Runtime and of PyTorch may differ."""


class FromPixels(nn.Module):
    """A network with its normalisation in front: pixels 0 to 255 (N, C, H, W) to logits."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of uint8 or float images (N, C, H, W)."""
        return self.network((images.to(torch.float32) - self.mean) / self.std)


def export_network(model: WideResNet, card: Card, path: Path, pixels: str = "uint8") -> None:
    """Write a network to `path`, in the format that its suffix names, and check what was written.

    Args:
        model: on the CPU; left in eval mode.
        card: what the file says of it.
        path: ends with one of `FORMATS`.
        pixels: which of `PIXELS` an ONNX network takes.

    Raises:
        PrunelibError: another suffix, packages are missing, the file cannot be written, or ONNX
            Runtime does not compute what PyTorch computes; there is no file then.
    """
    check_name(path)
    if path.suffix == ".safetensors":
        save_tensors(path, model.state_dict(), model.profile.to_json(), card.metadata())
        return
    content = in_memory(model, card, pixels)
    whole = FromPixels(model, card.mean, card.std).eval()
    compare_with_pytorch(content, whole, examples(card.shape).to(PIXELS[pixels]), path)
    write_atomically(path, content)


def in_memory(model: WideResNet, card: Card, pixels: str = "uint8") -> bytes:
    """The ONNX network that `export_network` writes, unchecked."""
    whole = FromPixels(model, card.mean, card.std)
    return onnx(whole, examples(card.shape)[:2].to(PIXELS[pixels]), card.metadata())


def check_name(path: Path) -> None:
    """Raise PrunelibError unless a network can be written under this name."""
    if path.suffix not in {f".{name}" for name in FORMATS}:
        names = " or ".join(f".{name}" for name in FORMATS)
        raise PrunelibError(f"{path}: the name must end with {names}")
    if path.suffix == ".onnx":
        need(PACKAGES)


def need(packages: tuple[str, ...]) -> None:
    """Raise PrunelibError unless some optional packages are there."""
    if absent := [name for name in packages if find_spec(name) is None]:
        raise PrunelibError(
            f"ONNX needs {', '.join(absent)}; install it with: pip install 'prunelib[export]'"
        )


def onnx(model: nn.Module, example: Tensor, metadata: dict[str, str] | None = None) -> bytes:
    """A network for inference as ONNX, from `images` to `logits`, for any number of images.

    Args:
        model: on the CPU; left in eval mode.
        example: images (N, C, H, W) with N of at least 2, of the type that the network takes.
        metadata: texts by name.

    Raises:
        PrunelibError: packages are missing.
    """
    need(("onnx", "onnxscript"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            model.eval(),
            (example,),
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("images")},),
            verbose=False,
        )
    assert made is not None
    proto = made.model_proto
    for name, value in (metadata or {}).items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = name, value
    return proto.SerializeToString()


def examples(shape: InputShape) -> Tensor:
    """Images to check a file with: noise from dark to bright, all black, all white."""
    random = torch.Generator().manual_seed(0)
    size = (shape.in_channels, shape.image_size, shape.image_size)
    noise = torch.randint(256, (30, *size), generator=random)
    brightness = torch.linspace(0.1, 1, 30)[:, None, None, None]
    ends = torch.stack([torch.zeros(size), torch.full(size, 255.0)])
    return torch.cat([(noise * brightness).round(), ends])


@torch.no_grad()
def compare_with_pytorch(content: bytes, model: nn.Module, images: Tensor, path: Path) -> None:
    """Compare ONNX with the network that it was made from, one image at a time and many at once.

    Raises:
        PrunelibError: classes differ, or logits by `LOGIT_TOLERANCE` or more.
    """
    run = runner(content)
    expected = model(images).numpy()
    found = np.concatenate([run(images[:1].numpy()), run(images[1:].numpy())])
    apart = float(np.abs(found - expected).max())
    if not apart < LOGIT_TOLERANCE or (found.argmax(1) != expected.argmax(1)).any():
        raise PrunelibError(
            f"{path} is not written: ONNX Runtime's logits are {apart:.2g} from PyTorch's, "
            f"more than {LOGIT_TOLERANCE:g}, or name another class; try other versions of onnx and "
            "torch"
        )


def session(content: bytes | Path, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU.

    Raises:
        PrunelibError: onnxruntime is missing, or this is not an ONNX network.
    """
    need(("onnxruntime",))
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    model: bytes | str = content if isinstance(content, bytes) else str(content)
    if isinstance(content, Path) and as_text(str(content)) != str(content):
        model = content.read_bytes()  # ONNX Runtime takes no such name
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = " ".join(str(error).split())
        raise PrunelibError(f"this is not a network for ONNX Runtime: {reason}") from None


def runner(content: bytes | Path, threads: int = 1) -> Callable[[np.ndarray], np.ndarray]:
    """What computes the first output of an ONNX network from its first input."""
    opened = session(content, threads)
    name = opened.get_inputs()[0].name
    return lambda images: opened.run(None, {name: images})[0]


def read_card(path: Path) -> Card:
    """What a file that `export_network` wrote says of its network.

    Raises:
        PrunelibError: the file cannot be read, or says nothing.
    """
    check_name(path)
    if path.suffix == ".safetensors":
        return Card.of(load_metadata(path), path)
    return Card.of(session(path).get_modelmeta().custom_metadata_map, path)


def load_exported(path: Path | str) -> tuple[WideResNet, Card]:
    """The network in a safetensors file that `export_network` wrote, in eval mode, and its card.

    Normalise images with `card.mean` and `card.std`, or let `FromPixels` do it.

    Raises:
        PrunelibError: the file cannot be read, or was not written by `export_network`.
    """
    path = Path(path)
    card = Card.of(load_metadata(path), path)
    model = WideResNet(card.profile, len(card.classes), len(card.mean))
    try:
        model.load_state_dict(load_tensors(path)[0])
    except RuntimeError:
        raise PrunelibError(
            f"{path} holds another network than it says; write one with: prunelib export"
        ) from None
    return model.eval(), card
