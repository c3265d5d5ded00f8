"""What `make` installs, and what of the user's environment reaches what it runs."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def pinned(name: str) -> set[str]:
    """Packages of which a file names the one version."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    given = [
        Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()
    ]
    assert all(str(each.specifier).startswith("==") for each in given)
    return {canonicalize_name(each.name) for each in given}


def needed(names: set[str]) -> set[str]:
    """All that some packages need here, and what these need, and so on."""
    found, waiting = set(), [(name, frozenset()) for name in names]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        try:
            given = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue
        for each in given:
            if each.marker is None or any(
                each.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                waiting.append((canonicalize_name(each.name), frozenset(each.extras)))
    return {name for name, _ in found}


def test_packages_are_pinned_and_all_that_they_need():
    """But tools that install, and what PyTorch needs for one kind of GPU, which it pins itself."""
    asked = pinned("requirements.txt")
    gpu = ("nvidia-", "cuda-", "triton")
    loose = needed(asked) - asked - pinned("constraints.txt") - {"pip", "setuptools", "wheel"}
    assert sorted(name for name in loose if not name.startswith(gpu)) == []


def test_pinned_packages_take_the_oldest_python_that_the_project_takes():
    """Debian 12 has Python 3.11.2, and some packages want a later 3.11."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"
    wants = {}
    for name in pinned("requirements.txt") | pinned("constraints.txt"):
        try:
            wants[name] = SpecifierSet(metadata(name).get("Requires-Python", ""))
        except PackageNotFoundError:
            continue
    assert len(wants) > 50
    assert {name for name, pythons in wants.items() if oldest not in pythons} == set()


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_keeps_the_environment_of_the_user_away():
    settings = {
        **{"PIP_USER": "1", "PIP_TARGET": "/nowhere", "PYTHONPATH": "/nowhere"},
        **{"PYTHONUTF8": "0", "PLOTLY_RENDERER": "notebook", "LC_ALL": "de_DE.ISO-8859-1"},
    }
    done = subprocess.run(
        ["make", "--no-print-directory", "--eval", "tell: ; @env", "tell"],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert (seen["PIP_USER"], seen["PYTHONUTF8"]) == ("0", "1")
    assert not {"PIP_TARGET", "PYTHONPATH", "PLOTLY_RENDERER"} & set(seen)


GROUP = """
import os, pathlib, pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_tells_its_process(number):
    pathlib.Path(str(os.getpid())).touch()
"""


@pytest.mark.slow
def test_tests_of_a_group_share_one_process(tmp_path):
    """And with it what one of them has made. Some versions of pytest and pytest-xdist differ."""
    (tmp_path / "test_group.py").write_text(GROUP, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout
    assert len([path for path in tmp_path.iterdir() if path.name.isdigit()]) == 1
