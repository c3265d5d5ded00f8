"""The code on the page *Reproduce it*, run as it is printed."""

import re
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from command import prunelib
from making import CPU
from small_scale import SMALL_SCALE

from prunelib import ChannelProfile, WideResNet
from prunelib.pruning.criteria import CRITERIA, CriterionInputs
from prunelib.study.executors import local
from prunelib.study.families import FAMILIES
from prunelib.study.scales import SCALES
from prunelib.training.data import load
from prunelib.training.machine import Machine

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book/reproduce.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def printed(word):
    """The block of code that has a word."""
    (block,) = [block for block in BLOCKS if word in block]
    return compile(block, word, "exec")


def test_a_number_of_the_answer_follows_from_the_records_as_printed(tmp_path, monkeypatch):
    verdicts = prunelib("verdicts", "midi", "--json", folder=ROOT)
    (tmp_path / "verdicts.json").write_text(verdicts.stdout, encoding="utf-8")
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(printed("verdicts.json"), names)
    found = names["trained"]["gap"].mean()
    assert found == pytest.approx(names["claim"]["mean"], rel=1e-4)
    assert f"the {found:.1f} points of the answer" in PAGE
    sizes = [size["mean"] for size in names["claim"]["sizes"]]
    means = names["trained"].groupby("params")["gap"].mean()
    assert list(means) == pytest.approx(sizes, rel=1e-4)


def test_the_printed_criterion_prunes(monkeypatch):
    monkeypatch.setattr(Machine, "here", lambda: CPU)
    torch.manual_seed(0)
    network = WideResNet(ChannelProfile.full(10, 0.5), 10, 1)
    scales = [block.bn2.weight.detach().abs() for block in network.blocks]
    names = {"network": network, "data": load("digits")}
    with patch.dict(CRITERIA):
        exec(printed("CRITERIA"), names)
        given = CriterionInputs(network, None, torch.Generator())
        assert all(map(torch.equal, names["bn_scale"](given), scales))
        exec(printed("protocol = PruneProtocol"), names)
    assert len(names["points"]) == 21
    assert network.profile.prunable == ChannelProfile.full(10, 0.5).prunable - 20


@pytest.mark.slow
def test_the_printed_family_is_trained_beside_another(tmp_path, monkeypatch):
    """At a smaller scale, and in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "cores", lambda: 1)
    names = {"__name__": "__main__"}
    with patch.dict(FAMILIES), patch.dict(SCALES, {"smoke": SMALL_SCALE}):
        exec(printed("FAMILIES"), names)
    networks = names["study"].networks
    assert set(networks["family"]) == {"bottleneck", "alternating"}
    assert networks["error"].between(0, 100).all()
    assert (networks["params"] <= networks["budget"]).all()
    assert list((tmp_path / "mine/smoke").glob("*.json"))
