import json
from dataclasses import replace

import pytest
import torch
from comparing import same, state, without_times
from hypothesis import assume, given
from hypothesis import strategies as st
from making import CPU, dataset, examples, images, network, profiles, seeds
from torch.nn import functional as F

from prunelib.errors import PrunelibError
from prunelib.files import Cadence, load_tensors, save_tensors
from prunelib.nets.inputs import PRUNING, SHAPES, TEST_IMAGES, TRAINING_IMAGES
from prunelib.nets.profile import ChannelProfile
from prunelib.pruning.criteria import CRITERIA
from prunelib.pruning.public import prune
from prunelib.study.runs import run_on
from prunelib.study.specs import DataSpec, PruneSpec, TrainSpec
from prunelib.study.start_weights import RunContext
from prunelib.study.store import Store
from prunelib.training import checkpoint as states
from prunelib.training.data import Dataset, train_batches
from prunelib.training.protocols import PruneProtocol, TrainProtocol
from prunelib.training.trainer import NotFinite

TINY = ChannelProfile.full(10, 0.25)
POSSIBLE = TINY.prunable - 3
DIGITS = SHAPES["digits"]
SHORT = PruneProtocol(batch_size=8, lr=0.01, pad=1, steps=2, removals=6)


def tiny_data(n=20) -> Dataset:
    return dataset(images(n), images(17, seed=1))


def tiny_network(seed=0, profile=TINY):
    return network(profile, seed, dtype=torch.float32)


def removed(points):
    return [(p.block, p.channel) for p in points]


def blocks_of(points):
    return [point.block for point in points[:-1]]


class Masked:
    """Prune and tune where nothing is removed: channels are masked, and every step is spelt out."""

    def __init__(self, profile, seed, data, protocol):
        self.model = network(profile, seed).train()
        self.blocks, self.data, self.protocol = profile.blocks, data, protocol
        self.alive = [torch.ones(c, dtype=torch.float64) for c in profile.middle]
        self.velocity = {n: torch.zeros_like(p) for n, p in self.model.named_parameters()}
        self.params = DIGITS.params(profile)
        self.macs = DIGITS.macs(profile)

    def step(self, x, y):
        ones = [torch.ones(len(y), len(a), dtype=x.dtype, requires_grad=True) for a in self.alive]
        gates = [
            lambda a, o=o, m=m: a * (o * m)[:, :, None, None]
            for o, m in zip(ones, self.alive, strict=True)
        ]
        loss = F.cross_entropy(self.model(x, gates), y)
        named = dict(self.model.named_parameters())
        gradients = torch.autograd.grad(loss, [*named.values(), *ones])
        p = self.protocol
        with torch.no_grad():
            for (name, w), g in zip(named.items(), gradients, strict=False):
                self.velocity[name] = p.momentum * self.velocity[name] + g + p.weight_decay * w
                w -= p.lr * self.velocity[name]
        return loss.item(), [(len(y) * g) ** 2 for g in gradients[len(named) :]]

    @torch.no_grad()
    def error(self, measured):
        if not measured:
            return None
        self.model.eval()
        gates = [lambda a, m=m: a * m[:, None, None] for m in self.alive]
        guesses = self.model(self.data.normalise(self.data.test.x), gates).argmax(1)
        self.model.train()
        wrong = sum(
            a != b for a, b in zip(guesses.tolist(), self.data.test.y.tolist(), strict=True)
        )
        return 100 * wrong / len(guesses)

    def size(self, number):
        return 8 // 2 ** sum(b.stride == 2 for b in self.blocks[:number])

    def choose(self, scores, only=None):
        best = None
        for block, alive, score in zip(self.blocks, self.alive, scores, strict=True):
            saved = 9 * (block.c_in + block.c_out) * self.size(block.number) ** 2
            for channel in alive.nonzero()[:, 0].tolist():
                cost = score[channel].item() - self.protocol.flop_penalty * saved / 1e6
                wanted = alive.sum() > 1 and only in (None, block.number)
                if wanted and (best is None or cost < best[0]):
                    best = cost, block.number, channel, score[channel].item()
        return best[1:]

    def run(self, seed, follow=None):
        p = self.protocol
        batches = train_batches(self.data, p.batch_size, p.pad, p.flip, seed, stream=PRUNING)
        rows = []
        for removals in range(p.removals + 1):
            losses, sums, n = [], [0 * a for a in self.alive], 0
            for _ in range(p.steps):
                x, y = next(batches)
                loss, squares = self.step(x, y)
                losses.append(loss)
                sums = [s + q.sum(0) for s, q in zip(sums, squares, strict=True)]
                n += len(y)
            scores = [s / (2 * n) for s in sums]
            if p.criterion == "l1":
                scores = [b.conv1.weight.abs().mean((1, 2, 3)) for b in self.model.blocks]
            last = removals == p.removals
            only = follow[removals] if follow and not last else None
            block, channel, saliency = (None, None, None) if last else self.choose(scores, only)
            rows.append(
                {
                    "removals": removals,
                    "params": self.params,
                    "macs": self.macs,
                    "train_loss": pytest.approx(sum(losses) / len(losses), rel=1e-5),
                    "error": self.error(last or removals % p.eval_every == 0),
                    "block": block,
                    "channel": channel,
                    "saliency": None if last else pytest.approx(saliency, rel=1e-6),
                }
            )
            if not last:
                b = self.blocks[block - 1]
                self.alive[block - 1][channel] = 0
                self.params -= 9 * (b.c_in + b.c_out) + 2
                self.macs -= 9 * (b.c_in + b.c_out) * self.size(block) ** 2
        return rows


@pytest.fixture
def precise(monkeypatch):
    single = Dataset.normalise
    monkeypatch.setattr(Dataset, "normalise", lambda self, x: single(self, x).double())


@pytest.mark.usefixtures("precise")
@pytest.mark.parametrize("criterion", ["fisher", "l1"])
@examples(5)
@given(
    profiles(depths=(10,), widths=(0.125, 0.25), least=2),
    seeds,
    st.sampled_from([0.0, 0.3, 5.0]),
    st.integers(1, 3),
    st.integers(1, 4),
    st.data(),
)
def test_each_removal_takes_the_least_salient_channel_of_a_network_that_is_only_masked(
    criterion, profile, seed, penalty, steps, every, draw
):
    protocol = PruneProtocol(
        batch_size=7,
        lr=0.02,
        pad=1,
        steps=steps,
        criterion=criterion,
        flop_penalty=penalty,
        removals=draw.draw(st.integers(1, min(12, profile.prunable - 3))),
        eval_every=every,
    )
    data = tiny_data()
    model = network(profile, seed)
    points = prune(model, data, protocol, seed, CPU)
    masked = Masked(profile, seed, data, protocol)
    assert without_times(points) == masked.run(seed)
    for block, theirs, alive in zip(model.blocks, masked.model.blocks, masked.alive, strict=True):
        torch.testing.assert_close(
            block.conv1.weight, theirs.conv1.weight[alive.bool()], rtol=1e-6, atol=1e-9
        )
    assert model.profile.middle == tuple(int(a.sum()) for a in masked.alive)


@pytest.mark.usefixtures("precise")
@pytest.mark.parametrize("criterion", ["fisher", "l1"])
@examples(5)
@given(profiles(depths=(10,), widths=(0.25,), least=2), seeds, st.data())
def test_a_run_that_follows_takes_the_least_salient_channel_of_each_block(
    criterion, profile, seed, draw
):
    spare = [b for b, c in enumerate(profile.middle, 1) for _ in range(c - 1)]
    follow = draw.draw(st.permutations(spare))[:9]
    protocol = replace(SHORT, criterion=criterion, removals=len(follow))
    data = tiny_data()
    points = prune(network(profile, seed), data, protocol, seed, CPU, replay=follow)
    assert blocks_of(points) == follow
    assert without_times(points) == Masked(profile, seed, data, protocol).run(seed, follow)


@pytest.mark.parametrize("criterion", ["fisher", "random", "l1", "snip"])
def test_to_follow_ones_own_order_is_to_prune_again(criterion):
    protocol = replace(
        SHORT, criterion=criterion, removals=None, stop_params=DIGITS.params(TINY) // 2
    )
    first, second = tiny_network(), tiny_network()
    points = prune(first, tiny_data(), protocol, 3, CPU)
    again = prune(second, tiny_data(), protocol, 3, CPU, replay=blocks_of(points))
    assert without_times(again) == without_times(points)
    assert same(state(first), state(second))


@pytest.mark.parametrize(
    ("follow", "says"),
    [
        ([1], "not over after its 1 removals"),
        ([3] * 9, "over after 6 of its 9 removals"),
        ([1] * 4, "removal 4: .*block 1"),
        ([4], "removal 1: there is no block 4"),
        ([0], "removal 1: there is no block 0"),
        ([-1], "removal 1: there is no block -1"),
    ],
)
def test_an_order_that_cannot_be_followed_is_refused_before_anything_happens(follow, says):
    model = tiny_network()
    before = state(model)
    with pytest.raises(PrunelibError, match=says):
        prune(model, tiny_data(), SHORT, 0, CPU, replay=follow)
    assert same(before, state(model))


def test_an_order_that_is_longer_than_the_way_to_a_size_is_refused():
    protocol = replace(SHORT, removals=None, stop_params=DIGITS.params(TINY) // 2)
    follow = blocks_of(prune(tiny_network(), tiny_data(), protocol, 0, CPU))
    with pytest.raises(PrunelibError, match=f"over after {len(follow)} of its {len(follow) + 1}"):
        prune(tiny_network(), tiny_data(), protocol, 0, CPU, replay=[*follow, 3])


OTHER = [3, 1, 3, 2, 2, 2]


@pytest.mark.parametrize(
    ("before", "after", "begins"),
    [
        (None, None, 4),
        (None, OTHER, 0),
        (OTHER, OTHER, 4),
        (OTHER, None, 0),
        (OTHER, OTHER[::-1], 0),
        (OTHER, tuple(OTHER), 4),
    ],
)
def test_only_from_a_checkpoint_that_came_the_same_way_does_a_run_go_on(
    monkeypatch, tmp_path, before, after, begins
):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    path, seen = tmp_path / "state.checkpoint", []

    def stop(model, points):
        if points[-1].removals == 4:
            raise Interruption

    def watch(model, points):
        seen.append(points[-1].removals)

    def resumed(model, watch, replay):
        return prune(model, tiny_data(), SHORT, 0, CPU, checkpoint=path, watch=watch, replay=replay)

    with pytest.raises(Interruption):
        resumed(tiny_network(), stop, before)
    again, straight = tiny_network(), tiny_network()
    points = resumed(again, watch, after)
    assert seen[0] == begins
    whole = prune(straight, tiny_data(), SHORT, 0, CPU, replay=after)
    assert without_times(points) == without_times(whole)
    assert same(state(again), state(straight))


def test_channels_are_reported_by_their_index_in_the_unpruned_network():
    model = tiny_network()
    marked = {}
    for number, block in enumerate(model.blocks, 1):
        for channel in range(TINY.middle[number - 1]):
            value = 1000.0 * number + channel
            block.bn2.running_var[channel] = value
            marked[value] = number, channel
    frozen = replace(SHORT, removals=POSSIBLE)
    left = []

    def watch(model, points):
        left.append({marked[v] for b in model.blocks for v in marks(b)})

    def marks(block):
        return [float(v) for v in block.bn2.running_var]

    for block in model.blocks:
        block.bn2.momentum = 0.0
    points = prune(model, tiny_data(), frozen, 0, CPU, watch=watch)
    for before, after, point in zip(left, left[1:], points, strict=False):
        assert before - after == {(point.block, point.channel)}
    assert len(left[-1]) == 3


@pytest.mark.parametrize("criterion", ["fisher", "random", "l1", "snip"])
@pytest.mark.parametrize("penalty", [0.0, 1e6])
def test_one_channel_stays_in_each_block_to_the_very_end(criterion, penalty):
    protocol = replace(
        SHORT, removals=POSSIBLE, criterion=criterion, flop_penalty=penalty, steps=1, eval_every=99
    )
    model = tiny_network()
    points = prune(model, tiny_data(), protocol, 0, CPU)
    assert model.profile.middle == (1, 1, 1)
    assert len(points) == POSSIBLE + 1
    assert points[-1].params == DIGITS.params(model.profile)
    assert len(set(removed(points))) == len(points)


def test_a_criterion_of_ones_own_sees_fisher_saliency(monkeypatch):
    ways = []
    for name in ("fisher", "mine"):
        monkeypatch.setitem(CRITERIA, "mine", lambda inputs: [2 * score for score in inputs.fisher])
        protocol = replace(SHORT, criterion=name)
        ways.append(removed(prune(tiny_network(), tiny_data(), protocol, 0, CPU)))
    assert ways[0] == ways[1]


def test_a_criterion_may_give_arrays_but_one_score_for_each_channel(monkeypatch):
    made = replace(SHORT, criterion="mine")
    monkeypatch.setitem(CRITERIA, "mine", lambda inputs: [s.numpy() for s in inputs.fisher])
    assert removed(prune(tiny_network(), tiny_data(), made, 0, CPU)) == removed(
        prune(tiny_network(), tiny_data(), SHORT, 0, CPU)
    )
    monkeypatch.setitem(CRITERIA, "mine", lambda inputs: [float(s.mean()) for s in inputs.fisher])
    with pytest.raises(PrunelibError, match=r"'mine': block 1 has \d channels, .* is \(\)"):
        prune(tiny_network(), tiny_data(), made, 0, CPU)


def test_scores_of_ones_own_that_cannot_be_are_refused_at_the_first_removal(monkeypatch):
    monkeypatch.setitem(CRITERIA, "mine", lambda inputs: [s / 0 * 0 for s in inputs.fisher])
    seen = []
    with pytest.raises(PrunelibError, match="'mine': a score of block 1 is not a number"):
        prune(
            tiny_network(),
            tiny_data(),
            replace(SHORT, criterion="mine"),
            0,
            CPU,
            watch=lambda model, points: seen.append(points[-1]),
        )
    assert not seen


def test_the_random_criterion_is_another_for_each_seed_and_the_same_for_one():
    protocol = replace(SHORT, criterion="random", removals=8, lr=0.0, steps=1)

    def channels(seed):
        return removed(prune(tiny_network(), tiny_data(), protocol, seed, CPU))

    assert channels(1) == channels(1)
    assert len({tuple(channels(seed)) for seed in range(5)}) == 5


def test_the_random_criterion_draws_anew_for_each_removal():
    protocol = replace(SHORT, criterion="random", removals=12, steps=1, eval_every=99)
    points = prune(tiny_network(), tiny_data(), protocol, 0, CPU)
    assert len({point.saliency for point in points}) == 13


def test_the_random_criterion_reaches_every_channel():
    protocol = replace(SHORT, criterion="random", removals=1, steps=1, eval_every=99)
    small = ChannelProfile(10, 0.125, (2, 2, 2))
    data = dataset(images(8), images(1))
    first = [removed(prune(tiny_network(0, small), data, protocol, s, CPU))[0] for s in range(30)]
    assert set(first) == {(block, channel) for block in (1, 2, 3) for channel in (0, 1)}


@pytest.mark.parametrize("criterion", ["fisher", "random", "l1", "snip"])
def test_a_seed_gives_bitwise_the_same_trajectory_twice(criterion):
    protocol = replace(SHORT, criterion=criterion)
    a, b, c = tiny_network(), tiny_network(), tiny_network()
    first, second = (prune(m, tiny_data(), protocol, 3, CPU) for m in (a, b))
    assert without_times(first) == without_times(second)
    assert same(state(a), state(b))
    assert without_times(prune(c, tiny_data(), protocol, 4, CPU)) != without_times(first)


@examples(6)
@given(st.integers(DIGITS.params(TINY.scaled(0)), DIGITS.params(TINY) + 50))
def test_pruning_stops_at_the_first_size_within_stop_params(stop):
    protocol = replace(SHORT, removals=None, stop_params=stop, steps=1, eval_every=99)
    model = tiny_network()
    points = prune(model, tiny_data(), protocol, 0, CPU)
    assert points[-1].params == DIGITS.params(model.profile) <= stop
    assert all(point.params > stop for point in points[:-1])
    assert (points[-1].block, points[-1].channel, points[-1].saliency) == (None, None, None)
    assert points[-1].error is not None


@pytest.mark.parametrize("removals", [0, 1, 5])
def test_pruning_stops_after_so_many_removals(removals):
    model = tiny_network()
    points = prune(model, tiny_data(), replace(SHORT, removals=removals), 0, CPU)
    assert [point.removals for point in points] == list(range(removals + 1))
    assert model.profile.prunable == TINY.prunable - removals
    assert [p.block is None for p in points] == [False] * removals + [True]


def test_pruning_stops_at_whichever_end_comes_first():
    full = prune(tiny_network(), tiny_data(), replace(SHORT, removals=5), 0, CPU)
    stop = full[3].params
    both = prune(tiny_network(), tiny_data(), replace(SHORT, stop_params=stop), 0, CPU)
    assert [p.params for p in both] == [p.params for p in full[:4]]
    few = replace(SHORT, removals=2, stop_params=stop)
    assert len(prune(tiny_network(), tiny_data(), few, 0, CPU)) == 3


def test_error_is_measured_at_every_nth_removal_and_at_the_end():
    points = prune(tiny_network(), tiny_data(), replace(SHORT, removals=7, eval_every=3), 0, CPU)
    measured = [p.removals for p in points if p.error is not None]
    assert measured == [0, 3, 6, 7]


def test_the_penalty_prefers_channels_that_cost_more():
    def macs_left(beta):
        protocol = replace(SHORT, removals=10, flop_penalty=beta)
        return prune(tiny_network(), tiny_data(), protocol, 0, CPU)[-1].macs

    assert macs_left(1e6) < macs_left(0.0) < macs_left(-1e6)


class Interruption(Exception):
    pass


def interrupted(protocol, seed, path, calls):
    """Prune, and stop at the given calls of `watch` or `progress`, each time as a new process."""
    data = tiny_data()
    for kind, number in calls:
        left = number

        def stop(*_):
            nonlocal left
            if left == 0:
                raise Interruption
            left -= 1

        model = tiny_network()
        try:
            points = prune(model, data, protocol, seed, CPU, checkpoint=path, **{kind: stop})
        except Interruption:
            continue
        return model, points
    model = tiny_network()
    return model, prune(model, data, protocol, seed, CPU, checkpoint=path)


@examples(9)
@given(
    st.sampled_from(["fisher", "random", "l1"]),
    st.sampled_from([0.0, 2.0]),
    seeds,
    st.integers(1, 3),
    st.integers(1, 9),
    st.lists(st.tuples(st.sampled_from(["watch", "progress"]), st.integers(0, 9)), max_size=3),
)
def test_an_interrupted_run_goes_on_to_bitwise_the_same_end(
    tmp_path_factory, criterion, penalty, seed, every, removals, calls
):
    protocol = replace(
        SHORT, criterion=criterion, flop_penalty=penalty, eval_every=every, removals=removals
    )
    expected = tiny_network()
    straight = prune(expected, tiny_data(), protocol, seed, CPU)
    assume(min(expected.profile.middle) > 1)
    path = tmp_path_factory.mktemp("run") / "state.checkpoint"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cadence, "due", lambda self: True)
        model, points = interrupted(protocol, seed, path, calls)
    assert without_times(points) == without_times(straight)
    assert same(state(model), state(expected))
    assert model.profile == expected.profile
    assert {file.name for file in path.parent.iterdir()} <= {path.name, states.before(path).name}


def test_an_interrupted_run_goes_on_bitwise_when_a_block_has_one_channel_left(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    protocol = replace(SHORT, removals=POSSIBLE)
    path = tmp_path / "run.checkpoint"
    model, points = interrupted(protocol, 0, path, [("watch", POSSIBLE - 1)])
    expected = tiny_network()
    straight = prune(expected, tiny_data(), protocol, 0, CPU)
    assert without_times(points) == without_times(straight)
    assert same(state(model), state(expected))


@pytest.fixture
def halfway(monkeypatch, tmp_path):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    path = tmp_path / "halfway.checkpoint"

    def watch(model, points):
        if points[-1].removals == 4:
            raise Interruption

    with pytest.raises(Interruption):
        prune(tiny_network(), tiny_data(), SHORT, 5, CPU, checkpoint=path, watch=watch)
    return path


def test_a_run_that_goes_on_does_not_repeat_what_was_done(halfway):
    seen = []
    prune(
        tiny_network(),
        tiny_data(),
        SHORT,
        5,
        CPU,
        checkpoint=halfway,
        watch=lambda model, points: seen.append(points[-1].removals),
    )
    assert seen == [4, 5, 6]


@pytest.mark.parametrize("part", ["momentum.", "model."])
def test_a_run_that_goes_on_keeps_weights_and_momentum(halfway, part):
    straight = tiny_network()
    prune(straight, tiny_data(), SHORT, 5, CPU)
    tensors, text = load_tensors(halfway)
    names = {name for name in tensors if name.startswith(part)}
    assert all(tensors[name].any() for name in names if "weight" in name)
    ends = []
    for factor in (1.0, 0.5):
        for name in names:
            tensors[name] = (tensors[name] * factor).to(tensors[name].dtype)
        save_tensors(halfway, tensors, text)
        model = tiny_network()
        prune(model, tiny_data(), SHORT, 5, CPU, checkpoint=halfway)
        ends.append(model.profile == straight.profile and same(state(model), state(straight)))
    assert ends == [True, False]


def test_a_checkpoint_has_momentum_for_every_parameter_in_its_shape(halfway):
    tensors, text = load_tensors(halfway)
    model = tiny_network()
    for number, channels in enumerate(json.loads(text)["alive"], 1):
        assert len(tensors[f"model.blocks.{number - 1}.bn2.weight"]) == len(channels)
    for name, _ in model.named_parameters():
        assert tensors[f"momentum.{name}"].shape == tensors[f"model.{name}"].shape


def test_no_checkpoint_is_written_before_its_time(monkeypatch, tmp_path):
    monkeypatch.setattr(Cadence, "due", lambda self: False)
    path = tmp_path / "state.checkpoint"

    def watch(model, points):
        assert not path.exists()

    prune(tiny_network(), tiny_data(), SHORT, 0, CPU, checkpoint=path, watch=watch)
    assert not path.exists()


def test_pruning_without_momentum_can_be_interrupted(monkeypatch, tmp_path):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    protocol = replace(SHORT, momentum=0.0)
    _, points = interrupted(protocol, 0, tmp_path / "run.checkpoint", [("watch", 3)])
    assert without_times(points) == without_times(
        prune(tiny_network(), tiny_data(), protocol, 0, CPU)
    )


def test_a_loss_that_is_not_finite_ends_pruning_and_says_where():
    with pytest.raises(NotFinite, match=r"loss became (nan|inf) at step \d;") as caught:
        prune(tiny_network(), tiny_data(), replace(SHORT, lr=1e30), 0, CPU)
    assert "\n" not in str(caught.value)


def test_a_run_that_is_not_finite_leaves_no_final_result(monkeypatch, tmp_path):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    monkeypatch.setitem(TRAINING_IMAGES, "digits", len(tiny_data().train.y))
    monkeypatch.setitem(TEST_IMAGES, "digits", len(tiny_data().test.y))
    store = Store(tmp_path)
    base = TrainSpec(TINY, DataSpec("digits", 8), TrainProtocol(epochs=1, batch_size=8, pad=1), 0)
    good = PruneSpec(base, SHORT, 0)
    bad = PruneSpec(base, replace(SHORT, lr=1e30), 0)
    context = RunContext(store, tiny_data(), CPU)
    with pytest.raises(NotFinite):
        run_on(bad, context)
    assert store.find(bad) is None
    assert not store.weights(bad).exists()
    record = run_on(good, context)
    assert store.find(good) == record
    assert store.weights(good).exists()
    assert not store.checkpoint(good).exists()


def test_progress_reaches_its_total_and_tells_size_and_error():
    for protocol in (
        SHORT,
        replace(SHORT, eval_every=4),
        replace(SHORT, removals=None, stop_params=DIGITS.params(TINY.scaled(0))),
    ):
        calls = []
        points = prune(
            tiny_network(), tiny_data(), protocol, 0, CPU, lambda *call, c=calls: c.append(call)
        )
        done, totals, notes = zip(*calls, strict=True)
        assert list(done) == sorted(done)
        assert len(set(totals)) == 1
        assert done[-1] == totals[-1]
        assert notes[-1] == f"{points[-1].params:,} parameters, error {points[-1].error:.2f}%"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"criterion": "magic"}, "unknown criterion 'magic'; choose one of: fisher, random, l1"),
        ({"removals": None}, "pruning needs an end"),
        ({"removals": -1}, f"removals must be 0 to {POSSIBLE}, not -1"),
        ({"removals": POSSIBLE + 1}, f"removals must be 0 to {POSSIBLE}, not {POSSIBLE + 1}"),
        (
            {"removals": None, "stop_params": DIGITS.params(TINY.scaled(0)) - 1},
            f"cannot reach {DIGITS.params(TINY.scaled(0)) - 1:,} parameters: "
            f"{DIGITS.params(TINY.scaled(0)):,} are left",
        ),
    ],
)
def test_a_protocol_that_cannot_be_followed_is_refused_before_anything_happens(change, message):
    model = tiny_network()
    before = state(model)
    with pytest.raises(PrunelibError) as caught:
        prune(model, tiny_data(), replace(SHORT, **change), 0, CPU)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert same(before, state(model))


@given(profiles(), st.sampled_from(list(SHAPES.values())))
@examples(25)
def test_the_extreme_ends_are_possible_and_one_further_is_not(profile, shape):
    possible, least = profile.prunable - len(profile.middle), shape.params(profile.scaled(0))
    for good in ({"removals": possible}, {"removals": 0}, {"stop_params": least}):
        PruneProtocol(**good).check(profile, shape)
    for bad in ({"removals": possible + 1}, {"stop_params": least - 1}):
        with pytest.raises(PrunelibError):
            PruneProtocol(**bad).check(profile, shape)


@pytest.mark.parametrize("change", [{"steps": 0}, {"batch_size": 0}, {"eval_every": 0}])
def test_a_protocol_without_steps_or_images_is_refused(change):
    with pytest.raises(PrunelibError):
        replace(SHORT, **change).check(TINY, DIGITS)
