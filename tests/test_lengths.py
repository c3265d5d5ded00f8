"""What the shape is worth by length of training, against records of which all is known."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from studies import SCALE, fill

from prunelib.book import figures
from prunelib.book.notebook import open_study
from prunelib.errors import Missing
from prunelib.evidence.lengths import LENGTHS, errors_by_length, shape_by_length
from prunelib.study.families import FAMILIES, MAIN

RESULTS = Path(__file__).parents[1] / "results"


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
    shape, retrained = (
        rows[(rows["family"] == family) & (rows["scale"] == "short")].sort_values("epochs")
        for family in ("pruned-from-scratch", "retrained")
    )
    longest = shape[shape["length"] == "-longest"]["epochs"].tolist()
    assert sorted(retrained["epochs"]) == pytest.approx(sorted(longest), rel=0.2)
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


def test_the_figure_of_errors_has_a_line_a_family_over_all_scales(study):
    size = min(SCALE.budgets)
    rows = errors_by_length({"short": study, "again": study})
    drawn = figures.error_by_length(rows, size)
    lines = {line.name: line for line in drawn.data}
    found = set(rows[rows["size"] == size]["family"]) & {*MAIN, "retrained"}
    assert lines.keys() == {FAMILIES[name].title for name in found}
    bottleneck = lines["Bottleneck"]
    assert list(bottleneck.x) == sorted(bottleneck.x)
    assert sorted(bottleneck.y) == [8, 8, 16, 16, 32, 32]
    assert len(set(bottleneck.marker.symbol)) == len(LENGTHS)
    assert all(
        key.startswith(("short/", "again/")) for row in bottleneck.meta["records"] for key in row
    )
    with pytest.raises(Missing):
        figures.error_by_length(rows, 1)


def test_the_figure_of_the_shape_tells_how_many_more_errors_there_are(study):
    drawn = figures.shape_by_length(shape_by_length(study))
    assert [line.name for line in drawn.data] == ["6K parameters", "12K parameters"]
    for line in drawn.data:
        assert list(line.y) == pytest.approx([100 / 3] * len(LENGTHS), abs=1e-4)
    assert "at 6K 33 % after" in drawn.layout.meta["alt"]


def test_one_seed_has_no_whiskers(tmp_path):
    one = fill(tmp_path, halving, replace(SCALE, seeds=1), families=None)
    drawn = figures.shape_by_length(shape_by_length(one))
    assert all(set(line.error_y.array) == {0} for line in drawn.data)
