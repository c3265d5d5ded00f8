"""A network of one's own computes in the memory format that it can, and keeps the one it had."""

from copy import deepcopy

import pytest
import torch
from making import CPU, dataset, images
from torch import nn

from prunelib import PrunelibError, prune, train
from prunelib.nets.surgery import is_channels_last
from prunelib.training.protocols import PruneProtocol, TrainProtocol

TRAIN = TrainProtocol(epochs=1, batch_size=8, milestones=(), pad=1, flip=False)
PRUNE = PruneProtocol(batch_size=8, pad=1, flip=False, steps=1, removals=2)


class Net(nn.Module):
    """Two convolutions; `view` takes them to a vector as many networks on the web do."""

    def __init__(self, channels, view):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 5, 3, padding=1)
        self.linear, self.by_view = nn.LazyLinear(10), view

    def forward(self, x):
        x = self.second(self.first(x).relu())
        return self.linear(x.view(len(x), -1) if self.by_view else x.flatten(1))


def whole(data, view=False):
    """A network for these data."""
    model = Net(data.shape.in_channels, view)
    model(torch.zeros(1, data.shape.in_channels, data.shape.image_size, data.shape.image_size))
    return model


def on(model, data):
    """Train and prune a network."""
    shape = data.shape
    example = torch.zeros(1, shape.in_channels, shape.image_size, shape.image_size)
    return train(model, data, TRAIN, 0, CPU), prune(model, data, PRUNE, 0, CPU, example=example)


def formats(model):
    return {is_channels_last(p) for p in model.parameters() if p.dim() == 4}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_takes_views_learns_what_another_learns(channels):
    data = dataset(images(16, channels=channels))
    models = [whole(data, view) for view in (False, True)]
    (epochs, points), (others, same_points) = (on(model, data) for model in models)
    assert [e.train_loss for e in epochs] == pytest.approx([e.train_loss for e in others])
    assert [p.params for p in points] == [p.params for p in same_points]
    assert [formats(model) for model in models] == [{False}, {False}]
    x = torch.rand(2, channels, data.shape.image_size, data.shape.image_size)
    torch.testing.assert_close(models[0](x), models[1](x), rtol=1e-3, atol=1e-4)


def test_a_network_in_channels_last_stays_so():
    data = dataset(images(16))
    model = whole(data).to(memory_format=torch.channels_last)
    on(model, data)
    assert formats(model) == {True}


def test_a_network_has_its_format_back_when_training_fails():
    data = dataset(images(16))
    model = whole(data)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, data, TRAIN, 0, CPU, progress=stop)
    assert formats(model) == {False}


def test_a_network_that_takes_no_such_images_is_refused_as_it_was():
    data = dataset(images(16))
    model = whole(data)
    model.linear = nn.Linear(7, 10)
    before = deepcopy(model.state_dict())
    with pytest.raises(PrunelibError, match="cannot go through this network"):
        train(model, data, TRAIN, 0, CPU)
    assert formats(model) == {False}
    assert not model._forward_pre_hooks
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
