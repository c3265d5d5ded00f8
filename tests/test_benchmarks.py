"""The benchmarks run and say what they measured; how fast anything is, is not tested."""

import json
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import your_data
from benchmarks.timing import in_turns, product
from prunelib import ChannelProfile
from prunelib.training.machine import Machine

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "results" / "kernels"))
import narrow  # noqa: E402

pytestmark = pytest.mark.slow
STEPS, EVERYDAY = ROOT / "benchmarks/steps.py", ROOT / "benchmarks/everyday.py"
EXECUTORS = ROOT / "benchmarks/executors.py"
INFERENCE = ROOT / "benchmarks/inference.py"
PRECISION = ROOT / "benchmarks/precision.py"
FEW_CHANNELS = ROOT / "benchmarks/few_channels.py"
YOUR_DATA = ROOT / "benchmarks/your_data.py"
YOUR_NETWORK = ROOT / "benchmarks/your_network.py"
FAMILIES = {"base", "pruned", "copycat", "bottleneck", "reduced-width"} | {
    "pruned-rounded",
    "copycat-rounded",
}
COLUMNS = {"engine", "precision", "threads", "batch", "ms", "low", "high"} | {
    "macs",
    "images_per_second",
    "macs_share",
    "against_base",
    "against_macs",
}


def measured(script, *arguments, out):
    done = subprocess.run(
        [sys.executable, script, *arguments, "--out", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["circumstances"]["hardware"]
    assert found["circumstances"]["finished"]
    return found, done.stdout


def test_steps_are_timed_beside_plain_pytorch(tmp_path):
    cases = ("narrow", "narrow-peak", "data", "fisher", "loops", "pruning")
    found, shown = measured(STEPS, "--pairs", "1", "--cases", *cases, out=tmp_path / "steps.json")
    assert found["against"] == "plain PyTorch"
    assert list(found["rows"]) == list(cases)
    for row in found["rows"].values():
        assert row["title"] in shown
        assert row["ms"] > 0 < row["against_ms"]
    assert 0 < found["rows"]["data"]["share"] < found["rows"]["data"]["against_share"] < 1
    assert sum(found["rows"]["narrow-peak"]["parts"].values()) == pytest.approx(1, abs=1e-3)
    walk = found["rows"]["pruning"]
    assert len(walk["ms_at"]) == len(walk["macs_at"]) == 9
    assert walk["macs_at"] == sorted(walk["macs_at"], reverse=True)
    assert walk["params_at"][-1] < 0.11 * walk["params_at"][0]


def test_commands_are_timed_and_so_is_their_growth(tmp_path):
    some = ("--repeats", "1", "--records", "80", "160")
    found, _ = measured(EVERYDAY, *some, out=tmp_path / "everyday.json")
    assert set(found["seconds"]) == {
        "prunelib --help",
        "prunelib describe",
        "prunelib status mini",
    }
    assert [row["records"] for row in found["status"]] == [80, 160]
    assert all(row["seconds"] > 0 for row in found["status"])
    assert "mini_megabytes" not in found


def test_turns_are_taken_fairly():
    order = []
    in_turns(lambda: order.append("a"), lambda: order.append("b"), 4, warm_up=2)
    assert order == list("baabbaabbaab")


def test_a_matrix_product_is_in_the_format_of_the_machine():
    for precision, form in (("bfloat16", "torch.bfloat16"), ("float32", "torch.float32")):
        step = product(Machine("cpu", precision, 1), 8)
        assert str(step().dtype) == form
        assert step.gflop == pytest.approx(2 * 8**3 / 1e9)


@pytest.mark.parametrize(
    ("script", "wrong", "said"),
    [
        (STEPS, ["--pairs", "0"], "must be at least 1"),
        (STEPS, ["--cases", "all"], "invalid choice"),
        (STEPS, ["--reference", "nowhere"], "no clone of pytorch-prunes"),
        (EVERYDAY, ["--records", "7"], "--records 8"),
        (EXECUTORS, ["--rounds", "0"], "must be at least 1"),
        (PRECISION, ["tiny"], "invalid choice"),
        (PRECISION, ["--seeds", "0"], "must be at least 1"),
        (INFERENCE, ["--rounds", "0"], "must be at least 1"),
        (INFERENCE, ["--compiled", "wide"], "no family wide"),
    ],
)
def test_nonsense_is_refused(script, wrong, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(script), *wrong])
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name="__main__")
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_inference_keeps_a_record(tmp_path):
    found, shown = measured(INFERENCE, "--quick", out=tmp_path / "inference.json")
    networks = {n["family"]: n for n in found["networks"]}
    assert set(networks) == FAMILIES
    for family, network in networks.items():
        assert family in shown
        assert ChannelProfile(**network["profile"]).params == network["params"]
        assert network["params"] <= (network["budget"] or 563_930)
        assert network["params"] > 0.98 * (network["budget"] or 563_930)
        if family.endswith("-rounded"):
            assert all(channels % 8 == 0 for channels in network["profile"]["middle"])
            assert network["params"] <= networks[family.removesuffix("-rounded")]["params"]
    check(found["rows"], {"network", "size", "family", "budget", "params"})
    assert {row["family"] for row in found["rows"]} == FAMILIES
    check(found["widths"], {"width"})
    installed = find_spec("onnx") and find_spec("onnxscript") and find_spec("onnxruntime")
    for rows in (found["rows"], found["widths"]):
        assert {row["engine"] for row in rows} == {"PyTorch"} | (
            {"ONNX Runtime"} if installed else set()
        )


def check(rows, columns):
    for row in rows:
        assert set(row) == columns | COLUMNS
        assert 0 < row["low"] <= row["ms"] <= row["high"]
        assert row["images_per_second"] == pytest.approx(1e3 * row["batch"] / row["ms"], rel=0.01)
        assert row["against_macs"] == pytest.approx(
            row["against_base"] / row["macs_share"], rel=0.01
        )
    assert {row["batch"] for row in rows} == {1, 128}


def test_without_its_packages_onnx_runtime_is_left_out(tmp_path):
    hidden = (
        "import importlib.util as u, runpy, sys; find = u.find_spec;"
        "u.find_spec = lambda n, p=None: None if n == 'onnxscript' else find(n, p);"
        f"sys.argv = ['x', '--quick', '--out', {str(tmp_path / 'x.json')!r}];"
        f"sys.path.insert(0, {str(INFERENCE.parent)!r});"
        f"runpy.run_path({str(INFERENCE)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ONNX Runtime is left out; not installed: onnxscript\n" in done.stdout
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert {row["engine"] for row in found["rows"]} == {"PyTorch"}


def test_a_foreign_network_is_pruned_and_compared_with_narrower_ones(tmp_path):
    settings = ("--images", "digits", "--percent", "4", "--epochs", "1", "--steps", "1")
    given = (*settings, "--eval-every", "2", "--seeds", "1")
    found, shown = measured(YOUR_NETWORK, *given, out=tmp_path / "record.json")
    (run,) = found["runs"]
    assert [pair["share"] for pair in run["compared"]] == [0.5, 0.25]
    assert sum(layer["number"] is not None for layer in run["layers"]) == 8
    for pair in run["compared"]:
        assert pair["narrower"]["params"] <= pair["pruned"]["params"]
        assert pair["pruned"]["params"] <= pair["share"] * run["base"]["params"]
        assert abs(pair["narrower"]["images"] - pair["pruned"]["images"]) <= 1438 / 2
        assert f"narrower {pair['narrower']['error']:.2f}%" in shown
    points = run["points"]
    assert points["params"] == sorted(points["params"], reverse=True)
    assert points["block"][-1] is None


@pytest.mark.skipif(not narrow.is_able(), reason="needs a processor with AVX512-BF16, and g++")
def test_kernels_for_narrow_networks_are_timed_beside_the_usual_ones(tmp_path):
    found, shown = measured(FEW_CHANNELS, "--pairs", "1", out=tmp_path / "few_channels.json")
    sizes = [row["params"] for row in found["rows"]]
    assert sizes[0] == max(sizes) == ChannelProfile.full(40, 1).params
    for row in found["rows"]:
        assert row["network"] in shown
        assert row["ms"] > 0 < row["against_ms"]


def test_photos_whose_writing_was_stopped_are_written_again(tmp_path, monkeypatch):
    split = SimpleNamespace(x=torch.zeros(20, 8, 8, 3, dtype=torch.uint8), y=torch.arange(20) % 10)
    data, folder = SimpleNamespace(train=split, test=split), tmp_path / "new" / "photos"
    monkeypatch.setattr(your_data, "load", lambda *_, **__: data)
    with monkeypatch.context() as stopped:
        stopped.setattr(Image.Image, "save", mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            your_data.write_photos(folder, ["cat", "dog"], None)
    your_data.write_photos(folder, ["cat", "dog"], None)
    assert len(list(folder.rglob("*.png"))) == 8


def test_nothing_is_kept_of_a_recommendation_that_failed(tmp_path):
    for i in range(8):
        folder = tmp_path / "mine" / "photos" / ("day" if i % 2 else "night")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 20 * i, np.uint8)).save(folder / f"{i}.png")
    given = ("--folder", tmp_path / "mine", "--time", "1s", "--out", tmp_path / "printed.json")
    done = subprocess.run(
        [sys.executable, YOUR_DATA, *given], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("prunelib: ")
    assert not (tmp_path / "printed.json").exists()
