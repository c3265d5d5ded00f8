"""Run specs: frozen and complete. The key of a run is a hash of its spec's canonical JSON."""

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES, TEST_IMAGES, TRAINING_IMAGES, InputShape
from prunelib.nets.profile import ChannelProfile
from prunelib.training.protocols import TEMPERATURE, WEIGHT, PruneProtocol, TrainProtocol

if TYPE_CHECKING:
    from prunelib.training.data import Dataset

Seed = Annotated[int, Field(ge=0, lt=2**31)]


@dataclass(frozen=True)
class DataSpec:
    """A data set at an image size: by its name alone, or images of one's own by what they hold.

    Args:
        name: one of `nets.inputs.SHAPES`, or any other for images of one's own.
        image_size: pixels a side.
        channels: of one's own images, and so on.
        classes: how many.
        train_images: how many.
        test_images: how many.
        content: their digest; `training.data.Dataset.digest`.
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    image_size: int
    channels: Annotated[int, Field(ge=1, le=4)] | None = None
    classes: Annotated[int, Field(ge=2, le=2**20)] | None = None
    train_images: Annotated[int, Field(ge=1)] | None = None
    test_images: Annotated[int, Field(ge=1)] | None = None
    content: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None

    def __post_init__(self) -> None:
        own = self.channels, self.classes, self.train_images, self.test_images, self.content
        if self.name not in SHAPES and None in own:
            raise ValueError(
                f"unknown name {self.name!r}; choose one of: {', '.join(sorted(SHAPES))}"
            )

    @classmethod
    def of(cls, data: "Dataset") -> "DataSpec":
        """The spec of a `training.data.Dataset`."""
        shape = data.shape
        if data.name in SHAPES:
            return cls(data.name, shape.image_size)
        counts = shape.num_classes, len(data.train.y), len(data.test.y)
        return cls(data.name, shape.image_size, shape.in_channels, *counts, data.digest)

    @property
    def shape(self) -> InputShape:
        """Channels, classes and size of the images."""
        if self.content is not None:
            assert self.channels is not None
            assert self.classes is not None
            return InputShape(self.channels, self.classes, self.image_size)
        return SHAPES[self.name]._replace(image_size=self.image_size)

    @property
    def training_count(self) -> int:
        """Images to train with."""
        return self.train_images or TRAINING_IMAGES[self.name]

    @property
    def test_count(self) -> int:
        """Images to test with."""
        return self.test_images or TEST_IMAGES[self.name]


@dataclass(frozen=True)
class TrainSpec:
    """Train a network of this profile on these data by this protocol.

    It begins with new random weights, or with those that `start` names. With `teacher` it learns
    from another network, too.
    """

    profile: ChannelProfile
    data: DataSpec
    protocol: TrainProtocol
    seed: Seed
    start: "Start | None" = None
    teacher: "Teacher | None" = None
    kind: Literal["train"] = "train"


@dataclass(frozen=True)
class PruneSpec:
    """Prune the network that `base` trains, by this protocol.

    With `start="initial"` its weights are those before that training.
    """

    base: TrainSpec
    protocol: PruneProtocol
    seed: Seed
    start: Literal["initial"] | None = None
    kind: Literal["prune"] = "prune"


@dataclass(frozen=True)
class Start:
    """The weights that a pruning run has left after some removals: `tuned`, as it left them,
    `initial`, as they were before the base network was trained, or `sliced`: new ones, drawn for
    the whole network, of which the removed channels are taken away.
    """

    pruning: PruneSpec
    removals: Annotated[int, Field(ge=0)]
    weights: Literal["tuned", "initial", "sliced"]


@dataclass(frozen=True)
class Teacher:
    """The network that `base` trains, and how another learns from it; `training.distillation`."""

    base: TrainSpec
    temperature: Annotated[float, Field(gt=0)] = TEMPERATURE
    weight: Annotated[float, Field(ge=0, le=1)] = WEIGHT


@dataclass(frozen=True)
class SaliencySpec:
    """Compare the saliencies of the network that `base` trains with what removals really do.

    Fisher saliency is read after each number in `steps` of fine-tuning steps by `protocol`; then
    the change of the loss is measured on the first `images` training images.
    """

    base: TrainSpec
    protocol: PruneProtocol
    steps: tuple[int, ...]
    images: int
    seed: Seed
    kind: Literal["saliency"] = "saliency"


Spec = Annotated[TrainSpec | PruneSpec | SaliencySpec, Field(discriminator="kind")]
ADAPTER: TypeAdapter = TypeAdapter(Spec, config=ConfigDict(extra="forbid", allow_inf_nan=False))


def training_of(spec: Spec) -> TrainSpec:
    """The training run that a spec is, or whose network it begins with."""
    return spec if isinstance(spec, TrainSpec) else spec.base


def to_dict(spec: Spec) -> dict:
    """A spec as plain data, without what is not set."""
    return ADAPTER.dump_python(spec, mode="json", exclude_none=True)


def from_dict(fields: object) -> Spec:
    """The spec of plain data.

    Raises:
        PrunelibError: a field is missing, unknown or of the wrong type; the message names it.
    """
    refuse_large_integers(fields)
    try:
        return ADAPTER.validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(".".join(str(part) for part in first["loc"]).split())
        raise PrunelibError(f"not a run spec: {where or 'spec'}: {first['msg']}") from None


def refuse_large_integers(value: object) -> None:
    """Raise PrunelibError for an integer with which nothing could be computed."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            refuse_large_integers(inner)
    elif isinstance(value, int) and abs(value) >= 2**53:
        raise PrunelibError("not a run spec: an integer is too large")


def key(spec: Spec) -> str:
    """The name of a run: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    canonical = json.dumps(to_dict(spec), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
