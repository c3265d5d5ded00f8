"""What the file of a network says of it."""

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from prunelib import __version__
from prunelib.errors import PrunelibError
from prunelib.nets.inputs import InputShape
from prunelib.nets.profile import ChannelProfile

MOST_PIXELS = 4_096
"""A side of an image."""


@dataclass(frozen=True)
class Card:
    """What a file says of its network.

    Args:
        profile: the architecture.
        classes: names, in the order of the logits.
        image_size: pixels a side.
        mean: of each channel of the training images, 0 to 255.
        std: standard deviation of each channel, in the same unit.
        error: test error in per cent; None for random weights.
        key: of the record; None for random weights.
        scale: what the network was trained at.
        base: the unpruned network of that scale.
        weights: `trained`, or `random`: fit for measuring time only.
        version: of prunelib.
    """

    profile: ChannelProfile
    classes: tuple[str, ...]
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    error: float | None
    key: str | None
    scale: str
    base: ChannelProfile
    weights: Literal["trained", "random"] = "trained"
    version: str = __version__

    @property
    def shape(self) -> InputShape:
        """What the network must know of its images."""
        return InputShape(len(self.mean), len(self.classes), self.image_size)

    def metadata(self) -> dict[str, str]:
        """The card as the metadata of a file: JSON values by name."""
        values = asdict(self) | {
            name: json.loads(getattr(self, name).to_json()) for name in ("profile", "base")
        }
        return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}

    @classmethod
    def of(cls, metadata: dict[str, str], path: Path) -> "Card":
        """Read what `metadata` gave.

        Raises:
            PrunelibError: the file was not written by this library.
        """
        try:
            values = {field.name: json.loads(metadata[field.name]) for field in fields(cls)}
            for name in ("profile", "base"):
                values[name] = ChannelProfile.from_json(json.dumps(values[name]))
            for name in ("classes", "mean", "std"):
                values[name] = tuple(values[name])
            if not possible(values):
                raise ValueError
        except (KeyError, ValueError, TypeError):
            raise PrunelibError(
                f"{path} does not say what its network is; write one with: prunelib export"
            ) from None
        return cls(**values)


def possible(values: dict[str, Any]) -> bool:
    """Whether a network can have such a card: files come from anybody."""
    means, deviations, error = values["mean"], values["std"], values["error"]
    texts = (*values["classes"], values["scale"], values["key"] or "", values["version"])
    size = values["image_size"]
    return (
        bool(values["classes"])
        and all(isinstance(text, str) for text in texts)
        and len(means) == len(deviations) > 0
        and all(is_finite_number(number) for number in (*means, *deviations, error or 0.0))
        and all(number > 0 for number in deviations)
        and 0 <= (error or 0.0) <= 100
        and type(size) is int
        and 1 <= size <= MOST_PIXELS
        and values["weights"] in ("trained", "random")
    )


def is_finite_number(value: object) -> bool:
    """Whether a value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
