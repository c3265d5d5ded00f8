"""The library and a second writing of its definitions, which shares no line with it, agree."""

from pathlib import Path

import pytest
from recompute import recomputed

from prunelib.book.notebook import open_study
from prunelib.evidence.claims import CLAIMS
from prunelib.evidence.questions import QUESTIONS
from prunelib.evidence.verdicts import judge_claims

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def both():
    view = open_study("mini", results=str(RESULTS), run_missing=False)
    return recomputed(), {v.claim: v for v in judge_claims(view, CLAIMS + QUESTIONS)}


def test_all_claims_and_controls_are_recomputed(both):
    theirs, _ = both
    assert theirs.keys() == {f"C{i}" for i in range(1, 11)} | {f"K{i}" for i in range(1, 15)}


def test_verdicts_means_and_intervals_agree(both):
    theirs, ours = both
    for claim, found in theirs.items():
        verdict = ours[claim]
        assert (found["verdict"], found["seeds"]) == (verdict.verdict, verdict.seeds), claim
        assert verdict.mean == pytest.approx(found["mean"], abs=1e-6), claim
        interval = (verdict.low, verdict.high)
        assert interval == pytest.approx(found.get("interval", (None, None)), abs=1e-6), claim


def test_what_is_said_at_each_size_agrees(both):
    theirs, ours = both
    for claim, found in theirs.items():
        for at in ours[claim].sizes if found["sizes"] else ():
            other = found["sizes"][at.size]
            assert at.mean == pytest.approx(other["mean"], abs=1e-6), claim
            assert (at.low, at.high) == pytest.approx(other["interval"], abs=1e-6), claim
            assert at.verdict == other["verdict"], claim
