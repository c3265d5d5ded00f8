"""What is handed to training and evaluation by mistake is told before anything is computed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from making import CPU, dataset, images
from torch import nn

from prunelib.errors import PrunelibError
from prunelib.files import Cadence
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.training.data import Dataset, Split
from prunelib.training.protocols import PruneProtocol, TrainProtocol
from prunelib.training.trainer import evaluate, train

TINY = ChannelProfile.full(10, 0.25)
DATA = dataset(images(20), images(10, 1))
ONE_EPOCH = TrainProtocol(epochs=1, batch_size=8, milestones=())


def network(classes=10, channels=1):
    torch.manual_seed(0)
    return WideResNet(TINY, classes, channels)


def flat():
    """A network that needs more than one image a batch, and has a buffer and dropout."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.BatchNorm1d(64), nn.Linear(64, 10))


def labels(change):
    return replace(DATA, train=Split(DATA.train.x, change(DATA.train.y)))


def refused(said, call, *given, **named):
    with pytest.raises(PrunelibError) as told:
        call(*given, **named)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


PROTOCOLS = {
    "no images a batch": ({"batch_size": 0}, "batch_size must be at least 1"),
    "half a batch": ({"batch_size": 1.5}, "batch_size must be an integer"),
    "fewer epochs than none": ({"epochs": -1}, "epochs must be at least 0"),
    "epochs that are no number": ({"epochs": float("nan")}, "epochs must be an integer"),
    "a rate below 0": ({"lr": -1.0}, "lr must be a finite number of 0 or more"),
    "a rate without end": ({"lr": float("inf")}, "lr must be a finite number"),
    "a text for a rate": ({"lr": "0.1"}, "lr must be a finite number"),
    "momentum": ({"momentum": -2}, "momentum must be"),
    "weight decay": ({"weight_decay": float("nan")}, "weight_decay must be"),
    "gamma": ({"gamma": -1.0}, "gamma must be"),
    "padding": ({"pad": -1}, "pad must be at least 0"),
    "half a milestone": ({"milestones": (0.5,)}, "milestone must be an integer"),
}


@pytest.mark.parametrize(("change", "said"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_a_protocol_that_cannot_be_is_refused(change, said):
    refused(said, train, network(), DATA, replace(ONE_EPOCH, **change), 0, CPU)


@pytest.mark.parametrize("seed", [-1, 0.5, None, "0"])
def test_a_seed_that_is_none_is_refused(seed):
    refused("a seed must be an integer", train, network(), DATA, ONE_EPOCH, seed, CPU)


DATAS = {
    "pairs": ((DATA.train, DATA.test), "must be a Dataset of prunelib, not a tuple"),
    "labels in floats": (labels(torch.Tensor.float), "int64"),
    "labels in 32 bits": (labels(torch.Tensor.int), "labels.long()"),
    "arrays": (labels(np.asarray), "must be tensors"),
    "no images": (replace(DATA, train=Split(DATA.train.x[:0], DATA.train.y[:0])), "0 training"),
    "moments of others": (replace(DATA, mean=torch.zeros(7), std=torch.ones(7)), "1 channels"),
    "no names": (replace(DATA, name="mine"), "must name its classes"),
}


@pytest.mark.parametrize(("data", "said"), DATAS.values(), ids=DATAS)
def test_data_that_cannot_be_learnt_from_are_refused(data, said):
    refused(said, train, network(), data, ONE_EPOCH, 0, CPU)


NETWORKS = {
    "nothing": (lambda: None, "model must be a Module"),
    "too few classes": (lambda: network(classes=5), "knows 5 classes, the data have 10"),
    "other images": (lambda: network(channels=3), "in_channels=1"),
    "double": (lambda: network().double(), "float64"),
    "half": (lambda: network().half(), "float16"),
    "frozen": (lambda: network().requires_grad_(False), "frozen"),
    "lazy": (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), "call it once"),
    "no logits": (lambda: nn.Conv2d(1, 10, 3), "logits (N, classes)"),
    "other sizes": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(9, 10)), "cannot go through"),
}


@pytest.mark.parametrize(("make", "said"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_that_does_not_suit_the_data_is_refused(make, said):
    refused(said, train, make(), DATA, ONE_EPOCH, 0, CPU)


def test_training_without_gradients_is_refused():
    with torch.no_grad():
        refused("torch.no_grad()", train, network(), DATA, ONE_EPOCH, 0, CPU)
    with torch.inference_mode():
        made_without = network()
    refused("inference_mode", train, made_without, DATA, ONE_EPOCH, 0, CPU)


def test_a_last_batch_that_a_network_cannot_take_is_told_before_training():
    """20 images in batches of 19: the second batch has one, of which batch norm knows no spread."""
    model = flat()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    protocol = replace(ONE_EPOCH, batch_size=19)
    refused("a batch of 1 images", train, model, DATA, protocol, 0, CPU)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_looking_beforehand_changes_nothing(monkeypatch):
    """Not what is drawn, nor running statistics, nor which layers are in train mode."""
    from prunelib.training.arguments import rehearse

    model = flat()
    model[2].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.random.get_rng_state()
    rehearse(model, DATA, 8, CPU)
    assert torch.equal(state, torch.random.get_rng_state())
    assert [module.training for module in model] == [True, True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("model", "split", "said"),
    [
        (network(), Split(DATA.test.x[:0], DATA.test.y[:0]), "no image"),
        (network(classes=5), None, "knows 5 classes"),
        (network(channels=3), None, "3 channels"),
        ("network", None, "must be a Module"),
    ],
)
def test_an_evaluation_that_means_nothing_is_refused(model, split, said):
    refused(said, evaluate, model, DATA, split, CPU)


def test_kinds_are_told_apart():
    refused("must be a Machine", train, network(), DATA, ONE_EPOCH, 0, "cpu")
    refused("must be a TrainProtocol", train, network(), DATA, PruneProtocol(removals=1), 0, CPU)


def test_any_network_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    """One that has no profile, and a path that is a text."""
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    protocol = replace(ONE_EPOCH, epochs=2)
    train(flat(), DATA, ONE_EPOCH, 0, CPU, checkpoint=str(tmp_path / "one"))
    assert (tmp_path / "one").exists()
    path, steps = str(tmp_path / "two"), []

    def stop(done, total, note):
        steps.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(flat(), DATA, protocol, 0, CPU, stop, path)
    train(flat(), DATA, protocol, 0, CPU, lambda *told: steps.append(told[0]), path)
    assert steps[5] == 5
    assert steps[-1] == 6


def test_a_folder_in_the_place_of_a_checkpoint_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(Cadence, "due", lambda self: True)
    (tmp_path / "results").mkdir()
    refused("folder", train, network(), DATA, ONE_EPOCH, 0, CPU, checkpoint=tmp_path / "results")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_data_made_by_hand_say_what_they_are():
    unnamed = Dataset("mine", DATA.train, DATA.test, DATA.mean, DATA.std)
    with pytest.raises(PrunelibError, match="must name its classes"):
        _ = unnamed.shape
    assert replace(unnamed, classes=("a", "b")).num_classes == 2
