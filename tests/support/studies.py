"""Made-up studies: records written into a folder without training, of which all is known."""

from dataclasses import replace
from pathlib import Path

from prunelib.evidence.view import View
from prunelib.nets.inputs import TRAINING_IMAGES
from prunelib.nets.profile import ChannelProfile
from prunelib.study.families import FAMILIES, MAIN
from prunelib.study.lookup import cached_lookup
from prunelib.study.outcome_checks import macs_an_image
from prunelib.study.plan import plan_study
from prunelib.study.request import Request
from prunelib.study.scale import Scale
from prunelib.study.specs import DataSpec, key
from prunelib.study.store import Record, Store
from prunelib.training.protocols import PruneProtocol, TrainProtocol

BASE = ChannelProfile.full(10, 0.5)
SCALE = Scale(
    name="made-up",
    data=DataSpec("digits", 8),
    base=BASE,
    train=TrainProtocol(epochs=2, batch_size=10, milestones=(1,), pad=1),
    prune=PruneProtocol(pad=1, steps=3, stop_params=BASE.scaled(0).count_params(1, 10)),
    budgets=(6_000, 12_000),
    seeds=2,
    flop_penalties=(0.1, 0.3, 1.0),
    saliency_steps=(10, 30),
)
ORDER = (3, 3, 3, 3, 1)
IMAGES, TUNED = 2 * TRAINING_IMAGES["digits"], 384
HERE = {"hardware": "a pencil", "precision": "float32"}


def error(family: str, params: int, seed: int) -> float:
    """Errors that a reader can add up: a tenth of a point for each channel's worth and seed."""
    shift = {
        "pruned-and-tuned": 4.0,
        "reduced-width": 2.0,
        "bottleneck": 1.0,
        "pruned-from-scratch": 0.5,
        "copycat": 0.25,
    }
    return 30 - params / 1_000 + shift.get(family, 0.0) + (seed + 1) * 0.5


def walk(base: ChannelProfile = BASE) -> list[tuple[int | None, ChannelProfile]]:
    """Block that goes next, and the profile before it goes, down to one channel a block."""
    steps, profile, order = [], base, ORDER
    while profile.prunable > len(profile.middle):
        block = next(b for b in (*order, 1, 2, 3) if profile.middle[b - 1] > 1)
        order = (*order[1:], order[0])
        steps.append((block, profile))
        profile = profile.without(block)
    return [*steps, (None, profile)]


def trained(scale, spec, shown) -> dict:
    """The outcome of training: every epoch takes a second, and the last one is better."""
    macs, epochs = scale.shape.macs(spec.profile), spec.protocol.epochs
    images, before = epochs * IMAGES // 2, epochs - 1
    return {
        "params": scale.shape.params(spec.profile),
        "macs": macs,
        "error": shown,
        "images_seen": images,
        "training_macs": images * macs_an_image(spec),
        "seconds": 1.0 * epochs,
        "evaluation_seconds": 0.25 * epochs,
        "epochs": {
            "train_loss": [2.0] * before + [1.0],
            "test_error": [min(shown + 10, 100.0)] * before + [shown],
            "test_loss": [2.5] * before + [1.5],
            "seconds": [1.0] * epochs,
            "evaluation_seconds": [0.25] * epochs,
        },
        **({"first_error": shown + 2} if spec.start and spec.start.weights == "tuned" else {}),
    }


def pruned(scale, error, seed, every, family="pruned-and-tuned", once=False) -> dict:
    """The outcome of pruning down to one channel a block, measured at every so many removals."""
    steps, rows = walk(scale.base), []
    for removals, (block, profile) in enumerate(steps):
        params = scale.shape.params(profile)
        last = block is None
        measured = last or removals % every == 0
        rows.append(
            {
                "removals": removals,
                "params": params,
                "macs": scale.shape.macs(profile),
                "train_loss": 1 + removals / 100,
                "error": error(family, params, seed) if measured else None,
                "block": block,
                "channel": None if last else profile.middle[block - 1] - 1,
                "saliency": None if last else 1e-3,
                "seconds": 1.0 - removals / 100,
                "evaluation_seconds": 0.1,
                "images": (0 if removals else 1) if once else TUNED,
            }
        )
    return {
        "params": rows[-1]["params"],
        "macs": rows[-1]["macs"],
        "error": rows[-1]["error"],
        "images_seen": sum(row["images"] for row in rows),
        "training_macs": sum(3 * row["macs"] * row["images"] for row in rows),
        "seconds": sum(row["seconds"] for row in rows),
        "evaluation_seconds": 0.1 * len(rows),
        "points": {name: [row[name] for row in rows] for name in rows[0]},
    }


def channels(base: ChannelProfile, seed: int) -> dict:
    """Saliencies: Fisher after 30 steps ranks as measured but for a pair, after 10 backwards."""
    where = [(b, k) for b, c in enumerate(base.middle, 1) for k in range(c)]
    actual = [0.01 * (i + seed + 1) for i in range(len(where))]
    actual[0] = -0.5
    late = [a / 2 + 1 for a in actual]
    late[-1], late[-2] = late[-2], late[-1]
    return {
        "block": [b for b, _ in where],
        "channel": [k for _, k in where],
        "fisher_10": [2.0 - a for a in actual],
        "fisher_30": late,
        "l1": [((7 * i) % 11) / 10 for i in range(len(where))],
        "actual": actual,
    }


def outcome_of(request: Request, spec, error) -> dict:
    """What a run of this spec found."""
    scale, seed = request.scale, request.seed
    if spec.kind == "prune":
        control = FAMILIES[request.family].pruning
        family = request.family if control else "pruned-and-tuned"
        once = spec.protocol.ranked == "once"
        return pruned(scale, error, seed, spec.protocol.eval_every, family, once)
    if spec.kind == "saliency":
        macs, images = scale.shape.macs(scale.base), 1_000
        return {
            "params": scale.shape.params(scale.base),
            "macs": macs,
            "error": 1.0,
            "images_seen": images,
            "training_macs": 3 * macs * images,
            "seconds": 1.0,
            "evaluation_seconds": 1.0,
            "channels": channels(scale.base, seed),
        }
    return trained(scale, spec, error(request.family, request.budget or 20_506, seed))


def fill(folder: Path, error=error, scale: Scale = SCALE, families=MAIN, seeds=None) -> View:
    """Write the records of a plan, by default without controls, and open them."""
    store = Store(folder)
    requests = plan_study(scale, families, seeds)
    waiting = list(requests)
    while waiting:
        find = cached_lookup(store)
        specs = [request.spec(find) for request in waiting]
        for request, spec in zip(waiting, specs, strict=True):
            if spec.kind == "train" and spec == scale.base_spec(request.seed):
                request = replace(request, family="base", budget=None)
            if store.find(spec) is None:
                store.put(Record(spec, outcome_of(request, spec, error), HERE))
        waiting = [r for r in waiting if store.find(r.spec(cached_lookup(store))) is None]
    return View(scale, tuple(requests), cached_lookup(store))


EDITED: dict[tuple[Path, str], Record] = {}
"""Records that no run can leave, by folder and key: no file may hold them."""


def reopened(folder: Path, records: View) -> View:
    """The same study, read from its files again, but for the records that were edited."""
    find = cached_lookup(Store(folder))

    def edited(spec) -> Record | None:
        return EDITED.get((folder, key(spec))) or find(spec)

    return View(records.scale, records.requests, edited)


def edit(folder: Path, spec, change) -> None:
    """Change the outcome of one record of a study that is opened again."""
    record = Store(folder).find(spec)
    change(record.outcome)
    EDITED[folder, record.key] = record


def spec_of(records: View, family: str, budget: int | None, seed: int):
    """The spec of one request of a made-up study."""
    assert family in FAMILIES
    return Request(records.scale, family, budget, seed).spec(records.find)
