"""Pictures of one dye in false colour."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray

_SAMPLE = 1 << 16  # pixels: enough for three colours
_DARK = 0.25  # a background up to this share of the brightest is black
_ASIDE = 0.2  # standard deviation off the one colour, per that along it: what JPEG leaves


def only_dye(pixels: AnyArray) -> int | None:
    """Return the channel that tells all about a picture in one colour on black.

    Fluorescence is often exported in the colour of its dye: blue, green, magenta on black. The
    colour says nothing about the cells, and networks that learned grey and stained images
    find few in it; the strongest channel is the image as it was taken.

    Parameters
    ----------
    pixels : ndarray, shape (3, ...)
        A colour image, or a sample of it.

    Returns
    -------
    int, optional
        None for stains on white, for several dyes, and where nothing varies.
    """
    flat = pixels.reshape(len(pixels), -1)
    values = flat[:, :: max(1, flat.shape[1] // _SAMPLE)].astype(np.float64)
    background, brightest = np.percentile(values, 5, axis=1), np.percentile(values, 99.8)
    if not background.max() < _DARK * brightest:
        return None
    aside, along = np.sqrt(np.linalg.eigvalsh(np.cov(values, bias=True)).clip(0))[1:]
    if along == 0 or aside > _ASIDE * along:
        return None
    return int(np.argmax(values.std(axis=1)))
