"""Requests: what each waits for, and the keys of all that is on record."""

from pathlib import Path

import pytest

from prunelib.study.families import FAMILIES
from prunelib.study.lookup import cached_lookup
from prunelib.study.plan import plan_study
from prunelib.study.scales import SCALES
from prunelib.study.specs import key
from prunelib.study.store import Store, read_record

RESULTS = Path(__file__).parents[2] / "results"
RECORDS = [path for path in RESULTS.rglob("*.json") if len(path.stem) == 16]


def test_the_key_of_every_record_is_the_name_of_its_file():
    paths = [path for path in RECORDS if path.parent.name != "orders"]
    assert len(paths) > 200
    assert {path.name for path in paths if key(read_record(path).spec) != path.stem} == set()


@pytest.mark.parametrize("scale", ["smoke", "mini", "midi"])
def test_a_request_comes_after_all_that_it_needs(scale):
    for find in (lambda spec: None, cached_lookup(Store(RESULTS / scale))):
        for request in plan_study(SCALES[scale]):
            chain = request.chain(find)
            assert chain[-1] == request
            assert len(set(chain)) == len(chain)
            for place, link in enumerate(chain):
                assert set(link.needs) <= set(chain[:place]) or link.record(find)


def test_without_any_record_the_first_of_a_chain_is_what_runs_next():
    for request in plan_study(SCALES["mini"], list(FAMILIES)):
        first = request.chain(lambda spec: None)[0]
        assert not first.needs
        assert request.spec(lambda spec: None) == first.own_spec(lambda spec: None)


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_of_the_project_is_a_file_of_its_name(name):
    path = Path(RESULTS.parent / "prunelib/study/scales" / f"{name}.toml")
    assert path.is_file()
    assert SCALES[name].name == name
    assert set(SCALES[name].families) <= set(FAMILIES)
