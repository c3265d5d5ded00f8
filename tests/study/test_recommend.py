"""One's own images and a budget in, a network out: the plan, the words, and the command."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import prunelib
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, dataset, examples, images
from PIL import Image
from test_own_images import NAMES, colours, write_folder

from prunelib.cli.recommendation import candidates_table, sentence, write_curves
from prunelib.errors import PrunelibError
from prunelib.evidence.recommendation import Measured, clearly_better, rank_networks
from prunelib.nets import timing
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.study import recommend_plan, recommend_runs
from prunelib.study.exporting import trained_network
from prunelib.study.recommend import (
    Candidate,
    Plan,
    candidates,
    found_by_pruning,
    largest_base,
)
from prunelib.study.recommend_plan import kept_plan, make_plan
from prunelib.study.recommend_runs import history, train_all
from prunelib.study.store import Store
from prunelib.study.trained import Trained
from prunelib.training.data.pixels import converted
from prunelib.training.source import Source, load_source

ROOT = Path(__file__).parents[2]
SHAPE = InputShape(3, 4, 16)


@examples(20)
@given(
    st.sampled_from([10, 16, 40]),
    st.one_of(st.none(), st.integers(20_000, 200_000)),
    st.one_of(st.none(), st.integers(1_000_000, 8_000_000)),
)
def test_candidates_keep_both_budgets_and_differ(depth, params, macs):
    if params is None and macs is None:
        return
    base, found = largest_base(depth, SHAPE, params, macs)
    assert len(set(found.values())) == len(found)
    for profile in found.values():
        assert params is None or SHAPE.params(profile) <= params
        assert macs is None or SHAPE.macs(profile) <= macs
        assert profile.depth == base.depth == depth


def test_the_shape_that_pruning_found_keeps_its_proportions_at_any_depth():
    forty = found_by_pruning(ChannelProfile.full(40, 1)).shares()
    for depth in (10, 16, 28):
        other = found_by_pruning(ChannelProfile.full(depth, 2)).shares()
        blocks = len(other) // 3
        for stage in range(3):
            mean = np.mean(forty[6 * stage : 6 * stage + 6])
            assert abs(np.mean(other[blocks * stage : blocks * (stage + 1)]) - mean) < 0.15


def test_a_budget_below_all_networks_has_no_candidates():
    assert candidates(ChannelProfile.full(40, 1), SHAPE, 10, None) == {}


def test_a_plan_comes_back_as_it_was_kept():
    base = ChannelProfile.full(10, 1)
    plan = Plan(base, (Candidate("bottleneck", base.bottleneck(0.5), 7, 12.5),))
    assert Plan.from_json(plan.to_json()) == plan


def network(family, error, images=1000, macs=10):
    errors = error if isinstance(error, tuple) else (error,)
    return Measured(family, errors, images, 5_000, macs, 0.25)


def test_words_say_how_sure_a_choice_is():
    near = [network("bottleneck", 20.0), network("copycat", 19.5), network("reduced-width", 40.0)]
    assert rank_networks(near)[0].family == "copycat"
    assert "cannot tell it from: bottleneck. " in sentence(near)
    far = [near[0], near[2]]
    assert "better than the others" in sentence(far)
    assert "only candidate" in sentence(near[:1])
    assert [line.split()[0] for line in candidates_table(near).splitlines()] == [
        "network",
        "copycat",
        "bottleneck",
        "reduced",
    ]
    assert not clearly_better(near[0], near[1])
    assert clearly_better(near[0], near[2])


def test_seeds_that_differ_leave_more_open():
    alike, apart = network("copycat", (20.0, 20.0)), network("copycat", (10.0, 30.0))
    assert alike.interval == network("copycat", 20.0).interval
    assert np.ptp(alike.interval) < np.ptp(apart.interval)
    assert "2 training runs each" in sentence([apart, network("bottleneck", (21.0, 21.0))])


def test_an_error_comes_with_an_interval_that_holds_possible_errors_only():
    none, all_ = network("copycat", 0.0, 12), network("bottleneck", 100.0, 12)
    assert none.interval == (0, pytest.approx(24.25, abs=0.01))
    assert all_.interval == (pytest.approx(75.75, abs=0.01), 100)
    assert "0.0% (0.0 to 24.3)" in candidates_table([none])
    assert "0.0% (0.0 to 24.3)" in sentence([none])
    assert network("copycat", (0.0, 50.0), 12).interval == (0, 100)


def test_four_errors_of_twenty_images_are_not_clearly_more_than_none():
    """Nor are they by McNemar's exact test, whichever images they are."""
    assert not clearly_better(network("copycat", 0.0, 20), network("bottleneck", 20.0, 20))
    assert clearly_better(network("copycat", 0.0, 20), network("bottleneck", 30.0, 20))


@pytest.mark.parametrize("params", [950, 1_078_455])
def test_columns_stand_apart_at_any_size(params):
    sizes = {"params": params, "macs": 1_219_450_048, "milliseconds": 1234.56}
    rows = [replace(network("copycat", error), **sizes) for error in (0.0, 100.0)]
    lines = candidates_table(rows).splitlines()
    assert len(set(map(len, lines))) == 1
    assert len(lines[0]) <= (78 if params < 1_000 else 85)
    for line in lines[1:]:
        _, _, there, macs, here, _ = re.split(" {2,}", line)
        assert (there, macs, here) == (f"{params:,}", "1.22G", "1234.56 ms")


@given(st.floats(0, 100), st.integers(1, 10_000))
def test_more_test_images_leave_less_open(error, images):
    one, more = network("copycat", error, images), network("copycat", error, 2 * images)
    assert 0 < np.ptp(more.interval) < np.ptp(one.interval) <= 100


def test_curves_are_one_page_that_asks_nothing_of_the_network(tmp_path):
    path = tmp_path / "curves.html"
    write_curves(
        {"bottleneck": ([1, 2], [50.0, 20.0]), "copycat": ([1, 2], [40.0, 10.0])},
        path,
        "Learning curves",
    )
    page = path.read_text(encoding="utf-8")
    assert "bottleneck" in page
    assert 'src="http' not in page
    assert "<script src" not in page


def test_a_page_that_cannot_be_written_names_the_option_of_its_folder(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PrunelibError, match="other files: --output"):
        write_curves({}, tmp_path / "file" / "curves.html", "Learning curves")


WRONG = {
    "no budget": (("--data", "own"), "--params, --macs, or both"),
    "no data": (("--params", "9k"), "--data"),
    "data that are not there": (("--data", "no", "--params", "9k"), "not there"),
    "time": (("--data", "own", "--params", "9k", "--time", "soon"), "'soon'"),
    "too little time": (
        ("--data", "own", "--params", "9k", "--size", 8, "--time", "1s"),
        r"networks takes about \d+ s",
    ),
    "too small a budget": (("--data", "own", "--params", "9", "--size", 8), "no network"),
    "search": (("--data", "own", "--macs", "9m", "--search"), "--params"),
    "no folder": (("--data", "own", "--params", "9k", "--output", "no"), "no folder no"),
    "a folder that takes no files": (
        ("--data", "own", "--params", "9k", "--output", "/proc"),
        "/proc/best.onnx cannot be written: .* another folder with --output",
    ),
}


@pytest.fixture
def own(tmp_path):
    write_folder(tmp_path / "own", *colours(120))
    return tmp_path


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_in_one_line(arguments, said, own):
    done = prunelib("recommend", *arguments, folder=own)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("prunelib: ")
    assert re.search(said, done.stderr)
    assert not list(own.glob("*.onnx"))


def test_a_machine_that_is_busy_now_and_then_slows_all_candidates_alike(monkeypatch):
    """The clock is made up; for a while, everything takes four times as long."""
    now = {"seconds": 0.0, "calls": 0}

    def takes(seconds):
        def step():
            now["calls"] += 1
            now["seconds"] += seconds * (4 if now["calls"] % 80 < 40 else 1)

        return step

    profiles = [ChannelProfile.full(10, 0.25), ChannelProfile.full(10, 0.5)]
    true = dict(zip(profiles, (0.02, 0.04), strict=True))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now["seconds"])
    monkeypatch.setattr(
        recommend_plan, "timed_steps", lambda profile, *_: (takes(true[profile]), takes(0.01))
    )
    data = dataset(images(64), images(32))
    for _ in range(5):
        one, other = recommend_plan.time_epochs(profiles, data, CPU)
        assert other.updates == pytest.approx(2 * one.updates, rel=0.5)
        assert 0.039 < one.updates < 0.161


@pytest.mark.slow
def test_a_network_is_recommended_and_its_file_classifies_the_images(own, monkeypatch):
    """In a part of its time: so few images are learnt soon."""
    from prunelib.nets.export import read_card, runner

    monkeypatch.setattr(recommend_plan, "MOST_EPOCHS", 40)
    monkeypatch.setattr(recommend_plan, "MOST_SEEDS", 1)
    asked = "recommend", "--data", "own", "--params", "12k", "--size", 8, "--time", "60s"
    done = prunelib(*asked, folder=own)
    assert done.returncode == 0, done.stderr
    assert "the plan: " in done.stdout
    assert re.search(r"Take this network: .*, error \d+\.\d% \(\d+\.\d to \d+\.\d\)\.", done.stdout)
    assert (own / "curves.html").exists()
    card, run = read_card(own / "best.onnx"), runner(own / "best.onnx")
    assert card.classes == NAMES
    depth, width = re.search(r"made from WRN-(\d+)-([\d.]+) ", done.stdout).groups()
    assert card.base == ChannelProfile.full(int(depth), float(width))
    right = 0
    files = sorted((own / "own").rglob("*.png"))
    for path in files:
        pixels = np.asarray(Image.open(path)).transpose(2, 0, 1)[None]
        right += card.classes[int(run(pixels).argmax())] == path.parent.name
    assert right / len(files) > 0.6
    for line in re.findall(r".* ms  [0-9a-f]{8}$", done.stdout, re.MULTILINE):
        made = prunelib("export", line.split()[-1], "-o", "other.safetensors", folder=own)
        assert f"{line.split()[-5]} parameters" in made.stdout, made.stderr
    assert (own / "other.safetensors").exists()
    the_printed_script_names_the_classes(own, files[::40])
    records = {p.name: p.stat().st_mtime_ns for p in (own / "results").rglob("*.json")}
    again = prunelib(*asked, folder=own)
    assert again.returncode == 0, again.stderr
    assert "resuming the plan" in again.stdout
    assert records == {p.name: p.stat().st_mtime_ns for p in (own / "results").rglob("*.json")}
    assert json.loads(next((own / "results").rglob("plan-*.json")).read_text(encoding="utf-8"))


def the_printed_script_names_the_classes(folder, files):
    """That of the chapter, on pictures of other sizes and forms, too, but not on floats."""
    from prunelib.nets.export import read_card, runner

    cells = json.loads((ROOT / "notebooks/your-data.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    (script,) = re.findall(r"```python\n(.*?best\.onnx.*?)```", text, re.DOTALL)
    first = Image.open(files[0])
    first.resize((40, 24)).save(folder / "wide.jpg")
    first.resize((5, 7)).convert("L").save(folder / "small.png")
    grey = np.asarray(first.convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(grey.astype(np.float32)).save(folder / "floats.tif")
    files = [*files, folder / "wide.jpg", folder / "small.png", folder / "deep.png"]
    command = [sys.executable, "-c", script]
    done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = subprocess.run([*command, "floats.tif"], cwd=folder, capture_output=True, text=True)
    assert refused.stderr == "floats.tif holds floats: save it with 8 or 16 bits\n"
    card, run = read_card(folder / "best.onnx"), runner(folder / "best.onnx")
    for path, line in zip(files, done.stdout.splitlines(), strict=True):
        logits = run(converted(path, card.image_size, 3).pixels.transpose(2, 0, 1)[None])[0]
        chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        named = card.classes[int(logits.argmax())]
        assert line.startswith(f"{path}: {named}, ")
        assert abs(float(line.split()[-1].rstrip("%")) - 100 * chances.max()) < 1


@pytest.mark.slow
def test_a_pruning_run_is_a_candidate_too_and_seeds_are_trained_apart(own, tmp_path):
    source = Source(own / "own")
    data, _ = load_source(source, 8)
    base = ChannelProfile.full(10, 0.25)
    small = base.bottleneck(0.5)
    rows = (
        Candidate("bottleneck", small, 2, 1.0),
        Candidate("pruned-and-tuned", base, 2, 1.0, 1, data.shape.params(small)),
    )
    plan, store, shown = Plan(base, rows, seeds=2), Store(tmp_path / "mine"), []
    records = train_all(plan, data, store, source, CPU, lambda done, *_: shown.append(done))
    assert [record.spec.seed for record in records["pruned-and-tuned"]] == [0, 1]
    assert shown == sorted(shown)
    assert shown[-1] == pytest.approx(plan.seconds)
    for record in records["pruned-and-tuned"]:
        assert record.outcome["params"] <= data.shape.params(small)
        made = trained_network(Trained("mine", record, store.weights(record.spec)))
        assert data.shape.params(made.card.profile) == record.outcome["params"]
    epochs, errors = history(records["pruned-and-tuned"][0], store)
    assert epochs[:2] == [1, 2] == history(records["bottleneck"][0], store)[0]
    assert epochs == sorted(epochs)
    assert errors[-1] == pytest.approx(records["pruned-and-tuned"][0].outcome["error"])
    files = sorted((tmp_path / "mine").glob("*.json"))
    times = [path.stat().st_mtime_ns for path in files]
    again = train_all(plan, data, store, source, CPU, lambda *_: None)
    assert [r.key for r in again["bottleneck"]] == [r.key for r in records["bottleneck"]]
    assert times == [path.stat().st_mtime_ns for path in files]


@pytest.mark.slow
def test_a_plan_has_a_search_that_fits_the_time_or_says_that_it_does_not(own):
    data, _ = load_source(Source(own / "own"), 8)
    plan = make_plan(data, 6_000, None, 600, CPU, search=True)
    (found,) = (row for row in plan.candidates if row.stop_params)
    assert found.steps >= 1
    assert found.profile == plan.base
    assert plan.seeds * sum(row.seconds for row in plan.candidates) <= 600
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(PrunelibError, match="--time"):
        make_plan(data, 6_000, None, 1, CPU, search=True)


IN_VAIN = {
    "out of reach": (("--params", "1k"), r"left out: the search, .* below [\d,]+ parameters"),
    "MACs": (("--params", "9k", "--macs", "900k"), "9,000 parameters, whatever its MACs"),
}


@pytest.mark.parametrize(("budgets", "said"), IN_VAIN.values(), ids=IN_VAIN)
def test_a_search_that_is_or_may_be_in_vain_is_told_before_training(
    budgets, said, own, monkeypatch
):
    plans = []

    def stop(plan, *_):
        plans.append(plan)
        raise PrunelibError("training begins")

    monkeypatch.setattr(recommend_plan, "TIMING", 0.01)
    monkeypatch.setattr(recommend_runs, "train_all", stop)
    asked = "recommend", "--data", "own", *budgets, "--size", 8, "--search"
    done = prunelib(*asked, folder=own)
    assert done.stderr.splitlines()[-1] == "prunelib: training begins"
    assert re.search(said, done.stdout.splitlines()[-1])
    searches = [row for row in plans[0].candidates if row.stop_params]
    assert len(searches) == ("left out" not in said)


BASE = ChannelProfile.full(10, 1)
PLAN = Plan(BASE, (Candidate("bottleneck", BASE.bottleneck(0.5), 3, 1.5),), 2)
DAMAGED = {
    "cut off": lambda text: text[:-1],
    "nested": lambda text: "[" * 100_000,
    "a list": lambda text: "[1]",
    "no candidates": lambda text: '{"base": ' + BASE.to_json() + ', "candidates": []}',
    "epochs in words": lambda text: text.replace('"epochs": 3', '"epochs": "three"'),
    "no epochs": lambda text: text.replace('"epochs": 3', '"epochs": 0'),
    "seconds that are none": lambda text: text.replace("1.5", "NaN"),
    "a profile of another depth": lambda text: text.replace('"depth": 10', '"depth": 11'),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_plans_that_are_damaged_are_named(damage, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(PLAN.to_json(), encoding="utf-8")
    assert kept_plan(path, lambda: None) == (PLAN, True)
    damaged = damage(PLAN.to_json())
    assert damaged != PLAN.to_json()
    path.write_text(damaged, encoding="utf-8")
    with pytest.raises(PrunelibError, match="damaged"):
        kept_plan(path, lambda: None)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_plan_that_is_no_file_is_named_and_not_waited_for(make, tmp_path):
    make(tmp_path / "plan.json")
    with pytest.raises(PrunelibError, match="damaged"):
        kept_plan(tmp_path / "plan.json", lambda: None)
