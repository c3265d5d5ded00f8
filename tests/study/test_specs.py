import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples, profiles, seeds

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.study.specs import (
    DataSpec,
    PruneSpec,
    SaliencySpec,
    TrainSpec,
    from_dict,
    key,
    to_dict,
)
from prunelib.training.protocols import PruneProtocol, TrainProtocol

counts = st.integers(0, 10**6)
numbers = st.floats(0, 10, allow_nan=False)
data_specs = st.builds(
    DataSpec, st.sampled_from(["digits", "cifar10"]), st.sampled_from([8, 16, 32])
)
train_protocols = st.builds(
    TrainProtocol,
    counts,
    counts,
    numbers,
    numbers,
    numbers,
    st.lists(counts, max_size=4).map(tuple),
    numbers,
    counts,
    st.booleans(),
)
prune_protocols = st.builds(
    PruneProtocol,
    counts,
    numbers,
    numbers,
    numbers,
    counts,
    st.booleans(),
    counts,
    st.sampled_from(["fisher", "random", "l1"]),
    numbers,
    st.none() | counts,
    st.none() | counts,
    counts,
)
train_specs = st.builds(TrainSpec, profiles(), data_specs, train_protocols, seeds)
prune_specs = st.builds(PruneSpec, train_specs, prune_protocols, seeds)
saliency_specs = st.builds(
    SaliencySpec,
    train_specs,
    prune_protocols,
    st.lists(counts, max_size=4).map(tuple),
    counts,
    seeds,
)
any_specs = st.one_of(train_specs, prune_specs, saliency_specs)

BASE = TrainSpec(
    ChannelProfile(16, 0.5, (8, 8, 16, 16, 32, 32)),
    DataSpec("digits", 8),
    TrainProtocol(15, 128, 0.1, 0.9, 5e-4, (4, 9, 13), 0.2, 1, False),
    0,
)
PRUNE = PruneSpec(
    BASE,
    PruneProtocol(128, 8e-4, 0.9, 5e-4, 1, False, 3, "fisher", 0.0, None, 4_492, 1),
    0,
)
SALIENCY = SaliencySpec(BASE, PRUNE.protocol, (10, 30, 100), 2_048, 0)


@examples(60)
@given(any_specs)
def test_a_spec_survives_json(spec):
    again = from_dict(json.loads(json.dumps(to_dict(spec))))
    assert again == spec
    assert type(again) is type(spec)
    assert key(again) == key(spec)


def test_keys_are_those_under_which_records_are_kept():
    assert key(BASE) == "ff6914e5d42f81c0"
    assert key(PRUNE) == "5744c2c7be69a323"
    assert key(SALIENCY) == "e3a1a1db7374e6c5"


def test_every_record_in_the_repository_still_stands_under_its_key():
    paths = list((Path(__file__).parents[2] / "results").glob("smoke/*.json"))
    assert paths
    for path in paths:
        assert key(from_dict(json.loads(path.read_text(encoding="utf-8"))["spec"])) == path.stem


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return {"digits": "cifar10", "fisher": "l1"}[value]
    if isinstance(value, tuple):
        return (*value[:-1], value[-1] - 1)
    return 7 if value is None else value + (1 if isinstance(value, int) else 0.5)


def variations(spec):
    for field in fields(spec):
        value = getattr(spec, field.name)
        if is_dataclass(value):
            for where, inner in variations(value):
                yield f"{field.name}.{where}", replace(spec, **{field.name: inner})
        elif field.name == "depth":
            yield "depth", ChannelProfile(22, spec.width, (*spec.middle, 1, 1, 1))
        elif field.name != "kind":
            yield field.name, replace(spec, **{field.name: changed(value)})


@pytest.mark.parametrize("spec", [BASE, PRUNE, SALIENCY])
def test_any_other_value_of_any_field_is_another_key(spec):
    keys = {"": key(spec)} | {where: key(other) for where, other in variations(spec)}
    assert len(set(keys.values())) == len(keys)
    assert {len(name) for name in keys.values()} == {16}
    assert len(keys) >= 16


def test_the_order_of_the_fields_does_not_matter():
    backwards = dict(reversed(to_dict(PRUNE).items()))
    backwards["base"] = dict(reversed(backwards["base"].items()))
    assert from_dict(backwards) == PRUNE


def paths_in(plain, prefix=()):
    for name, value in plain.items():
        yield (*prefix, name)
        if isinstance(value, dict):
            yield from paths_in(value, (*prefix, name))


def edited(plain, path, edit):
    copy = json.loads(json.dumps(plain))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    edit(inner, path[-1])
    return copy


def refusal(plain):
    with pytest.raises(PrunelibError) as caught:
        from_dict(plain)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("not a run spec: ")
    return str(caught.value)


PLACES = [
    (spec, path)
    for spec in (to_dict(BASE), to_dict(PRUNE), to_dict(SALIENCY))
    for path in paths_in(spec)
    if path != ("kind",)
]


@pytest.mark.parametrize("wrong", [{}, {"a": 1}, "much", None, [None]])
def test_a_mistyped_field_is_named(wrong):
    for plain, path in PLACES:
        fine = {"protocol": {}, "criterion": "much", "removals": None, "stop_params": None}
        if path[-1] in fine and fine[path[-1]] == wrong:
            continue
        message = refusal(edited(plain, path, lambda d, name: d.update({name: wrong})))
        assert path[-1] in message, (path, message)
        assert ".".join(path[:-1]) in message, (path, message)


def test_an_unknown_field_is_named_at_every_level():
    for plain, path in PLACES:
        message = refusal(edited(plain, path, lambda d, name: d.update(mystery=1)))
        assert ".".join([*path[:-1], "mystery"]) in message


def test_a_missing_field_is_named():
    for plain, path in PLACES:
        if "protocol" in path[:-1] or path[-1] == "kind":
            continue
        message = refusal(edited(plain, path, lambda d, name: d.pop(name)))
        assert ".".join(path) in message


def test_a_spec_without_its_kind_or_of_an_unknown_one_is_refused():
    plain = to_dict(BASE)
    assert "kind" in refusal({k: v for k, v in plain.items() if k != "kind"})
    assert "'magic'" in refusal(plain | {"kind": "magic"})
    assert "prune.base" in refusal(plain | {"kind": "prune"})


@pytest.mark.parametrize("plain", [None, [], "train", 7, {}, [{}]])
def test_what_is_no_spec_at_all_is_refused(plain):
    refusal(plain)


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5])
def test_an_impossible_seed_is_refused(seed):
    assert "seed" in refusal(to_dict(BASE) | {"seed": seed})


def test_an_impossible_profile_is_refused_for_its_reason():
    plain = to_dict(BASE)
    bad = plain | {"profile": plain["profile"] | {"depth": 11}}
    assert "train.profile: " in refusal(bad)
    assert "depth must be 6n + 4" in refusal(bad)


def test_a_field_with_a_line_break_in_its_name_is_refused_in_one_line():
    refusal(to_dict(BASE) | {"a\nb": 1})
