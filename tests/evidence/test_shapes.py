import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from studies import SCALE, fill

from prunelib.book import figures, prose
from prunelib.errors import Missing
from prunelib.evidence.shapes import FOUND, shapes_of_size, work_and_error
from prunelib.evidence.view import View
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FAMILIES, MAIN, SCRATCH

SMALL = min(SCALE.budgets)
FAMILIES_HERE = (*MAIN, "taper")
"""`taper` is given one seed, the others have two."""
ERRORS = {SCRATCH: 20.0, "reduced-width": 20.25, "taper": 15.0, "bottleneck": 30.0}
SEEDS = (0.0, 0.3)


def made_up(family, params, seed):
    return ERRORS.get(family, 25.0) + SEEDS[seed]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    whole = fill(tmp_path_factory.mktemp("shapes"), made_up, families=FAMILIES_HERE)
    fewer = tuple(r for r in whole.requests if (r.family, r.seed) != ("taper", 1))
    return View(whole.scale, fewer, whole.find)


def test_shapes_are_ranked_and_compared_at_equal_seeds(study):
    rows = shapes_of_size(study, SMALL).set_index("family")
    assert rows["error"].is_monotonic_increasing
    assert set(rows.index) == set(FOUND) & set(FAMILIES_HERE)
    for family, row in rows.iterrows():
        seeds = [0] if family == "taper" else [0, 1]
        errors = [made_up(family, 0, seed) for seed in seeds]
        assert row["seeds"] == len(seeds)
        assert row["error"] == pytest.approx(np.mean(errors))
        assert (row["best"], row["worst"]) == pytest.approx((errors[0], errors[-1]))
        # Not the difference of the means: the pruned shape has one seed more.
        assert row["lead"] == pytest.approx(ERRORS.get(family, 25.0) - ERRORS[SCRATCH])


def test_what_is_usual_is_what_seeds_make_for_as_many_pairs(study):
    rows = shapes_of_size(study, SMALL).set_index("family")
    spread = np.std(SEEDS, ddof=1)
    two = stats.norm.ppf(0.975) * math.sqrt(spread**2 * 2)
    assert rows.loc["taper", "usual"] == pytest.approx(two, rel=1e-4)
    assert rows.loc["bottleneck", "usual"] == pytest.approx(two / math.sqrt(2), rel=1e-4)
    assert math.isnan(rows.loc[SCRATCH, "usual"])


def test_the_sentence_sorts_every_other_shape_into_one_group(study):
    text = prose.shapes_at({"mini": study})
    assert "test error of 20.15% (2 seeds)" in text
    others = len(shapes_of_size(study, SMALL)) - 1
    told = re.search(r"Of (\d+) other shapes, (.*)\.", text)
    assert int(told[1]) == others == sum(map(int, re.findall(r"(\d+) do", told[2])))
    better, alike, worse = re.findall(r"  - \*(.*?)\*: (.*)\.", text)
    assert better == ("Better", "taper by hand (+5.00, 1 seed)")
    assert alike == ("About as good", "reduced width (−0.25, 2 seeds)")
    assert worse[0] == "Worse"
    assert "bottleneck (−10.00, 2 seeds)" in worse[1]
    for found in FOUND.values():
        assert text.count(f"{found} (") <= 1


def test_the_answer_is_about_shapes_that_need_no_trained_network(study, tmp_path):
    told = prose.without_pruning({"mini": study})
    assert told.startswith("**Probably not, at 6K parameters.**")
    assert "kept up after 2 epochs (1 seed): taper by hand." in told
    both = fill(tmp_path / "both", made_up, families=FAMILIES_HERE)
    assert "after 2 epochs (2 seeds): taper" in prose.without_pruning({"mini": both})
    longer = View(
        replace(both.scale, train=replace(both.scale.train, epochs=4)), both.requests, both.find
    )
    told_of_two = prose.without_pruning({"mini": study, "longer": longer})
    assert "after 2 and 4 epochs (1 to 2 seeds): taper" in told_of_two
    macs = shapes_of_size(study, SMALL).set_index("family")["macs"]
    assert f"compute {macs['taper'] / macs[SCRATCH]:.1f} times as much" in told
    never = re.search(r"\. (.*) never did", told)[1].lower()
    assert "bottleneck" in never
    assert "reduced width" not in never

    def worse(family, params, seed):
        return made_up(family, params, seed) + 40 * (family == "taper")

    families = (*FAMILIES_HERE, "taper-macs")
    told = prose.without_pruning({"mini": fill(tmp_path / "worse", worse, families=families)})
    assert told.startswith("**Probably, at 6K parameters.** No shape")
    assert "taper by hand" in told.lower()
    without = View(study.scale, tuple(r for r in study.requests if r.family in MAIN), study.find)
    assert prose.without_pruning({"mini": without}) == ""


def test_a_shape_keeps_up_where_it_was_trained_at_every_length_that_is_told(tmp_path):
    families = (*FAMILIES_HERE, "snip-removal", "snip-shape")
    whole = fill(tmp_path, lambda *_: 20.0 + SEEDS[_[-1]], families=families)
    longer = replace(whole.scale, train=replace(whole.scale.train, epochs=4))
    fewer = tuple(r for r in whole.requests if r.family != "snip-shape")
    both = {"mini": whole, "longer": View(longer, fewer, whole.find)}
    assert "SNIP" in prose.without_pruning({"mini": whole})
    told = prose.without_pruning(both)
    assert "after 2 and 4 epochs (2 seeds): taper by hand." in told
    assert "SNIP" not in told
    other = replace(longer, base=ChannelProfile.full(10, 1))
    alone = prose.without_pruning({"mini": whole, "other": View(other, fewer, whole.find)})
    assert alone == prose.without_pruning({"mini": whole})


def test_work_and_error_is_spearmans_over_equal_seeds(study):
    rows = shapes_of_size(study, SMALL)
    expected = stats.spearmanr(rows["macs"], rows["lead"]).statistic
    assert work_and_error(rows.assign(error=0.0)) == pytest.approx(expected)
    others = tuple(r for r in study.requests if r.family != SCRATCH)
    without = View(study.scale, others, study.find)
    assert math.isnan(work_and_error(shapes_of_size(without, SMALL)))
    assert "nan" not in figures.shapes_against_macs(without, SMALL).layout.meta["alt"]
    assert work_and_error(rows) == pytest.approx(expected)
    assert f"{expected:.2f}".replace("-", "−") in prose.work_of_shapes({"mini": study})


def test_pictures_of_shapes(study):
    rows = shapes_of_size(study, SMALL)
    ranked = figures.shapes_ranked(study, SMALL)
    drawn = {t.y[0].replace("<br>", " ").lower(): t.x[0] for t in ranked.data}
    assert drawn == {row.found.lower(): pytest.approx(row.error) for row in rows.itertuples()}
    order = [name.replace("<br>", " ").lower() for name in ranked.layout.yaxis.categoryarray]
    assert order == [found.lower() for found in rows["found"]][::-1]
    by_work = figures.shapes_against_macs(study, SMALL)
    assert {(t.x[0], t.y[0]) for t in by_work.data} == set(
        zip(rows["macs"], rows["error"], strict=True)
    )
    taper = figures.shape_beside_pruned(study, "taper", SMALL)
    assert [t.name for t in taper.data] == ["Pruned by Fisher saliency", "Taper by hand"]
    middles = study.networks.set_index(["family", "budget", "seed"])["middle"]
    for family, line in zip((SCRATCH, "taper"), taper.data, strict=True):
        assert tuple(row[0] for row in line.customdata) == middles[family, SMALL, 0]


def test_shapes_without_records_are_missing(study):
    only = View(study.scale, tuple(r for r in study.requests if r.family == SCRATCH), study.find)
    for draw in (figures.shapes_ranked, figures.shapes_against_macs):
        with pytest.raises(Missing):
            draw(only, SMALL)
    with pytest.raises(Missing):
        figures.shape_beside_pruned(study, "snip-shape", SMALL)
    assert "prunelib study" in prose.shapes_at({"mini": only})
    assert "prunelib study" in prose.work_of_shapes({"mini": only})


def test_every_shape_is_trained_from_new_weights_for_as_long_as_the_base():
    for name in FOUND:
        family = FAMILIES[name]
        assert family.rule is not None
        assert family.start == "new"
        assert family.images == "base"
        assert not family.training
        assert not family.distilled
