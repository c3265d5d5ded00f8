"""The user's environment: what of it is kept out, and what is recorded."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making import CPU, dataset, images, network

from prunelib.environment import CHANGES_RESULTS
from prunelib.errors import PrunelibError
from prunelib.files import write_atomically
from prunelib.nets.profile import ChannelProfile
from prunelib.study.store import Store
from prunelib.training.data import Dataset, Split
from prunelib.training.protocols import TrainProtocol
from prunelib.training.trainer import train

ROOT = Path(__file__).parents[1]


def python(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def test_settings_that_change_results_stand_in_a_record(tmp_path, monkeypatch):
    for name in CHANGES_RESULTS:
        monkeypatch.delenv(name, raising=False)
    assert "settings" not in CPU.describe()
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    record = next(Store(ROOT / "results/smoke").records())
    Store(tmp_path).put(replace(record, circumstances=CPU.describe()))
    settings = Store(tmp_path).find(record.spec).circumstances["settings"]
    assert settings == {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "AVX2"}


@pytest.mark.slow
def test_a_user_who_binds_threads_gets_all_cores():
    program = (
        "import sys; from prunelib.cli.commands import cli\n"
        "from prunelib.cli.main import run_prunelib\n"
        "@cli.command()\n"
        "def count():\n"
        "    import torch; torch.ones(99, 99) @ torch.ones(99, 99)\n"
        "    from prunelib.training.machine import cores; print(cores())\n"
        "sys.argv = ['prunelib', 'count']; run_prunelib()"
    )
    bound = {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
    assert python(program, **bound).stdout == python(program).stdout != ""


LOOPS = (
    "from prunelib.kernels import norm_relu, numba_cpu;print(norm_relu.numba_loops() is numba_cpu)"
)


@pytest.mark.slow
def test_loops_are_compiled_also_where_they_cannot_be_kept(tmp_path):
    pytest.importorskip("numba")
    nowhere = tmp_path / "file"
    nowhere.write_text("", encoding="utf-8")
    done = python(
        LOOPS,
        NUMBA_CACHE_DIR=str(nowhere),
        NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator",
    )
    assert done.stdout == "True\n", done.stderr


def test_records_can_be_kept_where_permissions_cannot_be_changed(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("not on this file system")

    monkeypatch.setattr(os, "chmod", refuse)
    write_atomically(tmp_path / "record", b"whole")
    assert (tmp_path / "record").read_bytes() == b"whole"


@pytest.mark.parametrize("command", ["verdicts", "status smoke", "study smoke", "compare smoke ."])
def test_no_file_is_read_in_the_locale_s_encoding(command, tmp_path):
    """Python tells where an encoding is not named; it must not be this project's code."""
    results = os.path.join(os.path.dirname(__file__), "..", "results")
    program = f"import sys; sys.argv[1:] = {command.split()};"
    program += "from prunelib.cli.main import run_prunelib; run_prunelib()"
    done = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", program],
        cwd=results,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "prunelib" in line]


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_that_knows_few_characters_gets_the_others_as_question_marks(locale):
    program = "import click; from prunelib.cli.commands import cli\n"
    program += "from prunelib.cli.main import run_prunelib; import sys\n"
    program += "@cli.command()\ndef tell(): click.echo('32×32 ± ∞')\n"
    program += "sys.argv = ['prunelib', 'tell']; run_prunelib()"
    done = python(program, **locale)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("32")


GOOD = images(20, size=4)
CLASSES = torch.arange(20) % 10


def like(x=None, y=None, test=None) -> Dataset:
    return dataset(Split(GOOD.x if x is None else x, CLASSES if y is None else y), test)


BAD = {
    "a label too high": (lambda: like(y=CLASSES + 1), "labels run from 1 to 10"),
    "a label too low": (lambda: like(y=CLASSES - 1), "labels run from -1 to 8"),
    "a label of a test image": (
        lambda: like(test=Split(GOOD.x, CLASSES + 90)),
        "test labels run from 90 to 99",
    ),
    "images that are not square": (lambda: like(x=GOOD.x[:, :3]), "square"),
    "test images of another size": (
        lambda: like(test=Split(images(20, size=5).x, CLASSES)),
        "test images are",
    ),
    "fewer labels": (lambda: like(y=CLASSES[:7]), "20 training images, but labels of shape (7,)"),
    "no image": (lambda: like(test=Split(GOOD.x[:0], CLASSES[:0])), "0 test images"),
    "a constant channel": (lambda: like(x=torch.zeros_like(GOOD.x)), "same everywhere"),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=BAD)
def test_data_that_cannot_be_learnt_from_are_told_before_training(make, said):
    model = network(ChannelProfile.full(10, 0.125), dtype=torch.float32)
    with pytest.raises(PrunelibError) as told:
        train(model, make(), TrainProtocol(epochs=1, batch_size=10), 0, CPU)
    assert said in str(told.value)


@given(st.integers(1, 400), st.sampled_from([(10, (3, 6, 9)), (200, (60, 120, 180))]))
def test_a_short_training_keeps_a_sensible_schedule(epochs, usual):
    protocol = TrainProtocol(epochs=usual[0], milestones=usual[1]).lasting(epochs)
    rates = [protocol.lr_at(epoch) for epoch in range(epochs)]
    assert rates[0] == protocol.lr
    assert rates == sorted(rates, reverse=True)
    if epochs > 1:
        assert rates[-1] == pytest.approx(protocol.lr * protocol.gamma**3)


def test_where_there_are_enough_epochs_milestones_stay_in_proportion():
    """Keys of records rest on it."""
    protocol = TrainProtocol(epochs=10, milestones=(3, 6, 9))
    for epochs in range(10, 200):
        assert protocol.lasting(epochs).milestones == tuple(
            round(share * epochs / 10) for share in (3, 6, 9)
        )


SCRIPT = """
from pathlib import Path
from prunelib.study.executors.local import Setting, local_executor
from prunelib.study.store import Store
from prunelib.training.machine import Machine

GUARD
    local_executor(Setting(Store(Path("here")), Machine("cpu", "float32", 1)), 2).close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mine.py", "command"])
@pytest.mark.parametrize("guard", ["if True:", 'if __name__ == "__main__":'])
def test_a_script_that_would_start_itself_again_gets_the_reason(guard, name, tmp_path):
    script = tmp_path / name
    script.write_text(SCRIPT.replace("GUARD", guard), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8")
    assert done.returncode == (1 if guard == "if True:" else 0), done.stderr
    assert ('if __name__ == "__main__":' in done.stderr) == (guard == "if True:")


@pytest.mark.slow
def test_a_script_that_workers_cannot_import_gets_the_reason():
    script = SCRIPT.replace("GUARD", 'if __name__ == "__main__":')
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1
    assert "<stdin> is not a file; save the script to one" in done.stderr


@pytest.mark.slow
def test_workers_start_also_where_the_temporary_folder_has_a_long_path(tmp_path):
    folder = tmp_path / ("x" * 110)
    folder.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "prunelib", "study", "smoke", "--families", "base"),
            *("--seeds", "2", "--jobs", "2", "--results", str(tmp_path / "mine")),
        ],
        env=os.environ | {"TMPDIR": str(folder)},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "2 computed now" in done.stdout


def test_where_nothing_can_be_shared_it_says_what_to_do(monkeypatch):
    from prunelib.study.executors import local

    def refuse(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(local, "Processes", refuse)
    with pytest.raises(PrunelibError, match=r"Read-only file system.*--jobs 1"):
        local.local_executor(None, 2)


@pytest.mark.parametrize("name", ["PLOTLY_RENDERER", "COLAB_NOTEBOOK_ID"])
def test_figures_take_one_form_whatever_the_environment_wants(name):
    program = (
        "from IPython.testing.globalipapp import start_ipython; start_ipython();"
        "import prunelib.book.notebook, plotly.graph_objects as go;"
        "print(sorted(go.Figure()._repr_mimebundle_()))"
    )
    found = python(program, **{name: "notebook"}).stdout.splitlines()[-1]
    assert found == "['application/vnd.plotly.v1+json']"
