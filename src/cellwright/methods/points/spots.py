"""Bright spots of a known size, found without learning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, FloatArray, IntArray, Table
from cellwright.images.filters import gaussian, gaussian_radius
from cellwright.methods.peaks import peaks
from cellwright.methods.points import subpixel

FITS = ("quadratic", "gaussian")
"""Ways to tell where between the pixels a spot lies; see `detect_spots`."""
THRESHOLD = 4.5
"""Least response of a spot in standard deviations of the noise, when nothing is said."""
_SAMPLE = 100_000  # pixels that the noise is measured from
_NORMAL = 1.4826  # standard deviation of normal numbers over their median absolute deviation
_FAINTEST = 1e-4  # of the strongest response; less is rounding, where there is no noise at all


def detect_spots(
    pixels: AnyArray,
    diameter: float | Sequence[float],
    *,
    threshold: float = THRESHOLD,
    fit: str = "quadratic",
    dark: bool = False,
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
    dark : bool
        Find dark spots on brighter ground instead.

    Returns
    -------
    dict of ndarray
        One row per spot, the strongest first: ``z`` (of volumes), ``y`` and ``x``, in px, where
        whole numbers are the centres of pixels; ``score``, the response in standard deviations of
        the noise; ``intensity``, the height above the ground (of dark spots, the depth below) in
        grey values, and ``sigma``, the standard deviation within a plane in px, of the Gaussian
        that fits best, half to twice as wide as the diameter says; ``snr``, the intensity over the
        standard deviation of the noise of a pixel.

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
    image = _checked(pixels, dark)
    widths = spot_widths(diameter, image.ndim)
    if not threshold > 0:
        raise UsageError(f"The threshold of spots must be above 0, not {threshold}.")
    if fit not in FITS:
        raise UsageError(f"There is no fit '{fit}'; choose from {', '.join(FITS)}.")
    noise = measure_noise([image], widths)
    spots = find_spots(image, widths, noise, threshold, fit)
    strongest = np.argsort(-spots.scores, kind="stable")
    axes = "zyx"[3 - image.ndim :]
    return {
        **{axis: spots.positions[strongest, i] for i, axis in enumerate(axes)},
        "score": spots.scores[strongest],
        "intensity": spots.heights[strongest],
        "sigma": spots.sigmas[strongest],
        "snr": spots.heights[strongest] / np.float32(noise.pixel or 1),
    }


@dataclass(frozen=True, slots=True)
class Noise:
    """How strong the noise of an image is, in grey values.

    Parameters
    ----------
    response : float
        Its standard deviation in `spot_response`; at least a ten-thousandth of the strongest
        response, for less is rounding where there is no noise at all.
    pixel : float
        Its standard deviation in a pixel.
    share : float
        How much of `response` the noise of the pixels explains, were they independent: about 1
        where spots are sparse, far less where they crowd or the ground has structure.
    """

    response: float
    pixel: float
    share: float


@dataclass(frozen=True, slots=True)
class Spots:
    """Spots in raster order of their peaks.

    Parameters
    ----------
    peaks : ndarray, shape (N, D), int64
        Pixels with the highest response around.
    positions : ndarray, shape (N, D), float32
        In px.
    scores, heights, sigmas : ndarray, shape (N,), float32
        As ``score``, ``intensity`` and ``sigma`` of `detect_spots`.
    """

    peaks: IntArray
    positions: FloatArray
    scores: FloatArray
    heights: FloatArray
    sigmas: FloatArray


def find_spots(
    pixels: FloatArray,
    widths: Sequence[float],
    noise: Noise,
    threshold: float = THRESHOLD,
    fit: str = "quadratic",
) -> Spots:
    """Find bright spots in an image, or in a part of one.

    A spot depends only on the pixels within `spot_reach` of its peak.

    Parameters
    ----------
    pixels : ndarray, shape ([Z,] Y, X), float32
    widths : sequence of float
        Standard deviation of a spot along each axis in px.
    noise : Noise
        Of the whole image.
    threshold, fit
        As in `detect_spots`.
    """
    axes = pixels.ndim
    response = spot_response(pixels, widths)
    shape = (1,) * (3 - axes) + pixels.shape
    volume, image = response.reshape(shape), pixels.reshape(shape)
    places = peaks(volume, threshold * noise.response)
    wide = np.ones(3, np.float32)
    wide[3 - axes :] = widths
    positions = subpixel.tops(volume, places)
    if fit == "gaussian":
        positions = subpixel.fit_gaussians(image, positions, wide)
    heights, factors = subpixel.shapes(image, positions, wide)
    own = slice(3 - axes, None)
    return Spots(
        peaks=places[:, own],
        positions=positions[:, own],
        scores=volume[tuple(places.T)] / np.float32(noise.response or 1),
        heights=heights,
        sigmas=factors * np.float32(widths[-1]),
    )


def spot_reach(widths: Sequence[float]) -> tuple[int, ...]:
    """Return how far from its peak pixels decide about a spot, along each axis in px.

    Parameters
    ----------
    widths : sequence of float
        As in `find_spots`.
    """
    # The response looks one pixel farther than its Gaussian, a peak is above its neighbours; a fit
    # looks around a position up to a pixel and a half away.
    return tuple(
        max(gaussian_radius(width) + 2, math.ceil(subpixel.REACH * width) + 2) for width in widths
    )


def measure_noise(parts: Iterable[FloatArray], widths: Sequence[float]) -> Noise:
    """Measure the noise of an image from all of it, or from several parts.

    Parameters
    ----------
    parts : iterable of ndarray, shape ([Z,] Y, X), float32
    widths : sequence of float
        As in `find_spots`.
    """
    responses, deviations, strongest = [], [], 0.0
    for part in parts:
        response = spot_response(part, widths)
        responses.append(_some(response))
        deviations.append(pixel_noise(part))
        strongest = max(strongest, float(response.max()))
    noise = max(_deviation(np.concatenate(responses)), _FAINTEST * strongest)
    pixel = float(np.median(deviations))
    return Noise(noise, pixel, pixel * _gain(widths) / noise if noise > 0 else 1.0)


def _gain(widths: Sequence[float]) -> float:
    """Return the standard deviation of the response to noise of 1 in every pixel."""
    point = np.zeros([2 * gaussian_radius(width) + 5 for width in widths], np.float32)
    point[tuple(size // 2 for size in point.shape)] = 1
    return float(np.sqrt((spot_response(point, widths) ** 2).sum()))


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
    some = _some(values)
    return float(_NORMAL * np.median(np.abs(some - np.median(some))))


def _some(values: FloatArray) -> FloatArray:
    """Return evenly spaced values, enough to measure noise from, of all columns alike."""
    step = max(1, values.size // _SAMPLE)
    while math.gcd(step, values.shape[-1]) > 1:
        step += 1
    return values.ravel()[::step]


def _checked(pixels: AnyArray, dark: bool) -> FloatArray:
    image = np.ascontiguousarray(pixels, np.float32)
    image = -image if dark else image
    if image.ndim not in (2, 3) or image.size == 0:
        raise InputError(
            f"Spots are found in planes (Y, X) and volumes (Z, Y, X), not in {image.shape}."
        )
    if not np.isfinite(image).all():
        raise InputError("Spots cannot be found among pixels that are not finite numbers.")
    return image


def spot_widths(diameter: float | Sequence[float], dimensions: int) -> tuple[float, ...]:
    """Return the standard deviations in px of the Gaussian whose Laplacian suits spots best.

    Raises
    ------
    UsageError
        If the diameter is not positive, or not one number or one for each axis.
    """
    given = np.atleast_1d(np.asarray(diameter, np.float64))
    if given.shape not in ((1,), (dimensions,)) or not (np.isfinite(given) & (given > 0)).all():
        raise UsageError(
            f"The diameter of spots is one number, or {dimensions} for the axes, above 0; "
            f"got {diameter}."
        )
    widths = np.broadcast_to(given, dimensions) / (2 * math.sqrt(dimensions))
    return tuple(widths.tolist())
