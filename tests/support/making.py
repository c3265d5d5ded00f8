"""Small random profiles, networks and data sets for the tests."""

import torch
from hypothesis import Phase, settings
from hypothesis import strategies as st

from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.training.data import Dataset, Split
from prunelib.training.machine import Machine

torch.set_num_threads(1)

CPU = Machine("cpu", "float32", 1)
seeds = st.integers(0, 2**31 - 1)


def examples(n: int) -> settings:
    return settings(max_examples=n, phases=set(Phase) - {Phase.explain})


@st.composite
def profiles(draw, depths=(10, 16), widths=(0.125, 0.3, 0.5), least=1, most=None):
    """Any bottleneck widths from `least` to `most`, by default to the width of the block."""
    full = ChannelProfile.full(draw(st.sampled_from(depths)), draw(st.sampled_from(widths)))
    middle = [draw(st.integers(least, max(least, most or c))) for c in full.middle]
    return ChannelProfile(full.depth, full.width, tuple(middle))


def network(profile, seed=0, in_channels=1, num_classes=10, dtype=torch.float64) -> WideResNet:
    """A network whose batch norms are not the identity, as after training."""
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = WideResNet(profile, num_classes, in_channels)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 1.5),
            ):
                tensor.uniform_(low, high, generator=random)
    return model.to(dtype).eval()


def batch(n, seed=0, size=8, in_channels=1, num_classes=10, dtype=torch.float64):
    """Normal images (N, C, size, size) and labels."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, in_channels, size, size, generator=random, dtype=dtype)
    return x, torch.randint(num_classes, (n,), generator=random)


def images(n, seed=0, size=8, channels=1) -> Split:
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(256, (n, size, size, channels), generator=random, dtype=torch.uint8)
    return Split(x, torch.randint(10, (n,), generator=random))


def dataset(train: Split, test: Split | None = None) -> Dataset:
    pixels = train.x.flatten(0, 2).double()
    mean, std = pixels.mean(0).float(), pixels.std(0, correction=0).float()
    return Dataset("digits", train, test or train, mean, std)
