"""Bare arrays as images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright._errors import AxesError, InputError
from cellwright.images.image import Image
from cellwright.images.scene import RGB


def as_image(pixels: object) -> Image:
    """Return a bare array of shape (Y, X), or (Y, X, 3) for colours, as an image.

    An image is returned as it is; a mask of True and False has the pixels 1 and 0.

    Raises
    ------
    AxesError
        If it has another shape.
    InputError
        If it is neither, such as the path of a file, or does not hold real numbers.
    """
    if isinstance(pixels, Image):
        return pixels
    if not isinstance(pixels, np.ndarray):
        what = repr(pixels) if isinstance(pixels, str | Path) else "This"
        raise InputError(
            f"{what} is no image, but a {type(pixels).__name__}. Read a file with "
            "cellwright.read(path), or make an array of numbers with numpy.array."
        )
    if pixels.dtype.kind not in "buif":
        raise InputError(
            f"An array of type {pixels.dtype} is no image: only integers and real numbers are. "
            "Convert it first."
        )
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 2:
        return Image(pixels, "YX")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return Image(np.moveaxis(pixels, 2, 0), "CYX", channel_names=RGB)
    raise AxesError(
        f"An array of shape {pixels.shape} is neither (Y, X) nor (Y, X, 3). "
        "Say what its axes are: cellwright.Image(array, 'CYX')."
    )
