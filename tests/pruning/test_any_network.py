"""Pruning of networks that are not ours, and of ours as if they were not."""

import sys
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from comparing import same, state, without_times
from making import CPU, batch, dataset, images, network
from torch import nn
from torch.nn import functional as F

from prunelib import PrunelibError, fisher_saliency, prunable_layers, prune
from prunelib.files import Cadence
from prunelib.nets.profile import ChannelProfile
from prunelib.pruning.any_network import channels
from prunelib.training.data._torchvision import import_torchvision
from prunelib.training.protocols import PruneProtocol

models = import_torchvision().models
SHORT = PruneProtocol(batch_size=8, lr=0.01, pad=1, steps=2, removals=6)
STILL = replace(SHORT, lr=0.0, weight_decay=0.0, steps=1, criterion="random", eval_every=1000)
"""Weights stay as they are, so that only removals change what a network computes: of any channels,
for the least salient ones hardly do."""


class NarrowResNet(models.ResNet):
    """ResNet-18 with an eighth of the channels."""

    def __init__(self):
        super().__init__(models.resnet.BasicBlock, [2, 2, 2, 2], num_classes=10)
        self.fc = nn.Linear(64, 10)

    def _make_layer(self, block, planes, *others, **named):
        return super()._make_layer(block, planes // 8, *others, **named)


def densenet():
    return models.DenseNet(4, (2, 2), 8, 2, num_classes=10)


def mobilenet():
    return models.MobileNetV2(num_classes=10, width_mult=0.1)


class Chain(nn.Module):
    """Convolutions with all that may stand between one and its reader; the last one is linear."""

    def __init__(self, between=None):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.between = between or nn.Sequential(nn.BatchNorm2d(6), nn.PReLU(6), nn.PReLU())
        self.second = nn.Conv2d(6, 5, 3, padding=1)
        self.linear = nn.Linear(5 * 16, 10)

    def forward(self, x):
        x = self.second(F.max_pool2d(self.between(self.first(x)), 2))
        return self.linear(F.silu(x).flatten(1))


def made(build, seed=0):
    """A network in float64 with batch norms that are not the identity, and do not move."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
                module.momentum = 0.0
    return model.double().eval()


def data(size=8, channels=1):
    """Images that come as float64."""
    found = dataset(images(20, 0, size, channels), images(9, 1, size, channels))
    found = replace(found, mean=found.mean.double(), std=found.std.double())
    return replace(found, name="cifar10") if channels == 3 else found


def example(size=8, channels=1, n=2):
    return batch(n, 5, size, channels)[0]


def candidates(model, x):
    return [layer for layer in prunable_layers(model, x) if layer.number]


def mask_inputs(module, gone):
    """Zero some channels of what a layer reads, (N, C, ...) or flattened with equal shares."""

    def hook(_, inputs):
        a = inputs[0].clone()
        a.view(len(a), whole, -1)[:, gone] = 0
        return (a,)

    whole = module.masked_channels
    return module.register_forward_pre_hook(hook)


@torch.no_grad()
def masked_output(model, layers, gone, x):
    """What a whole network computes with some channels zero: (number, channel) pairs."""
    handles = []
    for layer in layers:
        reader = model.get_submodule(layer.reader)
        reader.masked_channels = layer.channels
        handles.append(mask_inputs(reader, [c for n, c in gone if n == layer.number]))
    output = model(x)
    for handle in handles:
        handle.remove()
    return output


def counted(model, x):
    """Parameters, and multiply-accumulates for one image, counted by hand."""
    macs = []

    def hook(module, _, output):
        places = output[0].numel() // len(module.weight)
        macs.append(module.weight.numel() * places)

    modules = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    handles = [module.register_forward_hook(hook) for module in modules]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return sum(p.numel() for p in model.parameters()), sum(macs)


@pytest.mark.parametrize(
    ("build", "size", "removals"),
    [(NarrowResNet, 16, 50), (mobilenet, 16, 12), (densenet, 16, 12), (Chain, 8, 7)],
)
def test_a_removal_computes_what_a_mask_computes_and_everything_falls(build, size, removals):
    channels = 1 if build is Chain else 3
    model, x = made(build), example(size, channels, 4)
    whole, layers = deepcopy(model), candidates(model, x)
    gone, sizes = [], []

    def watch(model, points):
        point = points[-1]
        found = model.eval()(x)
        assert torch.allclose(found, masked_output(whole, layers, gone, x), rtol=0, atol=1e-10)
        sizes.append((point.params, point.macs))
        assert sizes[-1] == counted(model, x)
        gone.append((point.block, point.channel))

    protocol = replace(STILL, removals=removals)
    with torch.no_grad():
        alone = whole(x)
    points = prune(model, data(size, channels), protocol, 0, CPU, watch=watch, example=x)
    assert [(p.block, p.channel) for p in points] == gone
    assert len(set(gone)) == len(gone) == removals + 1
    assert all(b < a and d < c for (a, c), (b, d) in pairwise(sizes))
    assert not torch.allclose(alone, model.eval()(x))


@pytest.mark.parametrize("criterion", ["fisher", "random", "l1", "snip"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_our_own_network_is_pruned_as_ever(criterion, dtype):
    ours = network(ChannelProfile.full(10, 0.5), dtype=dtype)
    theirs, protocol = deepcopy(ours), replace(SHORT, removals=9, criterion=criterion, eval_every=4)
    protocol = replace(protocol, flop_penalty=1e-4)
    images = data() if dtype == torch.float64 else replace(data(), mean=data().mean.float())
    images = images if dtype == torch.float64 else replace(images, std=images.std.float())
    x = example().to(dtype)
    points = prune(ours, images, protocol, 3, CPU)
    assert without_times(points) == without_times(
        prune(theirs, images, protocol, 3, CPU, example=x)
    )
    assert ours.profile == theirs.profile != ChannelProfile.full(10, 0.5)
    assert same(state(ours), state(theirs))


@pytest.mark.parametrize("training", [True, False])
def test_scores_of_our_own_network_are_the_same(training):
    model = network(ChannelProfile.full(10, 0.5)).train(training)
    batches = [batch(7, seed) for seed in range(2)]
    ours = fisher_saliency(deepcopy(model), batches)
    theirs = fisher_saliency(model, batches, example=example())
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_scores_are_squared_gradients_of_gates_in_front_of_the_reader():
    model, (x, y) = made(Chain), batch(6)
    gates = [torch.ones(6, c, dtype=x.dtype, requires_grad=True) for c in (6, 5)]
    a = F.max_pool2d(model.between(model.first(x)), 2) * gates[0][:, :, None, None]
    a = F.silu(model.second(a)) * gates[1][:, :, None, None]
    losses = F.cross_entropy(model.linear(a.flatten(1)), y, reduction="sum")
    expected = [g.square().mean(0) / 2 for g in torch.autograd.grad(losses, gates)]
    for parts in ([(x, y)], [(x[:2], y[:2]), (x[2:], y[2:])]):
        found = fisher_saliency(model, parts, example=x)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-9)


def flows(build, size=16):
    layers = prunable_layers(made(build), example(size, 3))
    return {layer.name: layer for layer in layers}


def test_residual_streams_are_left_alone_and_named():
    found = flows(NarrowResNet)
    assert [name for name, layer in found.items() if layer.number] == [
        f"layer{stage}.{block}.conv1" for stage in (1, 2, 3, 4) for block in (0, 1)
    ]
    assert found["layer2.1.conv1"].through == ("layer2.1.bn1",)
    assert found["layer2.1.conv1"].reader == "layer2.1.conv2"
    assert (
        found["layer2.1.conv2"].reason
        == "shares its channels with layer2.0.conv2, layer2.0.downsample.0"
    )
    assert found["conv1"].reason == "read by layer1.0.conv1, layer1.0.downsample.0"
    assert len(found) == 21


def test_depthwise_convolutions_go_with_the_layer_before():
    found = flows(mobilenet)
    expanded = found["features.3.conv.0.0"]
    assert expanded.reader == "features.3.conv.2"
    assert "features.3.conv.1.0" in expanded.through
    assert found["features.3.conv.1.0"].reason == "depthwise: goes with features.3.conv.0.0"
    assert found["features.3.conv.2"].reason == "shares its channels with features.2.conv.2"
    assert found["features.18.0"].reader == "classifier.1"


def test_concatenated_channels_are_left_alone_and_bottlenecks_in_front_are_not():
    found = flows(densenet)
    name = "features.denseblock2.denselayer1"
    assert found[f"{name}.conv1"].number == 3
    assert found[f"{name}.conv1"].through == (f"{name}.norm2",)
    assert found[f"{name}.conv2"].reason == "passes concat"
    assert found["features.conv0"].reason == "passes concat"


class Twice(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(F.relu(self.layer(x)))


class Hidden(nn.Module):
    """What the graph of gradients does not show as a layer."""

    def __init__(self, compute):
        super().__init__()
        self.register_buffer("scale", torch.rand(6, 1, 1))
        self.compute = compute

    def forward(self, x):
        return self.compute(x, self.scale)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (nn.Conv2d(6, 6, 3, padding=1, groups=3), "between is a grouped convolution"),
        (Twice(nn.Conv2d(6, 6, 3, padding=1)), "shares its channels with between.layer"),
        (Twice(nn.PReLU(6)), "between.layer is used 2 times"),
        (nn.GroupNorm(2, 6), "between"),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(6, 6, 1)), "the weight of between is"),
        (Hidden(lambda x, scale: x * scale), "it fails without a channel"),
        (Hidden(lambda x, scale: F.group_norm(x, 1)), "a channel of zeros is not like no channel"),
        (Hidden(lambda x, scale: x.softmax(1)), "a channel of zeros is not like no channel"),
        (Hidden(lambda x, scale: torch.cat((x[:, :3], x[:, 3:]), 1)), "passes"),
    ],
)
def test_what_cannot_be_sliced_is_left_alone_and_named(between, reason):
    model = made(lambda: Chain(between))
    first, *_, last = prunable_layers(model, example())
    assert reason in first.reason
    assert last.name == "second"
    assert last.number == 1
    points = prune(model, data(), replace(SHORT, removals=4), 0, CPU, example=example())
    assert model.second.out_channels == 1
    assert {point.block for point in points} == {1, None}
    with pytest.raises(PrunelibError, match="removals must be 0 to 4, not 5"):
        prune(
            made(lambda: Chain(between)),
            data(),
            replace(SHORT, removals=5),
            0,
            CPU,
            example=example(),
        )


def test_looking_at_a_network_leaves_it_as_it_is():
    model = made(NarrowResNet).train()
    model.layer1.eval()
    before, modes = state(model), [module.training for module in model.modules()]
    prunable_layers(model, example(16, 3))
    channels.macs(model, example(16, 3))
    assert same(before, state(model))
    assert [module.training for module in model.modules()] == modes
    fisher_saliency(model.eval(), [batch(2, 0, 16, 3)], example=example(16, 3))
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())


@pytest.mark.parametrize("build", [mobilenet, Chain, densenet])
def test_savings_are_what_a_removal_saves(build):
    model, x = made(build), example(16 if build is not Chain else 8, 1 if build is Chain else 3)
    layers = candidates(model, x)
    whole = channels.macs(model, x)[channels.TOTAL]
    for layer, saved in zip(layers, channels.savings(model, x, layers), strict=True):
        smaller = deepcopy(model)
        channels.keep(smaller, layer, torch.arange(1, layer.channels))
        assert channels.macs(smaller, x)[channels.TOTAL] == whole - saved


def test_an_optimizer_of_before_goes_on_with_its_momentum():
    model, x = made(Chain), example()
    layer = candidates(model, x)[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(x).square().sum().backward()
    optimizer.step()
    before = {k: optimizer.state[p]["momentum_buffer"] for k, p in model.named_parameters()}
    left = torch.tensor([0, 1, 3, 5])
    channels.keep(model, layer, left, optimizer)
    after = {k: optimizer.state[p]["momentum_buffer"] for k, p in model.named_parameters()}
    assert torch.equal(after["first.weight"], before["first.weight"][left])
    assert torch.equal(after["between.0.bias"], before["between.0.bias"][left])
    assert torch.equal(after["second.weight"], before["second.weight"][:, left])
    assert torch.equal(after["linear.weight"], before["linear.weight"])
    weights = state(model)
    model(x).square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(weights[k], p) for k, p in model.named_parameters())


class Stop(Exception):
    pass


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(monkeypatch, tmp_path):
    monkeypatch.setattr(Cadence, "due", lambda cadence: True)
    path, x = tmp_path / "run.checkpoint", example(16, 3)

    def stop(done, total, note):
        if done == 3:
            raise Stop

    straight, model = made(NarrowResNet), made(NarrowResNet)
    points = prune(straight, data(16, 3), SHORT, 0, CPU, example=x)
    with pytest.raises(Stop):
        prune(model, data(16, 3), SHORT, 0, CPU, stop, checkpoint=path, example=x)
    model = made(NarrowResNet, seed=1)
    again = prune(model, data(16, 3), SHORT, 0, CPU, checkpoint=path, example=x)
    assert without_times(again) == without_times(points)
    assert same(state(model), state(straight))
    with pytest.raises(PrunelibError, match=r"run\.checkpoint is of another network"):
        prune(made(densenet), data(16, 3), SHORT, 0, CPU, checkpoint=path, example=x)


def test_progress_reaches_its_total():
    model, calls = made(Chain), []
    least = counted(made(Chain), example())[0] - 700
    protocol = replace(SHORT, removals=None, stop_params=least)
    points = prune(
        model, data(), protocol, 0, CPU, lambda *call: calls.append(call), example=example()
    )
    assert points[-1].params <= least < points[-2].params
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)
    assert calls[-1][0] >= calls[-1][1]


class Pooled(nn.Module):
    """A single convolution, whose channels are the classes."""

    def __init__(self):
        super().__init__()
        self.only = nn.Conv2d(1, 10, 3)

    def forward(self, x):
        return self.only(x).mean((2, 3))


def frozen():
    model = made(Chain)
    model.first.requires_grad_(False)
    return model


def few_classes():
    model = made(Chain)
    model.linear = nn.Linear(80, 7).double()
    return model


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (made(Chain), None, "a Chain needs an example"),
        (
            made(Pooled),
            example(),
            r"no channels .* \(only: its channels are the network's outputs\)",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double(), example(), "no convolution"),
        (made(Chain), example()[0], r"a batch of images \(N, C, H, W\).* not torch.Size\(\[1, 8"),
        (made(Chain), example(channels=3), r"with \(2, 3, 8, 8\) it fails"),
        (made(Chain), "image", "not str"),
        (made(NarrowResNet), example(32, 3), r"images are \(3, 32, 32\), those of the data \(1, 8"),
        (nn.Conv2d(1, 2, 3).double(), example(), r"logits \(N, classes\), not \(2, 2, 6, 6\)"),
        (frozen(), example(), "first is frozen"),
        (few_classes(), example(), "the network knows 7 classes, the data have 10"),
    ],
)
def test_what_cannot_be_pruned_is_refused_in_one_line(model, given, message):
    before = state(model)
    with pytest.raises(PrunelibError, match=message) as caught:
        prune(model, data(), SHORT, 0, CPU, example=given)
    assert "\n" not in str(caught.value)
    assert same(before, state(model))


def test_without_torch_pruning_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(PrunelibError, match=r"pip install 'prunelib\[any\]'"):
        prune(made(Chain), data(), SHORT, 0, CPU, example=example())


def test_a_protocol_that_cannot_be_followed_is_refused():
    x = example()
    for change, message in (
        ({"criterion": "magic"}, "unknown criterion 'magic'"),
        ({"removals": 10}, "removals must be 0 to 9, not 10"),
        ({"removals": None, "stop_params": 1}, "are left with one channel a layer"),
    ):
        with pytest.raises(PrunelibError, match=message):
            prune(made(Chain), data(), replace(SHORT, **change), 0, CPU, example=x)
    with pytest.raises(PrunelibError, match="replay is for a WideResNet"):
        prune(made(Chain), data(), SHORT, 0, CPU, replay=[1], example=x)
