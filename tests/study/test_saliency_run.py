import pandas as pd
import pytest
import torch

from prunelib.book.notebook import open_study
from prunelib.nets.profile import ChannelProfile
from prunelib.study.runs import run
from prunelib.study.specs import DataSpec, SaliencySpec, TrainSpec
from prunelib.study.store import Store
from prunelib.training.machine import Machine
from prunelib.training.protocols import PruneProtocol, TrainProtocol

BASE = TrainSpec(
    ChannelProfile.full(10, 0.25),
    DataSpec("digits", 8),
    TrainProtocol(epochs=1, milestones=(), pad=1, flip=False),
    0,
)
SPEC = SaliencySpec(BASE, PruneProtocol(pad=1, flip=False, stop_params=1), (1, 3), 200, 0)
CPU = Machine("cpu", "float32", 1)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("results"))
    return run(SPEC, store, CPU), store


def test_a_saliency_run_has_a_row_for_every_channel(record):
    channels = pd.DataFrame(record[0].outcome["channels"])
    middle = BASE.profile.middle
    assert channels.groupby("block").size().tolist() == list(middle)
    assert channels["channel"].tolist() == [k for c in middle for k in range(c)]
    assert (channels[["fisher_1", "fisher_3", "l1"]] >= 0).all().all()
    assert channels["actual"].abs().sum() > 0
    assert record[0].outcome["images_seen"] == 3 * 128


def test_more_steps_are_more_of_the_same(record):
    channels = pd.DataFrame(record[0].outcome["channels"])
    assert channels["fisher_1"].tolist() != channels["fisher_3"].tolist()
    assert channels[["fisher_1", "fisher_3"]].corr("spearman").iloc[0, 1] > 0.8


def test_the_same_spec_gives_the_same_saliencies(record, tmp_path):
    again = run(SPEC, Store(tmp_path), CPU)
    assert again.outcome["channels"] == record[0].outcome["channels"]
    assert record[1].find(SPEC).outcome == record[0].outcome
    assert torch.get_num_threads() == 1


def test_committed_saliencies_rank_channels_better_than_weights_do():
    study = open_study("smoke", ("base", "saliency"), run_missing=False)
    ranks = study.saliencies.groupby("seed")[["fisher_100", "l1", "actual"]].corr("spearman")
    actual = ranks["actual"].unstack()
    assert (actual["fisher_100"] > actual["l1"]).all()
