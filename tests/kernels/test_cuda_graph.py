"""Recorded steps, with a recorder that needs no GPU: they do what plain steps do, or are left."""

import copy

import pytest
import torch
from making import CPU

from prunelib import ChannelProfile, WideResNet
from prunelib.kernels.cuda_graph import COMPARED, WARM_UP, Recorder, Replayed, distance
from prunelib.pruning.saliency import Fisher
from prunelib.training.machine import Machine
from prunelib.training.updates import sgd, sgd_step, stepper


def record_python(function):
    """What a graph does: the same work again on the same memory, whatever Python holds now."""
    result = function().clone()
    return (lambda: result.copy_(function())), result


def record_later(function):
    """The same, and like a graph it only notes the work while it records."""
    result = torch.zeros(())
    return (lambda: result.copy_(function())), result


def batches(count, sizes=(8,)):
    random = torch.Generator().manual_seed(0)
    for i in range(count):
        n = sizes[i % len(sizes)]
        yield torch.randn(n, 3, 8, 8, generator=random), torch.randint(10, (n,), generator=random)


class Network:
    """A network with all that changes while it trains."""

    def __init__(self, record=None, recorder=None):
        torch.manual_seed(0)
        self.model = WideResNet(ChannelProfile.full(10, 0.5)).train()
        self.optimizer = sgd(self.model, 0.1, 0.9, 5e-4)
        self.fisher = Fisher(self.model)
        self.recordings = 0
        self.step = self.plain
        if record:

            def counted(function):
                self.recordings += 1
                return record(function)

            recorder = Recorder(counted)
        if recorder:
            self.step = Replayed(
                self.plain, self.model, self.optimizer, self.fisher.totals, recorder
            )

    def plain(self, x, y):
        return sgd_step(self.model, self.optimizer, x, y, CPU, self.fisher.gates)

    def state(self):
        momentum = [s["momentum_buffer"] for s in self.optimizer.state.values()]
        return [*self.model.state_dict().values(), *momentum, *self.fisher.totals]


def run(network, given, rates=()):
    losses = []
    for i, (x, y) in enumerate(given):
        if i in dict(rates):
            network.optimizer.param_groups[0]["lr"] = dict(rates)[i]
        losses.append(network.step(x, y).clone())
    return torch.stack(losses)


@pytest.mark.parametrize("sizes", [(8,), (8, 8, 8, 8, 8, 8, 3)])
def test_a_recorded_run_ends_with_the_weights_of_a_plain_one(sizes):
    plain, recorded = Network(), Network(record_python)
    given, rates = list(batches(30, sizes)), ((12, 0.01), (20, 0.002))
    torch.testing.assert_close(run(recorded, given, rates), run(plain, given, rates))
    torch.testing.assert_close(recorded.state(), plain.state(), rtol=1e-5, atol=1e-6)
    assert recorded.recordings == 3


RATES = tuple((5 * i, 0.1 / (1 + i)) for i in range(1, 8))


def test_recordings_after_the_first_are_relied_on_sooner():
    plain, recorded = Network(), Network(record_later)
    given = list(batches(40))
    torch.testing.assert_close(run(recorded, given, RATES), run(plain, given, RATES))
    torch.testing.assert_close(recorded.state(), plain.state(), rtol=1e-5, atol=1e-6)
    assert recorded.recordings == 8 > COMPARED


def test_a_later_recording_that_is_refused_is_the_last():
    plain, recorded = Network(), Network(record_later)
    record = recorded.step.recorder.record

    def refuse_later(function):
        if recorded.recordings > COMPARED:
            raise RuntimeError("out of memory")
        return record(function)

    recorded.step.recorder.record = refuse_later
    given = list(batches(40))
    with pytest.warns(UserWarning, match="without CUDA graphs: out of memory"):
        losses = run(recorded, given, RATES)
    torch.testing.assert_close(losses, run(plain, given, RATES))
    torch.testing.assert_close(recorded.state(), plain.state(), rtol=1e-5, atol=1e-6)
    assert recorded.recordings == COMPARED + 1


def test_batches_are_copied_into_the_memory_of_the_recording():
    network = Network(record_python)
    for x, y in batches(WARM_UP + 4):
        network.step(x, y)
    assert network.step.x is not x
    torch.testing.assert_close(network.step.x, x)
    torch.testing.assert_close(network.step.y, y)


def broken(how, network):
    """Recorders that go wrong, each in its own way."""
    leaves = {
        "weights stand": lambda: list(network.model.parameters()),
        "momentum stands": lambda: [s["momentum_buffer"] for s in network.optimizer.state.values()],
        "statistics stand": lambda: [b for b in network.model.buffers() if b.is_floating_point()],
        "counts stand": lambda: [b for b in network.model.buffers() if not b.is_floating_point()],
        "saliency stands": lambda: network.fisher.totals,
    }

    def record(function):
        if how == "refuses":
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        replay, result = record_python(function)
        if how == "does nothing":
            return (lambda: None), result
        if how == "steps twice":
            return (lambda: (replay(), replay())), result
        if how == "wrong loss":
            return (lambda: (replay(), result.mul_(2))), result
        if how == "old batch":
            x, y = network.step.x.clone(), network.step.y.clone()

            def stale():
                network.step.x.copy_(x)
                network.step.y.copy_(y)
                replay()

            return stale, result

        def forgetful():
            kept = [t.detach().clone() for t in leaves[how]()]
            replay()
            with torch.no_grad():
                for tensor, old in zip(leaves[how](), kept, strict=True):
                    tensor.copy_(old)

        return forgetful, result

    return record


@pytest.mark.parametrize(
    "how",
    [
        "refuses",
        "does nothing",
        "steps twice",
        "wrong loss",
        "old batch",
        "weights stand",
        "momentum stands",
        "statistics stand",
        "counts stand",
        "saliency stands",
    ],
)
@pytest.mark.parametrize("lr", [0.1, 8e-4])
def test_a_recording_that_is_not_right_is_left_and_changes_nothing(how, lr):
    plain, recorded = Network(), Network(record_python)
    counted = recorded.step.recorder.record
    recorded.step.recorder.record = lambda function: (
        counted(function),
        broken(how, recorded)(function),
    )[1]
    given, rates = list(batches(12)), ((0, lr),)
    with pytest.warns(UserWarning, match="without CUDA graphs"):
        losses = run(recorded, given, rates)
    torch.testing.assert_close(losses, run(plain, given, rates), rtol=0, atol=0)
    torch.testing.assert_close(recorded.state(), plain.state(), rtol=0, atol=0)
    assert recorded.recordings == 1
    run(Network(recorder=recorded.step.recorder), given)
    assert recorded.recordings == 1
    other = Network(record_python)
    run(other, given)
    assert other.recordings > 0


def test_without_a_gpu_nothing_is_recorded():
    network = Network()
    step = stepper(network.model, network.optimizer, CPU, 1000, network.fisher)
    assert not isinstance(step, Replayed)
    other = copy.deepcopy(network)
    ((x, y),) = batches(1)
    assert step(x, y) == other.plain(x, y)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_graph_trains_as_plain_steps_do():
    machine = Machine.here("cuda")
    start, ends, losses = None, [], []
    for recorded in (False, True):
        torch.manual_seed(0)
        model = machine.place(WideResNet(ChannelProfile.full(10, 0.5)).train())
        start = [p.detach().clone() for p in model.parameters()]
        optimizer = sgd(model, 0.01, 0.9, 5e-4)
        plain = lambda x, y, m=model, o=optimizer: sgd_step(m, o, x, y, machine)  # noqa: E731
        step, recorder = plain, Recorder.on("cuda")
        if recorded:
            step = Replayed(plain, model, optimizer, (), recorder)
        for x, y in batches(20, (8, 8, 8, 8, 8, 8, 3)):
            x = x.to("cuda", memory_format=torch.channels_last)
            loss = step(x, y.to("cuda"))
        assert recorder.trusted
        ends.append([p.detach() for p in model.parameters()])
        losses.append(loss.clone())
    torch.testing.assert_close(*losses, rtol=0.05, atol=0.01)
    assert distance(*ends) < 0.1 * distance(ends[0], start)
