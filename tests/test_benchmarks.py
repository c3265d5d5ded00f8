"""The benchmarks run and say what they measured; how fast anything is, is not tested."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from prunelib import ChannelProfile

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks/steps.py"
INFERENCE = ROOT / "benchmarks/inference.py"
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


def test_the_benchmark_keeps_a_record(tmp_path):
    out = tmp_path / "steps.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--pairs", "1", "--cases", "narrow", "pruning", "--out", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["circumstances"]["threads"] == 1
    assert len(found["rows"]) == 2
    for name, row in found["rows"].items():
        assert name in done.stdout
        assert row["ms"] > 0 < row["against_ms"]
    walk = found["rows"]["pruning it to a tenth, a step of fine-tuning"]
    assert len(walk["ms_at"]) == len(walk["removals"]) == 9


def test_nonsense_is_refused():
    for wrong in (["--pairs", "0"], ["--cases", "all"]):
        done = subprocess.run([sys.executable, SCRIPT, *wrong], capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_inference_keeps_a_record(tmp_path):
    out = tmp_path / "inference.json"
    done = subprocess.run(
        [sys.executable, INFERENCE, "--quick", "--out", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    networks = {n["family"]: n for n in found["networks"]}
    assert set(networks) == FAMILIES
    for family, network in networks.items():
        assert family in done.stdout
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


def test_inference_refuses_nonsense():
    for wrong in (["--rounds", "0"], ["--compiled", "wide"]):
        done = subprocess.run([sys.executable, INFERENCE, *wrong], capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


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
    found = json.loads((tmp_path / "x.json").read_text())
    assert {row["engine"] for row in found["rows"]} == {"PyTorch"}
