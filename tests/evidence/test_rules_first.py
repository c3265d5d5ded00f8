"""No rule for the longer scales was written when its runs were known."""

import pytest
from rules_first import full_clone, table


@pytest.mark.skipif(not full_clone(), reason="the history is not here")
@pytest.mark.parametrize("scale", ["midi", "maxi"])
def test_the_rules_of_the_longer_scales_are_older_than_their_records(scale):
    late = [number for number, rule, record in table(scale) if rule >= record]
    assert late == []
