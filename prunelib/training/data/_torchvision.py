"""Import torchvision where its compiled operators do not match the installed PyTorch."""

from types import ModuleType

import torch

_schemas = None


def import_torchvision() -> ModuleType:
    """The module `torchvision`.

    With a CPU build of PyTorch and a CUDA build of torchvision its import fails for want of an
    operator that data sets do not use. Declaring the operator's schema is enough.
    """
    global _schemas
    try:
        import torchvision
    except RuntimeError:
        _schemas = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _schemas.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision
