"""The kernels that the long study used for narrow networks: as exact as PyTorch's in bfloat16."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from prunelib import ChannelProfile, WideResNet

KERNELS = Path(__file__).parents[2] / "results" / "kernels"
sys.path.append(str(KERNELS))
import narrow  # noqa: E402

pytestmark = pytest.mark.skipif(
    not narrow.is_able(), reason="needs a processor with AVX512-BF16, and g++"
)

PROFILES = {
    "odd": ChannelProfile(16, 1.0, (3, 5, 16, 7, 9, 20)),
    "one channel": ChannelProfile(16, 1.0, (1, 1, 1, 1, 1, 1)),
    "reduced width": ChannelProfile.full(16, 0.37),
    "wide": ChannelProfile.full(10, 2),
}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(profile):
    """One whose norms are not at their first values."""
    torch.manual_seed(0)
    model = WideResNet(profile).to(memory_format=torch.channels_last)
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.dim() == 1:
            tensor.data += 0.2 * torch.rand_like(tensor)
    return model


def images(count, side):
    random = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, side, side, generator=random)
    return x, torch.randint(10, (count,), generator=random)


def trained(model, x, y, kernels):
    """What a forward and a backward pass give: loss, gradients and statistics, as float64."""
    model = copy.deepcopy(model).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=x.dtype == torch.float32):
        logits = model.linear(narrow.features(model, x)) if kernels else model(x)
        loss = F.cross_entropy(logits, y)
    loss.backward()
    gradients = {name: p.grad.double() for name, p in model.named_parameters()}
    statistics = {name: b.double() for name, b in model.named_buffers()}
    return loss.item(), gradients, statistics


def distance(found, exact):
    """Over all tensors, relative to their length."""
    error = sum((found[name] - exact[name]).square().sum() for name in exact)
    return (error / sum(tensor.square().sum() for tensor in exact.values())).sqrt().item()


@pytest.mark.parametrize("side", [16, 32])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_gradients_are_as_close_to_float64_as_those_of_pytorch(profile, side):
    model, (x, y) = network(profile), images(48, side)
    exact = trained(copy.deepcopy(model).double(), x.double(), y, kernels=False)
    usual, ours = (trained(model, x, y, kernels) for kernels in (False, True))
    assert ours[0] == pytest.approx(exact[0], abs=0.01)
    assert distance(ours[1], exact[1]) < 1.3 * distance(usual[1], exact[1]) + 1e-3
    assert distance(ours[2], exact[2]) < 1.3 * distance(usual[2], exact[2]) + 1e-4


@pytest.mark.parametrize("count", [16, 100, 200])
def test_evaluation_is_as_close_to_float64_as_that_of_pytorch(count):
    model, (x, _) = network(PROFILES["odd"]).eval(), images(count, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        usual, ours = model(x), model.linear(narrow.features(model, x))
        exact = copy.deepcopy(model).double()(x.double())
    assert ours.shape == usual.shape
    assert (ours - exact).norm() < 1.3 * (usual - exact).norm()


@pytest.mark.parametrize("change", ["float32", "threads", "odd batch", "no gradient", "8 pixels"])
def test_what_they_are_not_made_for_goes_the_usual_way(change):
    model = network(PROFILES["odd"]).train()
    x, _ = images(17 if change == "odd batch" else 16, 8 if change == "8 pixels" else 16)
    torch.set_num_threads(2 if change == "threads" else 1)
    with (
        torch.set_grad_enabled(change != "no gradient"),
        torch.autocast("cpu", torch.bfloat16, enabled=change != "float32"),
    ):
        assert narrow.features(model, x) is None


def test_a_model_that_was_pruned_or_copied_passes_in_its_new_form():
    model, (x, _) = network(PROFILES["odd"]).train(), images(16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        narrow.features(model, x)
        copied = copy.deepcopy(model)
        assert torch.equal(narrow.features(copied, x), narrow.features(model, x))
        other = network(PROFILES["one channel"]).train()
        other.__dict__["narrow"] = model.__dict__["narrow"]
        assert torch.isfinite(narrow.features(other, x)).all()


def test_the_command_says_in_its_record_that_they_computed(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.integers(256, size=(64, 16, 16, 3), dtype=np.uint8), np.arange(64) % 10
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    command = [sys.executable, KERNELS / "run.py", "train", "mini", "--family", "bottleneck"]
    more = ["--budget", "80k", "--epochs", "1", "--data", "own.npz", "--results", "results"]
    subprocess.run([*command, *more], check=True, capture_output=True, cwd=tmp_path)
    (made,) = tmp_path.glob("results/*/*.json")
    assert json.loads(made.read_text())["circumstances"]["kernels"] == "narrow"
