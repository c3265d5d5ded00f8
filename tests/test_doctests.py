"""The examples in docstrings run."""

import doctest
import pkgutil
from importlib import import_module

import papermill  # noqa: F401  # it imports a module of ours by itself
import pytest

import prunelib

MODULES = [module.name for module in pkgutil.walk_packages(prunelib.__path__, "prunelib.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    assert doctest.testmod(import_module(name)).failed == 0
