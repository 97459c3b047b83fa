"""Scores of pixel classes: Dice, Jaccard and the boundary F score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray


def confusion_matrix(truth: AnyArray, prediction: AnyArray, classes: int) -> IntArray:
    """Count pixels by their true and predicted class.

    Parameters
    ----------
    truth, prediction : array of int, shape ([Z,] Y, X)
        Class of each pixel, 0..classes-1. Pixels below 0 in `truth` are unknown and not counted.
    classes : int
        Number of classes.

    Returns
    -------
    array of int, shape (classes, classes)
        Rows are true classes, columns predicted ones. Matrices of several images may be added.

    Raises
    ------
    InputError
        If the shapes differ, an array is not of integers, or a class is out of range.
    """
    truth, prediction = _checked(truth, prediction, classes)
    known = truth >= 0
    cells = truth[known].astype(np.int64) * classes + prediction[known].astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def dice(confusion: IntArray) -> DoubleArray:
    """Return 2 |A ∩ B| / (|A| + |B|) of each class; NaN for a class absent from both.

    Parameters
    ----------
    confusion : array of int, shape (K, K)
        Pixel counts from `confusion_matrix`.
    """
    return _quotient(2 * confusion.diagonal(), confusion.sum(0) + confusion.sum(1))


def jaccard(confusion: IntArray) -> DoubleArray:
    """Return |A ∩ B| / |A ∪ B| of each class; NaN for a class absent from both.

    Parameters
    ----------
    confusion : array of int, shape (K, K)
        Pixel counts from `confusion_matrix`.
    """
    shared = confusion.diagonal()
    return _quotient(shared, confusion.sum(0) + confusion.sum(1) - shared)


def boundary_counts(
    truth: AnyArray, prediction: AnyArray, classes: int, tolerance: float = 2.0
) -> IntArray:
    """Count boundary pixels of each class and those that have a counterpart nearby.

    A boundary pixel belongs to the class and has a face neighbour of another class; the border of
    the image is no boundary. It has a counterpart when a boundary pixel of the other labelling
    lies at most `tolerance` away. Boundaries that touch unknown pixels are left out.

    Parameters
    ----------
    truth, prediction : array of int, shape ([Z,] Y, X)
        Class of each pixel, 0..classes-1; below 0 in `truth` where unknown.
    classes : int
        Number of classes.
    tolerance : float
        Largest distance to a counterpart, in px.

    Returns
    -------
    array of int, shape (classes, 4)
        Predicted boundary pixels with a counterpart, all of them, true boundary pixels with a
        counterpart, all of them. Counts of several images may be added.

    Raises
    ------
    InputError
        As `confusion_matrix`.
    """
    from scipy.ndimage import binary_dilation

    truth, prediction = _checked(truth, prediction, classes)
    known = truth >= 0
    if not known.all():
        known = ~binary_dilation(~known)
    counts = np.zeros((classes, 4), np.int64)
    for name in range(classes):
        found = _boundary(prediction == name) & known
        true = _boundary(truth == name) & known
        counts[name] = (
            np.count_nonzero(found & _near(true, tolerance)),
            np.count_nonzero(found),
            np.count_nonzero(true & _near(found, tolerance)),
            np.count_nonzero(true),
        )
    return counts


def boundary_f(counts: IntArray) -> DoubleArray:
    """Return the harmonic mean of boundary precision and recall of each class.

    Parameters
    ----------
    counts : array of int, shape (K, 4)
        Boundary pixels from `boundary_counts`.

    Returns
    -------
    array of float, shape (K,)
        In [0, 1]; NaN for a class without a boundary in either labelling, 0 when only one has it.

    References
    ----------
    .. [1] G. Csurka, D. Larlus, F. Perronnin (2013) What is a good evaluation measure for
       semantic segmentation? BMVC. :doi:`10.5244/C.27.32`
    .. [2] F. Perazzi et al. (2016) A benchmark dataset and evaluation methodology for video
       object segmentation. CVPR. :doi:`10.1109/CVPR.2016.85`
    """
    precision = _quotient(counts[:, 0], np.maximum(counts[:, 1], 1))
    recall = _quotient(counts[:, 2], np.maximum(counts[:, 3], 1))
    absent = counts[:, 1] + counts[:, 3] == 0
    total = np.where(precision + recall > 0, precision + recall, 1.0)
    return np.asarray(np.where(absent, np.nan, 2 * precision * recall / total))


def class_mean(scores: DoubleArray) -> float:
    """Return the mean over the classes that occur; NaN when none does."""
    present = scores[~np.isnan(scores)]
    return float(present.mean()) if present.size else float("nan")


@dataclass(slots=True)
class SemanticScores:
    """Dice, Jaccard and boundary F over the pixels of a set of images.

    Parameters
    ----------
    class_names : tuple of str
        Name of class 0, 1, …
    tolerance : float
        Largest distance between matching boundaries, in px.
    """

    class_names: tuple[str, ...]
    tolerance: float = 2.0
    _confusion: IntArray = field(init=False, repr=False)
    _boundaries: IntArray = field(init=False, repr=False)
    _images: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        classes = len(self.class_names)
        self._confusion = np.zeros((classes, classes), np.int64)
        self._boundaries = np.zeros((classes, 4), np.int64)

    def add(self, truth: AnyArray, prediction: AnyArray) -> None:
        """Count the pixels of one image; see `confusion_matrix` and `boundary_counts`."""
        classes = len(self.class_names)
        self._confusion += confusion_matrix(truth, prediction, classes)
        self._boundaries += boundary_counts(truth, prediction, classes, self.tolerance)
        self._images += 1

    def mean_dice(self) -> float:
        """Return the mean Dice of the classes but the background; NaN where none occurs."""
        return class_mean(dice(self._confusion)[1:])

    def as_dict(self) -> dict[str, Any]:
        """Return each score per class and its mean, None where a class does not occur."""
        scores = {
            "dice": dice(self._confusion),
            "jaccard": jaccard(self._confusion),
            "boundary_f": boundary_f(self._boundaries),
        }
        result: dict[str, Any] = {"images": self._images, "boundary_tolerance_px": self.tolerance}
        for score, values in scores.items():
            named = zip((*self.class_names, "mean"), (*values, class_mean(values)), strict=True)
            result[score] = {
                name: None if np.isnan(value) else float(value) for name, value in named
            }
        return result


def _checked(truth: AnyArray, prediction: AnyArray, classes: int) -> tuple[AnyArray, AnyArray]:
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise InputError(
            f"The true classes have shape {truth.shape} and the predicted ones "
            f"{prediction.shape}; compare classes of the same image."
        )
    for which, values in (("true", truth), ("predicted", prediction)):
        if values.dtype.kind not in "iub":
            raise InputError(f"The {which} classes are {values.dtype}, not integers.")
        if values.size and values.max() >= classes:
            raise InputError(
                f"The {which} classes reach {values.max()}, but there are only {classes} "
                f"(0 to {classes - 1})."
            )
    if prediction.size and prediction.min() < 0:
        raise InputError(f"The predicted classes contain {prediction.min()}, which is below 0.")
    return truth, prediction


def _boundary(mask: BoolArray) -> BoolArray:
    """Pixels of `mask` with a face neighbour outside it."""
    boundary = np.zeros_like(mask)
    for axis in range(mask.ndim):
        one, other = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        one[axis], other[axis] = slice(1, None), slice(None, -1)
        change = mask[tuple(one)] != mask[tuple(other)]
        boundary[tuple(one)] |= change
        boundary[tuple(other)] |= change
    return boundary & mask


def _near(mask: BoolArray, tolerance: float) -> BoolArray:
    """Pixels at most `tolerance` px away from `mask`."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any():
        return mask
    return np.asarray(distance_transform_edt(~mask) <= tolerance)


def _quotient(part: IntArray, whole: IntArray) -> DoubleArray:
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, 1), np.nan))
