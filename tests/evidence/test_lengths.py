"""What the shape is worth by length of training, against records of which all is known."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from studies import SCALE, fill

from prunelib.book.notebook import open_study
from prunelib.evidence.lengths import errors_by_length, shape_by_length
from prunelib.study.families import FAMILIES, LENGTHS

RESULTS = Path(__file__).parents[2] / "results"


def halving(family, params, seed):
    """Errors of 32, 16 and 8 per cent by length; the shape makes a quarter fewer."""
    length = next(i for i in (2, 1, 0) if family.endswith(LENGTHS[i]))
    shape = 0.75 if family.startswith("pruned-from-scratch") else 1.0
    return 32 / 2**length * shape


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("lengths"), halving, families=None)


def test_points_shrink_with_the_error_and_ratios_do_not(study):
    rows = shape_by_length(study)
    assert len(rows) == len(LENGTHS) * len(SCALE.budgets)
    for row in rows.itertuples():
        assert row.points == 8 / 2 ** LENGTHS.index(row.length)
        assert row.ratio == row.low == row.high == pytest.approx(math.log(4 / 3))
        assert row.seeds == SCALE.seeds


def test_errors_are_told_by_scale_family_and_length(study):
    rows = errors_by_length({"short": study, "again": study})
    assert set(rows["scale"]) == {"short", "again"}
    assert set(rows["family"]) <= set(FAMILIES)
    assert not rows["family"].str.contains("long").any()
    bottleneck = rows[(rows["family"] == "bottleneck") & (rows["scale"] == "short")]
    assert set(bottleneck["error"]) == {32, 16, 8}
    assert set(bottleneck["size"]) == set(SCALE.budgets)
    base = rows[rows["family"] == "base"]
    assert set(base["size"]) == {SCALE.shape.params(SCALE.base)}


def test_seeds_that_are_missing_leave_their_length_out(tmp_path):
    few = fill(tmp_path, halving, replace(SCALE, seeds=1), families=["base", "bottleneck"])
    assert shape_by_length(few).empty
    assert set(errors_by_length({"few": few})["seeds"]) == {1}


def test_at_mini_the_shape_is_worth_more_points_when_training_is_short():
    view = open_study("mini", results=str(RESULTS), run_missing=False)
    rows = shape_by_length(view).set_index(["size", "length"])
    smallest = rows.loc[80_000]
    assert smallest["points"].is_monotonic_decreasing
    assert smallest["epochs"].is_monotonic_increasing
    assert smallest["ratio"].between(0.1, 0.2).all()


def test_a_network_without_any_error_has_no_ratio(tmp_path, monkeypatch):
    view = fill(tmp_path, families=None)
    first = view.networks.query("family == 'bottleneck'").index[0]
    view.networks.loc[first, "error"] = 0.0
    table = shape_by_length(view)
    budget = view.networks.loc[first, "budget"]
    row = table[(table["size"] == budget) & (table["length"] == "")].iloc[0]
    assert row["seeds"] == view.scale.seeds - 1
    view.networks.loc[view.networks["family"] == "bottleneck", "error"] = 0.0
    assert "" not in set(shape_by_length(view)["length"])
