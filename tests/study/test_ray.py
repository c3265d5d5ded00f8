"""A study on a real Ray cluster of two nodes: its records are those of a study on this machine."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import prunelib
from test_interruptions import SMALL, children, files, records, wait_until

from benchmarks.cluster import environment, two_nodes

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

TESTS = Path(__file__).parents[1] / "support"
FAMILIES = "reduced-width,pruned-and-tuned,saliency,retrained"
STUDY = ("study", "smoke", "--families", FAMILIES, "--seeds", "1", "--device", "cpu")
FLEETING = {"seconds", "cpu_seconds", "finished"}


@pytest.fixture(scope="module")
def cluster():
    """Its nodes have no data set: scikit-learn cannot be imported there."""
    with two_nodes(hidden="sklearn") as nodes:
        yield nodes
    wait_until(lambda: not children(nodes.process.pid))


def start(*arguments, folder, given, script=SMALL):
    return subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        cwd=folder,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def study(cluster, tmp_path):
    """Starts a study on the cluster; whatever happens, none is left."""
    started = []

    def begin(*arguments, script=SMALL):
        on_ray = (*arguments, "--executor", "ray", "--ray-address", cluster.address)
        started.append(start(*on_ray, folder=tmp_path, given=cluster.environment, script=script))
        return started[-1]

    yield begin
    for running in started:
        if running.poll() is None:
            running.kill()
        running.communicate(timeout=60)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local")
    running = start(*STUDY, "--jobs", "1", folder=folder, given=environment(folder))
    _, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    return folder


def workers(cluster):
    """Processes of the cluster that run a task, with the node that each belongs to."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,ppid=,args=", "--sid", str(cluster.process.pid)],
        capture_output=True,
        text=True,
    )
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid): int(node) for pid, node, name, *_ in rows if name == "ray::run_task"}


def stores(cluster):
    """Temporary stores of runs."""
    return list(Path(cluster.environment["TMPDIR"]).glob("prunelib-*"))


def test_the_records_are_those_of_a_local_study_and_both_nodes_compute(
    cluster, study, local, tmp_path
):
    nodes = set()
    running = study(*STUDY)
    while running.poll() is None:
        nodes |= set(workers(cluster).values())
        time.sleep(0.2)
    out, err = running.communicate()
    assert running.returncode == 0, err
    assert "0 missing" in out
    assert all(line.startswith("smoke") for line in err.split("\n") if line), err
    assert len(nodes) == 2
    assert files(tmp_path) == files(local)
    assert records(tmp_path) == records(local)
    for path in (tmp_path / "results/smoke").glob("*.json"):
        here, there = (
            json.loads((folder / "results/smoke" / path.name).read_text(encoding="utf-8"))[
                "circumstances"
            ]
            for folder in (local, tmp_path)
        )
        assert {k: here[k] for k in here.keys() - FLEETING} == {
            k: there[k] for k in there.keys() - FLEETING
        }
    assert not stores(cluster)


def test_pruning_again_follows_the_order_that_the_driver_keeps(study, local, tmp_path):
    store = tmp_path / "results/smoke"
    shutil.copytree(local / "results/smoke", store)
    [kept] = (store / "orders").glob("*")
    blocks = json.loads(kept.read_text(encoding="utf-8"))
    turn = next(i for i in range(len(blocks)) if blocks[i] != blocks[i + 1])
    blocks[turn : turn + 2] = blocks[turn + 1], blocks[turn]
    kept.write_text(f"{json.dumps(blocks)}\n", encoding="utf-8")
    record = store / kept.name
    record.unlink()
    running = study(*STUDY)
    _, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    fields = json.loads(record.read_text(encoding="utf-8"))
    assert fields["outcome"]["points"]["block"][:-1] == blocks
    assert fields["circumstances"]["order_followed"]


def test_ctrl_c_ends_all_tasks_and_leaves_nothing_half_done(cluster, study, local, tmp_path):
    running = study(*STUDY)
    wait_until(lambda: len(stores(cluster)) == 2)
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=15)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("prunelib: stopped")
    wait_until(lambda: not workers(cluster))
    assert records(tmp_path).items() <= records(local).items()
    assert set(files(tmp_path)) <= set(files(local))


def test_runs_that_fail_are_reported_and_the_others_done(study):
    running = study(
        *("study", "smoke", "--families", "reduced-width", "--seeds", "3"),
        script=TESTS / "failing_study.py",
    )
    out, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "Traceback" not in err
    assert "1 computed now, 1 of 3 there, 2 missing" in out
    assert "was killed 3 times" in err
    assert "failed: OSError: the disk is full\n" in err


def test_a_request_that_no_node_can_meet_is_refused(study):
    assert_refused(study(*STUDY, "--threads", "2", "--device", "cuda"), "2 CPUs and a GPU")


def assert_refused(running, said):
    out, err = running.communicate(timeout=40)
    assert running.returncode == 2
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("prunelib: ")
    assert said in line


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--executor", "ray"), "--ray-address HOST:PORT or RAY_ADDRESS"),
        (("--ray-address", "127.0.0.1:6379"), "--executor ray"),
        (("--executor", "ray", "--ray-address", "auto"), "'auto'"),
        (("--executor", "ray", "--ray-address", f"127.0.0.1:{closed_port()}"), "refused"),
    ],
)
def test_a_wrong_address_is_refused_in_one_line(tmp_path, given, said, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    done = prunelib(*STUDY, *given, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("prunelib: ")
    assert said in line


def test_without_ray_it_says_what_to_install(tmp_path):
    (tmp_path / "ray.py").write_text("raise ImportError", encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    given = environment(tmp_path) | {"PYTHONPATH": path}
    on_ray = ("--executor", "ray", "--ray-address", "127.0.0.1:6379")
    running = start(*STUDY, *on_ray, folder=tmp_path, given=given)
    assert_refused(running, "pip install ray")


def test_after_a_killed_worker_and_a_lost_node_the_records_are_the_same(
    cluster, study, local, tmp_path
):
    running = study(*STUDY)
    wait_until(lambda: len(workers(cluster)) == 2)
    before = workers(cluster)
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: workers(cluster).keys() - before)
    # The driver's node started first.
    os.kill(max(before.values()), signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert records(tmp_path) == records(local)
