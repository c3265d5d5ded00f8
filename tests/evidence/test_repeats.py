import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import prunelib
from hypothesis import given
from hypothesis import strategies as st
from studies import SCALE, fill

from prunelib.book import figures
from prunelib.book.notebook import open_study
from prunelib.book.prose import made_twice
from prunelib.errors import Missing
from prunelib.evidence.agreement import describe_agreement
from prunelib.evidence.repeats import kept, repeated_runs
from prunelib.evidence.statistics import between_seeds, repeatability_limit
from prunelib.study import scales
from prunelib.study.store import Record, Store

RESULTS = Path(__file__).parents[2] / "results"
LASTING = ("mini", "midi", "maxi", "paper")
"""Scales whose records count: those of `smoke` show that the machinery works, and are made anew."""
SCALES = [f"results/{name}/*.json" for name in LASTING]


@pytest.fixture
def study(tmp_path):
    return fill(tmp_path / "ours")


def again(study, folder, change, outcome=(), circumstances=()):
    """Put what a run of the base network may have given elsewhere into another folder."""
    record = study.find(SCALE.base_spec(0))
    changed = record.outcome | dict(outcome)
    errors = changed["epochs"]["test_error"]
    changed["error"] = errors[-1] + change
    changed["epochs"] = changed["epochs"] | {"test_error": [*errors[:-1], changed["error"]]}
    store = Store(folder)
    store.put(Record(record.spec, changed, record.circumstances | dict(circumstances)))
    return store


def test_a_run_made_twice_is_told_with_its_difference(study, tmp_path):
    elsewhere = {"hardware": "an abacus", "precision": "bfloat16"}
    store = again(study, tmp_path / "theirs", -0.75, circumstances=elsewhere)
    (run,) = repeated_runs(study, store).itertuples()
    assert (run.family, run.seed, run.same) == ("base", 0, False)
    assert run.other - run.error == pytest.approx(run.difference) == pytest.approx(-0.75)
    assert (run.hardware, run.precision) == ("a pencil", "float32")
    assert (run.other_hardware, run.other_precision) == ("an abacus", "bfloat16")


def test_only_times_may_differ_between_runs_that_are_the_same(study, tmp_path):
    epochs = study.find(SCALE.base_spec(0)).outcome["epochs"]
    slower = {"seconds": 99.0, "evaluation_seconds": 9.0}
    slower["epochs"] = epochs | {"seconds": [50.0, 49.0]}
    other = {"epochs": epochs | {"train_loss": [2.0, 1.0000001]}}
    same = again(study, tmp_path / "same", 0.0, slower)
    differs = again(study, tmp_path / "differs", 0.0, other)
    assert repeated_runs(study, same)["same"].tolist() == [True]
    assert repeated_runs(study, differs)["same"].tolist() == [False]


def test_without_a_common_run_there_is_nothing_to_compare(study, tmp_path):
    with pytest.raises(Missing, match=re.escape(str(tmp_path / "nowhere"))):
        repeated_runs(study, Store(tmp_path / "nowhere"))


errors = st.lists(st.floats(0, 90), min_size=1, max_size=5)


@given(st.lists(errors, min_size=1, max_size=4).filter(lambda g: any(len(e) > 1 for e in g)))
def test_deviation_between_seeds_is_the_pooled_one(groups):
    rows = [
        {"family": "bottleneck", "budget": float(i), "middle": (i,), "error": error}
        for i, group in enumerate(groups)
        for error in group
    ]
    pooled = sum(np.var(g, ddof=1) * (len(g) - 1) for g in groups if len(g) > 1)
    freedom = sum(len(g) - 1 for g in groups)
    expected = np.sqrt(pooled / freedom)
    assert between_seeds(pd.DataFrame(rows)) == pytest.approx(expected, abs=1e-9)


def test_networks_of_different_widths_tell_nothing_about_seeds():
    rows = pd.DataFrame(
        [
            {"family": "copycat", "budget": 1.0, "middle": (1, 2), "error": 10.0},
            {"family": "copycat", "budget": 1.0, "middle": (2, 1), "error": 20.0},
        ]
    )
    assert between_seeds(rows) is None


def runs(*differences, exact=0):
    return pd.DataFrame(
        [{"difference": 0.0, "same": True}] * exact
        + [{"difference": d, "same": False} for d in differences]
    )


def test_agreement_counts_what_is_within_the_spread_of_seeds():
    assert repeatability_limit(1.0) == pytest.approx(2.77, abs=0.01)
    text = describe_agreement(runs(1.0, -2.0, 4.0, exact=2), 1.0)
    assert text.startswith("2 of 5 runs came out the same")
    assert "other 3 differ by up to 4.00 points" in text
    assert "on average the first record is better by 1.00 ± 7.45 points" in text
    assert "2 of 3 runs lie within that" in text
    assert "seeds" not in describe_agreement(runs(1.0), None)
    assert "0 of 2 runs came out the same to the last digit. They differ by up to 2.00" in (
        describe_agreement(runs(1.0, -2.0), None)
    )
    assert "typically by 2.65" in text  # the square root of (1 + 4 + 16) / 3


def test_agreement_of_equal_runs_is_one_sentence():
    assert (
        describe_agreement(runs(exact=3), 1.0) == "3 of 3 runs came out the same to the last digit."
    )


def test_repeats_that_the_book_shows_are_of_runs_of_the_study():
    study = open_study("mini", results=str(RESULTS), run_missing=False)
    shown = kept({"mini": study}, RESULTS)["mini"]
    files = {path.stem for path in (RESULTS / "repeats" / "mini").glob("*.json")}
    assert set(shown["key"]) == files
    assert "\n\nScale mini: " in made_twice({"mini": study}, {"mini": shown})


@pytest.mark.parametrize("scale", ["mini", "smoke"])
def test_the_first_record_of_a_run_counts(scale):
    """Whatever came later lies among the repeats, and so it stays."""

    def finished(path):
        fields = json.loads(path.read_text(encoding="utf-8"))
        return datetime.fromisoformat(fields["circumstances"]["finished"])

    for path in (RESULTS / "repeats" / scale).glob("*.json"):
        assert finished(RESULTS / scale / path.name) < finished(path), path.name


REPLACED = sorted((RESULTS / "repeats" / "replaced" / "mini").glob("*.json"))


def test_records_that_were_replaced_are_four_and_the_reason_stands_beside_them():
    text = (RESULTS / "repeats/replaced/README.md").read_text(encoding="utf-8")
    assert "four retrained networks of seed 0" in " ".join(text.split())
    assert len(REPLACED) == 4
    for path in REPLACED:
        before = json.loads(path.read_text(encoding="utf-8"))
        after = json.loads((RESULTS / "mini" / path.name).read_text(encoding="utf-8"))
        assert before["spec"] == after["spec"]
        assert before["spec"]["start"]["weights"] == "tuned"
        assert 0 < before["outcome"]["error"] - after["outcome"]["error"] < 0.65


@pytest.mark.skipif(not (RESULTS.parent / ".git").exists(), reason="not a clone")
def test_the_history_has_no_other_record_that_was_replaced():
    def git(*arguments):
        command = ["git", "-C", str(RESULTS.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("needs the whole history")
    for name in git("log", "--diff-filter=M", "--format=", "--name-only", "--", *SCALES).split():
        path = RESULTS.parent / name
        if path.parent.name in LASTING and path.name not in {p.name for p in REPLACED}:
            first = git("log", "--diff-filter=A", "--format=%H", "--", name).split()[-1]
            assert git("show", f"{first}:{name}") == path.read_text(encoding="utf-8"), name


def test_the_figure_marks_runs_on_the_same_and_on_other_machines(study, tmp_path):
    store = again(study, tmp_path / "theirs", 0.5, circumstances={"hardware": "an abacus"})
    figure = figures.differences_of_repeats(repeated_runs(study, store), 0.25)
    same, other = figure.data
    assert (list(same.x), list(other.x)) == ([], [pytest.approx(0.5)])
    band = figure.layout.shapes[0]
    assert (band.x0, band.x1) == (
        pytest.approx(-repeatability_limit(0.25)),
        pytest.approx(repeatability_limit(0.25)),
    )
    assert "1 runs made twice: +0.50" in figure.layout.meta["alt"]


def test_compare_as_people_use_it(tmp_path):
    shutil.copytree(RESULTS / "smoke", tmp_path / "mine" / "smoke")
    done = prunelib("compare", "smoke", "mine", "--results", RESULTS, folder=tmp_path)
    assert done.returncode == 0
    assert re.search(r"^(\d+) of \1 runs came out the same", done.stdout, re.M)
    listed = prunelib("compare", "smoke", "mine", "--results", RESULTS, "--json", folder=tmp_path)
    rows = json.loads(listed.stdout)
    assert all(row["same"] and row["difference"] == 0 for row in rows)
    assert len(rows) == len(list((tmp_path / "mine" / "smoke").glob("*.json")))


def test_compare_says_which_runs_saw_other_images(tmp_path):
    record = Store(RESULTS / "smoke").find(scales.SCALES["smoke"].base_spec(0))
    stores = {name: Store(tmp_path / name / "smoke") for name in ("ours", "same", "other", "older")}
    for digest, store in zip(("ab" * 8, "ab" * 8, "cd" * 8, None), stores.values(), strict=True):
        store.put(replace(record, circumstances=record.circumstances | {"data_digest": digest}))
    for name in ("same", "other", "older"):
        done = prunelib("compare", "smoke", name, "--results", "ours", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        told = "1 of 1 runs saw other images there" in done.stdout
        assert told == ("Base network, seed 0." in done.stdout) == (name == "other")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("smoke", "nowhere"), "no folder nowhere"),
        (("smoke", "empty"), "no run of smoke is in empty/smoke too"),
        (("tiny", "mine"), "smoke, mini, "),
        (("smoke",), "OTHER"),
    ],
)
def test_compare_says_in_one_line_what_is_wrong(arguments, says, tmp_path):
    (tmp_path / "empty").mkdir()
    done = prunelib("compare", *arguments, "--results", RESULTS, folder=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
