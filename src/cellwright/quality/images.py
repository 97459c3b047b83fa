"""Is an image fit to be analysed? Focus, saturation, illumination, contrast."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import AnyArray, DoubleArray, FloatArray
from cellwright._words import percent
from cellwright.images.image import PixelSource
from cellwright.quality.sample import sample_blocks

# Thresholds were set on real images, sharp and blurred, evenly and unevenly lit, such that good
# ones hardly ever exceed them; see tests/quality/test_images.py.
_BLURRED = 0.225  # edge width over object diameter
_SATURATED = 0.005
_CUT_OFF = 0.5
_SHADED = 0.25
_NOISE_ONLY = 7.0  # the percentiles of pure Gaussian noise are 5.2 standard deviations apart
_LOW_CONTRAST = 12.0

_OVEREXPOSED = "; their intensities are not measured. Shorter exposure would help."
_WHITE = (
    ", the white of a bright background. Darker objects are seen as well as ever; only how much "
    "light they absorb is measured too low."
)

_NOTHING_THERE = (
    ", so that there is nothing to find. Open the file in a viewer: the channel may be empty, or "
    "the export went wrong."
)
_EMPTY = (
    "Empty: nothing in this image stands out from its noise, so that whatever was found is chance. "
    "If it should show something, check the channel, the focus and the exposure."
)

_EDGE_PIXELS = 1 << 17  # enough for the median of the strongest edges
_FINE, _COARSE = 1.5, 3.0  # px; fine enough to see blur, coarse enough not to see noise


@dataclass(frozen=True, slots=True)
class ImageQuality:
    """What was measured in one channel of an image, and what a user should know.

    Parameters
    ----------
    blur : float
        Standard deviation of the blur of the strongest edges, in px; NaN without any.
    saturated, cut_off : float
        Share of the pixels that have exactly the greatest or the least value of the image.
    shading : float
        Smooth change of the background across the image, relative to its range of intensities.
    bright_background : bool
        Whether most of the image is nearer to the brightest pixels than to the darkest, as in
        bright field.
    contrast_to_noise : float
        Range of intensities (see `_spread`) in standard deviations of the noise.
    warnings : tuple of str
        What is wrong, in plain words; empty for a good image.
    """

    blur: float
    saturated: float
    cut_off: float
    shading: float
    bright_background: bool
    contrast_to_noise: float
    warnings: tuple[str, ...]


def check_plane(plane: PixelSource | AnyArray, *, diameter: float = 20.0) -> ImageQuality:
    """Judge one channel of an image from an evenly spread sample of its pixels.

    Parameters
    ----------
    plane : array or lazy source, shape (Y, X)
        Intensities as acquired, before any normalisation.
    diameter : float
        Typical diameter of the objects in px, against which blur is judged.

    Returns
    -------
    ImageQuality
    """
    blocks = sample_blocks(plane)
    low, high = np.percentile(blocks, [1, 99.8])
    darkest, brightest = float(blocks.min()), float(blocks.max())
    if darkest == brightest:
        constant = f"Constant: all pixels looked at have the value {darkest:g}{_NOTHING_THERE}"
        return ImageQuality(math.nan, 0.0, 0.0, 0.0, False, 0.0, (constant,))
    noise = _noise(blocks, integers=np.issubdtype(plane.dtype, np.integer))
    spread = _spread(blocks)
    contrast = spread / noise if noise > 0 else math.inf
    bright = bool(np.median(blocks) - low > (high - low) / 2)
    quality = ImageQuality(
        blur=_edge_blur(blocks),
        saturated=float(np.mean(blocks == brightest)),
        cut_off=float(np.mean(blocks == darkest)),
        shading=_shading(blocks, spread, bright_background=bright),
        bright_background=bright,
        contrast_to_noise=contrast,
        warnings=(),
    )
    return replace(quality, warnings=tuple(_warnings(quality, diameter)))


def _warnings(quality: ImageQuality, diameter: float) -> list[str]:
    found = []
    if quality.contrast_to_noise < _NOISE_ONLY:
        return [_EMPTY]
    if quality.contrast_to_noise < _LOW_CONTRAST:
        found.append(
            f"Low contrast: objects stand out by only {quality.contrast_to_noise:.0f} times the "
            "noise. More light, or a longer exposure, would help."
        )
    if quality.blur > _BLURRED * diameter:
        found.append(
            f"Out of focus: edges are blurred over {quality.blur:.0f} pixels, so that outlines and "
            "sizes are inexact. Take the image again, or leave it out."
        )
    if quality.saturated > _SATURATED:
        found.append(
            f"Saturated: {percent(quality.saturated, 1)} of the pixels have the greatest value"
            + (_WHITE if quality.bright_background else _OVEREXPOSED)
        )
    if quality.cut_off > _CUT_OFF:
        found.append(
            f"Cut off: {percent(quality.cut_off)} of the pixels have the least value; the "
            "background was removed, or the camera's offset is too low. Dim objects may be lost "
            "with it: give the image as it was taken."
        )
    if quality.shading > _SHADED:
        found.append(
            f"Uneven illumination: the background changes by {percent(quality.shading)} of the "
            "image's range. Compare intensities only after a flat-field correction."
        )
    return found


def _spread(blocks: FloatArray) -> float:
    """Return the range of intensities: from the 1st to the 99.8th percentile, or mirrored.

    Few objects are in the last few pixels of one side, which may be the dark one.
    """
    darkest, dark, bright, brightest = np.percentile(blocks, [0.2, 1, 99, 99.8])
    return float(max(brightest - dark, bright - darkest))


def _noise(blocks: FloatArray, *, integers: bool) -> float:
    """Return the standard deviation of the noise, from second differences in both directions.

    References
    ----------
    Immerkær, Fast noise variance estimation, 1996.
    """
    rows = blocks[..., :-2, :] - 2 * blocks[..., 1:-1, :] + blocks[..., 2:, :]
    both = rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]
    if both.size == 0:
        return 0.0
    noise = float(np.median(np.abs(both))) / 0.6745 / 6
    # Whole numbers are rounded, which is noise of its own.
    return max(noise, 1 / math.sqrt(12)) if integers else noise


def _edge_blur(blocks: FloatArray) -> float:
    """Return the standard deviation of the blur at the strongest edges, in px.

    An edge of width s, smoothed by a and by b, has slopes whose ratio r tells s:
    ``r² = (s² + b²) / (s² + a²)``.

    References
    ----------
    Zhuo and Sim, Defocus map estimation from a single image, 2011.
    """
    from scipy.ndimage import gaussian_filter

    flat = blocks.reshape(-1, *blocks.shape[2:])
    if min(flat.shape[1:]) < 2:
        return math.nan
    chosen = np.argsort(-flat.var(axis=(1, 2)), kind="stable")
    flat = flat[chosen[: math.ceil(_EDGE_PIXELS / flat[0].size)]]
    fine, coarse = (
        np.hypot(*np.gradient(gaussian_filter(flat, (0, sigma, sigma)), axis=(1, 2)))
        for sigma in (_FINE, _COARSE)
    )
    strong = (fine >= np.quantile(fine, 0.98)) & (coarse > 0)
    if not strong.any():
        return math.nan
    ratio = float(np.median(fine[strong] / coarse[strong])) ** 2
    if ratio <= 1:
        return math.inf
    return math.sqrt(max(0.0, (_COARSE**2 - ratio * _FINE**2) / (ratio - 1)))


def _shading(blocks: FloatArray, spread: float, *, bright_background: bool) -> float:
    """Return the range of a quadratic surface through the background, where one explains it.

    It is relative to the `spread` of the image. The surface only counts by the share of the
    variance that it explains: objects that gather somewhere are no shading.
    """
    rows, columns = blocks.shape[:2]
    if min(rows, columns) < 3:
        return 0.0
    level = np.percentile(blocks, 90 if bright_background else 10, axis=(2, 3)).ravel()
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j])
    design: DoubleArray = np.column_stack([np.ones_like(y), y, x, y * y, y * x, x * x])
    surface = design @ np.linalg.lstsq(design, level, rcond=None)[0]
    total = float(np.var(level))
    explained = float(np.var(surface)) / total if total > 0 else 0.0
    return float(np.ptp(surface)) / spread * explained if spread > 0 else 0.0
