"""A record is data from elsewhere: what no run can have found is refused by file and field."""

import base64
import copy
import json
import os
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import examples
from outcomes import HERE, outcome
from test_specs import BASE, PRUNE, SALIENCY

from prunelib.errors import PrunelibError
from prunelib.files import MOST_BYTES
from prunelib.nets.inputs import TEST_IMAGES
from prunelib.nets.profile import ChannelProfile
from prunelib.study import specs
from prunelib.study.outcome_checks import check_outcome
from prunelib.study.store import Record, Store

RESULTS = Path(__file__).parents[2] / "results"
SPECS = {"train": BASE, "prune": PRUNE, "saliency": SALIENCY}


def placed(fields: dict, path: str, value: object) -> dict:
    """A copy of a record with another value at a place such as `outcome.epochs.seconds.0`."""
    fields = copy.deepcopy(fields)
    *way, last = (int(p) if p.isdecimal() else p for p in path.split("."))
    inner = fields
    for name in way:
        inner = inner[name]
    if value == "gone":
        del inner[last]
    else:
        inner[last] = value
    return fields


def fields_of(spec) -> dict:
    return {
        "version": 1,
        "key": specs.key(spec),
        "spec": specs.to_dict(spec),
        "outcome": outcome(spec),
        "circumstances": HERE,
    }


ERRORS = (-5, 100.5, 1e6, "12", None, True, 10**400, [12.5], {}, "gone")
COUNTS = (-1, 0, 2.5, "1", None, True, 10**400, "gone")
DAMAGE = [
    *(("train", "outcome.error", value) for value in ERRORS),
    *(("prune", "outcome.error", value) for value in ERRORS),
    *(("saliency", "outcome.error", value) for value in ERRORS),
    *(("train", "outcome.images_seen", value) for value in COUNTS),
    *(("prune", "outcome.images_seen", value) for value in COUNTS),
    *(("train", "outcome.params", value) for value in COUNTS),
    *(("prune", "outcome.macs", value) for value in COUNTS),
    *(("saliency", "outcome.training_macs", value) for value in COUNTS),
    *(("train", "outcome.seconds", value) for value in (-1, "1", 1e12, None)),
    *(("train", "outcome.epochs", value) for value in ({}, [], None, 7, "gone")),
    ("train", "outcome.epochs.test_error", "gone"),
    ("train", "outcome.epochs.test_error", []),
    ("train", "outcome.epochs.test_error.0", 101.0),
    ("train", "outcome.epochs.train_loss.3", None),
    ("train", "outcome.epochs.train_loss.3", "gone"),
    ("train", "outcome.epochs.extra", [1.0] * 15),
    ("train", "outcome.extra", 1),
    ("train", "outcome.points", {}),
    *(("prune", "outcome.points", value) for value in ({}, [], None, 7, "gone")),
    *(("prune", "outcome.points.block.0", value) for value in (0, 99, -1, "1", 1.0, True, None)),
    ("prune", "outcome.points.block", []),
    ("prune", "outcome.points.block.5", "gone"),
    ("prune", "outcome.points.channel.0", 10**6),
    ("prune", "outcome.points.channel.0", None),
    ("prune", "outcome.points.params.3", 12_345),
    ("prune", "outcome.points.macs.3", 12_345),
    ("prune", "outcome.points.removals.0", 1),
    ("prune", "outcome.points.error.0", None),
    ("prune", "outcome.points.error.0", 1e6),
    ("prune", "outcome.points.images.0", 0),
    ("prune", "outcome.points.images.0", 10**6),
    ("prune", "outcome.points.saliency.0", "1e-3"),
    *(("saliency", "outcome.channels", value) for value in ({}, [], None, "gone")),
    ("saliency", "outcome.channels.block.0", 2),
    ("saliency", "outcome.channels.channel.0", 2),
    ("saliency", "outcome.channels.fisher_10", "gone"),
    ("saliency", "outcome.channels.fisher_11", [1.0]),
    ("saliency", "outcome.channels.fisher_10.0", "1"),
    ("saliency", "outcome.channels.actual.0", None),
    *(("train", "circumstances.hardware", v) for v in (1, None, "", "x" * 2_000, [], "gone")),
    ("train", "circumstances.hardware", "\ud800"),
    ("train", "circumstances.precision", "gone"),
    ("train", "circumstances.threads", 0),
    ("train", "circumstances.seconds", -1),
    ("train", "circumstances.order_followed", 1),
    ("train", "circumstances.data_digest", "xyz"),
    ("train", "circumstances.note", ["a", "b"]),
    *(("train", "outcome.wrong", value) for value in ("?", "AAAA", 7, "", {}, "eJwDAAAAAAE=")),
    *(("prune", "outcome.wrong", value) for value in ("", {"0": 1}, {"9999": "AAAA"}, {"1": "x"})),
]


@pytest.mark.parametrize("kind", SPECS)
def test_the_undamaged_records_of_these_tests_are_read(tmp_path, kind):
    spec = SPECS[kind]
    (tmp_path / f"{specs.key(spec)}.json").write_text(json.dumps(fields_of(spec)), "utf-8")
    assert Store(tmp_path).find(spec) == Record(spec, outcome(spec), HERE)


@pytest.mark.parametrize(("kind", "place", "value"), DAMAGE)
def test_what_no_run_can_have_found_is_refused_by_file_and_field(tmp_path, kind, place, value):
    spec = SPECS[kind]
    path = Store(tmp_path).path(spec)
    path.write_text(json.dumps(placed(fields_of(spec), place, value)), "utf-8")
    with pytest.raises(PrunelibError) as caught:
        Store(tmp_path).find(spec)
    message = str(caught.value)
    assert message.startswith(f"{path}: {'.'.join(place.split('.')[:2])}".rstrip(".0123456789"))
    assert "\n" not in message
    assert len(message) < len(str(path)) + 300


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "9" * 9999])
def test_numbers_that_are_none_are_refused(tmp_path, number):
    path = Store(tmp_path).path(BASE)
    text = json.dumps(fields_of(BASE)).replace('"error": 12.5', f'"error": {number}')
    assert number in text
    path.write_text(text, "utf-8")
    with pytest.raises(PrunelibError, match=path.name) as caught:
        Store(tmp_path).find(BASE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["bom", "crlf", "order"])
def test_what_editors_and_mail_make_of_a_record_is_read(tmp_path, change):
    text = json.dumps(fields_of(BASE), indent=1)
    if change == "order":
        text = json.dumps(fields_of(BASE), sort_keys=True)
    text = {"bom": "\ufeff" + text, "crlf": text.replace("\n", "\r\n")}.get(change, text)
    Store(tmp_path).path(BASE).write_bytes(text.encode())
    assert Store(tmp_path).find(BASE) == Record(BASE, outcome(BASE), HERE)


def brackets(path):
    path.write_text("[" * 100_000, "utf-8")


def deep(path):
    inner = "[" * 900 + "]" * 900
    text = json.dumps(fields_of(BASE)).replace('"outcome": {', f'"outcome": {{"a": {inner}, ')
    path.write_text(text, "utf-8")


def huge(path):
    with path.open("wb") as file:
        file.truncate(10 * 10**9)


def loop(path):
    path.symlink_to(path)


def dangling(path):
    path.symlink_to(path.with_suffix(".gone"))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, brackets, deep, huge, loop, dangling])
def test_what_is_no_file_of_text_is_refused_without_waiting(tmp_path, make):
    store = Store(tmp_path)
    make(store.path(BASE))
    for action in (lambda: store.find(BASE), lambda: list(store.records())):
        with pytest.raises(PrunelibError, match=store.path(BASE).name) as caught:
            action()
        assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_says_so(tmp_path):
    huge(Store(tmp_path).path(BASE))
    with pytest.raises(PrunelibError, match=f"10,000,000,000 bytes, more than {MOST_BYTES:,}"):
        Store(tmp_path).find(BASE)


def packed(wrong) -> str:
    return base64.b64encode(zlib.compress(np.packbits(wrong).tobytes(), 9)).decode()


@examples(20)
@given(st.lists(st.booleans(), min_size=359, max_size=359), st.integers(3, 300))
def test_bits_of_wrong_images_make_the_error(wrong, off):
    images = TEST_IMAGES["digits"]
    error, other = (100 * (n % images) / images for n in (sum(wrong), sum(wrong) + off))
    check_outcome(BASE, outcome(BASE, error) | {"wrong": packed(wrong)}, HERE)
    found = outcome(PRUNE, error)
    last = found["points"]["removals"][-1]
    check_outcome(PRUNE, found | {"wrong": {str(last): packed(wrong)}}, HERE)
    for spec, bits in ((BASE, packed(wrong)), (PRUNE, {str(last): packed(wrong)})):
        with pytest.raises(PrunelibError, match=r"outcome\.wrong"):
            check_outcome(spec, outcome(spec, other) | {"wrong": bits}, HERE)


def test_bits_that_grow_without_end_are_not_unpacked():
    bomb = base64.b64encode(zlib.compress(bytes(10**8), 9)).decode()
    tracemalloc.start()
    with pytest.raises(PrunelibError, match="a bit for each of 359 images"):
        check_outcome(BASE, outcome(BASE, 0.0) | {"wrong": bomb}, HERE)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def committed():
    return [p for p in sorted(RESULTS.glob("**/*.json")) if len(p.stem) == 16]


def test_every_record_in_git_is_what_its_run_can_have_found():
    found = [p for p in committed() if p.parent.name != "orders"]
    assert len(found) > 200
    for folder in {p.parent for p in found}:
        assert list(Store(folder).records())


@pytest.fixture
def pruned(tmp_path):
    store = Store(tmp_path)
    store.put(Record(PRUNE, outcome(PRUNE), HERE))
    return store


@pytest.mark.parametrize("place", ["block.0", "block", "params.3", "channel.0"])
def test_a_damaged_record_never_replaces_the_order_of_its_run(pruned, place):
    good = pruned.order_path(PRUNE).read_bytes()
    fields = placed(fields_of(PRUNE), f"outcome.points.{place}", 99 if place != "block" else [1])
    pruned.path(PRUNE).write_text(json.dumps(fields), "utf-8")
    with pytest.raises(PrunelibError):
        pruned.find(PRUNE)
    with pytest.raises(PrunelibError):
        pruned.put(Record(PRUNE, fields["outcome"], HERE))
    assert pruned.order_path(PRUNE).read_bytes() == good


def test_a_record_of_another_way_does_not_replace_the_order_either(tmp_path):
    """Blocks of one stage are equally large: sizes do not tell them apart."""
    deeper = replace(BASE, profile=ChannelProfile.full(22, 0.5))
    spec = replace(PRUNE, base=deeper, protocol=replace(PRUNE.protocol, stop_params=20_000))
    store, found = Store(tmp_path), outcome(spec)
    store.put(Record(spec, found, HERE))
    good = store.order_path(spec).read_bytes()
    other = copy.deepcopy(found)
    points = other["points"]
    i, j = points["block"].index(8), points["block"].index(9)
    for name in ("block", "channel"):
        points[name][i], points[name][j] = points[name][j], points[name][i]
    check_outcome(spec, other, HERE)
    store.path(spec).write_text(json.dumps(fields_of(spec) | {"outcome": other}), "utf-8")
    for action in (lambda: store.find(spec), lambda: store.put(Record(spec, other, HERE))):
        with pytest.raises(PrunelibError, match="different runs"):
            action()
    assert store.order_path(spec).read_bytes() == good
    store.order_path(spec).unlink()
    assert store.find(spec).outcome == other


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2", b"\xff", b"[1, 99]", b"7", b"[" * 10**5])
def test_a_damaged_order_is_made_anew_from_a_good_record(pruned, content):
    good = pruned.order_path(PRUNE).read_bytes()
    pruned.order_path(PRUNE).write_bytes(content)
    record = pruned.find(PRUNE)
    pruned.keep_order(record)
    assert pruned.order_path(PRUNE).read_bytes() == good
