import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, batch, examples, network, profiles, seeds
from torch import nn
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channel
from prunelib.nets.wideresnet import Projection, WideResNet
from prunelib.training.updates import sgd, sgd_step


def reference(model: WideResNet, x, training=False):
    """A pre-activation WRN written from its weights alone (He et al., 2016b, figure 4e)."""
    w = dict(model.state_dict())

    def norm_relu(x, name):
        mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
        if training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        scale = w[f"{name}.weight"] / torch.sqrt(var + 1e-5)
        x = (x - mean[:, None, None]) * scale[:, None, None] + w[f"{name}.bias"][:, None, None]
        return torch.clamp(x, min=0)

    x = F.conv2d(x, w["stem.weight"], padding=1)
    per_stage = len(model.profile.middle) // 3
    for i in range(3 * per_stage):
        name, stride = f"blocks.{i}", 2 if i in (per_stage, 2 * per_stage) else 1
        a = norm_relu(x, f"{name}.bn1")
        if f"{name}.shortcut.weight" in w:
            x = F.conv2d(a, w[f"{name}.shortcut.weight"], stride=stride)
        m = norm_relu(
            F.conv2d(a, w[f"{name}.conv1.weight"], stride=stride, padding=1), f"{name}.bn2"
        )
        x = x + F.conv2d(m, w[f"{name}.conv2.weight"], padding=1)
    x = norm_relu(x, "bn").flatten(2).mean(2)
    return x @ w["linear.weight"].T + w["linear.bias"]


@examples(25)
@given(
    profiles(widths=(0.125, 0.5, 1)),
    seeds,
    st.sampled_from([1, 3]),
    st.integers(2, 12),
    st.integers(5, 11),
    st.booleans(),
)
def test_the_network_is_a_pre_activation_wide_resnet(
    profile, seed, in_channels, classes, size, training
):
    model = network(profile, seed, in_channels, classes)
    x, _ = batch(3, seed, size, in_channels)
    expected = reference(model, x, training)
    torch.testing.assert_close(model.train(training)(x), expected, rtol=1e-9, atol=1e-9)


@given(profiles())
@examples(10)
def test_every_parameter_learns(profile):
    model = network(profile).train()
    x, y = batch(8)
    F.cross_entropy(model(x), y).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.linear.weight.grad.any()
    assert model.stem.weight.grad.any()


def test_weights_begin_with_kaiming_variance_and_no_bias():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WideResNet(ChannelProfile.full(10, 1))
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 1000:
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.1)
            assert abs(module.weight.mean().item()) < 0.1 * math.sqrt(2 / fan_out)
    assert not model.linear.bias.any()


@examples(20)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 9),
    st.booleans(),
)
def test_the_projection_is_a_strided_1x1_convolution(c_in, c_out, stride, n, h, w, last):
    layer = Projection(c_in, c_out, 1, stride, bias=False).double()
    random = torch.Generator().manual_seed(n)
    x = torch.randn(n, c_in, h, w, dtype=torch.float64, generator=random)
    if last:
        layer, x = (
            layer.to(memory_format=torch.channels_last),
            x.to(memory_format=torch.channels_last),
        )
    results = []
    for function in (layer, lambda x: F.conv2d(x, layer.weight, stride=stride)):
        image = x.clone().requires_grad_()
        layer.zero_grad()
        y = function(image)
        torch.sin(y).sum().backward()
        results.append((y, image.grad, layer.weight.grad.clone()))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@given(profiles(), st.integers(5, 9))
@examples(10)
def test_gates_see_the_activations_between_the_convolutions(profile, size):
    model = network(profile)
    x, _ = batch(2, size=size)
    seen = []

    def gate(a):
        seen.append((tuple(a.shape[1:]), bool((a >= 0).all())))
        return a

    plain = model(x)
    gated = model(x, [gate] * len(profile.middle))
    expected = []
    for block in profile.blocks:
        size = math.ceil(size / block.stride)
        expected.append(((block.middle, size, size), True))
    assert seen == expected
    assert torch.equal(plain, gated)


@st.composite
def removals(draw):
    """A profile, and for each block the channels that go: never all, somewhere at least one."""
    profile = draw(profiles(least=2))
    gone = [
        draw(st.sets(st.integers(0, c - 1), max_size=min(c - 1, 4), min_size=i == 0))
        for i, c in enumerate(profile.middle)
    ]
    return profile, gone


def masks(profile, gone):
    """Gates that multiply the removed channels by zero.

    They stand after the second batch norm and its ReLU. There a masked channel contributes nothing
    to the next convolution, and nothing of the loss flows back into it, so the rest of the network
    trains as if it were not there. In front of the batch norm its bias would still get through.
    """
    gates = []
    for channels, removed in zip(profile.middle, gone, strict=True):
        mask = torch.ones(channels, dtype=torch.float64)
        mask[list(removed)] = 0
        gates.append(lambda a, mask=mask: a * mask[:, None, None])
    return gates


def remove_all(model, gone, optimizer=None, order=sorted):
    for number, removed in enumerate(gone, 1):
        left = list(range(model.profile.middle[number - 1]))
        for channel in order(removed):
            remove_channel(model, number, left.index(channel), optimizer)
            left.remove(channel)


def surviving(model, gone, tensors):
    """Of named tensors of the masked network, what the network without the channels has."""
    kept = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] == "blocks" and parts[2] in ("conv1", "bn2", "conv2") and tensor.dim():
            block = int(parts[1])
            left = [i for i in range(model.profile.middle[block]) if i not in gone[block]]
            tensor = tensor[:, left] if parts[2] == "conv2" else tensor[left]
        kept[name] = tensor
    return kept


def momentum(model, optimizer):
    return {n: optimizer.state[p]["momentum_buffer"] for n, p in model.named_parameters()}


def assert_same(ours: dict, theirs: dict):
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(
            ours[name],
            theirs[name],
            rtol=1e-10,
            atol=1e-10,
            msg=lambda m, name=name: f"{name}: {m}",
        )


@examples(40)
@given(removals(), seeds, st.integers(6, 9))
def test_masked_and_removed_compute_the_same(removal, seed, size):
    profile, gone = removal
    masked, removed = network(profile, seed), network(profile, seed)
    remove_all(removed, gone)
    x, _ = batch(4, seed, size)
    ours = removed(x)
    torch.testing.assert_close(ours, masked(x, masks(profile, gone)), rtol=1e-10, atol=1e-10)
    assert removed.profile.middle == tuple(
        c - len(g) for c, g in zip(profile.middle, gone, strict=True)
    )


@examples(20)
@given(removals(), seeds, st.sampled_from([0.0, 0.9]))
def test_masked_and_removed_train_the_same(removal, seed, factor):
    profile, gone = removal
    runs = []
    for physical in (False, True):
        model = network(profile, seed).train()
        optimizer = sgd(model, 0.1, factor, 5e-4)
        sgd_step(model, optimizer, *batch(6, seed), CPU)
        gates = None
        if physical:
            remove_all(model, gone, optimizer)
        else:
            gates = masks(profile, gone)
        for step in range(2):
            sgd_step(model, optimizer, *batch(6, seed + step + 1), CPU, gates)
        runs.append((model, optimizer))
    (masked, masked_sgd), (removed, removed_sgd) = runs
    assert_same(removed.state_dict(), surviving(masked, gone, masked.state_dict()))
    if factor:
        ours, theirs = momentum(removed, removed_sgd), momentum(masked, masked_sgd)
        assert_same(ours, surviving(masked, gone, theirs))


@examples(15)
@given(removals(), seeds)
def test_the_order_of_removals_does_not_matter(removal, seed):
    profile, gone = removal
    first, second = network(profile, seed), network(profile, seed)
    remove_all(first, gone)
    remove_all(second, gone, order=lambda channels: sorted(channels, reverse=True))
    ours, theirs = first.state_dict(), second.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@examples(15)
@given(removals(), seeds)
def test_a_pruned_network_is_one_built_from_its_profile(removal, seed):
    profile, gone = removal
    pruned = network(profile, seed)
    remove_all(pruned, gone)
    built = WideResNet(pruned.profile, 10, 1).double().eval()
    built.load_state_dict(pruned.state_dict())
    x, _ = batch(2, seed)
    assert torch.equal(built(x), pruned(x))
    assert repr(built) == repr(pruned)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_parameters_keep_their_identity_and_layout(layout):
    model = network(ChannelProfile.full(10, 0.5)).to(memory_format=layout).train()
    optimizer = sgd(model, 0.1, 0.9, 0)
    sgd_step(model, optimizer, *batch(4), CPU)
    before = list(model.parameters())
    for block in (1, 2, 3):
        remove_channel(model, block, 1, optimizer)
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert all(a is b for a, b in zip(before, optimizer.param_groups[0]["params"], strict=True))
    assert len(optimizer.state) == len(before)
    for parameter in before:
        buffer = optimizer.state[parameter]["momentum_buffer"]
        assert buffer.shape == parameter.shape
        if parameter.dim() == 4:
            assert parameter.is_contiguous(memory_format=layout)
            assert buffer.is_contiguous(memory_format=layout)
        assert parameter.grad is None or parameter.grad.shape == parameter.shape


@examples(15)
@given(removals(), seeds, st.sampled_from([torch.float32, torch.float64]))
def test_losses_of_before_may_stay_alive(removal, seed, dtype):
    profile, gone = removal
    ends = []
    for alive in (False, True):
        model = network(profile, seed, dtype=dtype).train()
        optimizer, kept = sgd(model, 0.1, 0.9, 5e-4), []
        for step, (number, removed) in enumerate(enumerate(gone, 1)):
            x, y = batch(6, seed + step, dtype=dtype)
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            after = F.cross_entropy(model(x), y)
            kept += [loss, after] if alive else []
            del loss, after
            for channel in sorted(removed, reverse=True):
                remove_channel(model, number, channel, optimizer)
        sgd_step(model, optimizer, *batch(6, seed + 9, dtype=dtype), CPU)
        ends.append([*model.state_dict().values(), *momentum(model, optimizer).values()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize(
    ("block", "channel"), [(0, 0), (4, 0), (-1, 0), (1, 2), (1, -1), (2, 0), (2, 1)]
)
def test_an_impossible_removal_is_refused_and_changes_nothing(block, channel):
    model = network(ChannelProfile(10, 0.5, (2, 1, 3)))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(PrunelibError, match=rf"block {block}\b"):
        remove_channel(model, block, channel)
    assert model.profile.middle == (2, 1, 3)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_one_channel_a_block_is_enough():
    model = network(ChannelProfile.full(10, 0.5))
    for number, channels in enumerate(model.profile.middle, 1):
        for _ in range(channels - 1):
            remove_channel(model, number, 0)
    assert model.profile == ChannelProfile.full(10, 0.5).scaled(0)
    assert model(batch(2)[0]).isfinite().all()
