import re
from dataclasses import replace

import pytest
from studies import IMAGES, error, fill

from prunelib.book import prose
from prunelib.book.figures import length
from prunelib.book.notebook import LENGTH_SCALES, open_lengths
from prunelib.book.prose import length as length_in_words
from prunelib.book.prose import spending
from prunelib.book.prose.judgements import MARKS
from prunelib.book.prose.judgements import verdict_cell as cell
from prunelib.book.prose.length import shape_keeps_its_lead
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.rates import training_rates
from prunelib.evidence.verdicts import judge_claims
from prunelib.evidence.view import View
from prunelib.nets.inputs import TRAINING_IMAGES
from prunelib.study.specs import key

SIMPLE, SHAPE = "bottleneck", "pruned-from-scratch"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("study"), families=None)


def test_retrained_networks_count_the_epochs_of_pruning_too(study):
    rows = length.errors_shown({"made-up": study}).set_index(["family", "size"])["epochs"]
    pruned = rows["pruned-and-tuned", 6_000]
    again = IMAGES / TRAINING_IMAGES["digits"]
    assert rows["retrained", 6_000] == pytest.approx(pruned + again)
    assert pruned > again


def test_the_ratio_of_errors_is_that_of_their_means_where_seeds_agree(study):
    rows = length.leads({"made-up": study})
    assert set(rows["size"]) == set(study.scale.budgets)
    assert ((rows["low"] <= rows["ratio"]) & (rows["ratio"] <= rows["high"])).all()
    for row in rows[rows["length"] == ""].itertuples():
        assert row.points == pytest.approx(error(SIMPLE, 0, 0) - error(SHAPE, 0, 0))


def test_a_figure_for_each_size_has_a_point_for_each_length(study):
    choices = length.against_epochs({"made-up": study})
    assert [shown[0] for shown in choices.figures] == ["6K parameters", "12K parameters"]
    rows = length.errors_shown({"made-up": study})
    for shown, budget in zip(choices.figures, study.scale.budgets, strict=True):
        drawn = sum(len(trace.x) for trace in choices.figures[shown].data)
        assert drawn == (rows["size"] == budget).sum()


def test_the_lead_is_drawn_in_points_and_as_a_ratio_a_line_for_each_size_and_scale(study):
    views = {"made-up": study, "again": study}
    rows = length.leads(views)
    for (told,), figure in length.lead_of_shape(views).figures.items():
        assert len(figure.data) == 2 * len(study.scale.budgets)
        drawn = sorted(y for line in figure.data for y in line.y)
        assert drawn == pytest.approx(sorted(rows[told]), rel=1e-4)
        assert {bool(line.error_y.array) for line in figure.data} == {told == "ratio"}


def test_what_longer_training_gained_is_over_the_seeds_that_both_have(study):
    lost = ("bottleneck-longest", 1)
    fewer = tuple(r for r in study.requests if (r.family, r.seed) != lost)
    rows = study.networks[study.networks["budget"] == 6_000].set_index(["family", "seed"])
    told = prose.still_learning({"made-up": View(study.scale, fewer, study.find)})
    first = told.splitlines()[0]
    gain = rows.loc[("bottleneck", 0), "error"] - rows.loc[("bottleneck-longest", 0), "error"]
    last = rows.loc[("bottleneck-longest", 0), "images_seen"] / TRAINING_IMAGES["digits"]
    words = f"takes {gain:.2f} points off" if gain > 0 else f"adds {-gain:.2f} points to"
    assert f"for {last:.0f} epochs instead of" in first
    assert re.search(rf"{words} the error of a bottleneck network \(one seed\)", first)


def test_what_is_missing_is_said_and_breaks_nothing():
    views = open_lengths("mini", results="results", run_missing=False)
    assert tuple(views) == LENGTH_SCALES
    table = prose.coverage(views)
    for view in views.values():
        assert f"{view.there} of {len(view.requests)}" in table
    assert "There are no records" not in prose.long_enough(views)


def test_another_scale_stands_by_itself():
    assert list(open_lengths("smoke", results="results", run_missing=False)) == ["smoke"]


def test_without_records_nothing_is_claimed(study):
    views = {"none": type(study)(study.scale, study.requests, lambda spec: None)}
    assert "not known yet" in prose.long_enough(views)
    assert not re.search(r"\d", prose.long_enough(views))
    assert prose.still_learning(views) == ""
    assert prose.compute_times(views) == ""
    assert prose.against_length(views) == "No run of any length is on record yet."
    table = prose.against_length({"made-up": study} | views)
    assert "no run yet" not in table
    assert table.splitlines()[0].count("epochs") == 1


def test_a_claim_known_at_one_size_only_is_told_for_that_size(study):
    lost = {
        key(request.spec(study.find))
        for request in study.requests
        if request.family == SHAPE and request.budget == 12_000
    }

    def find(spec):
        return None if key(spec) in lost else study.find(spec)

    view = type(study)(study.scale, study.requests, find)
    table = prose.against_length({"made-up": view})
    (row,) = [row for row in table.splitlines() if "<small>C3</small>" in row]
    (verdict,) = [v for v in judge_claims(view, CLAIMS) if v.claim == "C3"]
    assert re.search(
        r"no seed has all sizes yet<br><small>6K: yes, 3\.5\d for \(2 seeds\)</small>$",
        cell(verdict),
    )
    assert re.search(r"\| <small>6K: ✔ \+3\.5\d</small> \|$", row)


def test_networks_from_scratch_are_told_beside_pruned_ones_for_each_length(study):
    longer = replace(study.scale, train=replace(study.scale.train, epochs=99))
    told = length_in_words.beside_pruned(
        {"made-up": study, "longer": View(longer, study.requests, study.find)}
    )
    assert f"after {study.scale.train.epochs} and 99 epochs" in told
    assert re.search(r"from scratch are (3\.5\d) and \1 points ahead\. The", told)
    assert length_in_words.beside_pruned({"made-up": study}) == ""


def test_a_claim_is_told_for_each_size_below_its_mean(study):
    (row,) = [r for r in prose.against_length({"a": study}).splitlines() if "<small>C3<" in r]
    (verdict,) = [v for v in judge_claims(study, CLAIMS) if v.claim == "C3"]
    for size in verdict.sizes:
        told = f"{size.size // 1000}K: {MARKS[size.verdict]} +{size.mean:.2f}"
        assert re.search(rf"(<br>|<small>){re.escape(told)}(<br>|</small>)", row)
    assert re.search(rf"\| {MARKS[verdict.verdict]} \+{verdict.mean:.2f}<br><small>", row)


def test_the_lead_is_told_from_the_shortest_training_to_the_longest(study):
    rows = length.leads({"made-up": study})
    rows = rows[rows["size"] == 6_000]
    told = re.findall(r"after (\d+) epochs", shape_keeps_its_lead({"made-up": study}))
    assert told == [f"{epochs:.0f}" for epochs in sorted(rows["epochs"])]


def test_speed_is_work_over_seconds(study):
    for budget in (*study.scale.budgets, None):
        found = training_rates(study, ("bottleneck", SHAPE), budget)
        rows = study.networks[study.networks["family"].isin(("bottleneck", SHAPE))]
        rows = rows[rows["budget"].isin(study.scale.budgets if budget is None else [budget])]
        assert list(found.index) == ["a pencil, float32"]
        seconds = study.scale.train.epochs
        assert found.iloc[0] == pytest.approx((rows["training_macs"] / seconds).median())


@pytest.mark.parametrize("other", [{"device": "cuda"}, {"kernels": "narrow"}])
def test_no_reader_has_the_speed_of_a_gpu_or_of_kernels_that_the_library_lacks(study, other):
    def elsewhere(spec):
        record = study.find(spec)
        return record and replace(record, circumstances=record.circumstances | other)

    assert not training_rates(study, (SHAPE,)).empty
    assert training_rates(View(study.scale, study.requests, elsewhere), (SHAPE,)).empty


@pytest.mark.parametrize("words", spending.SEARCH_PAYS.items())
def test_whether_a_search_pays_is_told_for_each_length(study, monkeypatch, words):
    verdict, told = words
    (own,) = [v for v in judge_claims(study, QUESTIONS) if v.claim == "K14"]
    longer = replace(study.scale, train=replace(study.scale.train, epochs=99))
    views = {"made-up": study, "longer": View(longer, study.requests, study.find)}
    found = {
        study.scale.train.epochs: replace(own, verdict=verdict, mean=1.0),
        99: replace(own, mean=None),
    }
    monkeypatch.setattr(
        spending, "judge_claims", lambda view, claims: [found[view.scale.train.epochs]]
    )
    text = prose.search_pays(views)
    assert f"After {study.scale.train.epochs} epochs {told}, after 99 epochs that is not" in text
    found[99] = found[study.scale.train.epochs]
    assert f"After {study.scale.train.epochs} and 99 epochs {told}: [" in prose.search_pays(views)
