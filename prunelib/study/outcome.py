"""What may stand in a record: outcome and circumstances of each kind of run.

Records come from other machines and other people. What is read has these types and ranges, and its
numbers agree with one another and with the spec: nobody downstream needs to ask again.
"""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

CountField = Annotated[int, Field(ge=0, lt=2**63)]
Work = Annotated[int, Field(ge=0, lt=2**100)]
Percent = Annotated[float, Field(ge=0, le=100)]
LossField = Annotated[float, Field(ge=0)]
SecondsField = Annotated[float, Field(ge=0, le=1e9)]
NumberField = Annotated[int, Field(ge=1, le=2**20)]
Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8,128}$")]


class Checked(BaseModel):
    """Fields of the named types and no others; numbers are finite."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


CheckedT = TypeVar("CheckedT", bound=Checked)


class Open(Checked):
    """The same, with more fields of one type."""

    model_config = ConfigDict(extra="allow")


class Outcome(Checked):
    """What every run has found."""

    params: CountField
    macs: CountField
    error: Percent
    images_seen: Annotated[CountField, Field(ge=1)]
    training_macs: Work
    seconds: SecondsField
    evaluation_seconds: SecondsField


class Epochs(Checked):
    """Columns with a row for each epoch."""

    train_loss: list[LossField]
    test_error: list[Percent]
    test_loss: list[LossField]
    seconds: list[SecondsField]
    evaluation_seconds: list[SecondsField]


class TrainedOutcome(Outcome):
    """The outcome of training; `wrong` tells the test images that the network gets wrong.

    `first_error` is that of the weights that training began with, if they were trained before.
    """

    epochs: Epochs
    wrong: str | None = None
    first_error: Percent | None = None


class Points(Checked):
    """Columns with a row for each network that pruning passed, the last one included."""

    removals: list[CountField]
    params: list[CountField]
    macs: list[CountField]
    train_loss: list[LossField]
    error: list[Percent | None]
    block: list[CountField | None]
    channel: list[CountField | None]
    saliency: list[float | None]
    seconds: list[SecondsField]
    evaluation_seconds: list[SecondsField]
    images: list[CountField]


class PrunedOutcome(Outcome):
    """The outcome of pruning; `wrong` is that of the networks after some numbers of removals."""

    points: Points
    wrong: dict[str, str] | None = None


class Channels(Open):
    """Columns with a row for each channel; `fisher_N` after N steps come on top."""

    __pydantic_extra__: dict[str, list[float]]

    block: list[CountField]
    channel: list[CountField]
    l1: list[float]
    actual: list[float]


class SaliencyOutcome(Outcome):
    """The outcome of comparing saliencies."""

    channels: Channels


class OwnImages(Checked):
    """What a network must know of images of one's own: class names and normalisation."""

    classes: list[Text]
    mean: list[float]
    std: list[float]


class Host(Open):
    """On what a run was made."""

    hardware: Text
    precision: Text
    device: Text | None = None
    threads: NumberField | None = None
    cores: NumberField | None = None
    system: Text | None = None


class Software(Open):
    """With which versions."""

    python: Text | None = None
    torch: Text | None = None
    numba: Text | None = None
    prunelib: Text | None = None


class Circumstances(Host, Software):
    """Where, how and when a run was made; later versions may say more, in plain values."""

    __pydantic_extra__: dict[str, str | int | float | bool | None]

    finished: Text | None = None
    seconds: SecondsField | None = None
    cpu_seconds: SecondsField | None = None
    order_followed: bool | None = None
    settings: dict[Text, Text] | None = None
    data_digest: Digest | None = None
    data: OwnImages | None = None
