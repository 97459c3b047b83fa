"""Pictures of dyes in false colour."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, DoubleArray

_SAMPLE = 1 << 16  # pixels: enough for three colours
_DARK = 0.25  # a background up to this share of the brightest is black
_ASIDE = 0.2  # standard deviation off the one colour, per that along it: what JPEG leaves
_LIT = 0.25  # from this share of the brightest on, a pixel shows a dye
_FULL = 0.5  # saturation of a colour, (max - min) / max; of stains hardly ever more
_COLOURFUL = 0.2  # share of the lit pixels in full colour: dyes lie over each other elsewhere
_MOSTLY_BRIGHT = 0.8  # median of lit pixels, per the brightest: maybe bright field in a black frame
_NO_STAIN = 0.7  # share of lit pixels in full colour that no bright field has
_ALIKE = 0.17  # as _ASIDE, of dyes in colours that are alike, such as grey and magenta
_COLOURFUL_ALIKE = 0.5  # as _COLOURFUL, of these
_NEUTRAL = 0.1  # saturation up to which a background is grey
_TINGED = 0.4  # saturation from which on a pixel of a grey image shows a dye
_ADDED = 1.3  # brightness of such pixels per that of the background: stains take light away
_SOME = 0.01  # share of the pixels with a dye on them


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
    values = sampled(pixels)
    if not _on_black(values):
        return None
    aside, along = _spread(values)
    if along == 0 or aside > _ASIDE * along or several_dyes(pixels):
        return None
    return int(np.argmax(values.std(axis=1)))


def several_dyes(pixels: AnyArray) -> bool:
    """Whether a picture shows several dyes, each in its colour, or a dye over a grey image.

    What such a composite shows in red is another thing than what it shows in blue. A stain on
    white or on a bright field with black corners is no such picture: it takes light away, where a
    dye over phase contrast adds some.

    Parameters
    ----------
    pixels : ndarray, shape (3, ...)
        A colour image, or a sample of it.
    """
    values = sampled(pixels)
    if not _on_black(values):
        return _dye_over_grey(values)
    aside, along = _spread(values)
    brightest = values.max(axis=0)
    top = np.percentile(brightest, 99.8)
    lit = brightest > _LIT * top
    full = brightest - values.min(axis=0) > _FULL * brightest
    framed = np.median(brightest[lit]) >= _MOSTLY_BRIGHT * top
    colourful = np.mean(full[lit])
    if aside > _ASIDE * along:
        return bool(colourful > (_NO_STAIN if framed else _COLOURFUL))
    return bool(aside > _ALIKE * along and colourful > _COLOURFUL_ALIKE and not framed)


def _dye_over_grey(values: DoubleArray) -> bool:
    """Whether coloured light lies over a grey image, such as fluorescence over phase contrast."""
    brightest = values.max(axis=0)
    saturation = (brightest - values.min(axis=0)) / np.maximum(brightest, 1.0)
    added = brightest > _ADDED * np.median(brightest)
    neutral = bool(np.median(saturation) < _NEUTRAL)
    return neutral and float(np.mean(added & (saturation > _TINGED))) > _SOME


def sampled(pixels: AnyArray) -> DoubleArray:
    """Return evenly chosen pixels of an image, shape (C, N)."""
    flat = pixels.reshape(len(pixels), -1)
    return flat[:, :: max(1, flat.shape[1] // _SAMPLE)].astype(np.float64)


def _on_black(values: DoubleArray) -> bool:
    background, brightest = np.percentile(values, 5, axis=1), np.percentile(values, 99.8)
    return bool(background.max() < _DARK * brightest)


def _spread(values: DoubleArray) -> tuple[float, float]:
    """Return standard deviations in the space of colours: the second greatest, and the greatest."""
    aside, along = np.sqrt(np.linalg.eigvalsh(np.cov(values, bias=True)).clip(0))[1:]
    return float(aside), float(along)
