import contextlib
import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, batch, dataset, examples, images, network, profiles, seeds
from torch.utils._python_dispatch import TorchDispatchMode

from prunelib.files import Cadence
from prunelib.nets.profile import ChannelProfile
from prunelib.training import trainer
from prunelib.training.data import Dataset, train_batches
from prunelib.training.protocols import PruneProtocol, TrainProtocol
from prunelib.training.trainer import NotFinite, evaluate, train
from prunelib.training.updates import sgd, sgd_step

TINY = ChannelProfile.full(10, 0.25)
SHORT = TrainProtocol(epochs=3, batch_size=16, lr=0.05, milestones=(1, 2), pad=1)


def tiny_data(n=40) -> Dataset:
    return dataset(images(n), images(13, seed=1))


def tiny_network(seed=0):
    return network(TINY, seed, dtype=torch.float32)


def same_weights(a, b):
    ours, theirs = a.state_dict(), b.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@examples(30)
@given(st.lists(st.integers(1, 9), max_size=5), st.sampled_from([0.9, 0.0]))
def test_training_that_is_stopped_again_and_again_gives_bitwise_the_same(
    tmp_path_factory, stops, momentum
):
    protocol = replace(SHORT, momentum=momentum)
    path = tmp_path_factory.mktemp("run") / "state.checkpoint"
    expected, model = tiny_network(), tiny_network()
    straight = train(expected, tiny_data(), protocol, 0, CPU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cadence, "due", lambda self: True)
        for stop in stops:
            calls = iter(range(1, 100))

            def interrupt(done, total, note, stop=stop, calls=calls):
                if next(calls) == stop:
                    raise KeyboardInterrupt

            with contextlib.suppress(KeyboardInterrupt):
                train(tiny_network(), tiny_data(), protocol, 0, CPU, interrupt, path)
        history = train(model, tiny_data(), protocol, 0, CPU, checkpoint=path)
    assert [epoch[:3] for epoch in history] == [epoch[:3] for epoch in straight]
    assert same_weights(model, expected)


def test_a_restart_begins_where_the_checkpoint_is_and_ends_further(tmp_path, monkeypatch):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    path, begun = tmp_path / "state.checkpoint", []
    for _ in range(9):
        done = []

        def interrupt(step, total, note, done=done):
            done.append(step)
            if len(done) == 2:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            train(tiny_network(), tiny_data(), SHORT, 0, CPU, interrupt, path)
        begun.append(done[0])
    assert begun == sorted(begun)
    assert begun[-1] > begun[0]


@pytest.mark.parametrize(
    ("protocol", "seed"), [(replace(SHORT, lr=0.02), 0), (SHORT, 1), (replace(SHORT, epochs=4), 0)]
)
def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path, monkeypatch, protocol, seed):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    path = tmp_path / "state.checkpoint"
    train(tiny_network(), tiny_data(), SHORT, 0, CPU, checkpoint=path)
    assert path.exists()
    model, expected = tiny_network(), tiny_network()
    train(model, tiny_data(), protocol, seed, CPU, checkpoint=path)
    train(expected, tiny_data(), protocol, seed, CPU)
    assert same_weights(model, expected)


def test_the_paper_multiplies_the_learning_rate_by_a_fifth_every_60_epochs():
    paper = TrainProtocol()
    for first, last, lr in ((0, 59, 0.1), (60, 119, 0.02), (120, 179, 4e-3), (180, 199, 8e-4)):
        assert paper.lr_at(first) == pytest.approx(lr, rel=1e-12)
        assert paper.lr_at(last) == pytest.approx(lr, rel=1e-12)
    assert PruneProtocol().lr == pytest.approx(8e-4, rel=1e-12)
    assert (paper.epochs, paper.batch_size, paper.pad, paper.flip) == (200, 128, 4, True)
    assert (paper.momentum, paper.weight_decay) == (0.9, 5e-4)


@given(
    st.integers(1, 60),
    st.lists(st.integers(0, 60), max_size=4),
    st.floats(1e-3, 1),
    st.floats(0.1, 1),
)
def test_each_milestone_multiplies_the_learning_rate_once(epochs, milestones, lr, gamma):
    protocol = TrainProtocol(epochs=epochs, lr=lr, gamma=gamma, milestones=tuple(milestones))
    for epoch in range(epochs):
        expected = lr
        for milestone in milestones:
            if milestone <= epoch:
                expected *= gamma
        assert protocol.lr_at(epoch) == pytest.approx(expected, rel=1e-12)


@given(st.integers(10, 400))
def test_another_length_keeps_the_milestones_in_proportion(epochs):
    other = TrainProtocol().lasting(epochs)
    assert other == TrainProtocol(epochs=epochs, milestones=other.milestones)
    for ours, paper in zip(other.milestones, (60, 120, 180), strict=True):
        assert abs(ours - paper * epochs / 200) <= 0.5
    assert other.lr_at(epochs - 1) == TrainProtocol().lr_at(199)
    assert TrainProtocol().lasting(200) == TrainProtocol()


@examples(15)
@given(
    profiles(depths=(10,)),
    seeds,
    st.floats(0.01, 0.5),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([0.0, 5e-4, 0.1]),
)
def test_steps_are_those_of_the_textbook(profile, seed, lr, momentum, decay):
    model, textbook = network(profile, seed).train(), network(profile, seed).train()
    optimizer = sgd(model, lr, momentum, decay)
    velocity = {name: torch.zeros_like(p) for name, p in textbook.named_parameters()}
    for step in range(3):
        x, y = batch(5, seed + step)
        ours = sgd_step(model, optimizer, x, y, CPU)
        log_p = torch.log_softmax(textbook(x), 1)
        loss = -log_p[torch.arange(len(y)), y].mean()
        torch.testing.assert_close(ours, loss.detach(), rtol=1e-12, atol=1e-12)
        gradients = torch.autograd.grad(loss, list(textbook.parameters()))
        with torch.no_grad():
            for (name, w), g in zip(textbook.named_parameters(), gradients, strict=True):
                velocity[name] = momentum * velocity[name] + g + decay * w
                w -= lr * velocity[name]
    for ours, theirs in zip(model.parameters(), textbook.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_training_is_the_protocol_step_by_step():
    data, ours, expected = tiny_data(), tiny_network(), tiny_network()
    history = train(ours, data, SHORT, seed=3, machine=CPU)
    CPU.place(expected)
    optimizer = sgd(expected, SHORT.lr, SHORT.momentum, SHORT.weight_decay)
    batches = train_batches(data, 16, 1, True, seed=3)
    for epoch, lr in enumerate((0.05, 0.01, 0.002)):
        assert SHORT.lr_at(epoch) == pytest.approx(lr)
        optimizer.param_groups[0]["lr"] = SHORT.lr_at(epoch)
        expected.train()
        losses = [sgd_step(expected, optimizer, *next(batches), CPU).item() for _ in range(3)]
        error, loss = evaluate(expected, data, machine=CPU)
        assert history[epoch].train_loss == pytest.approx(sum(losses) / 3, rel=1e-6)
        assert history[epoch][1:3] == (error, loss)
    assert len(history) == 3
    assert same_weights(ours, expected)


def test_training_learns():
    history = train(
        tiny_network(), tiny_data(), TrainProtocol(epochs=25, batch_size=8, pad=0), 0, CPU
    )
    assert history[-1].train_loss < 0.5 * history[0].train_loss


@pytest.mark.parametrize(("seed", "same"), [(7, True), (8, False)])
def test_a_seed_gives_bitwise_the_same_network_twice(seed, same):
    a, b = tiny_network(), tiny_network()
    first = train(a, tiny_data(), SHORT, 7, CPU)
    second = train(b, tiny_data(), SHORT, seed, CPU)
    assert same_weights(a, b) == same
    assert ([epoch[:3] for epoch in first] == [epoch[:3] for epoch in second]) == same


@examples(15)
@given(profiles(depths=(10,)), seeds, st.integers(1, 20), st.integers(1, 21), st.booleans())
def test_evaluation_is_the_mean_over_single_images(profile, seed, n, size, training):
    data = dataset(images(10), images(n, seed))
    model = network(profile, seed, dtype=torch.float32).train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "EVALUATION_BATCH", size)
        error, loss = evaluate(model, data, machine=CPU)
        train_error, _ = evaluate(model, data, data.train, CPU)
    assert model.training is training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    precise = network(profile, seed)

    @torch.no_grad()
    def naive(split):
        wrong, total = 0, 0.0
        for x, y in zip(split.x, split.y.tolist(), strict=True):
            p = precise(data.normalise(x[None]).double())[0].softmax(0)
            wrong += int(p.argmax()) != y
            total -= math.log(p[y])
        return 100 * wrong / len(split.y), total / len(split.y)

    assert (error, loss) == pytest.approx(naive(data.test), rel=1e-4)
    assert train_error == pytest.approx(naive(data.train)[0])


def first_bad_step(data, protocol, seed):
    model = CPU.place(tiny_network()).train()
    optimizer = sgd(model, protocol.lr, protocol.momentum, protocol.weight_decay)
    batches = train_batches(data, protocol.batch_size, protocol.pad, protocol.flip, seed)
    for step in range(100):
        if not sgd_step(model, optimizer, *next(batches), CPU).isfinite():
            return step
    return None


@pytest.mark.parametrize(("lr", "batch_size"), [(1e30, 16), (1e30, 8)])
def test_a_loss_that_is_not_finite_ends_training_and_says_where(lr, batch_size):
    protocol = TrainProtocol(epochs=30, batch_size=batch_size, lr=lr)
    step = first_bad_step(tiny_data(), protocol, 0)
    assert step > 0
    with pytest.raises(NotFinite, match=rf"loss became (nan|inf) at step {step};"):
        train(tiny_network(), tiny_data(), protocol, 0, CPU)


def test_a_test_loss_that_is_not_finite_ends_training():
    with pytest.raises(NotFinite):
        train(tiny_network(), tiny_data(), TrainProtocol(epochs=1, batch_size=100, lr=1e30), 0, CPU)


class Synchronisations(TorchDispatchMode):
    """Counts operations that make a GPU wait for the CPU."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in (
            "_local_scalar_dense",
            "item",
            "is_nonzero",
            "nonzero",
            "equal",
            "masked_select",
            "unique",
        ):
            self.count[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def synchronisations(n):
    with Synchronisations() as mode:
        train(tiny_network(), tiny_data(n), SHORT, 0, CPU)
    return mode.count


def test_nothing_waits_for_the_device_inside_an_epoch():
    assert synchronisations(16) == synchronisations(100)
    assert 0 < synchronisations(16).total() <= 10 * SHORT.epochs


def test_progress_counts_every_step_and_tells_the_error():
    calls = []
    history = train(tiny_network(), tiny_data(), SHORT, 0, CPU, lambda *call: calls.append(call))
    assert {total for _, total, _ in calls} == {9}
    done = [done for done, _, _ in calls]
    assert done == sorted(done)
    assert set(done) == set(range(1, 10))
    assert f"{history[-1].test_error:.2f}" in calls[-1][2]


def test_watching_does_not_change_what_is_computed():
    a, b = tiny_network(), tiny_network()
    train(a, tiny_data(), SHORT, 0, CPU, lambda *call: None)
    train(b, tiny_data(), SHORT, 0, CPU)
    assert same_weights(a, b)
