"""No rule was written when what it judges was known."""

import pytest
from rules_first import full_clone, table

from prunelib.evidence.shape_questions import SHAPE_QUESTIONS

NEW = {claim.number for claim in SHAPE_QUESTIONS}
whole = pytest.mark.skipif(not full_clone(), reason="the history is not here")


@whole
@pytest.mark.parametrize("scale", ["midi", "maxi"])
def test_the_rules_of_the_longer_scales_are_older_than_their_records(scale):
    late = [number for number, rule, record in table(scale) if rule >= record]
    assert late == []


@whole
def test_at_mini_the_rules_on_shapes_are_older_than_what_they_waited_for():
    """Those of the first study were written anew when it was done: the script must see that."""
    late = {number for number, rule, record in table("mini") if rule >= record}
    assert not late & NEW
    assert {"C1", "C3", "K7"} <= late
