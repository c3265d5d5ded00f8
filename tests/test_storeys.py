"""Imports go down only, and what needs no PyTorch does not wait for it."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import prunelib

ROOT = Path(__file__).parents[1]
LONGEST, LONGEST_MODULE = 40, 300
"""Lines of a function without its docstring, and of a module."""
MODULES = sorted((ROOT / "prunelib").rglob("*.py"))
EVIDENCE = ROOT / "prunelib/evidence"


def lint_imports(folder):
    code = "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_no_storey_imports_one_above():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("kernels/norm_relu.py", "from prunelib.nets.profile import STEM"),
        ("nets/profile.py", "from torch import nn"),
        ("evidence/tables.py", "from prunelib.book.choices import Choices"),
    ],
)
def test_an_import_from_above_is_found(tmp_path, module, line):
    copy = tmp_path / "prunelib"
    shutil.copytree(ROOT / "prunelib", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = copy / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    assert module.removesuffix(".py").replace("/", ".") in lint_imports(tmp_path).stdout


@pytest.mark.parametrize("package", ["evidence", "nets"])
def test_evidence_and_profiles_load_without_pytorch(package):
    names = [f"prunelib.nets.{name}" for name in ("profile", "inputs")]
    if package == "evidence":
        names = [f"prunelib.evidence.{path.stem}" for path in EVIDENCE.glob("*.py")]
    code = f"import sys\nfor name in {names}: __import__(name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr


def test_the_public_names_are_those_that_a_type_checker_sees():
    tree = ast.parse((ROOT / "prunelib/__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("prunelib")
        for alias in node.names
    }
    assert seen == set(prunelib.__all__)
    for name in prunelib.__all__:
        assert getattr(prunelib, name).__name__ == name


def lines_of(function):
    """How many lines a function has, without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    text = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_and_no_function_is_long(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = {
        node.name: lines_of(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and lines_of(node) > LONGEST
    }
    assert long == {}


@pytest.mark.slow
def test_types_agree(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout


def test_no_public_name_is_defined_twice():
    places = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert node.name != path.stem
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
