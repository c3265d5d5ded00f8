"""Networks that cannot be pruned, and what gives no scores: told, and never scored as zero."""

from dataclasses import replace

import pytest
import torch
from making import CPU, dataset, images
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as masks

from prunelib.errors import PrunelibError
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.pruning.any_network.layers import prunable_layers
from prunelib.pruning.public import fisher_saliency, prune
from prunelib.training.protocols import PruneProtocol

DATA = dataset(images(20), images(10, 1))
TWO = PruneProtocol(steps=1, removals=2, batch_size=8, pad=1)
EXAMPLE = torch.zeros(2, 1, 8, 8)
BATCH = torch.randn(4, 1, 8, 8), torch.arange(4)


def network():
    torch.manual_seed(0)
    return WideResNet(ChannelProfile.full(10, 0.25), 10, 1)


def other():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 10)
    )


def changed(model, change):
    change(model)
    return model


def frozen(model):
    for layer in (model.stem, model.residual_blocks[0]):
        layer.requires_grad_(False)


def tied(model):
    block = model.residual_blocks[1]
    block.bn1.bias = block.bn1.weight


OURS = {
    "frozen in part": (frozen, "block 1 is frozen"),
    "shared": (tied, "share parameters"),
    "masked": (
        lambda m: masks.random_unstructured(m.residual_blocks[0].conv1, "weight", 0.5),
        "block 1 has a weight that is computed",
    ),
    "weight norm": (
        lambda m: parametrizations.weight_norm(m.residual_blocks[2].conv2),
        "block 3 has a weight that is computed",
    ),
}


@pytest.mark.parametrize(("change", "said"), OURS.values(), ids=OURS)
def test_channels_that_cannot_be_scored_or_removed_are_told(change, said):
    model = changed(network(), change)
    widths = model.profile
    for call in (
        lambda: prune(model, DATA, TWO, 0, CPU),
        lambda: fisher_saliency(model, [BATCH]),
    ):
        with pytest.raises(PrunelibError, match=said):
            call()
    assert model.profile == widths


WRAPPED = {
    "compiled": (torch.compile, "model._orig_mod"),
    "parallel": (nn.DataParallel, "model.module"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("wrap", "said"), WRAPPED.values(), ids=WRAPPED)
def test_of_a_wrapped_network_it_is_told_what_to_prune(wrap, said):
    with pytest.raises(PrunelibError, match=said):
        prune(wrap(network()), DATA, TWO, 0, CPU)
    if wrap is torch.compile:
        with pytest.raises(PrunelibError, match=said):
            prunable_layers(wrap(other()), EXAMPLE)


def test_networks_in_parallel_are_pruned_with_an_example():
    assert len(prune(nn.DataParallel(other()), DATA, TWO, 0, CPU, example=EXAMPLE)) == 3


OTHERS = {
    "a script": (lambda: torch.jit.script(other()), EXAMPLE, "cannot be copied"),
    "masked": (
        lambda: changed(other(), lambda m: masks.random_unstructured(m[0], "weight", 0.5)),
        EXAMPLE,
        "with remove",
    ),
    "nothing in it": (nn.Flatten, EXAMPLE, "no parameters"),
    "no image": (other, EXAMPLE[:0], "must be a batch of images"),
    "no numbers": (other, EXAMPLE * float("nan"), "not finite"),
}


@pytest.mark.parametrize(("make", "example", "said"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_network_with_channels_is_told(make, example, said):
    with pytest.raises(PrunelibError, match=said) as told:
        prunable_layers(make(), example)
    assert "\n" not in str(told.value)


BATCHES = {
    "none": ([], "batches are empty, or are used up"),
    "used up": (iter(()), "used up"),
    "a data set": (DATA, "pairs of float images"),
    "dictionaries": ([{"image": BATCH[0], "label": BATCH[1]}], "not a dict"),
    "labels in floats": ([(BATCH[0], BATCH[1].float())], "int64 labels"),
    "bytes": ([(BATCH[0].byte(), BATCH[1])], "float images"),
}


@pytest.mark.parametrize("named", [{}, {"example": EXAMPLE}], ids=["ours", "other"])
@pytest.mark.parametrize(("batches", "said"), BATCHES.values(), ids=BATCHES)
def test_batches_that_give_no_scores_are_refused(batches, said, named):
    model = other() if named else network()
    with pytest.raises(PrunelibError, match=said):
        fisher_saliency(model, batches, **named)


def test_saliency_without_gradients_is_refused():
    with torch.no_grad(), pytest.raises(PrunelibError, match="no_grad"):
        fisher_saliency(network(), [BATCH])


PROTOCOLS = {
    "half a removal": ({"removals": 1.5}, "removals must be an integer"),
    "an end that is no number": ({"removals": None, "stop_params": float("nan")}, "stop_params"),
    "half a step": ({"steps": 1.5}, "steps must be an integer"),
    "half an evaluation": ({"eval_every": 1.5}, "eval_every must be an integer"),
    "ranked twice": ({"ranked": "twice"}, "ranked must be"),
    "a rate below 0": ({"lr": -1.0}, "lr must be"),
    "padding": ({"pad": -1}, "pad must be"),
}


@pytest.mark.parametrize(("change", "said"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_a_protocol_of_pruning_that_cannot_be_is_refused(change, said):
    with pytest.raises(PrunelibError, match=said):
        prune(network(), DATA, replace(TWO, **change), 0, CPU)


def test_data_that_the_network_does_not_take_are_refused():
    three = WideResNet(ChannelProfile.full(10, 0.25), 10, 3)
    with pytest.raises(PrunelibError, match="in_channels=1"):
        prune(three, DATA, TWO, 0, CPU)
    with torch.no_grad(), pytest.raises(PrunelibError, match="no_grad"):
        prune(network(), DATA, TWO, 0, CPU)
