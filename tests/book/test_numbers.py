"""Numbers that leave the evidence depend on no processor.

Processors differ in the last digits of sums. Here every mean, deviation, fit and interpolation is
changed there on purpose, and what the notebooks show stays the same to the last character.
"""

import os
import subprocess
import sys
from fractions import Fraction
from functools import cache
from itertools import count

import numpy as np
import pandas as pd
import pytest
from pages import NOTEBOOKS, ROOT, differences, shown

from prunelib.book import notebook
from prunelib.evidence import statistics, verdicts
from prunelib.evidence.view import View

NOISE = 1e-13
OURS = (
    "mean",
    "deviation",
    "interpolated",
    "on_line",
    "slope",
    "rank_correlation",
    "quantile",
    "beyond",
    "between_seeds",
)
NUMPY = ("mean", "std", "var", "median", "interp", "polyfit", "average", "percentile")
PANDAS = ("mean", "std", "var", "median", "corr")
PANDAS_TYPES = (
    pd.Series,
    pd.DataFrame,
    pd.core.groupby.SeriesGroupBy,
    pd.core.groupby.DataFrameGroupBy,
)


def disturbed(function, signs):
    """A function whose result is wrong by one part in 10^13."""

    def noisy(*arguments, **options):
        found = function(*arguments, **options)
        factor = 1 + NOISE * (-1) ** next(signs) * (1 + next(signs) % 3) / 3
        if found is None or isinstance(found, bool):
            return found
        if isinstance(found, Fraction):
            return found * Fraction(factor)
        if isinstance(found, pd.DataFrame):
            numbers = found.select_dtypes("number").columns
            return found.assign(**{name: found[name] * factor for name in numbers})
        return found * factor

    return noisy


@pytest.fixture
def noise(monkeypatch):
    """Disturb all of them, under every name that a module has for them."""
    signs = count()
    verdicts.remembered.cache_clear()
    modules = [module for name, module in sys.modules.items() if name.startswith("prunelib.")]
    for name in OURS:
        function = getattr(statistics, name)
        noisy = disturbed(function, signs)
        for module in modules:
            for own, value in list(vars(module).items()):
                if value is function:
                    monkeypatch.setattr(module, own, noisy)
    for name in NUMPY:
        monkeypatch.setattr(np, name, disturbed(getattr(np, name), signs))
    for kind in PANDAS_TYPES:
        for name in PANDAS:
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, disturbed(getattr(kind, name), signs))
    yield signs
    verdicts.remembered.cache_clear()


OPEN = notebook.open_study


@cache
def whole(scale: str) -> View:
    """All records of a scale."""
    return OPEN(scale, None, results=str(ROOT / "results"), run_missing=False)


def opened(scale, families=None, results=None, data=None, run_missing=None, seeds=None) -> View:
    """`open_study` without reading a record twice."""
    view = whole(scale)
    wanted = [r for r in view.requests if families is None or r.family in families]
    return View(view.scale, tuple(wanted), view.find)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_page_depends_on_last_digits(path, monkeypatch, request):
    monkeypatch.setattr(notebook, "open_study", opened)
    before = shown(path)
    signs = request.getfixturevalue("noise")
    assert differences(before, shown(path)) == []
    if path.stem in ("verdicts", "controls", "simple"):
        assert next(signs) > 1_000  # that many results were disturbed


PLAIN = {
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_ICL",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""As if on a processor of 2008."""


@pytest.mark.slow
def test_pages_are_the_same_on_another_code_path():
    command = [sys.executable, str(ROOT / "tests/support/pages.py"), "verdicts", "saliency", "cost"]
    digests = [
        subprocess.run(
            command, env=os.environ | path, capture_output=True, text=True, check=True
        ).stdout
        for path in ({}, PLAIN)
    ]
    assert len(digests[0]) == 65
    assert digests[0] == digests[1]
