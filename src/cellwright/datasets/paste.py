"""Copying objects of one patch into another, so that networks meet clusters that are rare."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from scipy.ndimage import gaussian_filter1d

from cellwright._types import BoolArray, FloatArray, LabelArray

Numbers = TypeVar("Numbers", FloatArray, LabelArray)

_MOST_COVERED = 0.3  # share of an object that another may lie over
_HALO = 2.0  # px; how softly the copied light ends
_DISTANCE = (0.6, 1.1)  # of the two objects that are put together, in sums of their radii
_BRIGHTNESS = (0.4, 1.3)


def paste_objects(
    pixels: FloatArray,
    labels: LabelArray,
    other_pixels: FloatArray,
    other_labels: LabelArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, LabelArray]:
    """Add the light of objects of another patch, one of them touching an object of the first.

    The other patch is moved in the plane so that one of its objects, chosen at random, comes to
    lie beside or partly over one of the first. Of all its objects that are whole, those that cover
    no more than 0.3 of any other are copied, all brighter or dimmer by one random factor. Where two
    lie over each other their light adds up, and the brighter one has the pixel.

    Parameters
    ----------
    pixels, other_pixels : ndarray, shape (C, Z, Y, X), float32
        Normalised intensities, dark where nothing is.
    labels, other_labels : ndarray, shape (Z, Y, X), int32
        0 background, 1..N objects, -1 ignored.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    pixels : ndarray, float32
        New where anything was copied; the patch itself where there is nothing to copy, or where
        objects are not brighter than what is around them.
    labels : ndarray, int32

    References
    ----------
    Ghiasi et al. (2021), "Simple copy-paste is a strong data augmentation method for instance
    segmentation", CVPR.
    """
    if not (bright(pixels, labels) and bright(other_pixels, other_labels)):
        return pixels, labels
    other_labels = _whole(other_labels)
    if not other_labels.any():
        return pixels, labels
    move = _move_beside(labels, other_labels, rng)
    factor = np.float32(np.exp(rng.uniform(*np.log(_BRIGHTNESS))))
    coming = _moved(other_labels, move)
    coming[~np.isin(coming, _fitting(labels, coming))] = 0
    taken = coming > 0
    if not taken.any():
        return pixels, labels
    light = _moved(other_pixels, move)
    light *= factor * _soft(taken)
    wins = taken & ((labels == 0) | (light.sum(0) > pixels.sum(0)))
    known = labels >= 0
    merged = np.where(wins & known, coming + max(int(labels.max()), 0), labels)
    return pixels + light, merged.astype(np.int32)


def bright(pixels: FloatArray, labels: LabelArray) -> bool:
    """Return whether there are objects, and they are brighter than what is around them."""
    inside, outside = labels > 0, labels == 0
    if not (inside.any() and outside.any()):
        return False
    mean = pixels.mean(0)
    return bool(mean[inside].mean() > mean[outside].mean())


def _whole(labels: LabelArray) -> LabelArray:
    """Return the objects that the sides of the patch do not cut."""
    sides = [labels[:, [0, -1], :].ravel(), labels[:, :, [0, -1]].ravel()]
    return np.where((labels > 0) & ~np.isin(labels, np.concatenate(sides)), labels, 0)


def _move_beside(
    labels: LabelArray, other: LabelArray, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the pixels (y, x) by which to move `other`."""
    (y, x, radius), (other_y, other_x, other_radius) = (
        _disc_of_one(each, rng) for each in (labels, other)
    )
    distance = rng.uniform(*_DISTANCE) * (radius + other_radius)
    angle = rng.uniform(0, 2 * np.pi)
    return (
        round(y + distance * np.sin(angle) - other_y),
        round(x + distance * np.cos(angle) - other_x),
    )


def _moved(array: Numbers, move: tuple[int, int]) -> Numbers:
    """Return `array` moved along its last two axes, with 0 where nothing came."""
    moved = np.zeros_like(array)
    spans = [
        (slice(max(0, step), size + min(0, step)), slice(max(0, -step), size - max(0, step)))
        for step, size in zip(move, array.shape[-2:], strict=True)
    ]
    (to_y, from_y), (to_x, from_x) = spans
    if abs(move[0]) < array.shape[-2] and abs(move[1]) < array.shape[-1]:
        moved[..., to_y, to_x] = array[..., from_y, from_x]
    return moved


def _disc_of_one(labels: LabelArray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return centre (y, x) and radius of an object chosen at random, seen from above."""
    numbers = np.unique(labels[labels > 0])
    shadow = (labels == rng.choice(numbers)).any(0)
    rows, columns = np.nonzero(shadow)
    return float(rows.mean()), float(columns.mean()), float(np.sqrt(rows.size / np.pi))


def _fitting(labels: LabelArray, coming: LabelArray) -> list[int]:
    """Return the labels of `coming` that cover little of any object, and of which little is."""
    size = np.bincount(labels[labels > 0], minlength=1)
    coming_size = np.bincount(coming[coming > 0], minlength=1)
    both = (labels > 0) & (coming > 0)
    pairs, shared = np.unique(np.stack([labels[both], coming[both]]), axis=1, return_counts=True)
    smaller = np.minimum(size[pairs[0]], coming_size[pairs[1]])
    clashing = pairs[1][shared > _MOST_COVERED * smaller]
    return [int(n) for n in np.flatnonzero(coming_size) if n not in set(clashing.tolist())]


def _soft(mask: BoolArray) -> FloatArray:
    """Return 1 in the mask, falling off to 0 outside of it within the plane."""
    soft = mask.astype(np.float32)
    for axis in (1, 2):
        soft = gaussian_filter1d(soft, _HALO, axis=axis, mode="constant", truncate=3)
    return np.asarray(np.maximum(np.minimum(2 * soft, 1), mask), np.float32)
