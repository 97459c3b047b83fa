"""Gaussian smoothing in one sweep, with a finite and known reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from cellwright._errors import UsageError
from cellwright._types import FloatArray, IntArray

TRUNCATE = 3.0
"""Where a Gaussian is cut off, in standard deviations."""


def gaussian_radius(sigma: float) -> int:
    """Return how far from a pixel `gaussian` looks, in px."""
    return int(np.ceil(TRUNCATE * sigma))


def gaussian(
    pixels: FloatArray, sigma: float | Sequence[float], out: FloatArray | None = None
) -> FloatArray:
    """Smooth a plane or a volume; outside, it goes on as its own mirror image (c b a | a b c).

    A pixel of the result depends on nothing farther away than `gaussian_radius` along each axis,
    and it is the same to the last bit wherever the array around it was cut out.

    Parameters
    ----------
    pixels : ndarray, shape ([Z,] Y, X), float32
    sigma : float or one per axis
        Standard deviations in px, ≥ 0; 0 leaves an axis as it is.
    out : ndarray, float32, the shape of `pixels`, contiguous, optional
        Where to write the result; not `pixels` itself.

    Returns
    -------
    ndarray, float32, the shape of `pixels`

    Raises
    ------
    UsageError
        If a standard deviation is negative or not finite.
    """
    sigmas = np.broadcast_to(np.asarray(sigma, np.float64), pixels.ndim)
    if not np.all(np.isfinite(sigmas)) or np.any(sigmas < 0):
        raise UsageError(f"Cannot smooth with a standard deviation of {sigma} px: give 0 or more.")
    volume = np.ascontiguousarray(pixels, np.float32).reshape((-1, *pixels.shape[-2:]))
    if pixels.ndim == 3 and sigmas[0] > 0:
        places = _mirrored(len(volume), gaussian_radius(sigmas[0]))
        volume = _smooth_across(volume, places, _half_kernel(sigmas[0]))
    rows, columns = volume.shape[1:]
    result = np.empty(pixels.shape, np.float32) if out is None else out
    _smooth_planes(
        volume,
        _mirrored(rows, gaussian_radius(sigmas[-2])),
        _half_kernel(sigmas[-2]),
        _mirrored(columns, gaussian_radius(sigmas[-1])),
        _half_kernel(sigmas[-1]),
        result.reshape(volume.shape),
    )
    return result


def _mirrored(length: int, radius: int) -> IntArray:
    """Return the indices of an axis that goes on as its mirror image for `radius` px on each side.

    Returns
    -------
    ndarray, shape (length + 2 * radius,), int64
    """
    places = np.arange(-radius, length + radius) % (2 * length)
    indices: IntArray = np.minimum(places, 2 * length - 1 - places)
    return indices


def _half_kernel(sigma: float) -> FloatArray:
    """Return the weights of a Gaussian from its centre outwards; both sides sum to 1."""
    distance = np.arange(gaussian_radius(sigma) + 1)
    weights = np.exp(-0.5 * (distance / sigma) ** 2) if sigma > 0 else np.ones(1)
    kernel: FloatArray = (weights / (2 * weights.sum() - weights[0])).astype(np.float32)
    return kernel


@njit(cache=True)
def _smooth_planes(
    volume: FloatArray,
    rows: IntArray,
    row_kernel: FloatArray,
    columns: IntArray,
    column_kernel: FloatArray,
    result: FloatArray,
) -> None:
    """Smooth along Y and X: each row is summed over its neighbours, then along itself."""
    planes, height, width = volume.shape
    radius = len(column_kernel) - 1
    row = np.empty(width, np.float32)
    padded = np.empty(width + 2 * radius, np.float32)
    for z in range(planes):
        for y in range(height):
            _weigh(volume[z], rows, row_kernel, y, row)
            for x in range(len(padded)):
                padded[x] = row[columns[x]]
            target = result[z, y]
            for x in range(width):
                target[x] = column_kernel[0] * padded[x + radius]
            for k in range(1, radius + 1):
                weight = column_kernel[k]
                left, right = padded[radius - k :], padded[radius + k :]
                for x in range(width):
                    target[x] += weight * (left[x] + right[x])


@njit(cache=True)
def _smooth_across(volume: FloatArray, places: IntArray, kernel: FloatArray) -> FloatArray:
    """Smooth along Z."""
    planes, height, width = volume.shape
    flat = volume.reshape(planes, height * width)
    result = np.empty_like(flat)
    for z in range(planes):
        _weigh(flat, places, kernel, z, result[z])
    return result.reshape(volume.shape)


@njit(cache=True)
def _weigh(
    lines: FloatArray, places: IntArray, kernel: FloatArray, at: int, target: FloatArray
) -> None:
    """Write the weighted sum of the lines around line `at` to `target`."""
    radius = len(kernel) - 1
    middle = lines[places[at + radius]]
    for x in range(len(target)):
        target[x] = kernel[0] * middle[x]
    for k in range(1, radius + 1):
        weight = kernel[k]
        before, after = lines[places[at + radius - k]], lines[places[at + radius + k]]
        for x in range(len(target)):
            target[x] += weight * (before[x] + after[x])
