"""From a network on record to a file that runs elsewhere."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

from prunelib.errors import PrunelibError
from prunelib.files import load_metadata, load_tensors, save_tensors
from prunelib.nets.export import Card, export_network
from prunelib.nets.inputs import CLASSES, MOMENTS
from prunelib.nets.profile import ChannelProfile
from prunelib.nets.wideresnet import WideResNet
from prunelib.study.images import data_of
from prunelib.study.runs import run
from prunelib.study.scale import Scale
from prunelib.study.scales import SCALES
from prunelib.study.specs import DataSpec, PruneSpec, Spec, TrainSpec, training_of
from prunelib.study.store import Record, Store
from prunelib.study.trained import REPEATS, Trained, with_weights
from prunelib.training.data import Dataset
from prunelib.training.machine import Machine
from prunelib.training.source import Source, load_source
from prunelib.training.trainer import evaluate

Root = Path | Source | None
"""Where images are."""
CLOSE = 0.05
"""By how much the error of released weights may differ from that on record, in points."""
FLOAT32_ERROR = "float32_error"
"""What released weights say of themselves: their test error in per cent."""


class ImageMetadata(NamedTuple):
    """What a file must say of the images that a network was trained on."""

    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Network:
    """A network in eval mode on the CPU, and what a file says of it."""

    model: WideResNet
    card: Card

    def write(self, path: Path, pixels: str = "uint8") -> Path:
        """Write and check the file; one with random weights says so in its name.

        Raises:
            PrunelibError: see `nets.export.export_network`.
        """
        if self.card.weights == "random" and "random" not in path.stem:
            path = path.with_stem(f"{path.stem}-random")
        export_network(self.model, self.card, path, pixels)
        return path


def trained_network(
    trained: Trained,
    scale: Scale | None = None,
    data: Root = None,
    base: ChannelProfile | None = None,
) -> Network:
    """A network with its trained weights.

    Args:
        trained: with weights.
        scale: what it was trained at, if that is none of the project's.
        data: where the images are, if the record does not say how they are normalised.
        base: the unpruned network, if it belongs to no scale.

    Raises:
        PrunelibError: the weights cannot be read, or are those of another run or network.
    """
    assert trained.weights is not None
    try:
        tensors, text = load_tensors(trained.weights, own=True)
    except PrunelibError as error:
        raise PrunelibError(f"{error}; delete it, and train the network anew") from None
    profile = ChannelProfile.from_json(text)
    images = images_of(trained.record, data)
    model = WideResNet(profile, len(images.classes), len(images.mean))
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise PrunelibError(
            f"{trained.weights} holds another network than its record; delete it"
        ) from None
    card = make_card(trained, profile, images, scale)
    told = replace(card, error=error_of(trained), base=base or card.base)
    return Network(model.eval(), told)


def error_of(trained: Trained) -> float:
    """Test error in per cent, of released weights as a file computes it: in float32."""
    assert trained.weights is not None
    told = load_metadata(trained.weights).get(FLOAT32_ERROR)
    return trained.record.outcome["error"] if told is None else float(told)


def release(record: Record, weights: Path, store: Store, data: Dataset) -> float:
    """Release the weights of a training run, once it is sure that they are its own.

    Args:
        record: of the run; goes to the store, too, if it is not there.
        weights: safetensors of that network.
        store: to release to.
        data: what it was trained on.

    Returns:
        Test error in per cent in float32, as exported files compute; runs may have bfloat16.

    Raises:
        PrunelibError: these are other weights, or do not give the error on record.
    """
    tensors, text = load_tensors(weights)
    profile = ChannelProfile.from_json(text)
    if not isinstance(record.spec, TrainSpec) or profile != record.spec.profile:
        raise PrunelibError(f"{weights} is of another network than the record {record.key}")
    model = WideResNet(profile, data.shape.num_classes, data.shape.in_channels)
    model.load_state_dict(tensors)
    precision = record.circumstances["precision"]
    errors = {
        name: evaluate(model, data, machine=Machine("cpu", name, 1))[0]
        for name in {precision, "float32"}
    }
    if abs(errors[precision] - record.outcome["error"]) > CLOSE:
        raise PrunelibError(
            f"{weights} has an error of {errors[precision]:.2f}%, the record {record.key} one of "
            f"{record.outcome['error']:.2f}%"
        )
    if store.find(record.spec) is None:
        store.put(record)
    about = {FLOAT32_ERROR: f"{errors['float32']:.7g}"}
    save_tensors(store.released(record.spec), tensors, text, about)
    return errors["float32"]


def random_network(trained: Trained, scale: Scale | None = None, data: Root = None) -> Network:
    """The same network with random weights: enough to measure its time.

    Raises:
        PrunelibError: the record is of pruning; its network is known by its weights only.
    """
    spec = trained.record.spec
    if not isinstance(spec, TrainSpec):
        raise PrunelibError("random weights are for networks that a training run is on record for")
    known = scale or SCALES.get(trained.scale)
    return random_weights(spec, trained.scale, images_of(trained.record, data), known)


def random_weights(
    spec: TrainSpec, name: str, images: ImageMetadata, scale: Scale | None = None
) -> Network:
    """A network of the profile of a spec, with weights of seed 0."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WideResNet(spec.profile, len(images.classes), len(images.mean))
    record = Trained(name, Record(spec, {}, {}), None)
    card = make_card(record, spec.profile, images, scale)
    return Network(model.eval(), replace(card, key=None, weights="random"))


def make_card(
    trained: Trained, profile: ChannelProfile, images: ImageMetadata, scale: Scale | None
) -> Card:
    """What a file says of a network, but for its error."""
    training = training_of(trained.record.spec)
    known = scale or SCALES.get(trained.scale)
    return Card(
        profile=profile,
        classes=images.classes,
        image_size=training.data.image_size,
        mean=images.mean,
        std=images.std,
        error=None,
        key=trained.record.key,
        scale=trained.scale,
        base=known.base if known else training.profile.unpruned,
    )


def images_of(record: Record, data: Root = None) -> ImageMetadata:
    """Class names and normalisation: as the record tells, or known, or read from the images.

    Raises:
        PrunelibError: they must be read, and are not there.
    """
    spec = training_of(record.spec).data
    if kept := record.circumstances.get("data"):
        own = ImageMetadata(*(tuple(kept[name]) for name in ImageMetadata._fields))
        return own._replace(classes=names_now(spec, data) or own.classes)
    if moments := MOMENTS.get((spec.name, spec.image_size)):
        return ImageMetadata(CLASSES[spec.name], *moments)
    found = data_of(record.spec, data)
    classes = found.classes or CLASSES[spec.name]
    return ImageMetadata(classes, tuple(found.mean.tolist()), tuple(found.std.tolist()))


def names_now(spec: DataSpec, data: Root) -> tuple[str, ...]:
    """The class names of one's own images as they are now; none if these images are not there.

    A record has the names of its day. Who renames a class since finds the new name in files.
    """
    if isinstance(data, Source) and spec.channels is not None:
        with suppress(PrunelibError):
            now, _ = load_source(data, spec.image_size, spec.channels)
            if DataSpec.of(now) == spec:
                return now.classes
    return ()


def train_now(
    spec: Spec,
    results: Path,
    scale: Scale,
    machine: Machine,
    data: Root = None,
    progress: Callable[[float, float, str], None] | None = None,
) -> Trained:
    """The network of a spec with weights: those that are there, or trained now.

    What is on record already is trained again among the repeats, so that its record stays.

    Raises:
        PrunelibError: the data are not there, or nothing can be written.
    """
    if there := with_weights(spec, results, scale.name):
        return there
    store = Store(results / scale.name)
    if known := store.find(spec):
        store = Store(results / REPEATS / scale.name)
        if isinstance(spec, PruneSpec):
            store.keep_order(known)
    store.check_writable()
    record = run(spec, store, machine, data, progress, scale.budgets)
    return Trained(scale.name, record, store.weights(spec))
