"""Outcomes that runs could have had, for any spec, without running any."""

from prunelib.nets.inputs import TRAINING_IMAGES
from prunelib.pruning.order import finished, sizes
from prunelib.study.outcome_checks import shape_of
from prunelib.study.specs import PruneSpec, SaliencySpec, Spec, TrainSpec

HERE = {"hardware": "a pencil", "precision": "float32"}


def outcome(spec: Spec, error: float = 12.5) -> dict:
    """An outcome of a spec."""
    return {TrainSpec: trained, PruneSpec: pruned, SaliencySpec: saliencies}[type(spec)](
        spec, error
    )


def totals(spec, profile, data, error, images, work=None) -> dict:
    shape = shape_of(data)
    return {
        "params": shape.params(profile),
        "macs": shape.macs(profile),
        "error": error,
        "images_seen": images,
        "training_macs": 3 * shape.macs(profile) * images if work is None else work,
        "seconds": 2.5,
        "evaluation_seconds": 0.5,
    }


def trained(spec: TrainSpec, error: float) -> dict:
    n = spec.protocol.epochs
    columns = ["train_loss", "test_error", "test_loss", "seconds", "evaluation_seconds"]
    rows = [(2.0, min(error + 1, 100.0), 2.5, 1.0, 0.25)] * (n - 1) + [(1.0, error, 1.5, 1.0, 0.2)]
    images = n * TRAINING_IMAGES[spec.data.name]
    return totals(spec, spec.profile, spec.data, error, images) | {
        "epochs": dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    }


def walk(spec: PruneSpec) -> tuple[list[int], list[int]]:
    """Blocks and channels that go: of the block with the most channels, the last one."""
    profile, blocks, channels = spec.base.profile, [], []
    shape = shape_of(spec.base.data)
    while not finished(shape.params(profile), len(blocks), spec.protocol):
        block = profile.middle.index(max(profile.middle)) + 1
        blocks.append(block)
        channels.append(profile.middle[block - 1] - 1)
        profile = profile.without(block)
    return blocks, channels


def pruned(spec: PruneSpec, error: float) -> dict:
    blocks, channels = walk(spec)
    n, every = len(blocks), spec.protocol.eval_every
    passed = sizes(blocks, spec.base.profile, shape_of(spec.base.data))
    images = [spec.protocol.steps * spec.protocol.batch_size] * (n + 1)
    profile = spec.base.profile
    for block in blocks:
        profile = profile.without(block)
    work = sum(3 * macs * seen for (_, macs), seen in zip(passed, images, strict=True))
    return totals(spec, profile, spec.base.data, error, sum(images), work) | {
        "points": {
            "removals": list(range(n + 1)),
            "params": [params for params, _ in passed],
            "macs": [macs for _, macs in passed],
            "train_loss": [1.0] * (n + 1),
            "error": [error if i % every == 0 or i == n else None for i in range(n + 1)],
            "block": [*blocks, None],
            "channel": [*channels, None],
            "saliency": [2.5e-7] * n + [None],
            "seconds": [0.5] * (n + 1),
            "evaluation_seconds": [0.25] * (n + 1),
            "images": images,
        }
    }


def saliencies(spec: SaliencySpec, error: float) -> dict:
    profile = spec.base.profile
    where = [(b, k) for b, c in enumerate(profile.middle, 1) for k in range(c)]
    images = max(spec.steps) * spec.protocol.batch_size
    return totals(spec, profile, spec.base.data, error, images) | {
        "channels": {
            "block": [b for b, _ in where],
            "channel": [k for _, k in where],
            **{f"fisher_{n}": [0.5] * len(where) for n in spec.steps},
            "l1": [0.25] * len(where),
            "actual": [-0.125] * len(where),
        }
    }
