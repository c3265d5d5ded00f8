from dataclasses import replace

import pandas as pd
import pytest
from outcomes import outcome
from studies import BASE, HERE, IMAGES, SCALE, TUNED, edit, error, fill, reopened, spec_of, walk

from prunelib.errors import PrunelibError
from prunelib.evidence.view import View
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.store import Record, Store

STEPS = walk()
SHAPE = SCALE.shape
SIZES = [SHAPE.params(profile) for _, profile in STEPS]
MACS = [SHAPE.macs(profile) for _, profile in STEPS]
BASE_MACS = 3 * MACS[0] * IMAGES
SCRATCH = ("reduced-width", "bottleneck", "pruned-from-scratch", "copycat", "random-profile")
SPARSE = replace(SCALE, eval_every=5)


def first_within(budget):
    return next(i for i, params in enumerate(SIZES) if params <= budget)


def spent(removals):
    return sum(3 * macs * TUNED for macs in MACS[: removals + 1])


def one(frame, **values):
    for name, value in values.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_each_network_of_the_plan_has_a_row(study):
    rows = study.networks
    found = [tuple(row) for row in rows[["family", "budget", "seed"]].dropna().values]
    expected = [
        (f, b, s) for f in (*SCRATCH, "pruned-and-tuned") for b in SCALE.budgets for s in (0, 1)
    ]
    assert sorted(found) == sorted(expected)
    base = rows[rows["family"] == "base"]
    assert base["budget"].isna().all()
    assert list(base["seed"]) == [0, 1]
    assert len(rows) == len(expected) + 2
    assert rows[rows["family"] != "pruned-and-tuned"]["key"].is_unique


@pytest.mark.parametrize("family", ["base", *SCRATCH])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_from_scratch_is_as_its_record_says(study, family, seed):
    for budget in SCALE.budgets if family != "base" else (None,):
        spec = spec_of(study, family, budget, seed)
        where = {"family": family, "seed": seed} | ({"budget": budget} if budget else {})
        row = one(study.networks, **where)
        assert row["params"] == SHAPE.params(spec.profile)
        assert row["macs"] == SHAPE.macs(spec.profile)
        assert row["error"] == error(family, budget or 20_506, seed)
        assert row["training_macs"] == 3 * row["macs"] * IMAGES
        assert row["images_seen"] == IMAGES
        assert row["middle"] == spec.profile.middle
        assert row["key"] == Record(spec, {}, {}).key


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("budget", SCALE.budgets)
def test_a_pruned_network_is_the_largest_of_the_trajectory_within_the_budget(study, budget, seed):
    row = one(study.networks, family="pruned-and-tuned", budget=budget, seed=seed)
    i = first_within(budget)
    assert row["params"] == SIZES[i] <= budget < SIZES[i - 1]
    assert row["macs"] == MACS[i]
    assert row["error"] == error("pruned-and-tuned", SIZES[i], seed)
    assert row["middle"] == STEPS[i][1].middle
    assert row["images_seen"] == IMAGES + TUNED * (i + 1)


def test_a_pruned_network_that_was_not_measured_lies_between_those_that_were(tmp_path):
    rows = fill(tmp_path, scale=SPARSE).networks
    for budget in SPARSE.budgets:
        i = first_within(budget)
        assert i % 5
        assert one(rows, family="pruned-and-tuned", budget=budget, seed=0)["params"] == SIZES[i]
        row = one(rows, family="pruned-and-tuned", budget=budget, seed=1)
        assert row["params"] == SIZES[i]
        assert row["error"] == pytest.approx(error("pruned-and-tuned", SIZES[i], 1))
        assert row["training_macs"] == spent(i)


@pytest.mark.parametrize("budget", SCALE.budgets)
def test_search_costs_the_base_and_pruning_down_to_the_budget(study, budget):
    i = first_within(budget)

    def macs(family):
        row = one(study.networks, family=family, budget=budget, seed=1)
        return row["training_macs"], row["search_macs"], row["total_macs"]

    own = 3 * MACS[i] * IMAGES
    assert macs("pruned-from-scratch") == (own, BASE_MACS + spent(i), own + BASE_MACS + spent(i))
    assert macs("pruned-and-tuned") == (spent(i), BASE_MACS, spent(i) + BASE_MACS)
    for family in ("reduced-width", "bottleneck", "random-profile"):
        own, search, total = macs(family)
        assert search == 0
        assert total == own


@pytest.mark.parametrize("budget", SCALE.budgets)
def test_the_search_of_a_copycat_ends_where_its_source_is(study, budget):
    source = round(500 / 1344 * BASE.prunable)
    row = one(study.networks, family="copycat", budget=budget, seed=0)
    assert row["search_macs"] == BASE_MACS + spent(source)


def test_trajectories_have_a_row_for_each_removal(study):
    rows = study.trajectories
    assert len(rows) == 2 * len(STEPS)
    for seed, run in rows.groupby("seed"):
        assert list(run["removals"]) == list(range(len(STEPS)))
        assert list(run["params"]) == SIZES
        assert list(run["macs"]) == MACS
        assert list(run["block"].iloc[:-1]) == [block for block, _ in STEPS[:-1]]
        assert run["block"].isna().sum() == 1
        assert list(run["error"]) == [error("pruned-and-tuned", p, seed) for p in SIZES]
        assert set(run["images"]) == {TUNED}
        assert set(run["family"]) == {"pruned-and-tuned"}
        assert set(run["key"]) == {study.pruning(seed).key}


def test_errors_that_were_not_measured_are_not_numbers(tmp_path):
    rows = fill(tmp_path, scale=SPARSE).trajectories
    measured = rows[rows["seed"] == 1].dropna(subset=["error"])["removals"]
    last = len(STEPS) - 1
    assert list(measured) == sorted({*range(0, last, 5), last})


def test_epochs_have_a_row_for_each_epoch_of_each_training_run(study):
    rows = study.epochs
    assert len(rows) == 2 * (2 + 2 * 2 * len(SCRATCH))
    run = rows[(rows["family"] == "bottleneck") & (rows["budget"] == 12_000) & (rows["seed"] == 1)]
    assert list(run["epoch"]) == [1, 2]
    assert list(run["train_loss"]) == [2.0, 1.0]
    final = error("bottleneck", 12_000, 1)
    assert list(run["test_error"]) == [final + 10, final]


def test_saliencies_have_a_row_for_each_channel(study):
    rows = study.saliencies
    assert len(rows) == 2 * BASE.prunable
    for number, width in enumerate(BASE.middle, 1):
        assert (rows["block"] == number).sum() == 2 * width
    run = rows[rows["seed"] == 1]
    assert run["actual"].iloc[1] == pytest.approx(0.03)
    assert set(run["key"]) == {Record(SCALE.saliency_spec(1), {}, {}).key}


@pytest.mark.parametrize("frame", ["networks", "trajectories", "saliencies", "epochs"])
def test_nothing_measured_gives_an_empty_frame_with_its_columns(tmp_path, study, frame):
    empty = reopened(tmp_path, study)
    assert getattr(empty, frame).empty
    assert set(getattr(empty, frame).columns) <= set(getattr(study, frame).columns)
    assert {"seed"} <= set(getattr(empty, frame).columns)


def test_missing_records_leave_out_their_rows_only(tmp_path, study):
    records = fill(tmp_path)
    path = Store(tmp_path).path(spec_of(records, "bottleneck", 6_000, 1))
    path.unlink()
    rows = reopened(tmp_path, records).networks
    gone = study.networks.merge(rows, how="left", indicator=True).query("_merge == 'left_only'")
    assert gone[["family", "budget", "seed"]].values.tolist() == [["bottleneck", 6_000, 1]]


def test_a_pruning_run_without_the_record_of_its_base_can_be_read(tmp_path):
    records = fill(tmp_path)
    Store(tmp_path).path(SCALE.base_spec(1)).unlink()
    rows = reopened(tmp_path, records).networks
    assert set(rows["seed"]) == {0, 1}


def test_a_changed_record_changes_its_row_only(tmp_path, study):
    records = fill(tmp_path)
    spec = spec_of(records, "reduced-width", 12_000, 0)
    edit(tmp_path, spec, lambda outcome: outcome.update(error=77.0))
    changed = reopened(tmp_path, records).networks
    assert one(changed, error=77.0)[["family", "budget", "seed"]].tolist() == [
        "reduced-width",
        12_000,
        0,
    ]
    rest = changed[changed["error"] != 77.0]
    pd.testing.assert_frame_equal(rest, study.networks.loc[rest.index])


def test_a_damaged_record_is_named(tmp_path):
    records = fill(tmp_path, families=["base"])
    path = Store(tmp_path).path(SCALE.base_spec(0))
    path.write_text("{", encoding="utf-8")
    with pytest.raises(PrunelibError, match=str(path)):
        _ = reopened(tmp_path, records).networks


def test_records_of_another_study_are_not_seen(tmp_path, study):
    store = Store(tmp_path)
    other = replace(SCALE.base_spec(0), seed=99)
    store.put(Record(other, outcome(other), HERE))
    assert View(SCALE, tuple(plan_study(SCALE)), cached_lookup(store)).networks.empty
