"""Scores of detected boxes (or anything else with a pairwise overlap) as COCO defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray
from cellwright.metrics.matching import IOU_THRESHOLDS

_RECALLS = np.linspace(0, 1, 101)
MOST_DETECTIONS = 100
"""Of each class in an image, the surest so many count, as in COCO."""


@njit(cache=True)
def box_iou(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """Return the intersection over union of every box with every other.

    Parameters
    ----------
    first, second : ndarray, shape (N, 4) and (M, 4), float64
        ``min_row, min_col, max_row, max_col`` in px, the ends not included.

    Returns
    -------
    ndarray, shape (N, M), float64
        0 where the union is empty.
    """
    result = np.zeros((len(first), len(second)))
    for i in range(len(first)):
        top, left, bottom, right = first[i]
        area = (bottom - top) * (right - left)
        for j in range(len(second)):
            height = min(bottom, second[j, 2]) - max(top, second[j, 0])
            width = min(right, second[j, 3]) - max(left, second[j, 1])
            if height > 0 and width > 0:
                other = (second[j, 2] - second[j, 0]) * (second[j, 3] - second[j, 1])
                shared = height * width
                result[i, j] = shared / (area + other - shared)
    return result


@njit(cache=True)
def match_in_turn(iou: DoubleArray, ignored: BoolArray, threshold: float) -> IntArray:
    """Give detections, surest first, the best true object that is still free.

    Parameters
    ----------
    iou : ndarray, shape (N, M), float64
        Overlap of detections, in falling order of confidence, with true objects.
    ignored : ndarray, shape (M,), bool
        True objects that neither count nor harm: they are taken only where no other is left, and
        by as many detections as like.
    threshold : float
        Least overlap.

    Returns
    -------
    ndarray, shape (N,), int64
        Index of the true object of each detection; -1 for none.
    """
    count, objects = iou.shape
    found = np.full(count, -1, np.int64)
    free = np.ones(objects, np.bool_)
    for i in range(count):
        best, best_iou = -1, 0.0
        for harmless in (False, True):
            if best >= 0:
                break
            for j in range(objects):
                if ignored[j] != harmless or not free[j] or iou[i, j] < threshold:
                    continue
                if best < 0 or iou[i, j] > best_iou:
                    best, best_iou = j, iou[i, j]
        found[i] = best
        if best >= 0 and not ignored[best]:
            free[best] = False
    return found


@dataclass(frozen=True, slots=True)
class _Found:
    """The detections of one class in one image: confidence, and per threshold what they are."""

    confidence: DoubleArray  # (N,)
    right: BoolArray  # (T, N)
    counts: BoolArray  # (T, N); False where it found an ignored object, or nobody can judge it
    truth: int


@dataclass(slots=True)
class DetectionScores:
    """Average precision of boxes with classes and confidences, collected image by image.

    Within a class, detections are matched to true objects in falling order of confidence, each to
    the best one that is free. The average precision is the area under the precision-recall curve,
    made monotone and read at 101 recalls; classes without a true object take no part in means.

    Parameters
    ----------
    thresholds : sequence of float
        Least intersection over union of a match.
    most_detections : int
        Detections of a class in an image beyond so many, the least sure ones, do not count.

    References
    ----------
    Lin et al. (2014), "Microsoft COCO: common objects in context", ECCV.
    """

    thresholds: Sequence[float] = IOU_THRESHOLDS
    most_detections: int = MOST_DETECTIONS
    _found: dict[int, list[_Found]] = field(default_factory=dict, repr=False)

    def add(
        self,
        truth: AnyArray,
        truth_classes: AnyArray,
        boxes: AnyArray,
        classes: AnyArray,
        confidence: AnyArray,
        *,
        ignored: AnyArray | None = None,
        unjudged: AnyArray | None = None,
    ) -> None:
        """Take up the detections in one image.

        Parameters
        ----------
        truth : ndarray, shape (M, 4)
            True boxes ``min_row, min_col, max_row, max_col`` in px.
        truth_classes : ndarray of int, shape (M,)
        boxes : ndarray, shape (N, 4)
            Detected boxes.
        classes : ndarray of int, shape (N,)
        confidence : ndarray, shape (N,)
        ignored : ndarray of bool, shape (M,), optional
            True objects that need not be found, such as those that are hard to tell.
        unjudged : ndarray of bool, shape (N,), optional
            Detections that are not false where they match nothing, such as those where nobody
            looked for objects.

        Raises
        ------
        InputError
            If the columns differ in length, a box is no box, or a number is not finite.
        """
        truth, boxes = _checked_boxes(truth, "true"), _checked_boxes(boxes, "detected")
        confidence = np.asarray(confidence, np.float64)
        leave = np.zeros(len(truth), bool) if ignored is None else np.asarray(ignored, bool)
        alone = np.zeros(len(boxes), bool) if unjudged is None else np.asarray(unjudged, bool)
        truth_classes, classes = np.asarray(truth_classes), np.asarray(classes)
        for name, column, rows in (
            ("classes of the true boxes", truth_classes, truth),
            ("marks of ignored boxes", leave, truth),
            ("classes", classes, boxes),
            ("confidences", confidence, boxes),
            ("marks of boxes that are not judged", alone, boxes),
        ):
            if column.shape != (len(rows),):
                raise InputError(f"There are {len(rows)} boxes, but {column.shape} {name}.")
        if not np.isfinite(confidence).all():
            raise InputError("A confidence is not a finite number.")
        for kind in np.union1d(truth_classes, classes).tolist():
            own, of_kind = truth_classes == kind, np.flatnonzero(classes == kind)
            surest = of_kind[np.argsort(-confidence[of_kind], kind="stable")]
            surest = surest[: self.most_detections]
            self._found.setdefault(int(kind), []).append(
                self._matched(
                    truth[own], leave[own], boxes[surest], confidence[surest], alone[surest]
                )
            )

    def _matched(
        self,
        truth: DoubleArray,
        ignored: BoolArray,
        boxes: DoubleArray,
        confidence: DoubleArray,
        unjudged: BoolArray,
    ) -> _Found:
        iou = box_iou(boxes, truth)
        right = np.zeros((len(self.thresholds), len(boxes)), bool)
        counts = np.empty_like(right)
        for row, threshold in enumerate(self.thresholds):
            partner = match_in_turn(iou, ignored, threshold)
            right[row] = partner >= 0
            counts[row] = ~unjudged
            counts[row, partner >= 0] = ~ignored[partner[partner >= 0]]
        return _Found(confidence, right, counts, int(np.count_nonzero(~ignored)))

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes that have a true object."""
        return tuple(
            sorted(kind for kind, found in self._found.items() if sum(f.truth for f in found))
        )

    def average_precision(self, threshold: float | None = None, kind: int | None = None) -> float:
        """Return the average precision, or its mean.

        Parameters
        ----------
        threshold : float, optional
            One of `thresholds`; the mean over all when not given.
        kind : int, optional
            A class; the mean over the classes when not given.

        Returns
        -------
        float
            NaN where there is no true object.
        """
        kinds = self.classes if kind is None else (kind,)
        rows = (
            range(len(self.thresholds))
            if threshold is None
            else [list(self.thresholds).index(threshold)]
        )
        values = [self._area(k, row) for k in kinds for row in rows]
        return float(np.mean(values)) if values else float("nan")

    def as_dict(self) -> dict[str, float]:
        """Return ``AP`` (the mean over thresholds), and ``AP50`` and ``AP75`` where they are."""
        named = {f"AP{round(100 * t)}": t for t in (0.5, 0.75) if t in self.thresholds}
        return {"AP": self.average_precision()} | {
            name: self.average_precision(threshold) for name, threshold in named.items()
        }

    def _area(self, kind: int, row: int) -> float:
        """Return the area under the curve of one class at one threshold."""
        found = self._found.get(kind, [])
        truth = sum(one.truth for one in found)
        if truth == 0:
            return float("nan")
        confidence = np.concatenate([one.confidence for one in found])
        order = np.argsort(-confidence, kind="stable")
        right = np.concatenate([one.right[row] for one in found])[order]
        counts = np.concatenate([one.counts[row] for one in found])[order]
        true, false = np.cumsum(right & counts), np.cumsum(~right & counts)
        precision = true / np.maximum(true + false, 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        place = np.searchsorted(true / truth, _RECALLS, side="left")
        reached = np.append(envelope, 0.0)[np.minimum(place, len(envelope))]
        return float(reached.mean())


def _checked_boxes(boxes: AnyArray, what: str) -> DoubleArray:
    """Return boxes as numbers, shape (N, 4), or say which is none."""
    array = np.asarray(boxes, np.float64).reshape(-1, 4) if np.size(boxes) == 0 else boxes
    array = np.ascontiguousarray(array, np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(f"The {what} boxes have the shape {array.shape}; it must be (N, 4).")
    wrong = ~np.isfinite(array).all(1) | (array[:, 2] < array[:, 0]) | (array[:, 3] < array[:, 1])
    if wrong.any():
        raise InputError(
            f"The {what} box {array[wrong][0].tolist()} is none: it needs min_row, min_col, "
            "max_row, max_col with no end before its start."
        )
    return array
