"""Nothing is lost: studies that are killed, stopped or run twice end with the same records."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import prunelib
from small_scale import SMALL_SCALE

from prunelib.pruning.criteria import CRITERIA
from prunelib.study.scales import SCALES

SMALL = Path(__file__).parents[1] / "support/small_study.py"
STUDY = ("study", "smoke", "--families", "pruned-and-tuned,copycat")
ONE = (*STUDY, "--seeds", "1", "--jobs", "1")
TIMES = {"seconds", "evaluation_seconds"}


def start(*arguments, folder, **given):
    (folder / "computing").unlink(missing_ok=True)
    return subprocess.Popen(
        [sys.executable, SMALL, *arguments],
        cwd=folder,
        env=os.environ | {"SLOWLY": "1"} | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return value


def records(folder):
    """What was computed: records without circumstances and times, orders of removals, weights."""
    computed = {}
    for path in (folder / "results/smoke").glob("*.json"):
        fields = json.loads(path.read_text(encoding="utf-8"))
        del fields["circumstances"]
        computed[path.name] = without_times(fields)
    for kept in ("weights/*.safetensors", "orders/*.json"):
        for path in (folder / "results/smoke").glob(kept):
            computed[str(path.relative_to(folder))] = path.read_bytes()
    return computed


def files(folder):
    return sorted(p.name for p in (folder / "results").rglob("*") if p.is_file())


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interruptions")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    running = start(*ONE, folder=folder)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert "0 missing" in out
    assert len(list((folder / "results/smoke").glob("*.json"))) == 3
    return folder


def test_the_same_study_again_gives_bitwise_the_same_records(whole, tmp_path):
    running = start(*STUDY, "--seeds", "1", "--jobs", "2", folder=tmp_path)
    running.communicate(timeout=300)
    assert records(tmp_path) == records(whole)


WHOLE = "base,pruned-and-tuned,copycat,retrained,pruned-from-scratch-long"


@pytest.fixture(scope="module")
def small():
    """In this process, too, `smoke` is the small scale."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCALES, "smoke", SMALL_SCALE)
        yield


def study(families, folder):
    done = prunelib("study", "smoke", "--families", families, *ONE[4:], folder=folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wider(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wider")
    study(WHOLE, folder)
    return folder / "results/smoke"


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("left", [(), ("train",), ("retrained",)])
def test_deleted_records_come_back_under_their_names_also_elsewhere(
    wider, tmp_path, left, weights, monkeypatch
):
    """On a machine that by itself would go another way."""
    store = tmp_path / "results/smoke"
    shutil.copytree(wider, store)
    names = {path.name for path in store.glob("*.json")}
    assert len(names) == 5
    for path in store.glob("*.json"):
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        kind = "retrained" if spec.get("start") else spec["kind"]
        if kind not in left:
            path.unlink()
    if not weights:
        shutil.rmtree(store / "weights")
    monkeypatch.setitem(CRITERIA, "fisher", CRITERIA["random"])
    study(WHOLE, tmp_path)
    assert {path.name for path in store.glob("*.json")} == names
    [order] = (wider / "orders").glob("*")
    assert (store / "orders" / order.name).read_bytes() == order.read_bytes()


def test_records_say_how_they_were_made(whole):
    for path in (whole / "results/smoke").glob("*.json"):
        circumstances = json.loads(path.read_text(encoding="utf-8"))["circumstances"]
        assert circumstances["threads"] == 1
        for name in ("hardware", "precision", "seconds", "finished"):
            assert circumstances[name]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_study_killed_again_and_again_ends_with_the_same_records(whole, tmp_path, jobs):
    random_pauses, killed = random.Random(int(jobs)), 0
    # A fast machine may have ended before any pause has: the first kill comes at once.
    for pause in (0, *(random_pauses.uniform(0.1, 3) for _ in range(2))):
        running = start(*STUDY, "--seeds", "1", "--jobs", jobs, folder=tmp_path)
        wait_until(lambda running=running: at_work(tmp_path) or running.poll() is not None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(timeout=pause)
        killed += running.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    assert killed > 0
    running = start(*STUDY, "--seeds", "1", "--jobs", jobs, folder=tmp_path)
    running.communicate(timeout=300)
    assert running.returncode == 0
    assert records(tmp_path) == records(whole)
    assert [n for n in files(tmp_path) if not n.startswith(".")] == files(whole)


def at_work(folder):
    """A process of a study that trains or prunes; None while there is none."""
    file = folder / "computing"
    return file.exists() and int(file.read_text(encoding="utf-8") or 0)


def children(pid):
    """Processes of a session."""
    listed = subprocess.run(["ps", "-o", "pid=", "--sid", str(pid)], capture_output=True, text=True)
    return {int(line) for line in listed.stdout.split()}


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_clock_that_is_set_back_again_and_again_changes_nothing(whole, tmp_path):
    killed = start(*ONE, folder=tmp_path, BACKWARDS="1")
    wait_until(lambda: at_work(tmp_path))
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    running = start(*ONE, "--time-limit", "5m", folder=tmp_path, BACKWARDS="1")
    _, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert records(tmp_path) == records(whole)


def test_two_studies_at_once_make_each_run_once(whole, tmp_path):
    two = [start(*STUDY, "--seeds", "1", "--jobs", "1", folder=tmp_path) for _ in range(2)]
    computed = []
    for running in two:
        out, err = running.communicate(timeout=300)
        assert running.returncode == 0, err
        assert "0 missing" in out
        computed.append(int(re.search(r"(\d+) computed now", out)[1]))
    assert sum(computed) == 3
    assert records(tmp_path) == records(whole)
    assert [n for n in files(tmp_path) if n.endswith(".lock")] == []


def test_workers_do_not_outlive_their_study(tmp_path):
    running = start(*STUDY, "--jobs", "2", folder=tmp_path)
    wait_until(lambda: len(children(running.pid)) > 3)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    wait_until(lambda: not children(running.pid))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_stop_in_one_line_and_leave_no_worker(tmp_path, how):
    running = start(*STUDY, "--jobs", "2", folder=tmp_path)
    wait_until(lambda: len(children(running.pid)) > 3)
    if how == signal.SIGINT:
        os.killpg(running.pid, how)
    else:
        os.kill(running.pid, how)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + how
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("prunelib: stopped")
    wait_until(lambda: not children(running.pid))


def test_a_killed_worker_is_replaced_and_its_run_repeated(whole, tmp_path):
    running = start(*STUDY, "--seeds", "1", "--jobs", "2", folder=tmp_path)
    wait_until(lambda: at_work(tmp_path))
    os.kill(at_work(tmp_path), signal.SIGKILL)
    _, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert records(tmp_path) == records(whole)


def test_a_time_limit_stops_and_the_rest_stays_missing(tmp_path):
    done = prunelib(*STUDY, "--time-limit", "1s", "--jobs", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"(\d+) missing", done.stdout)[1]) > 0


def test_weights_at_a_budget_that_is_asked_for_are_kept_on_the_way(small, tmp_path):
    """Without them a retrained network would take a second pruning run."""
    asked = ("--families", "retrained", "--budgets", "15k", "--seeds", "1", "--jobs", "1")
    done = prunelib("study", "smoke", *asked, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    store = tmp_path / "results/smoke"
    kinds = {
        json.loads(path.read_text(encoding="utf-8"))["spec"]["kind"]: path
        for path in store.glob("*.json")
    }
    weights = list(store.glob(f"weights/{kinds['prune'].stem}-*.safetensors"))
    assert len(weights) == 2
    for path in weights:
        assert path.stat().st_mtime_ns < kinds["prune"].stat().st_mtime_ns
