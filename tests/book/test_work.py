"""What the lead of pruned shapes takes in work."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from studies import SCALE, fill

from prunelib.book import prose
from prunelib.book.prose import work
from prunelib.evidence.curves import lead_at_equal_macs
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import judge_claims

SHAPE = "pruned-from-scratch"
LEAD = 2.0


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("work"), families=None)


def by_logarithm(study):
    """The same networks, with errors that follow the logarithm of the work, shapes below it."""
    rows = study.networks.copy()
    rows["error"] = 100 - 5 * np.log(rows["macs"]) - LEAD * (rows["family"] == SHAPE)
    return SimpleNamespace(scale=study.scale, networks=rows)


def told(study, claim):
    return next(v for v in judge_claims(study, QUESTIONS) if v.claim == claim)


def test_errors_on_a_logarithm_give_the_lead_that_they_were_made_with(study):
    assert lead_at_equal_macs(by_logarithm(study)) == pytest.approx(LEAD)


def test_without_a_size_there_is_no_lead(study):
    view = by_logarithm(study)
    lost = (view.networks["family"] == SHAPE) & (view.networks["budget"] == SCALE.budgets[0])
    view.networks = view.networks[~lost]
    assert lead_at_equal_macs(view) is None


def test_the_work_of_an_image_is_told_where_shapes_lead(study):
    shape = told(study, "K8")
    text = work.lead_takes_work(study, replace(shape, verdict="supported"))
    assert work.lead_takes_work(study, replace(shape, verdict="open")) == ""
    means = study.networks.groupby(["family", "budget"])["macs"].mean()
    ratios = [means[SHAPE, budget] / means["bottleneck", budget] for budget in SCALE.budgets]
    assert f"takes {min(ratios):.1f} to {max(ratios):.1f} times the work" in text
    settled = told(study, "K11").verdict in work.AT_EQUAL_WORK
    assert settled == (f"{abs(told(study, 'K11').mean):.1f}" in text)
    assert settled != text.endswith("at equal work the lead is not settled.")


@pytest.mark.parametrize(
    ("verdict", "mean", "other", "told"),
    [
        ("supported", 0.79, 0.58, "at equal work, after 2 epochs, 0.6 to 0.8"),
        ("supported", 0.79, 0.81, "at equal work, after 2 epochs, 0.8"),
        ("refuted", -1.0, -1.52, "at equal work, after 2 epochs, they lose by 1.0 to 1.5"),
        ("supported", 0.3, -0.2, "at equal work the lead is not settled"),
        ("open", 0.3, 0.2, "at equal work the lead is not settled"),
    ],
)
def test_what_is_left_at_equal_work(study, monkeypatch, verdict, mean, other, told):
    judged = replace(work.at_equal_macs(study), verdict=verdict, mean=mean)
    monkeypatch.setattr(work, "lead_at_equal_macs", lambda view: other)
    assert work.at_equal_work(judged, study) == told


def test_both_readings_of_the_lead_are_told(study):
    text = prose.straight_line(study)
    for number in (told(study, "K11").mean, lead_at_equal_macs(study)):
        assert f"{number:.2f}" in text
