"""Weights and states on disk: another's or damaged ones are noticed, set aside and made anew."""

import json
import logging
import os
import shutil
from dataclasses import replace

import pytest
import torch
from comparing import without_times
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, examples
from test_controls import BASE, DATA, PRUNING, SIZES, begin, copied, pruned  # noqa: F401
from test_loop import SHORT, tiny_data, tiny_network
from test_trainer import SHORT as TRAINING

from prunelib.errors import PrunelibError
from prunelib.evidence.repeats import timeless
from prunelib.files import Cadence, load_tensors, save_tensors
from prunelib.nets.profile import ChannelProfile
from prunelib.pruning.public import prune
from prunelib.study.runs import run
from prunelib.study.specs import key
from prunelib.study.start_weights import new_model
from prunelib.training.checkpoint import before
from prunelib.training.trainer import train

FOREIGN = "cannot be read as safetensors: it was not saved under this name"


def flip(path, place: float, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(content)


@examples(60)
@given(st.floats(0, 1), st.integers(0, 7))
def test_no_flipped_bit_of_weights_goes_unnoticed(tmp_path_factory, place, bit):
    path = tmp_path_factory.mktemp("kept") / "file.safetensors"
    save_tensors(path, {"a": torch.arange(5.0), "b": torch.ones(2, 3, dtype=torch.bfloat16)}, "x")
    before = path.read_bytes()
    flip(path, place, bit)
    with pytest.raises(PrunelibError, match="cannot be read as safetensors") as caught:
        load_tensors(path, own=True)
    assert "\n" not in str(caught.value)
    path.write_bytes(before)
    assert load_tensors(path, own=True)[1] == "x"


def test_the_same_tensors_make_the_same_file(tmp_path):
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "kept.safetensors")
        save_tensors(files[-1], {"a": torch.ones(3)}, "text", {"b": "c", "d": "e"})
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_weights_that_are_no_file_are_not_waited_for(tmp_path, make):
    make(tmp_path / "kept.safetensors")
    with pytest.raises(PrunelibError, match="cannot be read"):
        load_tensors(tmp_path / "kept.safetensors", own=True)


def other_seed(store, path):
    run(replace(BASE, seed=7), store, CPU)
    shutil.copy(store.weights(replace(BASE, seed=7)), path)


def other_shape(store, path):
    profile = ChannelProfile.full(10, 0.5)
    save_tensors(path, new_model(profile, DATA, 0).state_dict(), profile.to_json())


def other_tensors(store, path):
    save_tensors(path, {"a": torch.ones(3)}, BASE.profile.to_json())


def without_checksum(store, path):
    from safetensors.torch import save_file

    tensors, text = load_tensors(path)
    save_file(tensors, path, {"text": text})


def damaged(store, path):
    flip(path, 0.9)


def cut_off(store, path):
    path.write_bytes(path.read_bytes()[:-100])


SPOIL = [other_seed, other_shape, other_tensors, without_checksum, damaged, cut_off]


@pytest.mark.parametrize("spoil", SPOIL)
def test_weights_of_the_base_that_are_not_its_own_are_made_anew(pruned, tmp_path, caplog, spoil):  # noqa: F811
    store = copied(pruned[0], tmp_path)
    good = store.weights(BASE).read_bytes()
    spoil(store, store.weights(BASE))
    assert store.weights(BASE).read_bytes() != good
    store.path(PRUNING).unlink()
    with caplog.at_level(logging.WARNING):
        again = run(PRUNING, store, CPU, snapshots=SIZES)
    assert timeless(again.outcome) == timeless(pruned[1].outcome)
    assert store.weights(BASE).read_bytes() == good
    # Weights of another profile are taken for older ones.
    assert (f"{key(BASE)}.safetensors" in caplog.text) == (spoil is not other_shape)


@pytest.mark.parametrize("spoil", [other_tensors, without_checksum, damaged])
def test_weights_on_the_way_of_pruning_are_walked_to_anew(pruned, tmp_path, spoil):  # noqa: F811
    _, expected = begin(pruned[0], "tuned", 8)
    store = copied(pruned[0], tmp_path)
    path = store.pruned_weights(PRUNING, 8)
    spoil(store, path)
    _, model = begin(store, "tuned", 8)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), expected.parameters()))  # noqa: B905
    assert load_tensors(path, own=True)


def test_pruning_that_was_stopped_keeps_no_other_weights_than_if_it_was_not(
    pruned,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    told, kept, stops = [], [], 0

    def interrupt(done, total, note):
        told.append(done)
        if len(told) % 3 == 0:
            raise KeyboardInterrupt

    for progress in (None, interrupt):
        store = copied(pruned[0], tmp_path / str(progress is None))
        store.path(PRUNING).unlink()
        for path in store.pruned_weights(PRUNING, 0).parent.glob(f"{key(PRUNING)}-*"):
            path.unlink()
        while store.find(PRUNING) is None:
            try:
                run(PRUNING, store, CPU, progress=progress, snapshots=SIZES)
            except KeyboardInterrupt:
                stops += 1
        kept.append({p.name for p in store.pruned_weights(PRUNING, 0).parent.iterdir()})
    assert stops > 1
    assert kept[0] == kept[1]


def stopped_training(path, steps):
    done = []

    def interrupt(step, total, note):
        done.append(step)
        if len(done) == steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_network(), tiny_data(), TRAINING, 0, CPU, interrupt, path)


def stopped_pruning(path, removals):
    def interrupt(model, points):
        if points[-1].removals == removals:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(tiny_network(), tiny_data(), SHORT, 0, CPU, checkpoint=path, watch=interrupt)


def resumed_training(path):
    begun = []
    history = train(
        tiny_network(), tiny_data(), TRAINING, 0, CPU, lambda *told: begun.append(told[0]), path
    )
    return begun[0], [epoch[:3] for epoch in history]


def resumed_pruning(path):
    begun = []
    points = prune(
        tiny_network(),
        tiny_data(),
        SHORT,
        0,
        CPU,
        checkpoint=path,
        watch=lambda model, points: begun.append(points[-1].removals),
    )
    return begun[0], without_times(points)


def nonsense(path):
    tensors, text = load_tensors(path)
    save_tensors(path, tensors, json.dumps(dict.fromkeys(json.loads(text), 7)))


def no_model(path):
    tensors, text = load_tensors(path)
    save_tensors(path, {n: t for n, t in tensors.items() if not n.startswith("model.")}, text)


def renamed(path):
    other = path.with_name("other.checkpoint")
    save_tensors(other, *load_tensors(path))
    os.replace(other, path)


@pytest.mark.parametrize("spoil", [lambda p: flip(p, 0.9), nonsense, no_model, renamed, "both"])
@pytest.mark.parametrize(
    ("stopped", "resumed"),
    [(stopped_training, resumed_training), (stopped_pruning, resumed_pruning)],
)
def test_from_a_damaged_state_a_run_goes_on_from_the_one_before(
    tmp_path, monkeypatch, caplog, stopped, resumed, spoil
):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    path = tmp_path / "state.checkpoint"
    stopped(path, 4)
    shutil.copytree(tmp_path, tmp_path / "whole")
    last, expected = resumed(tmp_path / "whole/state.checkpoint")
    start = resumed(None)[0]
    for file in (path, before(path)) if spoil == "both" else (path,):
        (damaged_one if spoil == "both" else spoil)(file)
    with caplog.at_level(logging.WARNING):
        begun, found = resumed(path)
    assert found == expected
    assert begun == start if spoil == "both" else start < begun <= last
    # Whole, but of another run: no word is said.
    assert ("state.checkpoint.damaged" in caplog.text) == (spoil is not nonsense)
    assert all("\n" not in record.getMessage() for record in caplog.records)


def damaged_one(path):
    flip(path, 0.5)
