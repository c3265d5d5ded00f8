import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, batch, examples, network, profiles, seeds
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channel
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.criteria import (
    CRITERIA,
    CriterionInputs,
    flop_savings,
    least_salient,
    scores_of,
)
from prunelib.pruning.public import fisher_saliency
from prunelib.pruning.saliency import Fisher, loss_changes
from prunelib.training.updates import sgd, sgd_step


def parts(x, y, sizes):
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


def sample_by_sample(model, x, y):
    """Theis et al., literally: sum over pixels of a * dL_n / da for each sample n by itself."""
    totals = [torch.zeros(c, dtype=torch.float64) for c in model.profile.middle]
    for image, label in zip(x, y, strict=True):
        activations = []

        def keep(a, activations=activations):
            activations.append(a)
            return a

        loss = -model(image[None], [keep] * len(totals)).log_softmax(1)[0, label]
        for total, a, da in zip(
            totals, activations, torch.autograd.grad(loss, activations), strict=True
        ):
            total += (a * da).sum((0, 2, 3)).detach() ** 2
    return [total / (2 * len(y)) for total in totals]


def gate_by_gate(model, batches):
    """The gradient of the summed loss of each batch in an explicit gate (N, C) of ones."""
    totals, n = [torch.zeros(c, dtype=torch.float64) for c in model.profile.middle], 0
    for x, y in batches:
        ones = [torch.ones(len(y), len(t), dtype=x.dtype, requires_grad=True) for t in totals]
        gates = [lambda a, one=one: a * one[:, :, None, None] for one in ones]
        loss = F.cross_entropy(model(x, gates), y, reduction="sum")
        for total, g in zip(totals, torch.autograd.grad(loss, ones), strict=True):
            total += (g**2).sum(0)
        n += len(y)
    return [total / (2 * n) for total in totals]


def assert_close(ours, theirs, rel=1e-6):
    assert [len(score) for score in ours] == [len(score) for score in theirs]
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.double(), reference, rtol=rel, atol=1e-12)


partitions = st.lists(st.integers(1, 6), min_size=1, max_size=4)


@examples(20)
@given(profiles(), seeds, partitions, st.integers(5, 9), st.sampled_from([1, 3]))
def test_fisher_saliency_is_that_of_single_samples_however_they_are_batched(
    profile, seed, sizes, size, in_channels
):
    model = network(profile, seed, in_channels)
    x, y = batch(sum(sizes), seed, size, in_channels)
    ours = fisher_saliency(model, parts(x, y, sizes))
    assert_close(ours, sample_by_sample(model, x, y))
    assert any(score.any() for score in ours)


@examples(20)
@given(profiles(), seeds, st.lists(st.integers(2, 6), min_size=1, max_size=3))
def test_while_training_gradients_go_through_the_statistics_of_the_batch(profile, seed, sizes):
    model = network(profile, seed).train()
    x, y = batch(sum(sizes), seed)
    ours = fisher_saliency(model, parts(x, y, sizes))
    assert_close(ours, gate_by_gate(model, parts(x, y, sizes)))


def test_the_references_agree():
    model, (x, y) = network(ChannelProfile.full(10, 0.25)), batch(7)
    assert_close(gate_by_gate(model, [(x, y)]), sample_by_sample(model, x, y), 1e-9)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_single_precision_and_layout_hardly_matter(layout):
    profile = ChannelProfile.full(16, 0.5)
    x, y = batch(12)
    single = network(profile, dtype=torch.float32).to(memory_format=layout)
    ours = fisher_saliency(single, [(x.float().contiguous(memory_format=layout), y)], CPU)
    assert_close(ours, sample_by_sample(network(profile), x, y), 1e-3)


def test_measuring_in_eval_mode_leaves_the_network_as_it_was():
    model = network(ChannelProfile.full(10, 0.25))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fisher_saliency(model, [batch(4)])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not model.training


@examples(10)
@given(profiles(), seeds)
def test_measuring_does_not_change_the_training_step(profile, seed):
    weights = []
    for measuring in (False, True):
        model = CPU.place(network(profile, seed, dtype=torch.float32)).train()
        optimizer = sgd(model, 0.1, 0.9, 5e-4)
        fisher = Fisher(model) if measuring else None
        for step in range(3):
            x, y = batch(6, seed + step, dtype=torch.float32)
            x = x.contiguous(memory_format=torch.channels_last)
            loss = sgd_step(model, optimizer, x, y, CPU, fisher.gates if fisher else None)
        weights.append([loss, *model.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    assert all(total.any() for total in fisher.totals)


def test_tuning_and_measuring_at_once_is_measuring_each_network_on_its_batch():
    model, reference = (network(ChannelProfile.full(10, 0.25)).train() for _ in range(2))
    optimizer, fisher = sgd(model, 0.05, 0.9, 0), Fisher(model)
    theirs = sgd(reference, 0.05, 0.9, 0)
    totals = [torch.zeros_like(total) for total in fisher.totals]
    for step, n in enumerate((5, 8, 3)):
        x, y = batch(n, step)
        state = {name: value.clone() for name, value in reference.state_dict().items()}
        for total, score in zip(totals, gate_by_gate(reference, [(x, y)]), strict=True):
            total += score * n / 16
        reference.load_state_dict(state)
        sgd_step(reference, theirs, x, y, CPU)
        sgd_step(model, optimizer, x, y, CPU, fisher.gates)
        fisher.samples += n
    assert_close(fisher.scores(), totals)


def test_a_channel_that_is_never_active_has_no_saliency():
    model, (x, y) = network(ChannelProfile.full(10, 0.5)), batch(5)
    with torch.no_grad():
        model.blocks[1].bn2.weight[3] = 0
        model.blocks[1].bn2.bias[3] = -1
    scores = fisher_saliency(model, [(x, y)])
    assert scores[1][3] == 0
    assert least_salient(scores) == (2, 3, 0.0)


@given(profiles(), seeds)
@examples(10)
def test_l1_is_the_mean_absolute_weight_of_a_filter(profile, seed):
    model = network(profile, seed)
    scores = CRITERIA["l1"](CriterionInputs(model, None, torch.Generator()))
    for block, score in zip(model.blocks, scores, strict=True):
        filters = block.conv1.weight.detach().numpy()
        assert score.tolist() == pytest.approx([abs(f).sum() / f.size for f in filters])


def test_fisher_is_what_was_accumulated():
    scores = [torch.rand(3), torch.rand(2)]
    assert CRITERIA["fisher"](CriterionInputs(None, scores, torch.Generator())) is scores


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([[1, 2, 3], [1], [1, 2]], "block 1 has 2 channels, but the shape of its scores is (3,)"),
        ([[1, 2], [], [1, 2]], "block 2 has 1 channels, but the shape of its scores is (0,)"),
        ([[1, 2], [1], [[1, 2]]], "block 3 has 2 channels, but the shape of its scores is (1, 2)"),
        ([[1, 2], [1]], "must score 3 blocks, but gave 2 tensors"),
        ([[1, 2], [1], [1, float("nan")]], "a score of block 3 is not a number"),
    ],
)
def test_scores_that_no_channel_can_be_chosen_by_are_refused(scores, says, monkeypatch):
    mine = [torch.tensor(score, dtype=torch.float32) for score in scores]
    monkeypatch.setitem(CRITERIA, "mine", lambda inputs: mine)
    model = network(ChannelProfile(10, 0.125, (2, 1, 2)))
    with pytest.raises(PrunelibError, match=re.escape(says)) as caught:
        scores_of("mine", CriterionInputs(model, None, torch.Generator()))
    assert "'mine'" in str(caught.value)


def test_random_removal_takes_every_channel_as_often():
    model = network(ChannelProfile(10, 0.5, (2, 1, 6)))
    random = torch.Generator().manual_seed(0)
    counts = Counter()
    for _ in range(1600):
        scores = CRITERIA["random"](CriterionInputs(model, None, random))
        assert [len(score) for score in scores] == [2, 1, 6]
        counts[least_salient(scores)[:2]] += 1
    assert set(counts) == {(1, 0), (1, 1), *((3, i) for i in range(6))}
    assert all(abs(count - 200) < 60 for count in counts.values())


def test_random_scores_are_those_of_the_generator():
    model = network(ChannelProfile.full(10, 0.25))
    first, second, other = (
        CRITERIA["random"](CriterionInputs(model, None, torch.Generator().manual_seed(seed)))
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], other[0])


def macs(model, shape):
    model.eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, shape.in_channels, shape.image_size, shape.image_size))
    return counter.get_total_flops() // 2


@examples(10)
@given(profiles(), st.sampled_from([1, 3]), st.integers(5, 11))
def test_savings_are_the_operations_that_a_smaller_network_does_not_do(profile, channels, size):
    shape = InputShape(channels, 10, size)
    before = macs(WideResNet(profile, 10, channels), shape)
    for number, saved in enumerate(flop_savings(profile, shape), 1):
        model = WideResNet(profile, 10, channels)
        if profile.middle[number - 1] > 1:
            remove_channel(model, number, 0)
        assert before - macs(model, shape) == saved


scores_and_savings = st.lists(
    st.tuples(
        st.lists(st.integers(0, 6).map(lambda k: k / 4), min_size=1, max_size=5),
        st.integers(0, 4).map(lambda k: k * 250_000),
    ),
    min_size=1,
    max_size=5,
).filter(lambda blocks: any(len(scores) > 1 for scores, _ in blocks))


@given(scores_and_savings, st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_the_least_salient_channel_has_the_least_cost_of_all(blocks, penalty):
    scores = [torch.tensor(score, dtype=torch.float64) for score, _ in blocks]
    savings = [saved for _, saved in blocks]
    costs = {
        (number, channel): value - penalty * saved / 1e6
        for number, (score, saved) in enumerate(blocks, 1)
        for channel, value in enumerate(score)
        if len(score) > 1
    }
    block, channel, saliency = least_salient(scores, savings, penalty)
    assert costs[block, channel] == min(costs.values())
    assert block == min(b for (b, _), cost in costs.items() if cost == min(costs.values()))
    assert saliency == blocks[block - 1][0][channel]
    if not penalty:
        assert least_salient(scores) == (block, channel, saliency)


def test_a_penalty_prefers_the_channel_that_costs_more():
    scores = [torch.tensor([1.0, 3.0]), torch.tensor([1.2, 4.0])]
    assert least_salient(scores, [100_000, 500_000], 0.0)[:2] == (1, 0)
    assert least_salient(scores, [100_000, 500_000], 0.4)[:2] == (1, 0)
    assert least_salient(scores, [100_000, 500_000], 0.6)[:2] == (2, 0)


def test_the_last_channel_of_a_block_stays_whatever_its_score():
    assert least_salient([torch.tensor([-9.0]), torch.tensor([5.0, 4.0])]) == (2, 1, 4.0)


@examples(8)
@given(profiles(depths=(10,), widths=(0.125, 0.3), least=2), seeds)
def test_measured_changes_are_those_of_the_network_without_the_channel(profile, seed):
    model = network(profile, seed).train()
    x, y = batch(6, seed)
    calls = []
    changes = loss_changes(model, x, y, progress=lambda *call: calls.append(call))
    assert model.training
    assert calls[-1] == (profile.prunable, profile.prunable)
    whole = mean_loss(network(profile, seed), x, y)
    for number, c in enumerate(profile.middle, 1):
        for channel in range(c):
            smaller = network(profile, seed)
            remove_channel(smaller, number, channel)
            expected = mean_loss(smaller, x, y) - whole
            assert changes[number - 1][channel] == pytest.approx(expected, abs=1e-10)


@torch.no_grad()
def mean_loss(model, x, y):
    log_p = torch.log_softmax(model(x), 1)
    return -log_p[torch.arange(len(y)), y].mean().item()
