"""The `prunelib` command as people type it, right and wrong."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import PRUNELIB, prunelib, prunelib_process

from prunelib.cli import streams
from prunelib.cli.commands import run_command
from prunelib.cli.progress import progress_bar
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FIRST
from prunelib.study.store import Store
from prunelib.text import fixed

RESULTS = Path(__file__).parents[2] / "results"
SMALL = ("--families", "base,reduced-width", "--budgets", "6k", "--seeds", "1")


TINY = """
like = "smoke"
base = {depth = 10}
train = {epochs = 2}
prune = {removals = 21, steps = 1}
"""
WRONG = {
    "depth": (("describe", "--depth", 41, "--width", 2), "41"),
    "width": (("describe", "--depth", 40, "--width", 0), "not 0"),
    "width nan": (("describe", "--depth", 40, "--width", "nan"), "nan"),
    "no depth": (("describe", "--width", 2), "--depth"),
    "bottleneck 0": (("describe", "--depth", 40, "--width", 2, "--bottleneck", 0), "above 0"),
    "bottleneck 2": (("describe", "--depth", 40, "--width", 2, "--bottleneck", 2), "at most 1"),
    "bottleneck nan": (("describe", "--depth", 40, "--width", 2, "--bottleneck", "nan"), "nan"),
    "profile missing": (("describe", "--profile", "nowhere.json"), "nowhere.json"),
    "budget too small": (("study", "smoke", "--budgets", 10), "from 44,922 to 4,492"),
    "budget too large": (("study", "smoke", "--budgets", "10m"), "from 44,922 to 4,492"),
    "budget of train": (("train", "smoke", "--family", "bottleneck", "--budget", 10), "choose"),
    "budget of fit": (("fit", "--params", "10m", "--results", RESULTS), "choose"),
    "budget is no count": (("study", "smoke", "--budgets", "many"), "'many'"),
    "budget missing": (("train", "smoke", "--family", "bottleneck"), "budget"),
    "family": (("study", "smoke", "--families", "copycats"), "'copycats'"),
    "family of train": (("train", "smoke", "--family", "wide"), "'wide'"),
    "family of fit": (("fit", "--params", "10k", "--family", "base"), "'base'"),
    "scale": (("study", "huge"), "'huge'"),
    "scale of status": (("status", "huge"), "'huge'"),
    "scale of verdicts": (("verdicts", "huge"), "'huge'"),
    "criterion": (("prune", "smoke", "--criterion", "guess"), "'guess'"),
    "seed": (("train", "smoke", "--seed", -1), "-1"),
    "seed of prune": (("prune", "smoke", "--seed", -5), "-5"),
    "no seeds": (("study", "smoke", "--seeds", 0), "0 is not in the range"),
    "ten million seeds": (("study", "smoke", "--seeds", 10**7), "1<=x<=1000"),
    "a count of 400 digits": (("study", "smoke", "--budgets", "9" * 400), "is not a count"),
    "parameters of 400 digits": (("fit", "--params", "9" * 400), "is not a count"),
    "a depth of 400 digits": (("describe", "--depth", "9" * 400, "--width", 2), "depth must be"),
    "a depth of a million": (("describe", "--depth", 999_994, "--width", 2), "10 to 1000"),
    "steps": (("prune", "smoke", "--steps", 10**12), "1<=x<=1000000"),
    "threads": (("train", "smoke", "--threads", 10**9), "1<=x<=1024"),
    "a million jobs": (("study", "smoke", "--jobs", 10**6), "1<=x<=1024"),
    "an age": (("study", "smoke", "--time-limit", "9" * 400 + "h"), "8760h"),
    "a budget with a comma": (("study", "smoke", "--budgets", "12,000"), "12000 or 12k"),
    "an empty scale": (("verdicts", ""), "unknown scale"),
    "a path of 5,000 characters": (("describe", "--profile", "x" * 5_000), "too long"),
    "results of 5,000 characters": (("status", "smoke", "--results", "x" * 5_000), "no folder"),
    "data of 5,000 characters": (("train", "mini", "--data", "x" * 5_000), "too long"),
    "removals": (("prune", "smoke", "--removals", 10**6), "removals"),
    "end out of reach": (("prune", "smoke", "--params", 10), "cannot reach 10"),
    "no data": (("study", "mini"), "no CIFAR-10 in data"),
    "data of study": (("study", "smoke", "--data", "flowers"), "images built in"),
    "data of prune": (("prune", "smoke", "--data", "flowers"), 'smoke", [data], path = "/'),
    "no data there": (("train", "mini", "--data", "elsewhere"), "no CIFAR-10 in elsewhere"),
    "results of fit": (("fit", "--params", "100k", "--results", "mine"), "no folder mine"),
    "results of verdicts": (("verdicts", "--results", "mine"), "no folder mine"),
    "results of status": (("status", "smoke", "--results", "mine"), "no folder mine"),
    "results of compare": (("compare", "smoke", "mine", "--results", RESULTS), "no folder mine"),
    "no results of status": (("status", "smoke"), "--results"),
    "no results of compare": (("compare", "smoke", "mine"), "--results"),
    "results are a device": (("status", "smoke", "--results", "/dev/null"), "/dev/null"),
    "device": (("train", "smoke", "--device", "abacus"), "abacus"),
    "device of another kind": (("train", "smoke", "--device", "meta"), "cuda:N"),
    "penalty": (("prune", "smoke", "--flop-penalty", "nan"), "finite"),
    "no training": (("train", "smoke", "--family", "pruned-and-tuned"), "prunelib study smoke"),
    "budget never reached": (
        ("study", "paper", "--families", "copycat", "--budgets", "60k"),
        "60,000 is outside",
    ),
    "precision": (("train", "smoke", "--precision", "float16"), "float16"),
    "duration": (("study", "smoke", "--time-limit", "soon"), "'soon'"),
    "jobs": (("study", "smoke", "--jobs", 0), "0"),
    "no budget": (("fit",), "--params"),
    "two budgets": (("fit", "--params", "9k", "--macs", "9k", "--results", RESULTS), "choose"),
    "unknown command": (("prun",), "prun"),
    "unknown option": (("study", "smoke", "--famlies", "base"), "--famlies"),
}


def assert_refused(done, said):
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("prunelib: ")
    assert said in line


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_in_one_line(arguments, said, tmp_path):
    assert_refused(prunelib(*arguments, folder=tmp_path), said)
    assert not list(tmp_path.rglob("*.json"))


def test_bad_input_is_refused_in_one_line_by_the_installed_command(tmp_path):
    """Nothing that the interpreter or a library says at its end comes on top."""
    assert_refused(
        prunelib_process("train", "smoke", "--device", "abacus", folder=tmp_path), "abac"
    )


@pytest.mark.parametrize("command", [("--help",), ("describe", "--depth", "40", "--width", "2")])
def test_a_full_disk_behind_the_output_is_told_in_one_line(command):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [PRUNELIB, *command], stdout=full, stderr=subprocess.PIPE, encoding="utf-8"
        )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "No space left" in line


@pytest.mark.parametrize(
    ("streams", "depth", "code"),
    [(">&-", 40, 0), ("2>&-", 41, 2), ("<&- >&- 2>&-", 40, 0), ("2>/dev/full", 41, 2)],
)
def test_streams_that_are_closed_or_full_hinder_nothing(streams, depth, code):
    typed = f"{shlex.quote(str(PRUNELIB))} describe --depth {depth} --width 2 {streams}"
    done = subprocess.run(typed, shell=True, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (code, "")


def test_progress_that_cannot_be_shown_stops_no_run(tmp_path, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        monkeypatch.setattr(sys, "stdout", None)
        streams.mend()
        with progress_bar("train") as show:
            show(1, 2, "half")
        print("lost", file=sys.stderr, flush=True)
        print("nobody reads this")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_who_reads_only_the_first_line_gets_no_traceback():
    done = subprocess.run(
        f"{shlex.quote(str(PRUNELIB))} verdicts --results {shlex.quote(str(RESULTS))} | head -n 1",
        **{"shell": True, "capture_output": True, "encoding": "utf-8"},
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_what_is_named_twice_counts_once(results):
    done = prunelib("status", "smoke", *SMALL[:2], "--budgets", "6k,6000,6K", folder=results)
    once = prunelib("status", "smoke", *SMALL[:4], folder=results)
    assert done.stdout == once.stdout
    twice = ("--families", "base,base,reduced-width", "--budgets", "6k")
    assert prunelib("status", "smoke", *twice, folder=results).stdout == once.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])
def test_a_stop_at_any_time_is_one_line(how, code, after, tmp_path):
    """From the first line of the command on: what Python does before cannot be caught."""
    program = (
        "import sys; from prunelib.cli import main, signals; signals.listen(); print(flush=True); "
        "sys.argv = ['prunelib', *sys.argv[1:]]; main.run_prunelib()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, "study", "smoke", "--seeds", "1", "--jobs", "2"],
        **{"cwd": tmp_path, "encoding": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdout.readline()
    time.sleep(0.01 + after)
    running.send_signal(getattr(signal, how))
    try:
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == code, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("prunelib: stopped")


def test_a_shape_from_pruning_is_trained_after_the_pruning_run(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    asked = ("--family", "copycat", "--budget", "17k", "--epochs", 1)
    done = prunelib("train", "tiny.toml", *asked, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    kinds = {}
    for path in (tmp_path / "results" / "tiny").glob("*.json"):
        spec = json.loads(path.read_text(encoding="utf-8"))["spec"]
        kinds[path.name] = spec["kind"], spec["protocol"].get("epochs")
    assert sorted(kinds.values(), key=str) == [("prune", None), ("train", 1), ("train", 2)]
    last = Path(done.stdout.splitlines()[-1].split(": ")[0]).name
    assert kinds[last] == ("train", 1)


def test_a_pruning_run_that_ends_before_what_copycats_copy_is_told_beforehand(tmp_path):
    text = TINY.replace("removals = 21", "removals = 20")
    (tmp_path / "tiny.toml").write_text(text, encoding="utf-8")
    asked = ("--family", "copycat", "--budget", "17k")
    assert_refused(prunelib("train", "tiny.toml", *asked, folder=tmp_path), "after 21 removals")


def test_files_that_are_no_profiles_are_refused(tmp_path):
    file = tmp_path / "profile.json"
    wide = '{"depth": 10, "width": 1, "middle": [1, 1, 1000000000]}'
    for text in (
        "[" * 10_000,
        wide,
        "{",
        "[1]",
        '{"depth": 16}',
        '{"depth": 16, "width": 1, "middle": [0]}',
        "\0",
    ):
        file.write_text(text, encoding="utf-8")
        assert_refused(prunelib("describe", "--profile", file, folder=tmp_path), "")
    file.write_bytes(b"\xff\xfe")
    assert_refused(prunelib("describe", "--profile", file, folder=tmp_path), "profile.json")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    done = prunelib("study", "smoke", *SMALL, "--jobs", 1, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "2 computed now, 2 of 2 there, 0 missing" in done.stdout
    return folder


def test_results_are_found_from_a_folder_below_and_go_there(results):
    below = results / "a/b"
    below.mkdir(parents=True)
    assert "2 of 2 there" in prunelib("status", "smoke", *SMALL, folder=below).stdout
    done = prunelib("train", "smoke", "--epochs", 1, "--seed", 7, folder=below)
    assert done.returncode == 0, done.stderr
    assert not list(below.rglob("*.json"))
    Path(done.stdout.split(": ")[0]).unlink()


def test_a_foreign_folder_of_that_name_is_not_written_into(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/diary.txt").write_text("", encoding="utf-8")
    for command in (("study", "smoke", *SMALL), ("train", "smoke"), ("prune", "smoke")):
        assert_refused(prunelib(*command, folder=tmp_path), "--results")
    assert len(list((tmp_path / "results").iterdir())) == 1


@pytest.mark.parametrize(
    ("scale", "families"), [("smoke", ()), ("mini", ("--families", ",".join(FIRST)))]
)
def test_the_committed_studies_are_complete_and_need_no_data(scale, families, tmp_path):
    committed = Path(__file__).parents[2] / "results"
    done = prunelib("study", scale, *families, "--results", committed, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{scale}: 0 computed now" in done.stdout
    assert " 0 missing" in done.stdout


def test_a_study_that_is_there_computes_nothing(results):
    before = {p: p.stat().st_mtime_ns for p in results.rglob("*.json")}
    done = prunelib("study", "smoke", *SMALL, folder=results)
    assert "0 computed now, 2 of 2 there, 0 missing" in done.stdout
    assert before == {p: p.stat().st_mtime_ns for p in results.rglob("*.json")}
    status = prunelib("status", "smoke", *SMALL, folder=results)
    assert "2 of 2 there, nothing missing" in status.stdout
    rows = json.loads(prunelib("status", "smoke", *SMALL, "--json", folder=results).stdout)
    assert {row["key"] for row in rows} == {p.stem for p in before}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "is not JSON"),
        (lambda text: "", "is not JSON"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "version 2"),
        (lambda text: text.replace('"outcome"', '"income"'), "no outcome"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "holds the run"),
        (lambda text: text.replace('"seed": 0', '"seed": -1'), "seed"),
    ],
)
def test_damaged_records_are_named(results, tmp_path, damage, said):
    for path in (results / "results/smoke").glob("*.json"):
        copy = tmp_path / "results/smoke" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        changed = damage(path.read_text(encoding="utf-8"))
        assert changed != path.read_text(encoding="utf-8")
        copy.write_text(changed, encoding="utf-8")
    command = "study" if "version" in said else "status"
    done = prunelib(command, "smoke", *SMALL, folder=tmp_path)
    assert_refused(done, said)
    assert ".json" in done.stderr


def test_a_results_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "results").write_text("", encoding="utf-8")
    assert_refused(prunelib("study", "smoke", *SMALL, folder=tmp_path), "results")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")


@pytest.fixture
def mounted(tmp_path):
    """A folder on a small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        given = ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", folder]
        if subprocess.run(given, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        return folder

    yield mount
    subprocess.run(["umount", folder], capture_output=True)


@needs_root
@pytest.mark.parametrize("options", [["size=64k"], ["size=64k", "ro"]])
def test_a_full_or_read_only_folder_is_named_before_anything_is_computed(
    mounted, tmp_path, options
):
    folder = mounted(*options)
    done = prunelib("study", "smoke", *SMALL, "--results", folder, folder=tmp_path)
    assert_refused(done, "disk")
    assert [p for p in folder.rglob("*") if p.is_file()] == []


@needs_root
def test_a_disk_that_fills_up_during_a_run_ends_it_in_one_line(mounted, tmp_path, monkeypatch):
    folder, check = mounted("size=2m"), Store.check_writable

    def check_and_fill(store):
        check(store)
        (folder / "filler").write_bytes(bytes(2_000_000))

    monkeypatch.setattr(Store, "check_writable", check_and_fill)
    done = prunelib("train", "smoke", "--epochs", 1, "--results", folder, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"prunelib: {folder}")
    assert "No space left" in last
    assert [p for p in (folder / "smoke").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [
        (("--depth", 40, "--width", 2), ChannelProfile.full(40, 2)),
        (("--depth", 16, "--width", 0.3), ChannelProfile.full(16, 0.3)),
        (
            ("--depth", 40, "--width", 2, "--bottleneck", 0.25),
            ChannelProfile.full(40, 2).bottleneck(0.25),
        ),
    ],
)
def test_describe_says_what_the_library_computes(arguments, profile, tmp_path):
    done = prunelib("describe", *arguments, "--json", folder=tmp_path)
    assert json.loads(done.stdout) == {
        "params": profile.params,
        "macs": profile.macs,
        "middle": list(profile.middle),
    }
    (tmp_path / "p.json").write_text(profile.to_json(), encoding="utf-8")
    assert prunelib("describe", "--profile", "p.json", "--json", folder=tmp_path).stdout == (
        done.stdout
    )
    assert f"{profile.params:,}" in prunelib("describe", *arguments, folder=tmp_path).stdout


COMMANDS = (
    "describe",
    "study",
    "status",
    "train",
    "prune",
    "fit",
    "recommend",
    "export",
    "time",
    "verdicts",
    "compare",
    "download",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command, tmp_path):
    done = prunelib(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert command == "download" or f"prunelib {command}" in done.stdout


def test_help_names_what_there_is(tmp_path):
    from prunelib.evidence.design import DESIGN_FAMILIES
    from prunelib.pruning.criteria import CRITERIA

    def squeezed(text):
        return "".join(text.split())  # a narrow terminal breaks lines at hyphens, too

    shown = squeezed(prunelib("fit", "--help", folder=tmp_path).stdout)
    assert squeezed(f"One of {', '.join(DESIGN_FAMILIES)}. [default: all]") in shown
    shown = squeezed(prunelib("prune", "--help", folder=tmp_path).stdout)
    *most, last = CRITERIA
    assert squeezed(f"{', '.join(most)} or {last}.") in shown


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(columns):
    ours, terminal = os.openpty()
    command = [PRUNELIB, "verdicts", "mini", "--results", RESULTS]
    running = subprocess.Popen(command, stdout=terminal, env=os.environ | {"COLUMNS": str(columns)})
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(ours, 10_000):
            shown += part
    except OSError:  # so a terminal says that nobody writes any more
        pass
    os.close(ours)
    assert running.wait() == 0
    lines = shown.decode().splitlines()
    assert len(lines) > 20
    assert max(map(len, lines)) <= columns


def test_alone_it_explains_itself(tmp_path):
    done = prunelib(folder=tmp_path)
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("study", "--help"), ("prun",), ()])
def test_python_m_prunelib_is_the_same_command(arguments, tmp_path):
    command = prunelib_process(*arguments, folder=tmp_path)
    module = subprocess.run(
        [sys.executable, "-m", "prunelib", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert (module.returncode, module.stdout, module.stderr) == (
        command.returncode,
        command.stdout,
        command.stderr,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["describe", "--depth", "40", "--width", "2"]])
def test_answers_that_need_no_torch_do_not_wait_for_it(arguments):
    program = (
        "import sys; from prunelib.cli.commands import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "slow = {'torch', 'pandas', 'plotly', 'pydantic'};"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    assert done.stderr.strip() == "[]"


def test_fit_and_verdicts_speak_json(tmp_path):
    committed = Path(__file__).parents[2] / "results"
    done = prunelib("verdicts", "smoke", "--results", committed, "--json", folder=tmp_path)
    rows = json.loads(done.stdout)
    claims = [row["claim"] for row in rows]
    assert claims == [f"C{i}" for i in range(1, 12)] + [f"K{i}" for i in range(1, 30)]
    table = prunelib("verdicts", "smoke", "--results", committed, folder=tmp_path).stdout
    for row in rows:
        line = f"{row['claim']:<5}smoke  {row['verdict']}"
        assert (line in table) == (row["planned"] > 0)
    (tmp_path / "a-long-name.toml").write_text('like = "smoke"\n', encoding="utf-8")
    table = prunelib("verdicts", "a-long-name.toml", folder=tmp_path).stdout
    assert "\nC1   a-long-name  " in table
    arguments = "fit", "--scale", "smoke", "--params", "10k", "--results", committed
    rows = json.loads(prunelib(*arguments, "--json", folder=tmp_path).stdout)
    for row in rows:
        assert row["params"] <= 10_000
        ChannelProfile.from_json(json.dumps(row["profile"]))
    text = prunelib(*arguments, folder=tmp_path).stdout
    assert rows[0]["python"] in text
    for length in ("-long", "-longest"):
        longer = [row for row in rows if row["length"] == length]
        assert {row["family"] for row in longer} == {"bottleneck", "pruned-from-scratch"}
        assert all(row["epochs"] > 10 for row in longer)
    for row, line in zip(rows, text.splitlines()[1:], strict=False):
        error = f"{fixed(row['expected']['error'], 1)}%"
        assert line.split()[:2] == [row["family"], str(row["epochs"])]
        assert error in line


def test_a_record_says_which_number_format_was_asked_for(tmp_path):
    done = prunelib("train", "smoke", "--epochs", 1, "--precision", "float32", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "results/smoke").glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["circumstances"]["precision"] == "float32"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        Exception("[ONNXRuntimeError] : 1 : FAIL : std::bad_alloc"),
    ],
)
def test_memory_that_runs_out_is_told_in_one_line(monkeypatch, tmp_path, error):
    def lacks(*_):
        raise error

    monkeypatch.setattr(ChannelProfile, "full", lacks)
    asked = "describe", "--depth", 40, "--width", 2
    assert_refused(prunelib(*asked, folder=tmp_path), "not enough memory")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch, tmp_path):
    def fails(*_):
        raise RuntimeError("a fault")

    monkeypatch.setattr(ChannelProfile, "full", fails)
    with pytest.raises(RuntimeError, match="a fault"):
        prunelib("describe", "--depth", 40, "--width", 2, folder=tmp_path)


def test_what_was_typed_may_be_of_any_length_an_error_is_not(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prunelib", "verdicts", "a" * 5_000])
    assert run_command() == 2
    line = capsys.readouterr().err
    assert line.startswith("prunelib: unknown scale 'aaa")
    assert line.endswith("paper\n")
    assert len(line) < 700
