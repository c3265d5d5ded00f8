"""Train, prune, measure and design wide residual networks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunelib.errors import PrunelibError
    from prunelib.nets.profile import ChannelProfile
    from prunelib.nets.wideresnet import WideResNet
    from prunelib.pruning.any_network.layers import prunable_layers
    from prunelib.pruning.public import fisher_saliency, prune
    from prunelib.training.trainer import evaluate, train

__version__ = "0.1.0"

__all__ = [
    "ChannelProfile",
    "PrunelibError",
    "WideResNet",
    "evaluate",
    "fisher_saliency",
    "prunable_layers",
    "prune",
    "train",
]

_MODULES = {
    "ChannelProfile": "nets.profile",
    "PrunelibError": "errors",
    "WideResNet": "nets.wideresnet",
    "evaluate": "training.trainer",
    "fisher_saliency": "pruning.public",
    "prunable_layers": "pruning.any_network.layers",
    "prune": "pruning.public",
    "train": "training.trainer",
}


def __getattr__(name: str) -> object:
    """Import the public names when they are asked for: PyTorch takes seconds."""
    if name in _MODULES:
        return getattr(import_module(f"prunelib.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, too."""
    return sorted({*globals(), *__all__})
