"""How much work runs are, against one another, before they begin."""

from prunelib.study.specs import PruneSpec, SaliencySpec, Spec, TrainSpec

FORWARD = 1 / 3
"""Cost of a forward pass, of that of a training step."""


def cost_estimate(spec: Spec) -> float:
    """Training images that cost as much as a run: those that it sees, and a third for an
    evaluated one.

    Pruning to a number of parameters ends after an unknown number of removals; every channel is
    taken to hold equally many parameters.
    """
    if isinstance(spec, TrainSpec):
        seen = spec.protocol.epochs * spec.data.training_count
        taught = FORWARD * seen if spec.teacher else 0
        return seen + taught + FORWARD * spec.protocol.epochs * spec.data.test_count
    protocol, data = spec.protocol, spec.base.data
    if isinstance(spec, SaliencySpec):
        # What lies before a channel is computed once: on average half the network is passed.
        passes = min(spec.images, data.training_count) * spec.base.profile.prunable / 2
        return max(spec.steps) * protocol.batch_size + FORWARD * passes
    removals = expected_removals(spec, protocol.stop_params)
    evaluated = data.test_count * removals / protocol.eval_every
    times = 1 if protocol.ranked == "once" else removals
    return times * protocol.steps * protocol.batch_size + FORWARD * evaluated


def expected_removals(spec: PruneSpec, params: int | None) -> float:
    """Removals until so many parameters are left, or until pruning ends, if that is earlier."""
    profile = spec.base.profile
    shape = spec.base.data.shape
    full, least = shape.params(profile), shape.params(profile.scaled(0))
    last = profile.prunable if spec.protocol.removals is None else spec.protocol.removals
    if params is None:
        return last
    return min(last, profile.prunable * (full - params) / (full - least))
