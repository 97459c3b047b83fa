"""Checks of pixels before they are used."""

from __future__ import annotations

import numpy as np

from cellwright._errors import InputError
from cellwright._words import by_place
from cellwright.images.image import Image

BLOCK_ROWS = 1024
LARGEST = float(np.finfo(np.float32).max) / 1024
"""Greatest magnitude of a pixel; sums and squares beyond it have no place in 32-bit numbers."""


def check_pixels(image: Image) -> None:
    """Raise `InputError` unless every pixel is a finite number of magnitude up to `LARGEST`.

    Non-finite pixels are refused, not replaced: what belongs there only the user knows. Integer
    images pass at once; others are read in blocks of rows.

    Raises
    ------
    InputError
        With the number of NaN, infinite and immense pixels, and the cure.
    """
    if image.dtype.kind != "f":
        return
    bad = finite = total = 0
    largest = np.float32(LARGEST)  # as a plain number it would be infinite beside 16-bit pixels
    rows = image.sizes["Y"]
    for index in np.ndindex(*image.shape[:-2]):
        for start in range(0, rows, BLOCK_ROWS):
            block = np.asarray(image.data[(*index, slice(start, start + BLOCK_ROWS))])
            bad += block.size - int(np.count_nonzero(np.abs(block) <= largest))
            finite += int(np.count_nonzero(np.isfinite(block)))
            total += block.size
    if bad == total and finite:
        raise InputError(
            f"The pixels of '{image.name}' are finite, but beyond ±{LARGEST:.0e}, which no camera "
            "counts to: most likely the file was read or converted wrongly. Save it again in "
            "another format."
        )
    if bad == total:
        raise InputError(f"'{image.name}' holds no finite pixel at all; leave the file out.")
    if bad:
        raise InputError(
            f"{bad:,} of {total:,} pixels of '{image.name}' are NaN, infinite or beyond "
            f"±{LARGEST:.0e}, often from a division by zero in an earlier step. Replace them "
            f"first, for instance with the background value{by_place('', ': numpy.nan_to_num')}."
        )
