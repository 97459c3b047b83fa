"""The steps of the classical pipeline: pure functions on one plane or volume of intensities."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray, LabelArray
from cellwright.images.filters import gaussian

Widths = tuple[float, ...]
"""Widths in px along each spatial axis."""


def flattened(pixels: FloatArray, width: Widths) -> FloatArray:
    """Subtract the background: the image blurred so far that objects vanish."""
    return pixels - gaussian(pixels, width)


def foreground(
    pixels: FloatArray, factor: float, locality: float, neighbourhood: Widths
) -> BoolArray:
    """Return which pixels are brighter than a level between global and local.

    The level is ``factor * ((1 - locality) * global + locality * local)``: Otsu's threshold of the
    whole image, and the mean around each pixel. Holes in the foreground are filled.

    Parameters
    ----------
    pixels : ndarray, shape ([Z,] Y, X), float32
        The background is near 0.
    factor : float
    locality : float
        0 is Otsu's method alone; near 1, a dim object beside a bright one is seen as well.
    neighbourhood : tuple of float
        Width of the Gaussian that takes the local mean, in px along each axis.

    References
    ----------
    N. Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems,
    Man, and Cybernetics 9 (1979).
    """
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import threshold_otsu

    if pixels.min() == pixels.max():
        return np.zeros(pixels.shape, bool)
    level: FloatArray | np.float32 = np.float32((1 - locality) * threshold_otsu(pixels, nbins=1024))
    if locality > 0:
        level = level + np.float32(locality) * gaussian(pixels, neighbourhood)
    filled: BoolArray = binary_fill_holes(pixels > np.float32(factor) * level)
    return filled


def depth(mask: BoolArray, spacing: Widths, width: Widths) -> FloatArray:
    """Return how deep inside the foreground a pixel lies, smoothed: where shapes part."""
    from scipy.ndimage import distance_transform_edt

    return gaussian(distance_transform_edt(mask, sampling=spacing).astype(np.float32), width)


def blobs(pixels: FloatArray, width: Widths) -> FloatArray:
    """Return the negative Laplacian of a Gaussian, at least 0: where intensities part.

    It peaks in the middle of bright blobs whose radius is √D times the width.
    """
    from scipy.ndimage import laplace

    response: FloatArray = np.maximum(-laplace(gaussian(pixels, width), mode="nearest"), 0)
    return response


def split(mask: BoolArray, heights: FloatArray, neck: float) -> LabelArray:
    """Cut the foreground along the valleys of a map of heights, where they are deep enough.

    Water sinks from the highest peak down. Where the islands of two peaks meet, they become one if
    the pass between them is at least `neck` times as high as the lower peak; otherwise they stay
    two objects. Being relative, the rule holds for small and large objects alike.

    Parameters
    ----------
    mask : ndarray, shape ([Z,] Y, X), bool
    heights : ndarray, shape ([Z,] Y, X), float32
        At least 0 in the foreground.
    neck : float
        From 0 (whatever touches is one) to 1 (every peak is one).

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32
        Numbered from 1.

    References
    ----------
    L. Najman and M. Schmitt, Geodesic saliency of watershed contours and hierarchical
    segmentation, IEEE Transactions on Pattern Analysis and Machine Intelligence 18 (1996).
    """
    padded = np.pad(np.where(mask, heights, 0), 1)
    steps = np.indices((3,) * mask.ndim).reshape(mask.ndim, -1).T - 1
    strides = np.array(padded.strides) // padded.itemsize
    offsets = (steps @ strides)[np.any(steps, axis=1)]
    inside = np.flatnonzero(np.pad(mask, 1))
    flat = padded.ravel()
    order = inside[np.argsort(-flat[inside], kind="stable")]
    _, number = np.unique(_islands(flat, order, offsets, neck)[inside], return_inverse=True)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = number + 1
    return labels


@njit(cache=True)
def _islands(heights: FloatArray, order: IntArray, offsets: IntArray, neck: float) -> IntArray:
    """Return the peak that each pixel in `order`, from high to low, belongs to."""
    parent = np.full(len(heights), -1)
    for i in order:
        nearest = -1  # the highest neighbour that is out of the water
        for offset in offsets:
            j = i + offset
            if parent[j] >= 0 and (nearest < 0 or heights[j] > heights[nearest]):
                nearest = j
        if nearest < 0:
            parent[i] = i
            continue
        own = _peak(parent, nearest)
        for offset in offsets:
            if parent[i + offset] >= 0:
                other = _peak(parent, i + offset)
                low, high = (own, other) if heights[own] < heights[other] else (other, own)
                if heights[i] >= neck * heights[low]:
                    parent[low] = own = high
        parent[i] = own
    for i in order:
        parent[i] = _peak(parent, i)
    return parent


@njit(cache=True)
def _peak(parent: IntArray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def kept(labels: LabelArray, pixels: FloatArray, smallest: float, contrast: float) -> LabelArray:
    """Drop objects that are too small, or hardly brighter than the background is noisy.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
    pixels : ndarray, shape ([Z,] Y, X), float32
    smallest : float
        Fewest pixels.
    contrast : float
        Least difference between the mean of an object and the median of the background, in
        standard deviations of the background.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32
        Numbered from 1 without gaps.
    """
    flat, outside = labels.ravel(), pixels[labels == 0]
    size = np.bincount(flat)
    keep = size >= smallest
    if outside.size:
        base = np.median(outside)
        noise = 1.4826 * np.median(np.abs(outside - base))
        mean = np.bincount(flat, pixels.ravel()) / np.maximum(size, 1)
        keep &= mean - base >= contrast * noise
    keep[0] = False
    number: AnyArray = np.where(keep, np.cumsum(keep), 0)
    return number.astype(np.int32)[labels]
