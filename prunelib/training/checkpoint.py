"""A model and its optimiser's momentum as tensors by name, and back, bit for bit."""

import torch
from torch import Tensor, nn


def packed(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What both hold, by name: `model.NAME` and `momentum.NAME`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        buffer = optimizer.state[parameter].get("momentum_buffer")
        if buffer is not None:
            tensors[f"momentum.{name}"] = buffer
    return tensors


def unpack(tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put what `packed` gave into a model of the same shapes, and into its optimiser."""
    model.load_state_dict({n[6:]: t for n, t in tensors.items() if n.startswith("model.")})
    for name, parameter in model.named_parameters():
        buffer = tensors.get(f"momentum.{name}")
        if buffer is not None:
            kept = torch.empty_like(parameter, requires_grad=False).copy_(buffer)
            optimizer.state[parameter]["momentum_buffer"] = kept
