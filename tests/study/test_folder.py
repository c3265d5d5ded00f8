"""Which folder with results is read, and which is written into."""

from pathlib import Path

import pytest

from prunelib.errors import PrunelibError
from prunelib.study.folder import find_results, results_to_write

RECORD = "0123456789abcdef.json"


def fill(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    return folder


def test_the_nearest_folder_with_records_is_read_and_written(tmp_path, monkeypatch):
    ours = fill(tmp_path / "results", f"smoke/{RECORD}", "benchmarks/steps.json")
    deep = tmp_path / "a/b"
    fill(deep / "results", "plots/figure.png")
    monkeypatch.chdir(tmp_path)
    assert find_results(None) == results_to_write(None) == Path("results")
    monkeypatch.chdir(tmp_path / "a")
    assert find_results(None) == results_to_write(None) == ours
    monkeypatch.chdir(deep)
    assert find_results(None) == results_to_write(None) == ours


@pytest.mark.parametrize("inside", [("notes.txt",), ("smoke/accuracy.csv",), ("0.json",)])
def test_a_foreign_folder_is_neither_read_nor_written_unless_it_is_named(
    tmp_path, monkeypatch, inside
):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "results", *inside)
    with pytest.raises(PrunelibError, match="--results"):
        find_results(None)
    with pytest.raises(PrunelibError, match="--results"):
        results_to_write(None)
    assert results_to_write("results") == find_results(Path("results")) == Path("results")


@pytest.mark.parametrize(
    "left", ["weights/0123456789abcdef.checkpoint", "orders/0123456789abcdef.json"]
)
def test_a_study_without_records_goes_on_in_its_folder(left, tmp_path, monkeypatch):
    fill(tmp_path / "results", f"smoke/{left}")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert results_to_write(None) == tmp_path / "results"


def test_where_there_is_none_a_new_one_is_made_here_and_nothing_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert results_to_write(None) == Path("results")
    assert results_to_write("mine") == Path("mine")
    with pytest.raises(PrunelibError, match=str(tmp_path)):
        find_results(None)
    assert find_results(None, otherwise=Path("theirs")) == Path("theirs")
    with pytest.raises(PrunelibError, match="mine"):
        find_results("mine", otherwise=Path("theirs"))


@pytest.mark.parametrize("name", ["file", "/dev/null", "x" * 5_000, "file/below"])
def test_what_is_no_folder_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, "file")
    with pytest.raises(PrunelibError) as told:
        find_results(name)
    assert len(str(told.value)) < 300
    with pytest.raises(PrunelibError) as told:
        results_to_write(name)
    assert len(str(told.value)) < 300
