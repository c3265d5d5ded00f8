"""The benchmarks run and say what they measured; how fast anything is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks/steps.py"
EXECUTORS = ROOT / "benchmarks/executors.py"


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


@pytest.mark.parametrize(
    ("script", "wrong"),
    [(SCRIPT, ["--pairs", "0"]), (SCRIPT, ["--cases", "all"]), (EXECUTORS, ["--rounds", "0"])],
)
def test_nonsense_is_refused(script, wrong):
    done = subprocess.run([sys.executable, script, *wrong], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
