"""Bright spots of a known size, found without learning."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, FloatArray, Table
from cellwright.images.filters import gaussian
from cellwright.methods.peaks import peaks
from cellwright.methods.points import subpixel

FITS = ("quadratic", "gaussian")
_SAMPLE = 100_000  # pixels that the noise is measured from
_NORMAL = 1.4826  # standard deviation of normal numbers over their median absolute deviation
_FAINTEST = 1e-4  # of the strongest response; less is rounding, where there is no noise at all


def detect_spots(
    pixels: AnyArray,
    diameter: float | Sequence[float],
    *,
    threshold: float = 4.5,
    fit: str = "quadratic",
) -> Table:
    """Find bright spots on darker ground, each with a position between the pixels.

    Spots are the peaks of the Laplacian of a Gaussian as wide as a spot, where that rises above
    the noise. The noise is the median absolute deviation of the same map, so `threshold` means
    the same in dim and in bright images.

    Parameters
    ----------
    pixels : ndarray, shape ([Z,] Y, X)
        One channel, any real numbers.
    diameter : float or one per axis
        Of a spot, in px: about 2.8 (in volumes 3.5) standard deviations of a blurred point.
    threshold : float
        Least response, in standard deviations of the noise. At 4.5, noise alone makes about three
        spots in a million pixels; at 4, ten times as many.
    fit : str
        Where in its pixel a spot lies: ``"quadratic"``, the top of a quadratic through the
        response around the peak, or ``"gaussian"``, the centre of a Gaussian of the given
        diameter on flat ground fitted to the pixels; slower, and more exact for single spots.

    Returns
    -------
    dict of ndarray
        One row per spot, the strongest first: ``z`` (of volumes), ``y`` and ``x``, in px, where
        whole numbers are the centres of pixels; ``score``, the response in standard deviations of
        the noise; ``intensity``, the height above the ground in grey values; ``snr``, this height
        over the standard deviation of the noise of a pixel.

    Raises
    ------
    InputError
        If the array is neither a plane nor a volume, or holds numbers that are not finite.
    UsageError
        If the diameter or the threshold is not positive, or there is no such fit.

    References
    ----------
    Lindeberg (1998), "Feature detection with automatic scale selection", IJCV 30:79.
    Thompson, Larson & Webb (2002), "Precise nanometer localization analysis for individual
    fluorescent probes", Biophysical Journal 82:2775 (Gaussians fitted to spots).
    """
    image = _checked(pixels)
    widths = _widths(diameter, image.ndim)
    if not threshold > 0:
        raise UsageError(f"The threshold of spots must be above 0, not {threshold}.")
    if fit not in FITS:
        raise UsageError(f"There is no fit '{fit}'; choose from {', '.join(FITS)}.")
    response = spot_response(image, widths)
    noise = max(_deviation(response), _FAINTEST * float(response.max()))
    volume = response.reshape((-1, *response.shape[-2:]))
    places = peaks(volume, threshold * noise)
    strength = volume[tuple(places.T)]
    strongest = np.argsort(-strength, kind="stable")
    places, strength = places[strongest], strength[strongest]
    positions, heights = subpixel.tops(volume, places)
    heights *= np.float32(2 ** (image.ndim / 2 + 1) / image.ndim)
    if fit == "gaussian":
        wide = np.ones(3, np.float32)
        wide[3 - image.ndim :] = widths
        positions, heights = subpixel.fit_gaussians(image.reshape(volume.shape), positions, wide)
    axes = "zyx"[3 - image.ndim :]
    return {
        **{axis: positions[:, 3 - image.ndim + i] for i, axis in enumerate(axes)},
        "score": strength / np.float32(noise or 1),
        "intensity": heights,
        "snr": heights / np.float32(pixel_noise(image) or 1),
    }


def spot_response(pixels: FloatArray, widths: Sequence[float]) -> FloatArray:
    """Return the negative Laplacian of a Gaussian, in the units of the pixels.

    At the centre of a Gaussian spot of these widths it is ``D / 2 ** (D / 2 + 1)`` times the
    height of the spot; flat ground and slopes give 0.

    Parameters
    ----------
    pixels : ndarray, shape ([Z,] Y, X), float32
    widths : sequence of float
        Standard deviation along each axis in px.
    """
    smooth = gaussian(pixels, widths)
    weights = np.zeros(3, np.float32)
    weights[3 - pixels.ndim :] = np.square(widths)
    volume = smooth.reshape((-1, *smooth.shape[-2:]))
    response: FloatArray = subpixel.bend(volume, weights).reshape(pixels.shape)
    return response


def pixel_noise(pixels: FloatArray) -> float:
    """Return the standard deviation of the noise of a pixel, whatever else is in the image.

    It is measured from second differences along rows of those along columns, which leave no trace
    of slopes and edges along either; an image without these axes in full has a noise of 0.

    References
    ----------
    Immerkær (1996), "Fast noise variance estimation", CVIU 64:300.
    """
    if min(pixels.shape[-2:]) < 3:
        return 0.0
    step = max(1, round(pixels.size / _SAMPLE))
    upper, middle, lower = (pixels[..., i : pixels.shape[-2] - 2 + i : step, :] for i in range(3))
    rows = upper - 2 * middle + lower
    return _deviation(rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]) / 6


def _deviation(values: FloatArray) -> float:
    """Return the standard deviation of most values, whatever the others are."""
    some = values.ravel()[:: max(1, values.size // _SAMPLE)]
    return float(_NORMAL * np.median(np.abs(some - np.median(some))))


def _checked(pixels: AnyArray) -> FloatArray:
    image = np.ascontiguousarray(pixels, np.float32)
    if image.ndim not in (2, 3) or image.size == 0:
        raise InputError(
            f"Spots are found in planes (Y, X) and volumes (Z, Y, X), not in {image.shape}."
        )
    if not np.isfinite(image).all():
        raise InputError("Spots cannot be found among pixels that are not finite numbers.")
    return image


def _widths(diameter: float | Sequence[float], dimensions: int) -> tuple[float, ...]:
    """Return the standard deviations of the Gaussian whose Laplacian suits spots best."""
    given = np.atleast_1d(np.asarray(diameter, np.float64))
    if given.shape not in ((1,), (dimensions,)) or not (np.isfinite(given) & (given > 0)).all():
        raise UsageError(
            f"The diameter of spots is one number, or {dimensions} for the axes, above 0; "
            f"got {diameter}."
        )
    widths = np.broadcast_to(given, dimensions) / (2 * math.sqrt(dimensions))
    return tuple(widths.tolist())
