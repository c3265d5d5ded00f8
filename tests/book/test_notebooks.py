"""The notebooks as people run them: papermill, with right and with wrong parameters."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from pages import shown
from test_command import prunelib
from test_own_images import TOML, colours, write_folder

from prunelib.book import prose
from prunelib.book.notebook import open_studies, open_study
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.verdicts import judge_claims
from prunelib.evidence.view import by_length

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAPERMILL = Path(sys.executable).parent / "papermill"

pytestmark = pytest.mark.notebooks


def papermill(notebook, out, *parameters, folder=ROOT):
    given = [part for pair in parameters for part in ("-p", *pair)]
    return subprocess.run(
        [PAPERMILL, notebook, out, "--no-progress-bar", *given],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def outputs(path, kind):
    cells = nbformat.read(path, as_version=4).cells
    return [
        output.data[kind]
        for cell in cells
        for output in cell.get("outputs", [])
        if kind in output.get("data", {})
    ]


PLOTLY = "application/vnd.plotly.v1+json"


def texts(values):
    """The Markdown among what cells show."""
    return " ".join(value for value in values if isinstance(value, str))


def figures(values):
    """The figures among what cells show."""
    bundles = [value for value in values if isinstance(value, dict)]
    return [each.get(PLOTLY, each) for each in bundles if PLOTLY in each or "layout" in each]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_records_of_smoke(notebook):
    """Here, without a kernel, of which each takes seconds to start."""
    values = shown(notebook, scale="smoke")
    assert "There are no records" not in texts(values)
    assert len(figures(values)) >= 1
    for figure in figures(values):
        about = figure["layout"]["meta"]
        assert re.search("Scale smoke|Benchmark on", about["alt"] + about.get("source", ""))


def test_papermill_shows_the_same(tmp_path):
    out, notebook = tmp_path / "out.ipynb", ROOT / "notebooks/prune.ipynb"
    done = papermill(notebook, out, ("scale", "smoke"), ("removals", "40"))
    assert done.returncode == 0, done.stderr
    values = shown(notebook, scale="smoke", removals=40)
    assert outputs(out, "text/markdown") == [each for each in values if isinstance(each, str)]
    assert outputs(out, PLOTLY) == figures(values)
    assert values != shown(notebook, scale="smoke", removals=41)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with tiny images, a scale that names them, and records of its main families."""
    folder = tmp_path_factory.mktemp("own")
    write_folder(folder / "flowers", *colours(60))
    (folder / "my.toml").write_text(TOML, encoding="utf-8")
    families = "base,pruned-and-tuned,reduced-width,bottleneck,pruned-from-scratch,copycat"
    done = prunelib("study", "my.toml", "--families", families, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.xdist_group("own")
@pytest.mark.parametrize("name", ["base", "long", "design"])
def test_a_notebook_takes_a_scale_of_ones_own(name, own):
    named = {"scale": str(own / "my.toml"), "results": str(own / "results")}
    told = texts(shown(ROOT / f"notebooks/{name}.ipynb", **named))
    assert re.search(r"Scale my \(own at 8×8 pixels, WRN-10-0.25, 3 epochs\)", told)


def test_a_notebook_trains_what_is_missing(tmp_path):
    out, results = tmp_path / "out.ipynb", tmp_path / "results"
    parameters = ("scale", "smoke"), ("seeds", "1"), ("results", str(results))
    done = papermill(ROOT / "notebooks/base.ipynb", out, *parameters, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = results.glob("smoke/*.json")
    error = json.loads(record.read_text(encoding="utf-8"))["outcome"]["error"]
    assert f"{error:.2f}%" in " ".join(outputs(out, "text/markdown"))


def test_nothing_is_trained_unasked(tmp_path):
    """A folder that is not there: it tells what it looked for."""
    named = ("results", "mine")
    done = papermill(ROOT / "notebooks/design.ipynb", "out.ipynb", named, folder=tmp_path)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert "mine" in line
    assert [path.name for path in tmp_path.iterdir()] == ["out.ipynb"]


def test_records_of_smoke_that_are_missing_are_not_made_unasked(tmp_path):
    (tmp_path / "mine/smoke").mkdir(parents=True)
    done = papermill(
        ROOT / "notebooks/base.ipynb",
        "out.ipynb",
        ("scale", "smoke"),
        ("results", "mine"),
        ("run_missing", "False"),
        folder=tmp_path,
    )
    assert "there are no records of this at any scale" in done.stderr
    assert list((tmp_path / "mine/smoke").iterdir()) == []


def test_elsewhere_the_records_of_the_project_are_shown(tmp_path, monkeypatch):
    """In an empty folder, and in one whose records are those of one's own images."""
    notebook = ROOT / "notebooks/base.ipynb"
    here = open_study("smoke").networks
    assert len(here)
    for made in ((), ("results/recommend-0/0123456789abcdef.json",)):
        for name in made:
            (tmp_path / name).parent.mkdir(parents=True)
            (tmp_path / name).write_text("{}", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        assert open_study("smoke").networks.equals(here)
    done = papermill(notebook, "out.ipynb", ("scale", "smoke"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert outputs(tmp_path / "out.ipynb", "text/markdown") == [
        each for each in shown(notebook, scale="smoke") if isinstance(each, str)
    ]


def test_a_changed_record_changes_the_page(tmp_path):
    for path in (ROOT / "results/smoke").glob("*.json"):
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["spec"]["kind"] == "train":
            fields["outcome"]["epochs"]["test_error"][-1] = 33.25
            fields["outcome"]["error"] = 33.25
        (tmp_path / "smoke").mkdir(exist_ok=True)
        (tmp_path / "smoke" / path.name).write_text(json.dumps(fields), encoding="utf-8")
    values = shown(ROOT / "notebooks/base.ipynb", scale="smoke", results=str(tmp_path))
    assert "33.25" in texts(values)
    assert "33.25" in figures(values)[0]["layout"]["meta"]["alt"]


WRONG = [
    ("scale", "huge", "scale = 'huge'"),
    ("scale", "1", "scale = 1"),
    ("seeds", "notanint", "seeds = 'notanint'"),
    ("seeds", "0", "seeds = 0"),
    ("seeds", "1.5", "seeds = 1.5"),
    ("run_missing", "true", "run_missing = 'true' should be True or False"),
    ("results", "7", "results = 7"),
    ("removals", "-1", "removals = -1"),
    ("sceds", "1", "'sceds'"),
    ("budget", "lots", "budget = 'lots'"),
    ("budget", "-5", "budget = -5"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_parameter_is_refused_in_one_line_before_anything_runs(name, value, said, tmp_path):
    chapter = "design" if name == "budget" else "prune"
    done = papermill(ROOT / f"notebooks/{chapter}.ipynb", tmp_path / "out.ipynb", (name, value))
    assert done.returncode == 2
    assert done.stderr.count("Traceback") == 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert said in line
    assert outputs(tmp_path / "out.ipynb", "text/markdown") == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_whole_and_name_no_machine(notebook):
    text = notebook.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|work|tmp|Users)/", text)
    cells = nbformat.read(notebook, as_version=4).cells
    assert [c.execution_count for c in cells if c.cell_type == "code"] == list(
        range(1, 1 + sum(c.cell_type == "code" for c in cells))
    )
    tagged = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    for name in ("scale", "results", "data", "run_missing"):
        assert re.search(rf"^{name} = ", tagged[0].source, re.MULTILINE)


BEGIN_AT_THE_ANSWER = (
    "start",
    "verdicts",
    "base",
    "prune",
    "simple",
    "scratch",
    "copycats",
    "controls",
    "shape",
    "design",
    "cost",
)


def test_pages_begin_at_the_scale_of_the_answer():
    studies = open_studies("mini", results=str(ROOT / "results"), run_missing=False)
    answer = prose.longest_complete(studies).scale.name
    assert {begins_at(name) for name in BEGIN_AT_THE_ANSWER} == {answer}


def test_profiles_begin_at_the_longest_training_whose_claims_have_all_seeds():
    studies = open_studies("mini", results=str(ROOT / "results"), run_missing=False)
    claims = [claim for claim in CLAIMS if claim.number in ("C6", "C7", "C8")]
    whole = [
        name
        for name, view in by_length(studies).items()
        if all(v.seeds == v.planned and v.sizes for v in judge_claims(view, claims))
    ]
    assert begins_at("profiles") == whole[-1]


def begins_at(name):
    """The scale in the parameters of a notebook."""
    (scale,) = (
        re.search(r'^scale = "(\w+)"', cell.source, re.MULTILINE)[1]
        for cell in nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
        if "parameters" in cell.metadata.get("tags", [])
    )
    return scale


def test_the_readme_has_the_answer_that_the_records_give():
    sys.path.insert(0, str(ROOT / "notebooks"))
    from store_outputs import headline, told

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    answer = headline()
    assert "Measured at scale " in answer
    assert answer in readme
    assert told(readme.replace(answer, "nothing"), answer) == readme
