"""How many pixels each true object shares with each predicted one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from cellwright._errors import InputError
from cellwright._types import AnyArray, DoubleArray, IntArray

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class OverlapTable:
    """Sparse counts of shared pixels between two labellings, sorted by truth, then prediction.

    Attributes
    ----------
    truth, prediction, pixels : array of int, shape (P,)
        One entry for each pair of objects that share pixels, and how many (px).
    truth_labels, truth_areas : array of int, shape (T,)
        Every true object and its size (px).
    predicted_labels, predicted_areas : array of int, shape (Q,)
        Every predicted object and its size (px), ignored pixels left out.
    """

    truth: IntArray
    prediction: IntArray
    pixels: IntArray
    truth_labels: IntArray
    truth_areas: IntArray
    predicted_labels: IntArray
    predicted_areas: IntArray

    @property
    def iou(self) -> DoubleArray:
        """Intersection over union of each pair, in (0, 1]."""
        truth_area = self.truth_areas[np.searchsorted(self.truth_labels, self.truth)]
        predicted_area = self.predicted_areas[
            np.searchsorted(self.predicted_labels, self.prediction)
        ]
        return np.asarray(self.pixels / (truth_area + predicted_area - self.pixels))


def overlap_table(truth: AnyArray, prediction: AnyArray) -> OverlapTable:
    """Count the pixels that each pair of objects shares.

    One pass over the pixels with a hash table of label pairs: time is linear in the number of
    pixels, memory in the number of pairs, whatever the label values are.

    Parameters
    ----------
    truth : array of int, shape ([Z,] Y, X)
        True objects; 0 is background. Pixels below 0 are unknown and count for neither side.
    prediction : array of int, shape ([Z,] Y, X)
        Predicted objects; 0 is background.

    Returns
    -------
    OverlapTable
        Shared pixels and sizes.

    Raises
    ------
    InputError
        If the shapes differ, an array is not of integers, or a predicted label is negative.
    """
    return layered_overlap_table(np.asarray(truth)[None], np.asarray(prediction)[None])


def layered_overlap_table(truth: AnyArray, prediction: AnyArray) -> OverlapTable:
    """Count the pixels that each pair of objects shares, where objects of a side may overlap.

    As `overlap_table`, once for each pair of layers.

    Parameters
    ----------
    truth : array of int, shape (L, [Z,] Y, X)
        True objects, each whole in one layer; 0 is background. Pixels that are below 0 in all
        layers are unknown and count for neither side.
    prediction : array of int, shape (M, [Z,] Y, X)
        Predicted objects, each whole in one layer; 0 is background.

    Returns
    -------
    OverlapTable
        Shared pixels and sizes.

    Raises
    ------
    InputError
        As `overlap_table`.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape[1:] != prediction.shape[1:]:
        raise InputError(
            f"The true labels have shape {truth.shape[1:]} and the predicted ones "
            f"{prediction.shape[1:]}; compare labels of the same image."
        )
    _check_labels(truth, "true")
    _check_labels(prediction, "predicted")
    if prediction.size and prediction.min() < 0:
        raise InputError(
            f"The predicted labels contain {prediction.min()}; only true labels may be negative "
            "(unknown pixels)."
        )
    rows = [[_count_blocks(t.reshape(-1), p.reshape(-1)) for p in prediction] for t in truth]
    every = np.concatenate([found for of_layer in rows for found in of_layer])
    both = every[(every[:, 0] > 0) & (every[:, 1] > 0)]
    # The sizes in a layer are the same beside any layer of the other side.
    truths = np.concatenate([of_layer[0] for of_layer in rows])
    predictions = np.concatenate(rows[0])
    truth_labels, truth_areas = _areas(truths[:, 0], truths[:, 2])
    predicted_labels, predicted_areas = _areas(predictions[:, 1], predictions[:, 2])
    order = np.lexsort((both[:, 1], both[:, 0]))
    return OverlapTable(
        both[order, 0],
        both[order, 1],
        both[order, 2],
        truth_labels,
        truth_areas,
        predicted_labels,
        predicted_areas,
    )


def _check_labels(labels: AnyArray, which: str) -> None:
    if labels.dtype.kind not in "iu":
        raise InputError(
            f"The {which} labels are {labels.dtype}, not integers; "
            "give one integer per object and 0 for background."
        )
    if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
        raise InputError(f"The {which} labels reach {labels.max()}; give labels below 2**63.")


def _count_blocks(truth: AnyArray, prediction: AnyArray) -> IntArray:
    """Return sorted rows (truth, prediction, pixels), background included but not (0, 0)."""
    slots = np.zeros((1024, 3), np.int64)
    used = 0
    # One kernel for 32 bits and one for 64 serve every label type; blocks keep the copies small.
    narrow = all(np.can_cast(labels.dtype, np.int32) for labels in (truth, prediction))
    integer = np.int32 if narrow else np.int64
    for start in range(0, truth.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        true = truth[block].astype(integer, copy=False)
        slots, used = _count_pairs(true, prediction[block].astype(integer, copy=False), slots, used)
    rows = slots[slots[:, 2] > 0]
    return np.asarray(rows[np.lexsort((rows[:, 1], rows[:, 0]))])


def _areas(labels: IntArray, pixels: IntArray) -> tuple[IntArray, IntArray]:
    """Return the labels above 0 in ascending order and the pixels of each."""
    names, where = np.unique(labels, return_inverse=True)
    areas = np.zeros(names.size, np.int64)
    np.add.at(areas, where, pixels)
    return names[names > 0], areas[names > 0]


@njit(cache=True)
def _find_slot(slots: IntArray, truth: int, prediction: int) -> Any:
    """Return the row that holds a pair, or the free row where it belongs."""
    mask = np.uint64(slots.shape[0] - 1)
    mixed = np.uint64(truth) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) + np.uint64(prediction)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    slot = (mixed ^ (mixed >> np.uint64(32))) & mask
    while slots[slot, 2] > 0 and (slots[slot, 0] != truth or slots[slot, 1] != prediction):
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True)
def _count_pairs(
    truth: IntArray, prediction: IntArray, slots: IntArray, used: int
) -> tuple[IntArray, int]:
    """Add the pairs of one block to an open-addressing table that doubles when half full."""
    pixel = 0
    while pixel < truth.size:
        t, p = truth[pixel], prediction[pixel]
        run = pixel + 1
        while run < truth.size and truth[run] == t and prediction[run] == p:
            run += 1
        if t > 0 or (t == 0 and p > 0):
            slot = _find_slot(slots, t, p)
            if slots[slot, 2] == 0:
                slots[slot, 0], slots[slot, 1] = t, p
                used += 1
            slots[slot, 2] += run - pixel
            if 2 * used > slots.shape[0]:
                larger = np.zeros((2 * slots.shape[0], 3), np.int64)
                for row in range(slots.shape[0]):
                    if slots[row, 2] > 0:
                        larger[_find_slot(larger, slots[row, 0], slots[row, 1])] = slots[row]
                slots = larger
        pixel = run
    return slots, used
