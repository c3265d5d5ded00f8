"""What networks, plans and figures must know of a data set, without its images."""

from typing import NamedTuple

from prunelib.nets.profile import ChannelProfile


class InputShape(NamedTuple):
    """What a network must know of a data set: image channels, classes and image size."""

    in_channels: int
    num_classes: int
    image_size: int

    def params(self, profile: ChannelProfile) -> int:
        """Parameters of a network with this profile, for this data."""
        return profile.count_params(self.in_channels, self.num_classes)

    def macs(self, profile: ChannelProfile) -> int:
        """Multiply-accumulates for one image of this data."""
        return profile.count_macs(self.image_size, self.in_channels, self.num_classes)


SHAPES = {
    "cifar10": InputShape(3, 10, 32),
    "cifar100": InputShape(3, 100, 32),
    "digits": InputShape(1, 10, 8),
}
TRAINING_IMAGES = {"cifar10": 50_000, "cifar100": 50_000, "digits": 1_438}
TEST_IMAGES = {"cifar10": 10_000, "cifar100": 10_000, "digits": 359}

TRAINING, PRUNING, WEIGHTS, REMOVALS, PROFILES, SLICED = range(6)
"""The independent random streams of a seed."""

CLASSES = {
    "cifar10": (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    "digits": tuple("0123456789"),
}
MOMENTS = {
    ("digits", 8): ((77.99308,), (95.95118,)),
    ("cifar10", 8): ((125.33839, 122.982025, 113.89712), (56.61815, 55.86603, 61.049564)),
    ("cifar10", 16): ((125.43273, 123.076424, 113.99124), (60.710968, 59.84656, 64.666336)),
    ("cifar10", 32): ((125.306915, 122.950394, 113.865387), (62.993217, 62.088707, 66.704903)),
}
"""Mean and standard deviation of each channel of training images, by name and size, 0 to 255."""
