"""The pictures of *Controls*: families beside each other, of which all is known."""

import pytest
from studies import SCALE, error, fill

from prunelib.book import figures
from prunelib.errors import Missing
from prunelib.evidence.view import View
from prunelib.study.families import FAMILIES

PRUNED, RENEWED = "pruned-and-tuned", "recalibrated"
ON_THE_WAY = "Pruned and tuned, on the way"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    shown = {family for families in figures.COMPARISONS.values() for family in families}
    families = tuple(family for family in FAMILIES if family == "base" or family in shown)
    return fill(tmp_path_factory.mktemp("compared"), families=families)


def drawn(figure):
    """Errors by family and size."""
    names = {FAMILIES[name].title: name for name in FAMILIES}
    return {
        (names[t.name], x): y
        for t in figure.data
        if t.name != ON_THE_WAY
        for x, y in zip(t.x, t.y, strict=True)
    }


@pytest.mark.parametrize("question", figures.COMPARISONS)
def test_every_question_shows_its_families(study, question):
    shown = {family for family, _ in drawn(figures.comparison(study, question))}
    assert shown == set(figures.COMPARISONS[question])


def test_families_are_compared_at_the_seeds_that_all_have(study):
    lost = ("distilled-shape", 1)
    fewer = tuple(r for r in study.requests if (r.family, r.seed) != lost)
    view = View(study.scale, fewer, study.find)
    whole, one = (drawn(figures.comparison(v, "distillation")) for v in (study, view))
    seeds = [error("bottleneck", 0, seed) for seed in range(SCALE.seeds)]
    more = sum(seeds) / len(seeds) - seeds[0]
    assert more
    assert whole == pytest.approx({key: y + more for key, y in one.items()})


def test_a_seed_that_is_missing_at_one_size_counts_at_the_others(study):
    budget = SCALE.budgets[0]
    lost = ("distilled-shape", 1, budget)
    fewer = tuple(r for r in study.requests if (r.family, r.seed, r.budget) != lost)
    figure = figures.comparison(View(study.scale, fewer, study.find), "distillation")
    rows = figure.layout.meta["table"]["rows"]
    columns = figure.layout.meta["table"]["columns"]
    told = {(r[columns.index("budget")], r[columns.index("seeds")]) for r in rows}
    assert told == {(budget, 1)} | {(other, SCALE.seeds) for other in SCALE.budgets[1:]}


def test_ways_are_those_of_the_seeds_that_are_shown(study):
    fewer = tuple(r for r in study.requests if r.family != "random-removal" or r.seed == 1)
    view = View(study.scale, fewer, study.find)
    figure = figures.comparison(view, "which channel goes")
    assert len([t for t in figure.data if t.name == ON_THE_WAY]) == 1


def test_renewed_statistics_stand_beside_the_same_weights(study):
    figure = figures.comparison(study, "batch-norm statistics")
    before = {size: y for (family, size), y in drawn(figure).items() if family == PRUNED}
    after = {size: y for (family, size), y in drawn(figure).items() if family == RENEWED}
    rows = study.networks[study.networks["family"] == RENEWED].groupby("params")
    assert before == pytest.approx(dict(rows["first_error"].mean()))
    assert after == pytest.approx(dict(rows["error"].mean()))
    assert ON_THE_WAY not in [t.name for t in figure.data]
    table = figure.layout.meta["table"]
    epochs = [row[table["columns"].index("epochs")] for row in table["rows"]]
    count = len(before)
    assert all(b < a for b, a in zip(epochs[:count], epochs[count:], strict=True))


def test_without_controls_there_is_no_picture(tmp_path):
    view = fill(tmp_path)
    with pytest.raises(Missing):
        figures.comparison(view, "distillation")
