import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import examples, profiles, seeds
from outcomes import HERE, outcome
from test_specs import BASE, PRUNE, SALIENCY

from prunelib.errors import PrunelibError
from prunelib.files import load_tensors, save_tensors, write_atomically
from prunelib.study import specs
from prunelib.study.lookup import cached_lookup
from prunelib.study.specs import DataSpec, PruneSpec, SaliencySpec, TrainSpec
from prunelib.study.store import VERSION, Record, Store, two_level_json
from prunelib.training.protocols import PruneProtocol, TrainProtocol

OUTCOME = outcome(BASE)
RECORD = Record(BASE, OUTCOME, HERE)
OTHER = replace(RECORD, outcome=outcome(BASE, error=1.0))

# Lone surrogates are no text.
characters = st.characters(exclude_categories=["Cs"])
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(characters, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
folders = st.dictionaries(st.text(max_size=5), plain, max_size=4)
small = st.builds(
    TrainSpec,
    profiles(),
    st.builds(DataSpec, st.just("cifar10"), st.sampled_from([8, 16, 32])),
    st.builds(TrainProtocol, epochs=st.integers(1, 4), milestones=st.just(())),
    seeds,
)
protocols = st.builds(
    PruneProtocol,
    steps=st.integers(1, 9),
    removals=st.none(),
    stop_params=st.integers(20_000, 10**6),
    eval_every=st.integers(1, 4),
)
specs_of_runs = st.one_of(
    small,
    st.builds(PruneSpec, small, protocols, seeds),
    st.builds(SaliencySpec, small, protocols, st.just((1, 3)), st.just(8), seeds),
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "deep" / "smoke")


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def refusal(action, *arguments):
    with pytest.raises(PrunelibError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@examples(25)
@given(specs_of_runs, st.floats(0, 100), st.text(characters, min_size=1, max_size=9))
def test_what_is_put_is_found(tmp_path_factory, spec, error, hardware):
    store = Store(tmp_path_factory.mktemp("store"))
    assert store.find(spec) is None
    assert store.order(spec) is None if isinstance(spec, PruneSpec) else True
    record = Record(spec, outcome(spec, error), HERE | {"hardware": hardware})
    store.put(record)
    assert store.find(spec) == record
    assert list(store.records()) == [record]
    pruning = isinstance(spec, PruneSpec)
    assert files(store.folder) == [f"{specs.key(spec)}.json"] * (1 + pruning)
    if pruning:
        blocks = record.outcome["points"]["block"][:-1]
        assert store.order(spec) == blocks
        store.path(spec).unlink()
        assert store.order(spec) == blocks


@examples(40)
@given(folders)
def test_folding_changes_the_lines_and_not_the_content(content):
    text = two_level_json(json.dumps({"version": 1, "outcome": content, "end": None}))
    assert json.loads(text) == {"version": 1, "outcome": content, "end": None}
    assert text.endswith("}\n")


def test_each_column_has_a_line_of_its_own(store):
    store.put(RECORD)
    lines = store.path(BASE).read_text(encoding="utf-8").splitlines()
    assert '    "error": 12.5,' in lines
    assert f'  "version": {VERSION},' in lines
    assert f'  "key": "{RECORD.key}",' in lines


def test_records_are_the_newest_and_come_by_key(store):
    records = [RECORD, *(Record(spec, outcome(spec), HERE) for spec in (PRUNE, SALIENCY))]
    for record in [OTHER, *records]:
        store.put(record)
    assert list(store.records()) == sorted(records, key=lambda r: r.key)
    assert {record.key for record in records} == {specs.key(s) for s in (BASE, PRUNE, SALIENCY)}


def test_an_empty_store_has_nothing(store):
    assert store.find(BASE) is None
    assert list(store.records()) == []


def test_a_lookup_reads_a_record_once_and_looks_again_for_one_that_was_missing(store):
    find = cached_lookup(store)
    assert find(BASE) is None
    store.put(RECORD)
    assert find(BASE) == RECORD
    store.put(OTHER)
    assert find(BASE) == RECORD
    assert cached_lookup(store)(BASE) == OTHER


def as_bytes(**changes):
    fields = {
        "version": VERSION,
        "key": RECORD.key,
        "spec": specs.to_dict(BASE),
        "outcome": OUTCOME,
        "circumstances": HERE,
    }
    fields |= changes
    return json.dumps({k: v for k, v in fields.items() if v != "gone"}).encode()


DAMAGES = [
    (b"", "is not JSON"),
    (as_bytes()[:-20], "is not JSON"),
    (b"\xff\xfe\x00record", "cannot be read: it is not UTF-8"),
    (b'{"version": 1,\n"spec": {,\n}', "is not JSON"),
    (b"[1]", "is a record of version None"),
    (b"null", "is a record of version None"),
    (as_bytes(version="gone"), "is a record of version None"),
    (as_bytes(version=VERSION + 1), f"of version {VERSION + 1}, this is version {VERSION}"),
    (as_bytes(version=str(VERSION)), "is a record of version"),
    (as_bytes(spec="gone"), "has no spec"),
    (as_bytes(outcome="gone"), "has no outcome"),
    (as_bytes(circumstances="gone"), "has no circumstances"),
    (as_bytes(outcome=[1]), "has no outcome"),
    (as_bytes(spec={"kind": "train"}), "not a run spec: train.profile"),
    (as_bytes(spec=specs.to_dict(BASE) | {"extra": 1}), "not a run spec: train.extra"),
    (as_bytes(spec=specs.to_dict(PRUNE)), f"holds the run {specs.key(PRUNE)}"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGES)
def test_a_file_that_is_not_this_record_is_refused_by_its_path(store, content, message):
    store.folder.mkdir(parents=True)
    path = store.path(BASE)
    path.write_bytes(content)
    for action, arguments in ((store.find, (BASE,)), (list, (store.records(),))):
        found = refusal(action, *arguments)
        assert found.startswith(str(path))
        assert message in found


def test_the_undamaged_record_of_these_tests_is_read(store):
    store.folder.mkdir(parents=True)
    store.path(BASE).write_bytes(as_bytes())
    assert store.find(BASE) == RECORD


def test_a_record_that_cannot_be_opened_is_refused_by_its_path(store):
    store.path(BASE).mkdir(parents=True)
    assert refusal(store.find, BASE) == f"{store.path(BASE)} cannot be read: Is a directory"


def test_a_loop_of_links_is_no_record(store):
    store.folder.mkdir(parents=True)
    store.path(BASE).symlink_to(store.path(BASE))
    assert "cannot be read" in refusal(list, store.records())


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_record_with_a_number_that_json_lacks_is_refused(store, number):
    with pytest.raises(PrunelibError, match=str(store.path(BASE))):
        store.put(replace(RECORD, outcome=OUTCOME | {"error": number}))


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
@pytest.mark.parametrize("before", [True, False])
def test_a_write_that_fails_half_way_leaves_what_was_there(store, monkeypatch, call, before):
    if before:
        store.put(RECORD)
    original = store.path(BASE).read_bytes() if before else None

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        message = refusal(store.put, OTHER)
    assert message.startswith(str(store.path(BASE)))
    assert "No space left on device" in message
    assert files(store.folder) == ([f"{RECORD.key}.json"] if before else [])
    if before:
        assert store.path(BASE).read_bytes() == original


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_interrupted_write_leaves_what_was_there(store, monkeypatch, call):
    store.put(RECORD)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, call, interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.put(OTHER)
    assert store.find(BASE) == RECORD
    assert files(store.folder) == [f"{RECORD.key}.json"]


def killed_write(path, seconds_ago):
    """What a write leaves whose process is killed when the content is there but not the name."""
    program = (
        "import os, signal, sys; from pathlib import Path; from prunelib.files import *; "
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "write_atomically(Path(sys.argv[1]), b'half')"
    )
    before = set(path.parent.iterdir())
    done = subprocess.run([sys.executable, "-c", program, path])
    assert done.returncode == -signal.SIGKILL
    (left,) = set(path.parent.iterdir()) - before
    then = time.time() - seconds_ago
    os.utime(left, (then, then))
    return left


def test_what_killed_writes_have_left_goes_with_the_next_one(tmp_path):
    path = tmp_path / "a[b].json"
    old, young = killed_write(path, 7_200), killed_write(path, 60)
    other = tmp_path / old.name.replace("a[b]", "ab")
    shutil.copy2(old, other)
    write_atomically(path, b"whole")
    assert set(tmp_path.iterdir()) == {path, young, other}
    assert path.read_bytes() == b"whole"


def test_content_is_on_disk_before_it_takes_the_name(store, monkeypatch):
    calls = []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(os.fstat(fd).st_size), sync(fd)))

    def replacing(a, b):
        calls.append(os.stat(a).st_size)
        rename(a, b)

    monkeypatch.setattr(os, "replace", replacing)
    store.put(RECORD)
    assert calls == [store.path(BASE).stat().st_size] * 2


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_the_old_record_and_no_litter(small_disk):
    store = Store(small_disk)
    store.put(RECORD)
    store.check_writable()
    circumstances = {f"note {i}": "x" * 1_000 for i in range(3_000)}
    large = replace(RECORD, circumstances=HERE | circumstances)
    message = refusal(store.put, large)
    assert message.startswith(str(store.path(BASE)))
    assert "No space left on device" in message
    assert store.find(BASE) == RECORD
    assert files(small_disk) == [f"{RECORD.key}.json"]
    (small_disk / "filler").write_bytes(b" " * (shutil.disk_usage(small_disk).free))
    assert "No space left on device" in refusal(store.check_writable)
    assert files(small_disk) == [f"{RECORD.key}.json", "filler"]


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    store = Store(tmp_path / "file" / "smoke")
    for action, arguments in ((store.put, (RECORD,)), (store.check_writable, ())):
        message = refusal(action, *arguments)
        assert message.startswith(str(store.folder))
        assert "cannot be written: Not a directory; " in message
        assert "--results" in message
    assert store.find(BASE) is None


def test_a_folder_without_permission_cannot_be_written(store, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", deny)
    assert "cannot be written: Permission denied" in refusal(store.put, RECORD)
    assert "cannot be written: Permission denied" in refusal(store.check_writable)


@pytest.mark.parametrize("name", ["orders", "weights"])
def test_what_lies_in_the_place_of_a_folder_within_is_told_beforehand(store, name):
    store.folder.mkdir(parents=True)
    (store.folder / name).write_text("no folder", encoding="utf-8")
    assert refusal(store.check_writable).startswith(str(store.folder / name))
    (store.folder / name).unlink()
    (store.folder / name).mkdir()
    store.check_writable()
    assert files(store.folder) == []


def test_checking_a_folder_makes_it_and_leaves_nothing_in_it(store):
    store.check_writable()
    assert list(store.folder.iterdir()) == []


def test_records_can_be_read_by_others(store):
    store.put(RECORD)
    assert store.path(BASE).stat().st_mode & 0o777 == 0o644


def test_weights_and_checkpoints_stand_apart_from_records(store):
    paths = {store.path(BASE), store.weights(BASE), store.checkpoint(BASE)}
    assert len(paths) == 3
    for path in (store.weights(BASE), store.checkpoint(BASE)):
        write_atomically(path, b"not a record")
    assert list(store.records()) == []


@examples(25)
@given(
    st.lists(st.integers(0, 3), max_size=3),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from([torch.float32, torch.bfloat16, torch.int64]),
)
def test_tensors_survive_with_their_text(tmp_path_factory, shape, text, dtype):
    path = tmp_path_factory.mktemp("tensors") / "folder" / "file"
    tensor = torch.arange(200.0)[: max(1, torch.Size(shape).numel())]
    tensor = tensor[: torch.Size(shape).numel()].reshape(shape).to(dtype)
    save_tensors(path, {"a": tensor, "b": torch.ones(2, 3, requires_grad=True).T}, text)
    tensors, found = load_tensors(path)
    assert found == text
    assert tensors.keys() == {"a", "b"}
    assert tensors["a"].dtype == dtype
    assert torch.equal(tensors["a"], tensor)
    assert torch.equal(tensors["b"], torch.ones(3, 2))


@pytest.mark.parametrize("content", [None, b"", b"text", b"\xff" * 100])
def test_a_file_without_tensors_is_refused_by_its_path(tmp_path, content):
    path = tmp_path / "weights"
    if content is not None:
        path.write_bytes(content)
    assert refusal(load_tensors, path).startswith(f"{path} cannot be read as safetensors: ")


def test_a_truncated_file_of_tensors_is_refused(tmp_path):
    path = tmp_path / "weights"
    save_tensors(path, {"a": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(load_tensors, path).startswith(f"{path} cannot be read as safetensors: ")
