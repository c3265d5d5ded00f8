"""SNIP by channels, distillation and renewed statistics, against computations of their own."""

import math
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, batch, examples, network, profiles
from torch.func import functional_call
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors
from prunelib.nets.inputs import PRUNING
from prunelib.nets.profile import ChannelProfile
from prunelib.pruning.criteria import CRITERIA, CriterionInputs, scores_of
from prunelib.pruning.public import prune
from prunelib.study.cost import cost_estimate
from prunelib.study.families import FAMILIES
from prunelib.study.images import cached_dataset
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.request import Request
from prunelib.study.runs import initial_model, run
from prunelib.study.scales import SCALES
from prunelib.study.specs import (
    DataSpec,
    PruneSpec,
    Start,
    Teacher,
    TrainSpec,
    from_dict,
    key,
    to_dict,
)
from prunelib.study.start_weights import RunContext, new_model
from prunelib.study.store import Store, files_read, removed
from prunelib.training.data import train_batches
from prunelib.training.distillation import distillation_loss
from prunelib.training.protocols import PruneProtocol, TrainProtocol

BASE = TrainSpec(
    ChannelProfile.full(10, 0.25),
    DataSpec("digits", 8),
    TrainProtocol(epochs=1, milestones=(), pad=1, flip=False),
    0,
)
DATA = cached_dataset("digits", 8, None)
PRUNING_RUN = PruneSpec(BASE, PruneProtocol(pad=1, flip=False, steps=2, removals=8), 0)
SNIP = replace(
    PRUNING_RUN,
    start="initial",
    protocol=replace(
        PRUNING_RUN.protocol, criterion="snip", ranked="once", steps=1, lr=0.0, eval_every=1000
    ),
)
STUDENT = replace(BASE, profile=ChannelProfile.full(10, 0.125))


def sensitivity(model, x, y):
    """The gradient in a factor of 1 on every weight that makes a channel (Lee et al., 2019)."""
    names = [f"blocks.{i}.conv1.weight" for i in range(len(model.blocks))]
    weights = dict(model.named_parameters())
    factors = [torch.ones_like(weights[name], requires_grad=True) for name in names]
    masked = {n: weights[n].detach() * c for n, c in zip(names, factors, strict=True)}
    loss = F.cross_entropy(functional_call(model, masked, (x,)), y)
    return [g.abs().sum((1, 2, 3)) for g in torch.autograd.grad(loss, factors)]


@examples(8)
@given(profiles(), st.integers(0, 99))
def test_snip_is_the_gradient_in_the_factors_of_connections(profile, seed):
    model, (x, y) = network(profile, seed).train(), batch(6, seed)
    expected = sensitivity(model, x, y)
    F.cross_entropy(model(x), y).backward()
    scores = CRITERIA["snip"](CriterionInputs(model, None, torch.Generator()))
    for ours, theirs in zip(scores, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_snip_needs_a_gradient():
    inputs = CriterionInputs(network(ChannelProfile.full(10, 0.25)), None, torch.Generator())
    with pytest.raises(PrunelibError, match="must score 3 blocks"):
        scores_of("snip", inputs)


def test_channels_are_ranked_once_by_one_batch_and_the_lowest_go(tmp_path):
    store = Store(tmp_path)
    record = run(SNIP, store, CPU)
    assert not store.path(BASE).exists()
    model = new_model(BASE.profile, DATA, BASE.seed).train()
    p = SNIP.protocol
    x, y = next(train_batches(DATA, p.batch_size, p.pad, p.flip, SNIP.seed, PRUNING))
    scores = {
        (number, channel): score
        for number, block in enumerate(sensitivity(model, x, y), 1)
        for channel, score in enumerate(block.tolist())
    }
    left, expected = list(BASE.profile.middle), []
    for block, channel in sorted(scores, key=scores.__getitem__):
        if left[block - 1] > 1:
            expected.append((block, channel))
            left[block - 1] -= 1
    assert removed(record) == expected[:8]
    points = record.outcome["points"]
    assert points["images"] == [len(y), *[0] * 8]
    assert record.outcome["images_seen"] == len(y)
    tensors, _ = load_tensors(store.weights(SNIP))
    kept = new_model(BASE.profile, DATA, BASE.seed).stem.weight
    assert torch.equal(tensors["stem.weight"], kept)


def test_one_ranking_goes_down_to_a_channel_a_block_and_can_be_followed():
    protocol = replace(SNIP.protocol, removals=BASE.profile.prunable - 3)
    first, again = new_model(BASE.profile, DATA, 1), new_model(BASE.profile, DATA, 2)
    points = prune(first, DATA, protocol, 1, CPU)
    assert first.profile.middle == (1, 1, 1)
    scores = [point.saliency for point in points[:-1]]
    order = [point.block for point in points[:-1]]
    for number in (1, 2, 3):
        of_block = [s for s, block in zip(scores, order, strict=True) if block == number]
        assert of_block == sorted(of_block)
    follow = prune(again, DATA, protocol, 2, CPU, replay=order)
    assert [point.block for point in follow[:-1]] == order
    assert [point.saliency for point in follow[:-1]] != scores


def softmax(values):
    powers = [math.exp(v - max(values)) for v in values]
    return [p / sum(powers) for p in powers]


logits = st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=4)


@examples(40)
@given(logits, st.randoms(), st.floats(0.5, 20), st.floats(0, 1))
def test_distillation_is_as_it_is_defined(student, random, temperature, weight):
    teacher = [[random.uniform(-9, 9) for _ in row] for row in student]
    labels = [random.randrange(3) for _ in student]
    total = 0.0
    for s, t, y in zip(student, teacher, labels, strict=True):
        p = softmax([v / temperature for v in t])
        q = softmax([v / temperature for v in s])
        divergence = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        total += weight * temperature**2 * divergence - (1 - weight) * math.log(softmax(s)[y])
    found = distillation_loss(
        torch.tensor(student, dtype=torch.float64),
        torch.tensor(teacher, dtype=torch.float64),
        torch.tensor(labels),
        temperature,
        weight,
    )
    assert found.item() == pytest.approx(total / len(student), rel=1e-4, abs=1e-5)


def test_at_a_high_temperature_logits_are_matched():
    """Hinton et al., section 2.1: the gradient tends to (s - t) / (N classes), means taken away."""
    student, teacher = torch.randn(5, 7).requires_grad_(), torch.randn(5, 7)
    distillation_loss(student, teacher, torch.zeros(5, dtype=torch.int64), 1e3, 1.0).backward()
    apart = student.detach() - student.detach().mean(1, True) - teacher + teacher.mean(1, True)
    torch.testing.assert_close(student.grad, apart / (5 * 7), rtol=1e-2, atol=1e-4)


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results"))
    size = DATA.shape.params(ChannelProfile(10, 0.25, (4, 6, 13)))
    return store, run(PRUNING_RUN, store, CPU, snapshots=(size,))


def test_a_student_learns_from_the_base_and_its_work_counts(pruned):
    store, _ = pruned
    before, _ = load_tensors(store.weights(BASE))
    taught = replace(STUDENT, teacher=Teacher(BASE))
    record = run(taught, store, CPU)
    after, _ = load_tensors(store.weights(BASE))
    assert all(torch.equal(before[name], after[name]) for name in before)
    images = record.outcome["images_seen"]
    own, teacher = (DATA.shape.macs(spec.profile) for spec in (STUDENT, BASE))
    assert record.outcome["training_macs"] == images * (3 * own + teacher)
    alone = run(STUDENT, store, CPU)
    assert record.outcome["epochs"]["test_loss"] != alone.outcome["epochs"]["test_loss"]
    assert cost_estimate(taught) > cost_estimate(STUDENT)
    assert {store.path(BASE), store.weights(BASE)} == set(files_read(taught, store))


def test_a_teacher_without_weight_teaches_nothing(pruned):
    store, _ = pruned
    told = run(replace(STUDENT, teacher=Teacher(BASE, weight=0.0)), store, CPU)
    alone = run(STUDENT, store, CPU)
    for name in ("test_error", "test_loss"):
        assert told.outcome["epochs"][name] == pytest.approx(
            alone.outcome["epochs"][name], rel=1e-4
        )


def test_a_teacher_is_part_of_the_spec_and_its_absence_changes_no_key():
    spec = replace(STUDENT, teacher=Teacher(BASE))
    assert from_dict(to_dict(spec)) == spec
    assert to_dict(spec)["teacher"]["temperature"] == 4.0
    assert to_dict(spec)["teacher"]["weight"] == 0.9
    assert key(spec) != key(STUDENT)
    assert "teacher" not in to_dict(STUDENT)
    assert "ranked" not in to_dict(PRUNING_RUN)["protocol"]


@pytest.mark.parametrize("fields", [{"temperature": 0.0}, {"weight": 1.1}, {"weight": -0.1}])
def test_a_teacher_that_makes_no_sense_is_refused(fields):
    spec = to_dict(replace(STUDENT, teacher=Teacher(BASE)))
    spec["teacher"] |= fields
    with pytest.raises(PrunelibError, match="teacher"):
        from_dict(spec)


def test_renewed_statistics_are_all_that_changes(pruned, tmp_path):
    store = Store(tmp_path)
    shutil.copytree(pruned[0].folder, tmp_path, dirs_exist_ok=True)
    record = pruned[1]
    profile = BASE.profile
    for block, _ in removed(record):
        profile = profile.without(block)
    changes = FAMILIES["recalibrated"].training
    spec = replace(
        BASE,
        profile=profile,
        protocol=replace(BASE.protocol, **changes),
        start=Start(PRUNING_RUN, 8, "tuned"),
    )
    renewed = run(spec, store, CPU)
    before = initial_model(spec, RunContext(store, DATA, CPU))
    after, _ = load_tensors(store.weights(spec))
    assert renewed.outcome["first_error"] == pytest.approx(record.outcome["error"])
    for name, parameter in before.named_parameters():
        assert torch.equal(after[name], parameter)
    last = before.bn.running_mean.clone()
    stem = before.blocks[0].bn1.running_mean.clone()
    before.train()
    p = spec.protocol
    steps = -(-len(DATA.train.y) // p.batch_size)
    with torch.no_grad():
        for x, _ in islice(train_batches(DATA, p.batch_size, p.pad, p.flip, spec.seed), steps):
            stem = 0.9 * stem + 0.1 * before.stem(x).mean((0, 2, 3))
    torch.testing.assert_close(after["blocks.0.bn1.running_mean"], stem, rtol=1e-4, atol=1e-5)
    assert not torch.equal(after["bn.running_mean"], last)


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_what_learns_from_the_base_or_from_pruning_waits_for_it(scale, tmp_path):
    preset = SCALES[scale]
    budget = preset.budgets[0]
    find = cached_lookup(Store(tmp_path / scale))
    chains = {
        "distilled-bottleneck": ["base"],
        "distilled-shape": ["base", "pruned-and-tuned"],
        "recalibrated": ["base", "pruned-and-tuned"],
        "snip-shape": ["snip-removal"],
    }
    for family, before in chains.items():
        request = Request(preset, family, budget, 0)
        assert [r.family for r in request.chain(find)] == [*before, family]
        assert request.spec(find) == request.chain(find)[0].spec(find)
        assert request.cost_estimate() > 0


def test_teachers_are_bases_of_the_same_seed():
    find = cached_lookup(Store(Path(__file__).parents[2] / "results/mini"))
    for seed in range(2):
        request = Request(SCALES["mini"], "distilled-bottleneck", 80_000, seed)
        spec = request.spec(find)
        assert spec.teacher == Teacher(SCALES["mini"].base_spec(seed))
        plain = Request(SCALES["mini"], "bottleneck", 80_000, seed).spec(find)
        assert replace(spec, teacher=None) == plain


def test_the_study_of_a_scale_with_records_plans_each_new_control():
    names = {request.family for request in plan_study(SCALES["mini"])}
    assert {"recalibrated", "snip-shape", "distilled-bottleneck", "distilled-shape"} <= names
