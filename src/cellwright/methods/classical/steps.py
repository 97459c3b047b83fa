"""The steps of the classical pipeline: pure functions on one plane or volume of intensities."""

from __future__ import annotations

import numpy as np

from cellwright._types import BoolArray, FloatArray
from cellwright.images.filters import gaussian
from cellwright.methods.distance import squared_distances
from cellwright.methods.points.spots import spot_response

Widths = tuple[float, ...]
"""Widths in px along each spatial axis."""


def flattened(pixels: FloatArray, width: Widths) -> FloatArray:
    """Subtract the background: the image, shape ([Z,] Y, X), blurred so far that objects vanish."""
    return pixels - gaussian(pixels, width)


def level(local: FloatArray, factor: float, locality: float, least: float) -> FloatArray:
    """Return from which intensity on a pixel is foreground: a level between global and local.

    It is ``factor * ((1 - locality) * 1 + locality * local)``, with Otsu's level 1 and the mean
    around each pixel; but no less than `least`, so that noise on an empty ground is no object.

    Parameters
    ----------
    local : ndarray, shape ([Z,] Y, X), float32
        Mean around each pixel. The background is 0 and Otsu's level 1.
    factor : float
    locality : float
        0 is Otsu's method alone; near 1, a dim object beside a bright one is seen as well.
    least : float
        Above 0; a share of Otsu's level.

    References
    ----------
    N. Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems,
    Man, and Cybernetics 9 (1979).
    """
    between = np.float32(factor * (1 - locality)) + np.float32(factor * locality) * local
    result: FloatArray = np.maximum(between, np.float32(least))
    return result


def filled(mask: BoolArray, largest: int) -> BoolArray:
    """Fill the holes of the foreground whose extent along every axis is at most `largest` px.

    What the side of the image closes counts as a hole, too.

    Parameters
    ----------
    mask : ndarray, shape ([Z,] Y, X), bool
    largest : int
        In px.
    """
    from scipy.ndimage import find_objects, label

    holes, _ = label(~mask)
    small = [max(side.stop - side.start for side in box) <= largest for box in find_objects(holes)]
    result: BoolArray = mask | np.array([False, *small])[holes]
    return result


def depth(mask: BoolArray, anisotropy: float, deepest: float) -> FloatArray:
    """Return how deep inside the foreground a pixel lies: where shapes part.

    Parameters
    ----------
    mask : ndarray, shape ([Z,] Y, X), bool
    anisotropy : float
        Distance of planes in px of the plane.
    deepest : float
        Depths are cut off here, in px.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), float32
        In px of the plane; 0 outside. The side of the image is no edge.
    """
    volume = mask.reshape((-1, *mask.shape[-2:])).astype(np.int32)
    far: FloatArray = np.sqrt(squared_distances(volume, anisotropy)).astype(np.float32)
    return np.minimum(far, np.float32(deepest)).reshape(mask.shape)


def blobs(pixels: FloatArray, width: Widths) -> FloatArray:
    """Return the negative Laplacian of a Gaussian, at least 0: where intensities part.

    In units of the width along each axis, so that it tells contrasts whatever the width, and in
    volumes whatever the distance of planes. It peaks in the middle of bright blobs whose radius is
    √D times the width.
    """
    response: FloatArray = np.maximum(spot_response(pixels, width), 0)
    return response
