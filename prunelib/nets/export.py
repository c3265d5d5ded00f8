"""A network as a file for other programs: ONNX, or safetensors with its profile beside."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from prunelib.errors import PrunelibError
from prunelib.files import save_tensors, write_atomically
from prunelib.nets.inputs import InputShape
from prunelib.nets.wideresnet import WideResNet

FORMATS = ("onnx", "safetensors")


def export(model: WideResNet, shape: InputShape, path: Path) -> None:
    """Write a network to `path`, in the format that its suffix names.

    Args:
        model: on the CPU.
        shape: of the images that it takes; any number of them at once.
        path: ends with one of `FORMATS`.

    Raises:
        PrunelibError: another suffix, packages are missing, or the file cannot be written.
    """
    if path.suffix == ".safetensors":
        save_tensors(path, model.state_dict(), model.profile.to_json())
    elif path.suffix == ".onnx":
        write_atomically(path, onnx(model, (shape.in_channels, shape.image_size, shape.image_size)))
    else:
        names = " or ".join(f".{name}" for name in FORMATS)
        raise PrunelibError(f"{path}: the name must end with {names}")


def onnx(model: nn.Module, image: tuple[int, int, int]) -> bytes:
    """A network for inference as ONNX: normalised images (N, C, H, W) to logits (N, classes).

    Args:
        model: on the CPU; left in eval mode.
        image: (C, H, W) of an image.

    Raises:
        PrunelibError: packages are missing.
    """
    if absent := [name for name in ("onnx", "onnxscript") if find_spec(name) is None]:
        raise PrunelibError(f"ONNX needs more packages: pip install {' '.join(absent)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            model.eval(),
            (torch.randn(2, *image),),
            input_names=["images"],
            output_names=["logits"],
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("images")},),
            verbose=False,
        )
    return made.model_proto.SerializeToString()
