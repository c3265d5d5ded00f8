"""One image, in whatever form, as uint8 pixels of one size and mode."""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from prunelib.errors import PrunelibError
from prunelib.training.data.sources import Raw

LIGHT = 255
"""What shows through transparent pixels: white."""


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
    """An image in grey or RGB: 16 bits become 8, and what is transparent becomes white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        high = 65535 if image.mode.startswith("I") else 1.0 if values.max() <= 1 else 255.0
        if values.min() < 0 or values.max() > high:
            raise ValueError(f"pixels from {values.min():g} to {values.max():g}")
        image = Image.fromarray((values * (255 / high)).round().astype(np.uint8))
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
        pixels = (pixels.astype(np.float64) * (255 / brightest(pixels))).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels))


def brightest(pixels: np.ndarray) -> float:
    """The value that means white, from the type of an array: 65535, 255 or 1."""
    high = 65535.0 if pixels.dtype == np.uint16 else 255.0
    if pixels.dtype.kind == "f" and pixels.max() <= 1:
        high = 1.0
    if not (pixels.min() >= 0 and pixels.max() <= high):
        raise PrunelibError(
            f"pixels run from {pixels.min():g} to {pixels.max():g}; give them as 0 to 255 or "
            "0 to 1, before any normalisation"
        )
    return high
