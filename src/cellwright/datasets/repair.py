"""What is often wrong with drawn labels: objects in several parts, and objects with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellwright._types import AnyArray, LabelArray

Parts = Literal["split", "largest", "keep"]
"""What becomes of an object in several parts: one object each, the largest alone, or nothing."""


@dataclass(frozen=True, slots=True)
class Flaws:
    """How many objects of labels may not be meant as they are.

    Parameters
    ----------
    scattered : int
        Objects in several parts that do not touch, not even diagonally.
    holed : int
        Objects that enclose background.
    """

    scattered: int = 0
    holed: int = 0

    def __add__(self, other: Flaws) -> Flaws:
        return Flaws(self.scattered + other.scattered, self.holed + other.holed)


def find_flaws(labels: LabelArray) -> Flaws:
    """Count the objects of `labels` ([Z,] Y, X), int32, that have a flaw."""
    owners = _owners(_parts(labels), labels)[1:]
    parts = np.bincount(owners, minlength=1)
    filled = _filled(labels)
    return Flaws(
        scattered=int(np.count_nonzero(parts > 1)), holed=len(np.unique(filled[filled != labels]))
    )


def repaired(
    labels: LabelArray, *, parts: Parts = "split", fill_holes: bool = True, min_size: int = 1
) -> LabelArray:
    """Return labels whose objects are in one part, and without holes.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects; -1, unknown, stays what it is.
    parts : {"split", "largest", "keep"}
        What becomes of an object in parts that do not touch, not even diagonally. Of split ones
        the largest part keeps the number, the others get new ones.
    fill_holes : bool
        Background that one object encloses becomes part of it; not what touches a border or
        another object. In volumes, that is background enclosed in space.
    min_size : int
        Smaller objects become background, in px.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32
    """
    result = np.array(labels, np.int32)
    if parts != "keep":
        _separate(result, split=parts == "split")
    if fill_holes:
        result = _filled(result)
    if min_size > 1:
        names, place, sizes = np.unique(result, return_inverse=True, return_counts=True)
        small = (names > 0) & (sizes < min_size)
        result[small[place.reshape(result.shape)]] = 0
    return result


def _separate(labels: LabelArray, *, split: bool) -> None:
    """Give all but the largest part of every object new numbers, or clear them, in place."""
    parts = _parts(labels)
    owner = _owners(parts, labels)
    size = np.bincount(parts.ravel(), minlength=len(owner))
    number = owner.copy()
    largest_first = np.lexsort((np.arange(len(owner)), -size, owner))
    later = np.zeros(len(owner), np.bool_)
    later[largest_first[1:]] = owner[largest_first[1:]] == owner[largest_first[:-1]]
    later[0] = False  # the background
    if split:
        number[later] = owner.max(initial=0) + 1 + np.arange(np.count_nonzero(later))
    else:
        number[later] = 0
    inside = parts > 0
    labels[inside] = number[parts[inside]]


def _parts(labels: LabelArray) -> LabelArray:
    """Return numbers of connected parts of equal labels; 0 in the background."""
    from skimage.measure import label

    found: LabelArray = label(np.maximum(labels, 0), background=0, connectivity=labels.ndim)
    return found


def _owners(parts: LabelArray, labels: LabelArray) -> AnyArray:
    """Return the label of each part; 0 for the background."""
    owner = np.zeros(int(parts.max(initial=0)) + 1, labels.dtype)
    owner[parts] = np.maximum(labels, 0)
    return owner


def _filled(labels: LabelArray) -> LabelArray:
    """Return labels in which background that touches a single object alone belongs to it."""
    from skimage.measure import label

    gaps = label(labels == 0, background=0, connectivity=1)
    count = int(gaps.max(initial=0))
    # The labels that meet each gap at a face: the least and the greatest.
    least = np.full(count + 1, np.iinfo(np.int32).max, np.int32)
    greatest = np.full(count + 1, np.iinfo(np.int32).min, np.int32)
    closed = np.arange(count + 1) > 0
    for axis in range(labels.ndim):
        closed[np.take(gaps, (0, -1), axis)] = False
        for gap, beside in (
            (_but_last(gaps, axis), _but_first(labels, axis)),
            (_but_first(gaps, axis), _but_last(labels, axis)),
        ):
            meets = (gap > 0) & (beside != 0)
            np.minimum.at(least, gap[meets], beside[meets])
            np.maximum.at(greatest, gap[meets], beside[meets])
    enclosed = closed & (least == greatest) & (greatest > 0)
    filled: LabelArray = np.where(enclosed[gaps], greatest[gaps], labels)
    return filled


def _but_first(values: AnyArray, axis: int) -> AnyArray:
    return np.moveaxis(np.moveaxis(values, axis, 0)[1:], 0, axis)


def _but_last(values: AnyArray, axis: int) -> AnyArray:
    return np.moveaxis(np.moveaxis(values, axis, 0)[:-1], 0, axis)
