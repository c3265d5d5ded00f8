"""The benchmarks run and say what they measured; how fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.timing import in_turns, product
from prunelib.machine import Machine

ROOT = Path(__file__).parents[1]
STEPS, EVERYDAY = ROOT / "benchmarks/steps.py", ROOT / "benchmarks/everyday.py"


def measured(script, *arguments, out):
    done = subprocess.run(
        [sys.executable, script, *arguments, "--out", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["circumstances"]["hardware"]
    assert found["circumstances"]["finished"]
    return found, done.stdout


def test_steps_are_timed_beside_plain_pytorch(tmp_path):
    cases = ("narrow", "narrow-peak", "data", "fisher", "pruning")
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
    found, shown = measured(EVERYDAY, "--repeats", "1", out=tmp_path / "everyday.json")
    assert set(found["seconds"]) == {
        "prunelib --help",
        "prunelib describe",
        "prunelib status mini",
    }
    assert [row["records"] for row in found["status"]] == [2_496, 5_000, 10_000]
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
    ("wrong", "said"),
    [
        (["--pairs", "0"], "must be at least 1"),
        (["--cases", "all"], "invalid choice"),
        (["--reference", "nowhere"], "no clone of pytorch-prunes"),
    ],
)
def test_nonsense_is_refused(wrong, said):
    done = subprocess.run([sys.executable, STEPS, *wrong], capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
