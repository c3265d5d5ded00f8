"""What the page of departures says in numbers is so."""

import math
from pathlib import Path

import pytest
import torch

from prunelib.book.notebook import open_study
from prunelib.nets.inputs import TRAINING_IMAGES
from prunelib.nets.wideresnet import WideResNet
from prunelib.study.profile_rules import copied_after
from prunelib.study.scales import SCALES
from prunelib.training.protocols import PruneProtocol, TrainProtocol

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "book/departures.md").read_text(encoding="utf-8")
MINI, PAPER = SCALES["mini"], SCALES["paper"]


@pytest.fixture(scope="module")
def mini():
    return open_study("mini", results=str(ROOT / "results"), run_missing=False)


def epoch_steps(protocol):
    return math.ceil(TRAINING_IMAGES["cifar10"] / protocol.batch_size)


def test_pruning_beside_training():
    longer = 1300 * PruneProtocol().steps / (TrainProtocol().epochs * epoch_steps(TrainProtocol()))
    assert f"| {longer:.2f} (1300 removals of 100 steps) |" in PAGE
    ours = {}
    for name in ("mini", "midi", "maxi"):
        study = open_study(name, run_missing=False)
        tuned = len(study.pruning(0).outcome["points"]["block"]) * study.scale.prune.steps
        ours[name] = tuned / (study.scale.train.epochs * epoch_steps(study.scale.train))
    assert ours["mini"] < ours["midi"] < ours["maxi"]
    assert f"| {ours['mini']:.2f} (`mini`) to {ours['maxi']:.2f} (`maxi`) |" in PAGE


def test_statistics_of_batch_norm():
    moved = {
        steps: f"{1 - (1 - torch.nn.BatchNorm2d(1).momentum) ** steps:.0%}"
        for steps in (SCALES[name].prune.steps for name in ("mini", "midi", "maxi"))
    }
    assert moved == {10: "65%", 30: "96%", 100: "100%"}
    assert (
        "`mini`: 10 steps, in which running statistics move 65% of the way; `midi`: 30 steps, 96%; "
        "`maxi`: 100 steps, as in the code |"
    ) in PAGE


def test_first_weights_of_the_narrowest_block(mini):
    """Their deviation is that of He and others for as many outputs as are drawn."""
    ratios = []
    for seed in range(MINI.seeds):
        run = mini.trajectory(seed)
        shape = run.after(run.reach(80_000))
        torch.manual_seed(0)
        narrow, whole = (WideResNet(p).blocks[17].conv1.weight for p in (shape, MINI.base))
        ratios.append((narrow.std() / whole.std()).item())
        assert narrow.shape[0] in (1, 2)
    assert min(ratios) == pytest.approx(6, rel=0.15)
    assert max(ratios) == pytest.approx(8, rel=0.15)
    told = "of which one or two channels are left, has first weights whose scale differs by a "
    assert f"{told}factor of six to eight" in PAGE


def test_the_scale_of_the_paper():
    assert len(PAPER.budgets) == 6
    assert (min(PAPER.budgets), max(PAPER.budgets)) == (200_000, 1_700_000)
    assert "six budgets from 200K to 1.7M parameters" in PAGE
    assert PAPER.train.milestones == (60, 120, 180)
    assert "(60, 120, 180 of 200)" in PAGE
    assert PAPER.prune.removals == 1300
    assert copied_after(PAPER.base) == 500
    lengths = [f"`{name}` {SCALES[name].train.epochs}" for name in ("mini", "midi", "maxi")]
    assert f"{', '.join(lengths)} epochs" in PAGE
