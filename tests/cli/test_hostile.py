"""Damaged files and hostile ones, through the commands that read them: one line, nothing lost.

The commands run in this process. FUZZ sets the number of examples: FUZZ=2000 was tried by hand.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import examples
from test_outcome import DAMAGE, ERRORS, brackets, dangling, deep, huge, loop, placed

from prunelib.cli.commands import run_command as command
from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES, scale_named
from prunelib.study.specs import key
from prunelib.study.store import Store

RESULTS = Path(__file__).parents[2] / "results"
SMOKE = SCALES["smoke"]
SPECS = {
    "train": SMOKE.base_spec(0),
    "prune": SMOKE.prune_spec(0),
    "saliency": SMOKE.saliency_spec(0),
}
COMMANDS = {
    "status": ("status", "smoke"),
    "fit": ("fit", "--scale", "smoke", "--params", "12k"),
    "compare": ("compare", "smoke", str(RESULTS / "repeats")),
    "study": ("study", "smoke"),
    "verdicts": ("verdicts", "smoke"),
}
FILES = (os.mkfifo, os.mkdir, brackets, deep, huge, loop, dangling)
FUZZ = int(os.environ.get("FUZZ", "100"))
"""How many examples; by hand it was 2,000."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(RESULTS / "smoke", folder / "smoke")
    return folder


def called(monkeypatch, capsys, name, results):
    """Exit code and stderr of a command; a traceback is an error of the test."""
    monkeypatch.setattr(sys, "argv", ["prunelib", *COMMANDS[name], "--results", str(results)])
    code = command()
    return code, capsys.readouterr().err


def refused(monkeypatch, capsys, results, path):
    orders = {p.name: p.read_bytes() for p in (results / "smoke/orders").iterdir()}
    others = len(list((results / "smoke").iterdir()))
    for name in COMMANDS:
        code, err = called(monkeypatch, capsys, name, results)
        lines = [line for line in err.splitlines() if line]
        assert code == 2, name
        assert len(lines) == 1, err
        assert path.name in lines[0]
    assert {p.name: p.read_bytes() for p in (results / "smoke/orders").iterdir()} == orders
    assert len(list((results / "smoke").iterdir())) == others


@pytest.mark.parametrize(("kind", "place", "value"), DAMAGE)
def test_every_command_refuses_a_damaged_record(results, monkeypatch, capsys, kind, place, value):
    path = Store(results / "smoke").path(SPECS[kind])
    good = path.read_bytes()
    try:
        damaged = json.dumps(placed(json.loads(good), place, value)).encode()
        path.write_bytes(damaged)
        refused(monkeypatch, capsys, results, path)
        assert path.read_bytes() == damaged
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("make", FILES)
def test_every_command_refuses_what_is_no_record(results, monkeypatch, capsys, make):
    path = Store(results / "smoke").path(SPECS["prune"])
    good = path.read_bytes()
    path.unlink()
    try:
        make(path)
        refused(monkeypatch, capsys, results, path)
    finally:
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(good)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*ERRORS[:-1], "train", "prune", [], {}]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


def ways(value, way=()):
    """All places in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in inner:
        yield (*way, name)
        if isinstance(part, dict | list):
            yield from ways(part, (*way, name))


@st.composite
def texts(draw, good: str):
    """A JSON text that was changed: a value in it, its bytes, or all of it."""
    how = draw(st.sampled_from(["value", "bytes", "all"]))
    if how == "all":
        return json.dumps(draw(anything)).encode()
    if how == "bytes":
        content = bytearray(good.encode())
        for _ in range(draw(st.integers(1, 4))):
            place = draw(st.integers(0, len(content) - 1))
            content[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        return bytes(content)
    fields = json.loads(good)
    *way, last = draw(st.sampled_from(list(ways(fields))))
    inner = fields
    for name in way:
        inner = inner[name]
    inner[last] = draw(anything)
    return json.dumps(fields).encode()


RECORDS = {
    kind: Store(RESULTS / "smoke").path(spec).read_text("utf-8") for kind, spec in SPECS.items()
}
ORDER = Store(RESULTS / "smoke").order_path(SPECS["prune"]).read_text("utf-8")
PROFILE = ChannelProfile.full(16, 0.5).to_json()


@settings(examples(FUZZ), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), st.sampled_from([*RECORDS, "order", "profile", "toml"]))
def test_no_file_makes_a_traceback(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("fuzz")
    store = Store(folder)
    try:
        if kind == "order":
            store.order_path(SPECS["prune"]).parent.mkdir()
            store.order_path(SPECS["prune"]).write_bytes(data.draw(texts(ORDER)))
            store.order(SPECS["prune"])
        elif kind == "profile":
            ChannelProfile.from_json(data.draw(texts(PROFILE)).decode(errors="replace"))
        elif kind == "toml":
            path = folder / "mine.toml"
            path.write_bytes(data.draw(tomls()))
            plan_study(scale_named(str(path)))
        else:
            store.path(SPECS[kind]).write_bytes(data.draw(texts(RECORDS[kind])))
            assert store.find(SPECS[kind]).key == key(SPECS[kind])
    except PrunelibError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message
    shutil.rmtree(folder)


TOML = """
like = "smoke"
seeds = 2

[data]
name = "digits"
size = 8

[base]
depth = 16
width = 0.5

[train]
epochs = 30
"""


@st.composite
def tomls(draw):
    """A scale's file with a line that was changed."""
    lines = TOML.splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    name = lines[number].partition("=")[0]
    value = draw(
        st.sampled_from(
            ["", "0", "-1", "1e400", "nan", "inf", "9" * 400, '"x"', "[]", "[[1]]", "{}", "true"]
        )
        | st.text(max_size=10)
    )
    lines[number] = draw(st.sampled_from([f"{name}= {value}", value, ""]))
    return "\n".join(lines).encode(errors="replace")
