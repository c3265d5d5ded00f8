"""Controls: weights that begin elsewhere, equal images, other criteria; and what they say."""

import base64
import json
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, examples, network
from studies import IMAGES, SCALE, TUNED, error, fill
from test_wideresnet import masks

from prunelib.errors import PrunelibError
from prunelib.evidence import rules, verdicts
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.repeats import timeless
from prunelib.files import Cadence, load_tensors
from prunelib.nets.inputs import SLICED
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.surgery import remove_channels
from prunelib.pruning.criteria import CRITERIA
from prunelib.study.families import CONTROLS, FAMILIES, MAIN, PENALISED
from prunelib.study.images import cached_dataset
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import keep_orders, plan_study
from prunelib.study.request import Request
from prunelib.study.runs import initial_model, run
from prunelib.study.scales import SCALES
from prunelib.study.specs import DataSpec, PruneSpec, Start, TrainSpec, from_dict, key, to_dict
from prunelib.study.start_weights import RunContext, new_model
from prunelib.study.store import Store, files_read, removed
from prunelib.study.trajectory import Trajectory
from prunelib.training.protocols import PruneProtocol, TrainProtocol

BASE = TrainSpec(
    ChannelProfile.full(10, 0.25),
    DataSpec("digits", 8),
    TrainProtocol(epochs=1, milestones=(), pad=1, flip=False),
    0,
)
PRUNING = PruneSpec(BASE, PruneProtocol(pad=1, flip=False, steps=2, removals=8), 0)
DATA = cached_dataset("digits", 8, None)
SIZES = tuple(DATA.shape.params(ChannelProfile(10, 0.25, m)) for m in ((4, 7, 15), (4, 6, 13)))


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results"))
    return store, run(PRUNING, store, CPU, snapshots=SIZES)


def copied(store, folder):
    shutil.copytree(store.folder, folder, dirs_exist_ok=True)
    return Store(folder)


def kept(store):
    return {p.name: load_tensors(p) for p in store.folder.glob("weights/*-*.safetensors")}


def walk(record):
    points = record.outcome["points"]
    return list(zip(points["block"], points["channel"], strict=True))[:-1]


def blocks(record):
    return [block for block, _ in walk(record)]


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def begin(store, weights, removals, pruning=PRUNING, snapshots=()):
    record = store.find(pruning)
    middle = list(BASE.profile.middle)
    for block, _ in walk(record)[:removals]:
        middle[block - 1] -= 1
    profile = replace(BASE.profile, middle=tuple(middle))
    spec = replace(BASE, profile=profile, start=Start(pruning, removals, weights))
    return spec, initial_model(spec, RunContext(store, DATA, CPU, None, snapshots))


def test_pruning_keeps_its_weights_when_it_first_has_at_most_so_many_parameters(pruned):
    store, record = pruned
    params = record.outcome["points"]["params"]
    removals = [next(i for i, p in enumerate(params) if p <= size) for size in SIZES]
    assert kept(store).keys() == {f"{key(PRUNING)}-{n}.safetensors" for n in removals}
    for n in removals:
        _, model = begin(store, "tuned", n)
        assert DATA.shape.params(model.profile) == params[n]


def test_kept_weights_are_those_of_a_run_that_ends_there(pruned, tmp_path):
    store, record = pruned
    removals = next(i for i, p in enumerate(record.outcome["points"]["params"]) if p <= SIZES[1])
    shorter = replace(PRUNING, protocol=replace(PRUNING.protocol, removals=removals))
    other = Store(tmp_path)
    run(shorter, other, CPU)
    tensors, _ = load_tensors(other.weights(shorter))
    _, model = begin(store, "tuned", removals)
    assert equal(model.state_dict(), tensors)


def test_lost_weights_are_made_again_bitwise(pruned):
    store, record = pruned
    before = kept(store)
    for name in before:
        (store.folder / "weights" / name).unlink()
    first = record.outcome["points"]["params"].index(
        next(p for p in record.outcome["points"]["params"] if p <= SIZES[0])
    )
    begin(store, "tuned", first, snapshots=SIZES)
    after = kept(store)
    assert after.keys() == before.keys()
    for name, (tensors, text) in before.items():
        assert equal(after[name][0], tensors)
        assert after[name][1] == text


def test_weights_made_elsewhere_go_through_the_profiles_of_the_record(pruned, tmp_path):
    store, record = pruned
    path = Store(tmp_path).path(PRUNING)
    fields = json.loads(store.path(PRUNING).read_text(encoding="utf-8"))
    order = [(3, 15 - i) for i in range(8)]
    assert order != walk(record)
    points = fields["outcome"]["points"]
    points["block"][:8], points["channel"][:8] = zip(*order, strict=True)
    path.write_text(json.dumps(fields), encoding="utf-8")
    _, model = begin(Store(tmp_path), "tuned", 8)
    assert model.profile.middle == (4, 8, 8)


def test_pruning_again_goes_through_the_profiles_of_the_first_time(tmp_path, monkeypatch):
    """Where it would go another way by itself: on another machine, in a later version."""
    store, again = Store(tmp_path / "first"), Store(tmp_path / "again")
    first = run(PRUNING, store, CPU)
    monkeypatch.setitem(CRITERIA, "fisher", CRITERIA["random"])
    free = run(PRUNING, again, CPU)
    assert blocks(free) != blocks(first)
    assert "order_followed" not in first.circumstances | free.circumstances
    shutil.copytree(store.folder / "orders", again.folder / "orders", dirs_exist_ok=True)
    again.path(PRUNING).unlink()
    followed = run(PRUNING, again, CPU)
    assert blocks(followed) == blocks(first) == again.order(PRUNING)
    assert walk(followed) != walk(first)
    assert followed.circumstances["order_followed"]


def test_pruning_again_on_one_machine_is_bitwise_the_same(pruned, tmp_path):
    folder, record = pruned
    store = copied(folder, tmp_path)
    store.path(PRUNING).unlink()
    again = run(PRUNING, store, CPU, snapshots=SIZES)
    assert timeless(again.outcome) == timeless(record.outcome)


def test_a_run_elsewhere_is_sent_the_order(pruned):
    store, _ = pruned
    spec, _ = begin(store, "tuned", 8)
    for each in (PRUNING, spec):
        assert store.order_path(PRUNING) in files_read(each, store)


def test_weights_of_another_way_are_not_begun_with(pruned, tmp_path, monkeypatch):
    """Those of a record that was deleted with its order, or replaced by another machine's."""
    store = copied(pruned[0], tmp_path)
    store.path(PRUNING).unlink()
    store.order_path(PRUNING).unlink()
    monkeypatch.setitem(CRITERIA, "fisher", CRITERIA["random"])
    other = run(PRUNING, store, CPU)
    assert blocks(other) != blocks(pruned[1])
    for path in store.folder.glob(f"weights/{key(PRUNING)}-*"):
        removals = int(path.stem.partition("-")[2])
        spec, model = begin(store, "tuned", removals)
        assert model.profile == spec.profile
        x = torch.randn(4, 1, 8, 8)
        assert model.eval()(x).shape == (4, 10)


def test_nothing_of_a_pruning_run_is_lost_when_its_record_cannot_be_written(tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(Cadence, "due", lambda self: True)

    put = Store.put

    def full(self, record):
        if record.spec == PRUNING:
            raise PrunelibError("no space left")
        put(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", full)
        with pytest.raises(PrunelibError, match="no space"):
            run(PRUNING, store, CPU)
    steps = []
    record = run(PRUNING, store, CPU, progress=lambda done, total, note: steps.append(done))
    assert steps == [8]
    assert timeless(record.outcome) == timeless(run(PRUNING, Store(tmp_path / "b"), CPU).outcome)
    assert not store.checkpoint(PRUNING).exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 0", "it is not a list of blocks"),
        ("[1, 2.5]", "it is not a list of blocks"),
        ("[[1, 0]]", "it is not a list of blocks"),
        ('{"1": 0}', "it is not a list of blocks"),
        ("3", "it is not a list of blocks"),
        ("[]", "not over after its 0 removals"),
        ("[9]", "removal 1: there is no block 9"),
    ],
)
def test_a_damaged_order_says_what_to_do(tmp_path, text, says):
    store = Store(tmp_path)
    store.order_path(PRUNING).parent.mkdir()
    store.order_path(PRUNING).write_text(text, encoding="utf-8")
    with pytest.raises(PrunelibError, match=f"orders/{key(PRUNING)}.json .*delete it.*{says}"):
        run(PRUNING, store, CPU)
    assert not store.path(PRUNING).exists()


@pytest.mark.parametrize("scale", ["smoke", "mini"])
def test_the_order_of_every_pruning_run_on_record_is_kept(scale):
    store = Store(Path(__file__).parents[2] / "results" / scale)
    runs = [record for record in store.records() if isinstance(record.spec, PruneSpec)]
    assert runs
    for record in runs:
        assert store.order(record.spec) == blocks(record)


def test_a_study_keeps_the_orders_of_records_that_came_without(tmp_path):
    results = Path(__file__).parents[2] / "results/smoke"
    store = Store(tmp_path)
    for path in results.glob("*.json"):
        shutil.copy(path, tmp_path)
    keep_orders(SCALES["smoke"], store, cached_lookup(store))
    orders = {
        path.name: path.read_text(encoding="utf-8") for path in (results / "orders").glob("*")
    }
    assert {
        path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "orders").glob("*")
    } == orders


def test_initial_weights_are_those_before_training_without_the_removed_channels(pruned):
    store, record = pruned
    whole = new_model(BASE.profile, DATA, BASE.seed)
    spec, model = begin(store, "initial", 8)
    assert model.profile == spec.profile
    gone = walk(record)
    x = torch.randn(16, 1, 8, 8, dtype=torch.float64)
    gates = masks(BASE.profile, [[k for b, k in gone if b == n] for n in (1, 2, 3)])
    reference = whole.double().eval()(x, gates)
    torch.testing.assert_close(model.double().eval()(x), reference, rtol=1e-10, atol=1e-10)


def test_channels_are_named_by_their_place_in_the_whole_network():
    whole, smaller = (network(ChannelProfile.full(10, 0.25), seed=3) for _ in range(2))
    order = [(2, 0), (2, 1), (3, 15), (2, 7), (1, 2)]
    remove_channels(smaller, order)
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64)
    reference = whole(x, masks(whole.profile, [[2], [0, 1, 7], [15]]))
    torch.testing.assert_close(smaller(x), reference, rtol=1e-10, atol=1e-10)


def test_a_run_from_kept_weights_trains_on_from_them(pruned):
    store, _ = pruned
    spec, _ = begin(store, "tuned", 8)
    record = run(spec, store, CPU)
    again = run(replace(spec, start=None), store, CPU)
    assert record.key != again.key
    assert record.outcome["epochs"]["train_loss"][0] < again.outcome["epochs"]["train_loss"][0]


def test_a_start_is_part_of_the_spec_and_its_absence_changes_no_key():
    spec = replace(BASE, start=Start(PRUNING, 3, "initial"))
    assert from_dict(to_dict(spec)) == spec
    assert key(spec) != key(BASE)
    assert "start" not in to_dict(BASE)


def test_controls_come_after_the_families_of_their_seed_and_for_fewer_seeds():
    for scale in SCALES.values():
        requests = plan_study(scale)
        order = [(r.seed, r.family in CONTROLS) for r in requests]
        assert order == sorted(order)
        own = [r.family for r in requests if r.seed == 0 and r.budget == min(scale.budgets)]
        decides, after = own.index("bottleneck-long"), own.index("retrained")
        assert own.index("copycat") < decides < after
        assert after < own.index("snip-shape" if "snip-shape" in own else "initial-weights")
        every = scale.long_seeds or scale.seeds
        counts = {"all": every, "controls": scale.control_seeds, "one": 1}
        for name in set(CONTROLS) & set(scale.families):
            seeds = {r.seed for r in requests if r.family == name}
            assert seeds == set(range(counts[FAMILIES[name].seeds]))
        assert {r.family for r in requests} == set(scale.families)
        assert not {r.family for r in plan_study(scale, MAIN)} & set(CONTROLS)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("study"), families=None)


def test_longer_training_lasts_as_many_images_as_base_and_pruning(study):
    for seed in range(2):
        walk = study.trajectory(seed)
        for budget in SCALE.budgets:
            images = IMAGES + TUNED * (walk.at(budget) + 1)
            for family in ("pruned-from-scratch", "bottleneck"):
                short, long = (
                    Request(SCALE, name, budget, seed).spec(study.find)
                    for name in (family, f"{family}-long")
                )
                assert long.protocol.epochs == round(images / (IMAGES / SCALE.train.epochs))
                assert long == replace(short, protocol=SCALE.train.lasting(long.protocol.epochs))


def test_only_what_needs_a_pruned_shape_or_its_weights_has_to_search(study):
    rows = study.networks[study.networks["family"].isin(CONTROLS)]
    searched = set(rows[rows["search_macs"] > 0]["family"])
    controls = set(CONTROLS) & set(SCALE.families)
    assert searched == controls - {"bottleneck-long", "bottleneck-longest"}


def test_penalties_are_those_of_the_scale(study):
    for i, name in enumerate(PENALISED):
        spec = Request(SCALE, name, None, 0).spec(study.find)
        assert spec.protocol.flop_penalty == SCALE.flop_penalties[i]
    spec = Request(SCALE, "pruned-and-tuned", None, 0).spec(study.find)
    assert spec.protocol.flop_penalty == 0


SHIFTS = {
    "random-removal": 7.0,
    "l1-removal": 6.0,
    "random-profile": 5.0,
    "initial-weights": -0.5,
    "retrained": -1.0,
    "pruned-from-scratch-long": -2.0,
    "bottleneck-long": -1.5,
    "pruned-from-scratch-longest": 1.25,
    "bottleneck-longest": 2.0,
}


@pytest.mark.parametrize(("sign", "verdict"), [(1, "supported"), (-1, "refuted")])
def test_the_controls_are_judged(tmp_path, sign, verdict):
    def shifted(family, params, seed):
        base = 40 - params / 1_000 + 0.1 * seed
        return base + sign * (SHIFTS.get(family, 0) + 4 * (family == "pruned-and-tuned"))

    found = verdicts.judge_claims(fill(tmp_path, shifted, families=None), QUESTIONS)
    expected = [3, 2, 5, 0.5, 5, 6, 5.5, 0.5, 2.25, 3, None, 0.75, 1, 2]
    assert [v.claim for v in found] == [f"K{i}" for i in range(1, 30)]
    for judged, mean in zip(found, expected, strict=False):
        if mean is not None:
            assert judged.mean == pytest.approx(sign * mean, abs=0.4), judged.claim
            assert judged.verdict == verdict, judged.claim
            assert judged.records


SHAPES = {
    "base-long": -3.0,
    "sliced-weights": -0.25,
    "taper": 3.5,
    "taper-macs": 2.5,
    "l1-shape": 1.5,
    "random-shape": 4.5,
    "snip-shape": 0.0,
    "distilled-bottleneck": -0.75,
    "distilled-shape": -1.75,
    "recalibrated": 0.0,
}


@pytest.mark.parametrize(("sign", "verdict"), [(1, "supported"), (-1, "refuted")])
def test_questions_of_shape_are_judged(tmp_path, sign, verdict):
    def shifted(family, params, seed):
        shifts = SHIFTS | SHAPES
        return 30 - params / 1_000 + 0.1 * seed + sign * shifts.get(family, 0)

    scale = replace(SCALE, families=(*SCALE.families, *SHAPES))
    study = fill(tmp_path, shifted, scale, families=None)
    found = {v.claim: v for v in verdicts.judge_claims(study, QUESTIONS)}
    expected = {"K17": 0.25, "K18": 0.25, "K19": 3.5, "K20": 2.5}
    expected |= {"K27": 0.75, "K28": 1.75, "K29": 1.0}
    for claim, mean in expected.items():
        assert found[claim].mean == pytest.approx(sign * mean, abs=0.01), claim
        assert found[claim].verdict == verdict, claim
        assert found[claim].planned == 2
    for claim in ("K22", "K23", "K26"):  # all made-up runs walk alike: one shape is one network
        assert (found[claim].mean, found[claim].verdict) == (0, "equal")
    assert found["K16"].mean == pytest.approx(sign * 3)
    assert (found["K16"].seeds, found["K16"].planned) == (1, 1)
    assert (found["K25"].mean, found["K25"].verdict) == (2, "supported")
    assert {found[c].planned for c in ("K15", "K21", "K24")} == {0}


def test_fewer_blocks_are_held_against_bottlenecks_of_equal_parameters():
    scale = SimpleNamespace(budgets=(1_000, 2_000))
    rows = [("base", None, 0, 4_000, 10.0), ("bottleneck", 1_000, 0, 1_000, 40.0)]
    rows += [("bottleneck", 2_000, 0, 2_000, 30.0)]
    rows += [("reduced-depth", 1_000, 0, 960, 40.0), ("reduced-depth", 2_000, 0, 1_500, 34.0)]
    networks = pd.DataFrame(rows, columns=["family", "budget", "seed", "params", "error"])
    study = SimpleNamespace(scale=scale, networks=networks)
    found = rules.fewer_blocks_beat_narrower(study)
    assert found == {1_000: {0: pytest.approx(0.4)}, 2_000: {0: pytest.approx(1.0)}}
    far = networks.replace({"params": {960: 940}})
    study = SimpleNamespace(scale=scale, networks=far)
    assert rules.fewer_blocks_beat_narrower(study)[1_000] == {}


@examples(25)
@given(st.floats(-3, 3), st.floats(5e-6, 5e-5))
def test_at_equal_macs_the_shape_is_held_against_the_curve_of_bottleneck_networks(gap, slope):
    """Bottleneck errors on a straight line in MACs, shapes a constant below it."""
    scale = SimpleNamespace(budgets=(1, 2))
    rows = []
    for seed in (0, 1):
        for budget, macs in ((1, 2e5), (2, 5e5)):
            rows.append(("bottleneck", budget, seed, macs, 50 - slope * macs))
        rows.append(("base", None, seed, 1e6, 50 - slope * 1e6))
        for budget, macs in ((1, 3e5), (2, 9e5)):
            rows.append(("pruned-from-scratch", budget, seed, macs, 50 - slope * macs - gap))
    rows.append(("pruned-from-scratch", 1, 2, 3e5, 0.0))
    networks = pd.DataFrame(rows, columns=["family", "budget", "seed", "macs", "error"])
    study = SimpleNamespace(scale=scale, networks=networks)
    same = {0: pytest.approx(gap, abs=1e-6), 1: pytest.approx(gap, abs=1e-6)}
    assert rules.shape_wins_at_equal_macs(study) == {1: same, 2: same}
    beyond = networks.assign(macs=networks["macs"].where(networks["macs"] != 9e5, 2e6))
    outside = SimpleNamespace(scale=scale, networks=beyond)
    assert rules.shape_wins_at_equal_macs(outside) == {1: same, 2: {}}


def test_longest_runs_see_the_images_of_retraining_too(study):
    rows = study.networks.set_index(["family", "budget", "seed"])["images_seen"]
    for family in ("bottleneck", "pruned-from-scratch"):
        for budget in SCALE.budgets:
            for seed in range(SCALE.control_seeds):
                spec = Request(SCALE, f"{family}-longest", budget, seed).spec(study.find)
                long = Request(SCALE, f"{family}-long", budget, seed).spec(study.find)
                again = SCALE.train.epochs
                assert spec.protocol == SCALE.train.lasting(long.protocol.epochs + again)
                assert spec.profile == long.profile
                assert (f"{family}-longest", budget, seed) in rows.index


def test_of_three_penalties_the_one_that_changes_most_is_told(tmp_path):
    effects = dict(zip(PENALISED, (0.1, -3.0, 2.0), strict=True))

    def shifted(family, params, seed):
        return error("copycat", params, seed) + effects.get(family, 0.0)

    study = fill(tmp_path, shifted, families=None)
    (found,) = [v for v in verdicts.judge_claims(study) if v.claim == "C10"]
    assert found.mean == pytest.approx(-3.0, abs=1e-6)
    assert (found.verdict, found.seeds, found.planned) == ("open", 1, 1)


RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("scale", ["midi", "maxi"])
def test_shapes_that_were_searched_short_are_trained_long(scale):
    longer = SCALES[scale]
    find = cached_lookup(Store(RESULTS / scale))
    for seed in range(longer.seeds):
        walk = Trajectory.of(find(SCALES["mini"].prune_spec(seed)))
        for budget in longer.budgets:
            spec = Request(longer, "searched-short", budget, seed).spec(find)
            assert spec.profile == walk.after(walk.at(budget))
            assert (spec.protocol, spec.seed, spec.start) == (longer.train, seed, None)


def test_where_the_short_search_is_missing_it_runs_first(tmp_path):
    request = Request(SCALES["midi"], "searched-short", 80_000, 0)
    find = cached_lookup(Store(tmp_path / "midi"))
    assert request.spec(find) == SCALES["mini"].base_spec(0)
    first, second, own = request.chain(find)
    assert first.spec(find) == SCALES["mini"].base_spec(0)
    assert (second.scale.name, second.family, own) == ("mini", "pruned-and-tuned", request)


def test_what_is_pruned_before_training_waits_for_no_base_and_keeps_its_weights(tmp_path):
    find = cached_lookup(Store(tmp_path))
    request = Request(SCALE, "untrained-removal", None, 0)
    spec = request.spec(find)
    assert (spec.start, spec.protocol.lr) == ("initial", 0.0)
    assert request.chain(find) == (request,)
    shape = Request(SCALE, "untrained-shape", SCALE.budgets[0], 0)
    assert shape.pruning_spec == SCALES["mini"].prune_spec(0, FAMILIES["untrained-removal"].pruning)

    spec = replace(PRUNING, start="initial", protocol=replace(PRUNING.protocol, lr=0.0))
    store = Store(tmp_path / "runs")
    record = run(spec, store, CPU)
    assert not store.path(spec.base).exists()
    whole = new_model(BASE.profile, cached_dataset("digits", 8, None), BASE.seed)
    remove_channels(whole, removed(record))
    kept = load_tensors(store.weights(spec))[0]
    for name, parameter in whole.named_parameters():
        assert torch.equal(kept[name], parameter)


def test_sliced_weights_are_new_ones_of_the_whole_network(pruned):
    store, record = pruned
    spec, model = begin(store, "sliced", 8)
    data = cached_dataset("digits", 8, None)
    assert model.profile == spec.profile
    whole = new_model(PRUNING.base.profile, data, spec.seed, SLICED)
    remove_channels(whole, removed(record)[:8])
    assert all(map(torch.equal, model.state_dict().values(), whole.state_dict().values()))
    assert not torch.equal(model.stem.weight, new_model(BASE.profile, data, BASE.seed).stem.weight)


def test_the_longer_base_sees_the_images_of_base_and_pruning(study):
    spec = Request(SCALE, "base-long", None, 0).spec(study.find)
    walk = study.trajectory(0)
    images = IMAGES + TUNED * (walk.at(min(SCALE.budgets)) + 1)
    assert spec.profile == SCALE.base
    assert spec.protocol.epochs == round(images / (IMAGES / SCALE.train.epochs))


def test_records_keep_which_images_were_wrong(pruned):
    store, record = pruned
    base = store.find(BASE)
    points = record.outcome["points"]["error"]
    told = [(base.outcome["wrong"], base.outcome["error"])]
    told += [(text, points[int(n)]) for n, text in record.outcome["wrong"].items()]
    assert len(told) == 1 + len(SIZES)
    for text, percent in told:
        bits = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8))
        assert 100 * int(bits.sum()) / 359 == pytest.approx(percent, rel=1e-6)
    assert base.circumstances["data_digest"] == cached_dataset("digits", 8, None).digest
