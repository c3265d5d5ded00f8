"""How much work runs are, against one another: the training images that each will see."""

from prunelib.shapes import SHAPES, TRAINING_IMAGES
from prunelib.specs import PruneSpec, SaliencySpec, Spec, TrainSpec


def images(spec: Spec) -> float:
    """Training images that a run is expected to see; what only reads them counts by its cost.

    Exact for training. Pruning to a number of parameters ends after an unknown number of
    removals; every channel is taken to hold equally many parameters.
    """
    if isinstance(spec, TrainSpec):
        return spec.protocol.epochs * TRAINING_IMAGES[spec.data.name]
    protocol = spec.protocol
    if isinstance(spec, SaliencySpec):
        # Of a training step's cost, a forward pass is a third; half the network is passed.
        read = spec.base.profile.prunable * spec.images / 6
        return max(spec.steps) * protocol.batch_size + read
    return expected_removals(spec, protocol.stop_params) * protocol.steps * protocol.batch_size


def expected_removals(spec: PruneSpec, params: int | None) -> float:
    """Removals until so many parameters are left, or until pruning ends, if that is earlier."""
    profile = spec.base.profile
    shape = SHAPES[spec.base.data.name]
    full, least = shape.params(profile), shape.params(profile.scaled(0))
    last = profile.prunable if spec.protocol.removals is None else spec.protocol.removals
    if params is None:
        return last
    return min(last, profile.prunable * (full - params) / (full - least))
