"""Train, prune, measure and design wide residual networks."""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "ChannelProfile": "nets.profile",
    "WideResNet": "nets.wideresnet",
    "train": "training.trainer",
    "evaluate": "training.trainer",
    "prune": "pruning.public",
    "fisher_saliency": "pruning.public",
    "prunable_layers": "pruning.any_network.layers",
    "PrunelibError": "errors",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> object:
    """Import the public names when they are asked for: PyTorch takes seconds."""
    if name in _PUBLIC:
        return getattr(import_module(f"prunelib.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
