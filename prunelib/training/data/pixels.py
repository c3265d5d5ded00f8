"""One image, in whatever form, as uint8 pixels of one size and mode."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from prunelib.errors import PrunelibError
from prunelib.training.data.sources import Item, Raw

LIGHT = 255
"""What shows through transparent pixels: white."""
OVERSHOOT = 1.05
"""Floats of which none is greater run from 0 to 1. What is above 1, as after resizing, is white."""


class Converted(NamedTuple):
    """An image as it is used, uint8 (size, size, channels), and what was done to it."""

    pixels: np.ndarray
    done: tuple[str, ...]


def converted(image: Raw, size: int, channels: int) -> Converted:
    """One image as uint8 (size, size, channels), cut to a square around its middle."""
    if isinstance(image, np.ndarray):
        image = from_array(image)
    elif not isinstance(image, Image.Image):
        image = Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    image = ImageOps.exif_transpose(image)
    done = []
    wanted = "L" if channels == 1 else "RGB"
    if image.mode != wanted:
        done.append(f"from {image.mode} to {wanted}")
        image = in_mode(image, wanted)
    if image.size != (size, size):
        done.append("to another size" if image.width == image.height else "cut and to another size")
        smaller = min(image.size) >= size
        method = Image.Resampling.BOX if smaller else Image.Resampling.BICUBIC
        image = ImageOps.fit(image, (size, size), method)
    return Converted(np.asarray(image).reshape(size, size, channels), tuple(done))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """An image in grey or RGB: 16 bits become 8, and what is transparent becomes white.

    A file of floats is scaled by itself: its white is 1, or 255 if a pixel is above `OVERSHOOT`.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        most = 65535.0 if image.mode.startswith("I") else 255.0
        if not (values.min() >= 0 and values.max() <= most):
            raise ValueError(f"pixels from {values.min():g} to {values.max():g}")
        white = 1.0 if image.mode == "F" and values.max() <= OVERSHOOT else most
        image = Image.fromarray(eight_bits(values, white))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        below = Image.new("RGBA", image.size, (LIGHT,) * 3 + (255,))
        image = Image.alpha_composite(below, image)
    return image.convert(mode)


def from_array(pixels: np.ndarray) -> Image.Image:
    """An image of an array (H, W), (H, W, C) or (C, H, W): 8 or 16 bits, or floats from 0.

    Raises:
        ValueError: it is not an image.
    """
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"an array of {pixels.dtype} is not an image")
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and pixels.shape[2] not in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise ValueError(f"an array of shape {pixels.shape} is not an image")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype != np.uint8:
        pixels = eight_bits(pixels, white_of([pixels]))
    return Image.fromarray(np.ascontiguousarray(pixels))


def with_one_white(items: Sequence[Item]) -> list[Item]:
    """Items whose floats are 8 bits, by one white: that of all their arrays of floats together.

    One image alone does not tell: a dark one of 0 to 255 has pixels like one of 0 to 1.

    Raises:
        PrunelibError: the floats run neither from 0 to 255 nor from 0 to 1.
    """
    floats = {
        i: item.image
        for i, item in enumerate(items)
        if isinstance(item.image, np.ndarray) and item.image.dtype.kind == "f" and item.image.size
    }
    if not floats:
        return list(items)
    white = white_of(list(floats.values()))
    return [
        item._replace(image=eight_bits(floats[i], white)) if i in floats else item
        for i, item in enumerate(items)
    ]


def white_of(arrays: Sequence[np.ndarray]) -> float:
    """The value that means white in arrays of one type: 65535 of 16 bits, else 255.

    In floats it is 1 unless a pixel of any array is above `OVERSHOOT`.

    Raises:
        PrunelibError: a pixel is negative, above white, or not a number.
    """
    low, high = np.min([x.min() for x in arrays]), np.max([x.max() for x in arrays])
    most = 65535.0 if arrays[0].dtype == np.uint16 else 255.0
    if not (low >= 0 and high <= most):
        raise PrunelibError(
            f"pixels run from {low:g} to {high:g}; give them as 0 to 255 or 0 to 1, before any "
            "normalisation"
        )
    return 1.0 if arrays[0].dtype.kind == "f" and high <= OVERSHOOT else most


def eight_bits(values: np.ndarray, white: float) -> np.ndarray:
    """Pixels from 0 to white as uint8; what is above is white."""
    return (np.minimum(values.astype(np.float64), white) * (255 / white)).round().astype(np.uint8)
