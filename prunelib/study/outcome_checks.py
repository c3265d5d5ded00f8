"""Whether what stands in a record can be: its types, and whether its numbers agree."""

import base64
import math
import zlib

from pydantic import ValidationError

from prunelib.errors import PrunelibError
from prunelib.nets.inputs import SHAPES, InputShape
from prunelib.pruning.order import check_order
from prunelib.study.outcome import (
    Checked,
    CheckedT,
    Circumstances,
    PrunedOutcome,
    SaliencyOutcome,
    TrainedOutcome,
)
from prunelib.study.specs import DataSpec, PruneSpec, SaliencySpec, Spec, TrainSpec

ROUNDING_ERROR = 1e-5
"""By how much of itself a number in a column, of 7 digits, may differ from the exact one."""


def check_outcome(spec: Spec, outcome: object, circumstances: object) -> None:
    """Raise PrunelibError unless this can be the outcome of a spec; the message names the field."""
    valid(Circumstances, "circumstances", circumstances)
    if isinstance(spec, TrainSpec):
        check_trained(spec, valid(TrainedOutcome, "outcome", outcome))
    elif isinstance(spec, PruneSpec):
        check_pruned(spec, valid(PrunedOutcome, "outcome", outcome))
    else:
        check_saliencies(spec, valid(SaliencyOutcome, "outcome", outcome))


def valid(model: type[CheckedT], name: str, fields: object) -> CheckedT:
    """The fields as a model, or PrunelibError about the first that is not as it must be."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([name, *(str(part) for part in first["loc"])])
        raise PrunelibError(f"{shown(where)}: {first['msg']}") from None


def shown(text: str) -> str:
    """A name from a file in one short line."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_close(name: str, found: float, expected: float, tolerance: float = 0.0) -> None:
    """Raise PrunelibError unless two numbers are the same, or nearly so."""
    same = found == expected
    if not same and not math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance):
        raise PrunelibError(f"outcome.{name}: it is {found:,} and must be {expected:,}")


def check_lengths(name: str, columns: Checked, length: int) -> None:
    """Raise PrunelibError unless all columns have so many rows."""
    for column, values in columns:
        if len(values) != length:
            raise PrunelibError(
                f"outcome.{name}.{column}: it has {len(values)} rows and must have {length}"
            )


def shape_of(data: DataSpec) -> InputShape:
    """The shape of the images that a spec names.

    Raises:
        PrunelibError: they cannot be of this size.
    """
    largest = SHAPES[data.name].image_size if data.name in SHAPES else 1024
    if not 1 <= data.image_size <= largest:
        raise PrunelibError(f"spec.data.image_size: {data.name} cannot have {data.image_size}")
    return data.shape


def check_trained(spec: TrainSpec, outcome: TrainedOutcome) -> None:
    """Raise PrunelibError unless the numbers of a training run agree."""
    shape, epochs = shape_of(spec.data), spec.protocol.epochs
    check_close("params", outcome.params, shape.params(spec.profile))
    check_close("macs", outcome.macs, shape.macs(spec.profile))
    check_lengths("epochs", outcome.epochs, epochs)
    if epochs:
        check_close("error", outcome.error, outcome.epochs.test_error[-1], ROUNDING_ERROR)
    check_close("images_seen", outcome.images_seen, epochs * spec.data.training_count)
    check_close("training_macs", outcome.training_macs, outcome.images_seen * macs_an_image(spec))
    if outcome.wrong is not None:
        check_wrong("wrong", outcome.wrong, outcome.error, spec.data.test_count)


def macs_an_image(spec: TrainSpec) -> int:
    """Multiply-accumulates of training for an image: three passes, and one of a teacher."""
    taught = spec.teacher.base.profile if spec.teacher else None
    own = 3 * spec.data.shape.macs(spec.profile)
    return own + (spec.data.shape.macs(taught) if taught else 0)


def check_pruned(spec: PruneSpec, outcome: PrunedOutcome) -> None:
    """Raise PrunelibError unless the numbers of a pruning run agree."""
    points, base, protocol = outcome.points, spec.base.profile, spec.protocol
    rows = len(points.removals)
    check_lengths("points", points, rows)
    if points.removals != list(range(rows)) or not rows:
        raise PrunelibError("outcome.points.removals: they must count from 0")
    for name in ("block", "channel", "saliency"):
        if [value is None for value in getattr(points, name)] != [False] * (rows - 1) + [True]:
            raise PrunelibError(f"outcome.points.{name}: only the last one must be null")
    blocks = [block for block in points.block if block is not None]
    channels = [channel for channel in points.channel if channel is not None]
    try:
        passed = check_order(blocks, base, protocol, shape_of(spec.base.data))
    except PrunelibError as error:
        raise PrunelibError(f"outcome.points.block: {error}") from None
    for row, expected in enumerate(passed):
        if (points.params[row], points.macs[row]) != expected:
            check_close(f"points.params[{row}]", points.params[row], expected[0])
            check_close(f"points.macs[{row}]", points.macs[row], expected[1])
    gone = set(zip(blocks, channels, strict=True))
    if len(gone) < rows - 1 or any(k >= base.middle[b - 1] for b, k in gone):
        raise PrunelibError("outcome.points.channel: one is not there, or is removed twice")
    for row, found in enumerate(points.error):
        measured = row % max(1, protocol.eval_every) == 0 or row == rows - 1
        if measured != (found is not None):
            must = "a number" if measured else "null"
            raise PrunelibError(f"outcome.points.error[{row}]: it must be {must}")
    check_images_tuned(spec, points.images)
    check_close("params", outcome.params, points.params[-1])
    check_close("macs", outcome.macs, points.macs[-1])
    check_close("error", outcome.error, points.error[-1] or 0.0, ROUNDING_ERROR)
    check_close("images_seen", outcome.images_seen, sum(points.images))
    work = sum(3 * m * n for m, n in zip(points.macs, points.images, strict=True))
    check_close("training_macs", outcome.training_macs, work)
    check_wrong_on_the_way(spec, outcome)


def check_images_tuned(spec: PruneSpec, images: list[int]) -> None:
    """Raise PrunelibError for more images, or fewer, than can be seen between two removals."""
    most = spec.protocol.steps * spec.protocol.batch_size
    seen = images[:1] if spec.protocol.ranked == "once" else images
    if not all(1 <= number <= most for number in seen) or any(images[len(seen) :]):
        raise PrunelibError(f"outcome.points.images: they must be 1 to {most}")


def check_wrong_on_the_way(spec: PruneSpec, outcome: PrunedOutcome) -> None:
    """Raise PrunelibError unless wrong images after some removals fit the errors there."""
    measured = {str(row): error for row, error in enumerate(outcome.points.error)}
    for removals, wrong in (outcome.wrong or {}).items():
        name = f"wrong.{shown(removals)}"
        if removals not in measured:
            raise PrunelibError(f"outcome.{name}: there are {len(measured) - 1} removals")
        check_wrong(name, wrong, measured[removals], spec.base.data.test_count)


def check_saliencies(spec: SaliencySpec, outcome: SaliencyOutcome) -> None:
    """Raise PrunelibError unless the numbers of a check of saliencies agree."""
    shape, profile, channels = shape_of(spec.base.data), spec.base.profile, outcome.channels
    check_close("params", outcome.params, shape.params(profile))
    check_close("macs", outcome.macs, shape.macs(profile))
    expected = {f"fisher_{steps}" for steps in spec.steps}
    if set(channels.model_extra or ()) != expected:
        raise PrunelibError(
            f"outcome.channels: beside its own columns it must have {', '.join(sorted(expected))}"
        )
    check_lengths("channels", channels, profile.prunable)
    rows = list(zip(channels.block, channels.channel, strict=True))
    if rows != [(n, k) for n, c in enumerate(profile.middle, 1) for k in range(c)]:
        raise PrunelibError("outcome.channels.block: blocks and channels must come in order")
    most = max(spec.steps, default=0) * spec.protocol.batch_size
    if outcome.images_seen > most:
        raise PrunelibError(f"outcome.images_seen: it must be at most {most}")
    check_close("training_macs", outcome.training_macs, 3 * outcome.macs * outcome.images_seen)


def check_wrong(name: str, wrong: str, error: float | None, images: int) -> None:
    """Raise PrunelibError unless bits of test images, packed and compressed, fit an error (per
    cent), if it was measured.

    The images were looked at twice; on a GPU one in a thousand may come out another way.
    """
    size = -(-images // 8)
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(wrong, validate=True), size + 1)
    except (zlib.error, ValueError):
        raise PrunelibError(f"outcome.{name}: it must be base64 of bits that zlib packed") from None
    bits = int.from_bytes(content, "big")
    if len(content) != size or bits % 2 ** (8 * size - images):
        raise PrunelibError(f"outcome.{name}: it must have a bit for each of {images} images")
    count = bits.bit_count()
    if error is not None and abs(count - images * error / 100) > max(1, images / 1_000):
        raise PrunelibError(f"outcome.{name}: {count} wrong images do not make {error:g}%")
