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
from prunelib.training.updates import sgd

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


def network(profile, seed=0, channels=3):
    """One whose norms are not at their first values."""
    torch.manual_seed(seed)
    model = WideResNet(profile, in_channels=channels).to(memory_format=torch.channels_last)
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.dim() == 1:
            tensor.data += 0.2 * torch.rand_like(tensor)
    return model


def images(count, side, seed=1, channels=3):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, channels, side, side, generator=random)
    return x, torch.randint(10, (count,), generator=random)


def bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


class Rounded(torch.autograd.Function):
    """A float64 tensor rounded to bfloat16, its gradient likewise, or one of both."""

    @staticmethod
    def forward(ctx, x, there=True, back=True):
        ctx.back = back
        return x.float().bfloat16().double() if there else x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.float().bfloat16().double() if ctx.back else gradient, None, None


def in_float64(model, x):
    """Features of a model in float64, rounded where the kernels round, and nowhere else."""

    def convolved(x, module):
        return F.conv2d(
            x, Rounded.apply(module.weight, True, False), None, module.stride, module.padding
        )

    def activated(x, norm):
        return Rounded.apply(F.relu(norm(x)))

    x = Rounded.apply(convolved(Rounded.apply(x), model.stem))
    for block in model.residual_blocks:
        a = activated(Rounded.apply(x, False), block.bn1)
        if block.shortcut is not None:
            x = Rounded.apply(convolved(a, block.shortcut), True, False)
        m = Rounded.apply(convolved(a, block.conv1))
        m = convolved(activated(m, block.bn2), block.conv2)
        x = Rounded.apply(Rounded.apply(m, True, False) + x)
    return Rounded.apply(F.relu(model.bn(x)), False).mean((2, 3))


def gradients_of(model):
    return {name: p.grad.double() for name, p in model.named_parameters() if p.grad is not None}


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


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("width", [0.2, 1, 1.3])
def test_they_compute_what_float64_does_that_is_rounded_where_they_round(width, channels):
    """A sum on the edge of two roundings may fall to either side, and later layers multiply the
    difference: hence several networks, of which one must come out the same."""
    differences, statistics = [], []
    for seed, middle in enumerate([(3, 8, 1), (1, 2, 5), (2, 3, 10), (7, 16, 4)]):
        model = network(ChannelProfile(10, width, middle), seed, channels).train()
        exact, (x, _) = copy.deepcopy(model).double(), images(16, 16, seed, channels)
        weights = torch.randn(16, len(model.bn.weight))
        with bfloat16():
            (narrow.features(model, x) * weights).sum().backward()
        (in_float64(exact, x.double()) * weights).sum().backward()
        differences.append(distance(gradients_of(model), gradients_of(exact)))
        statistics.append(distance(dict(model.named_buffers()), dict(exact.named_buffers())))
    assert min(differences) < 0.003
    assert min(statistics) < 1e-6


def test_what_the_buffers_held_before_leaves_no_trace():
    model = network(PROFILES["odd"])
    for count in [128, 80, 128, 16]:
        x, y = images(count, 16, count)
        fresh, used = trained(model, x, y, kernels=True), model.train()
        model.zero_grad()
        with bfloat16():
            F.cross_entropy(used.linear(narrow.features(used, x)), y).backward()
        assert all(torch.equal(g, fresh[1][name]) for name, g in gradients_of(used).items())
        assert all(torch.equal(b.double(), fresh[2][name]) for name, b in used.named_buffers())
        model.eval()
        x, _ = images(count + 3, 32 if count == 80 else 16, count)
        with bfloat16(), torch.no_grad():
            others = narrow.features(copy.deepcopy(model), x)
            assert torch.equal(narrow.features(model, x), others)


def test_losses_of_an_epoch_are_those_of_pytorch():
    models = [network(PROFILES["reduced width"]).train() for _ in range(2)]
    optimizers = [sgd(model, 0.05, 0.9, 5e-4) for model in models]
    means, losses = torch.randn(10, 3, 16, 16), [[], []]
    for count in [64, 64, 48, 64, 64, 48, 64, 48]:
        x, y = images(count, 16, len(losses[0]))
        for kernels, model in enumerate(models):
            with bfloat16():
                given = x + 2 * means[y]
                found = model.linear(narrow.features(model, given)) if kernels else model(given)
                loss = F.cross_entropy(found, y)
            optimizers[kernels].zero_grad()
            loss.backward()
            optimizers[kernels].step()
            losses[kernels].append(loss.item())
    assert losses[1] == pytest.approx(losses[0], abs=0.03)
    assert losses[1][-1] < losses[1][0] - 0.1


def test_gradients_of_two_batches_add_up():
    model = network(PROFILES["odd"]).train()
    batches = [images(count, 16, count) for count in (16, 32)]
    single = [trained(model, *batch, kernels=True)[1] for batch in batches]
    for x, y in batches:
        with bfloat16():
            F.cross_entropy(model.linear(narrow.features(model, x)), y).backward()
    for name, gradient in gradients_of(model).items():
        assert torch.allclose(gradient, single[0][name] + single[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("between", ["training", "evaluation", "an update"])
def test_a_backward_pass_whose_activations_are_gone_is_an_error(between):
    model, (x, _) = network(PROFILES["odd"]).train(), images(16, 16)
    with bfloat16():
        loss = narrow.features(model, x).sum()
        if between == "an update":
            with torch.no_grad():
                model.bn.weight += 1
        else:
            with torch.set_grad_enabled(between == "training"):
                narrow.features(model.train(between == "training"), x)
    with pytest.raises(RuntimeError, match=r"call backward before|modified by an inplace"):
        loss.backward()


@pytest.mark.parametrize("training", [True, False])
def test_what_is_not_a_number_stays_none(training):
    model, (x, _) = network(PROFILES["odd"]).train(training), images(16, 16)
    with torch.no_grad():
        model.residual_blocks[1].conv2.weight[0] = torch.nan
    with bfloat16(), torch.set_grad_enabled(training):
        assert narrow.features(model, x).isnan().any()


@pytest.mark.parametrize("count", [16, 100, 200])
def test_evaluation_is_as_close_to_float64_as_that_of_pytorch(count):
    model, (x, _) = network(PROFILES["odd"]).eval(), images(count, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        usual, ours = model(x), model.linear(narrow.features(model, x))
        exact = copy.deepcopy(model).double()(x.double())
    assert ours.shape == usual.shape
    assert (ours - exact).norm() < 1.3 * (usual - exact).norm()


OTHERS = ["float32", "float16", "float64", "threads", "odd batch", "no gradient", "8 pixels"]


@pytest.mark.parametrize("change", [*OTHERS, "one channel", "one image", "no image"])
def test_what_they_are_not_made_for_goes_the_usual_way(change):
    model = network(PROFILES["odd"]).to(torch.float64 if change == "float64" else None).train()
    count = {"odd batch": 17, "no image": 0}.get(change, 16)
    x, _ = images(count, 8 if change == "8 pixels" else 16, 1, 1 if change == "one channel" else 3)
    x = x[0] if change == "one image" else x
    torch.set_num_threads(2 if change == "threads" else 1)
    with (
        torch.set_grad_enabled(change != "no gradient"),
        torch.autocast(
            "cpu",
            torch.float16 if change == "float16" else torch.bfloat16,
            enabled=change != "float32",
        ),
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
