"""Blocks in Triton against PyTorch: on a GPU, or where there is Triton in its interpreter."""

import copy
import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from prunelib.kernels import gpu_blocks
from prunelib.kernels.gpu_blocks import blocks_support
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.saliency import Fisher
from prunelib.training.machine import Machine

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
PRUNED = ChannelProfile(16, 1, (3, 6, 20, 32, 1, 57))


def network(profile: ChannelProfile = PRUNED) -> WideResNet:
    """In training, with batch norms that are not where they began, channels-last."""
    torch.manual_seed(0)
    model = WideResNet(profile).train()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.2 * torch.randn_like(parameter)
    return model.to(memory_format=torch.channels_last)


def batch(number: int = 16, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Images without meaning, channels-last."""
    x = torch.randn(number, 3, size, size).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(10, (number,))


def off(a: torch.Tensor, b: torch.Tensor) -> float:
    """Relative distance of two tensors."""
    return float((a.double() - b.double()).norm() / (b.double().norm() + 1e-12))


INTERPRETED = """
import copy
import torch
from torch.nn import functional as F
from kernels.test_gpu_blocks import batch, network, off
from prunelib.kernels import triton_block
from prunelib.pruning.saliency import Fisher

model, (x, y) = network(), batch(16, 8)
other = copy.deepcopy(model)
fisher, plain = Fisher(model), Fisher(other)
h = triton_block.features(model.stem, model.residual_blocks, x, fisher.totals, torch.float32)
logits = model.linear(F.relu(model.bn(h)).mean((2, 3)))
F.cross_entropy(logits, y).backward()
F.cross_entropy(other(x, plain.gates), y).backward()
pairs = list(zip((p.grad for p in model.parameters()), (p.grad for p in other.parameters())))
pairs += list(zip(model.buffers(), other.buffers())) + list(zip(fisher.totals, plain.totals))
print(max(off(a, b) for a, b in pairs))
"""


@pytest.mark.skipif(not importlib.util.find_spec("triton"), reason="needs Triton")
def test_in_float32_the_interpreter_gives_what_pytorch_gives():
    given = os.environ | {
        "TRITON_INTERPRET": "1",
        "PYTHONPATH": os.pathsep.join(["tests", *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5


def gradients(model, x, y, machine):
    """Loss, gradients, statistics and saliencies of one batch."""
    model = copy.deepcopy(model)
    fisher = Fisher(model)
    with machine.autocast():
        loss = F.cross_entropy(model(x, fisher.gates), y)
    loss.backward()
    return [*(p.grad for p in model.parameters()), *model.buffers(), *fisher.totals, loss.detach()]


@needs_gpu
@pytest.mark.parametrize(
    "profile", [PRUNED, ChannelProfile.full(10, 2), ChannelProfile.full(10, 0.5)]
)
def test_on_a_gpu_gradients_are_as_good_as_those_of_pytorch(profile, monkeypatch):
    model = Machine("cuda", "bfloat16", 1).place(network(profile))
    x, y = (t.to("cuda") for t in batch(128))
    exact = gradients(model, x, y, Machine("cuda", "float32", 1))
    bfloat16 = Machine("cuda", "bfloat16", 1)
    ours = gradients(model, x, y, bfloat16)
    monkeypatch.setattr("prunelib.nets.wideresnet.blocks_support", lambda *_: False)
    plain = gradients(model, x, y, bfloat16)
    for a, b, c in zip(ours, plain, exact, strict=True):
        assert off(a, c) < 2 * off(b, c) + 0.02


@needs_gpu
def test_on_a_gpu_the_same_step_gives_the_same_bits():
    model = Machine("cuda", "bfloat16", 1).place(network())
    x, y = (t.to("cuda") for t in batch(128))
    machine = Machine("cuda", "bfloat16", 1)
    one, other = (gradients(model, x, y, machine) for _ in range(2))
    parameters = len(list(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(one[:parameters], other, strict=False))


@needs_gpu
def test_other_precisions_and_modes_go_to_pytorch():
    model = Machine("cuda", "bfloat16", 1).place(network())
    x, _ = (t.to("cuda") for t in batch(16))
    assert gpu_blocks.gpu_blocks() is not None
    ask = lambda: blocks_support(model.stem, model.residual_blocks, x)  # noqa: E731
    assert not ask()
    with Machine("cuda", "bfloat16", 1).autocast():
        assert ask()
        with torch.no_grad():
            assert not ask()
        assert not blocks_support(model.stem, model.residual_blocks, x[:1, :, :4, :4])
        model.eval()
        assert not ask()


def test_without_a_gpu_blocks_are_left_to_pytorch():
    model, (x, _) = network(), batch(2)
    with torch.autocast("cpu", torch.bfloat16):
        assert not blocks_support(model.stem, model.residual_blocks, x)
