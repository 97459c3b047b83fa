"""One-to-one matching of predicted objects to true ones, and the scores that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray
from cellwright.metrics.overlap import OverlapTable, overlap_table

IOU_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
SPLIT_MERGE_IOU = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """Matched and unmatched objects, and the ratios made of them.

    Where there is neither a true nor a predicted object, every ratio is 1: nothing was to be
    found and nothing was. Every other ratio of nothing to nothing is 0.

    Parameters
    ----------
    true_positives, false_positives, false_negatives : int
        Matched pairs, predicted objects without a partner, true objects without a partner.
    iou_sum : float
        Sum of the intersection over union of the matched pairs.
    """

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    iou_sum: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.iou_sum + other.iou_sum,
        )

    def _ratio(self, part: float, whole: float) -> float:
        nothing = self.true_positives + self.false_positives + self.false_negatives == 0
        return part / whole if whole else float(nothing)

    @property
    def average_precision(self) -> float:
        """TP / (TP + FP + FN), the score of the Data Science Bowl 2018, StarDist and Cellpose."""
        wrong = self.false_positives + self.false_negatives
        return self._ratio(self.true_positives, self.true_positives + wrong)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return self._ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return self._ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), which is also the recognition quality."""
        twice = 2 * self.true_positives
        return self._ratio(twice, twice + self.false_positives + self.false_negatives)

    @property
    def segmentation_quality(self) -> float:
        """Mean intersection over union of the matched pairs."""
        return self._ratio(self.iou_sum, self.true_positives)

    @property
    def panoptic_quality(self) -> float:
        """Segmentation quality times recognition quality (`f1`); see `InstanceScores`."""
        return self.segmentation_quality * self.f1


RATIOS: dict[str, Callable[[Counts], float]] = {
    "average_precision": lambda counts: counts.average_precision,
    "precision": lambda counts: counts.precision,
    "recall": lambda counts: counts.recall,
    "f1": lambda counts: counts.f1,
    "panoptic_quality": lambda counts: counts.panoptic_quality,
    "segmentation_quality": lambda counts: counts.segmentation_quality,
    "recognition_quality": lambda counts: counts.f1,
}


def pooled_row(counts: Counts) -> dict[str, float]:
    """Return counts and all of `RATIOS`, as they stand in ``metrics.json``."""
    return {
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "false_negatives": counts.false_negatives,
        **{name: ratio(counts) for name, ratio in RATIOS.items()},
    }


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs of true and predicted objects that overlap enough, each object in one pair at most.

    Attributes
    ----------
    threshold : float
        Least intersection over union of a pair.
    truth, prediction : array of int, shape (TP,)
        Labels of the matched objects, sorted by `truth`.
    iou : array of float, shape (TP,)
        Intersection over union of each pair.
    counts : Counts
        True and false positives, false negatives, and the ratios made of them.
    """

    threshold: float
    truth: IntArray
    prediction: IntArray
    iou: DoubleArray
    counts: Counts


def match(truth: AnyArray, prediction: AnyArray, threshold: float = 0.5) -> Matching:
    """Match predicted objects to true ones at an intersection over union of at least `threshold`.

    The matching has as many pairs as possible and, among those, the largest sum of intersections
    over unions. Above 0.5 it is unique, since no object can share more than half of the union
    with two others.

    Parameters
    ----------
    truth : array of int, shape ([Z,] Y, X)
        True objects; 0 is background, pixels below 0 are unknown and left out of both labellings.
    prediction : array of int, shape ([Z,] Y, X)
        Predicted objects; 0 is background.
    threshold : float
        Least intersection over union of a pair, in (0, 1].

    Returns
    -------
    Matching
        The pairs and the counts.

    Raises
    ------
    InputError
        If the shapes differ, the labels are not integers, or the threshold is out of range.
    """
    return match_overlaps(overlap_table(truth, prediction), threshold)


def match_overlaps(table: OverlapTable, threshold: float) -> Matching:
    """Match objects whose overlaps have been counted already; see `match`."""
    if not 0 < threshold <= 1:
        raise InputError(f"The IoU threshold {threshold} is not above 0 and at most 1.")
    iou = table.iou
    enough = iou >= threshold
    truth, prediction, iou = table.truth[enough], table.prediction[enough], iou[enough]
    chosen = one_to_one(truth, prediction, iou)
    pairs = int(np.count_nonzero(chosen))
    counts = Counts(
        true_positives=pairs,
        false_positives=table.predicted_labels.size - pairs,
        false_negatives=table.truth_labels.size - pairs,
        iou_sum=float(iou[chosen].sum()),
    )
    return Matching(threshold, truth[chosen], prediction[chosen], iou[chosen], counts)


def one_to_one(truth: IntArray, prediction: IntArray, quality: DoubleArray) -> BoolArray:
    """Choose the most pairs, then the largest total quality, with each label used once at most.

    Parameters
    ----------
    truth, prediction : ndarray of int, shape (P,)
        The two sides of the pairs to choose from.
    quality : ndarray of float, shape (P,)
        0 to 1.

    Returns
    -------
    ndarray of bool, shape (P,)
    """
    _, truth_index, truth_uses = np.unique(truth, return_inverse=True, return_counts=True)
    _, predicted_index, predicted_uses = np.unique(
        prediction, return_inverse=True, return_counts=True
    )
    contested = (truth_uses[truth_index] > 1) | (predicted_uses[predicted_index] > 1)
    chosen = ~contested
    if contested.any():
        chosen[contested] = _assign(truth[contested], prediction[contested], quality[contested])
    return chosen


def _assign(truth: IntArray, prediction: IntArray, quality: DoubleArray) -> BoolArray:
    """Solve the sparse assignment problem among contested pairs."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows = np.unique(truth, return_inverse=True)[1]
    columns = np.unique(prediction, return_inverse=True)[1]
    row_count, column_count = rows.max() + 1, columns.max() + 1
    # A pair is worth more than any total of the qualities, so that their number counts first. Each
    # true object may also take a partner of its own that is worth less: to stay unmatched.
    worth = 2 + quality / (2 * min(row_count, column_count))
    alone = np.arange(row_count)
    weights = csr_array(
        (
            np.concatenate([worth, np.ones(row_count)]),
            (np.concatenate([rows, alone]), np.concatenate([columns, column_count + alone])),
        ),
        shape=(row_count, column_count + row_count),
    )
    partner = np.full(row_count, -1)
    matched_rows, matched_columns = min_weight_full_bipartite_matching(weights, maximize=True)
    partner[matched_rows] = matched_columns
    return np.asarray(partner[rows] == columns)


def splits_and_merges(table: OverlapTable) -> tuple[int, int]:
    """Count true objects that were split and predicted objects that merge several.

    A true object is split when at least two predicted objects overlap it with an intersection
    over union above 0.1; a predicted object is a merge when at least two true objects overlap it
    so [1]_.

    Parameters
    ----------
    table : OverlapTable
        Shared pixels of the true and the predicted objects.

    Returns
    -------
    splits, merges : int
        Number of split true objects and of merging predicted objects.

    References
    ----------
    .. [1] J. C. Caicedo et al. (2019) Evaluation of deep learning strategies for nucleus
       segmentation in fluorescence images. Cytometry A 95, 952-965. :doi:`10.1002/cyto.a.23863`
    """
    touching = table.iou > SPLIT_MERGE_IOU
    splits = np.unique(table.truth[touching], return_counts=True)[1] > 1
    merges = np.unique(table.prediction[touching], return_counts=True)[1] > 1
    return int(splits.sum()), int(merges.sum())


@dataclass(frozen=True, slots=True)
class _ImageScore:
    counts: dict[float, Counts]
    truth: int
    predicted: int
    splits: int
    merges: int


@dataclass(slots=True)
class InstanceScores:
    """Scores of predicted objects over a set of images, pooled and averaged per image.

    Pooled scores count the objects of all images together, so that crowded images weigh more.
    Per-image scores are means over the images, where an image with neither true nor predicted
    objects scores 1.

    Parameters
    ----------
    thresholds : sequence of float
        Intersections over unions at which objects are matched.

    References
    ----------
    Panoptic quality: A. Kirillov et al. (2019) Panoptic segmentation. CVPR.
    :doi:`10.1109/CVPR.2019.00963`

    Examples
    --------
    >>> import numpy as np
    >>> scores = InstanceScores(thresholds=(0.5,))
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> _ = scores.add(truth, np.array([[1, 1, 0, 0, 0]]))
    >>> _ = scores.add(truth, truth)
    >>> scores.pooled("average_precision", 0.5), scores.per_image("average_precision", 0.5)
    (0.75, 0.75)
    """

    thresholds: Sequence[float] = IOU_THRESHOLDS
    _images: list[_ImageScore] = field(default_factory=list, init=False, repr=False)

    def add(self, truth: AnyArray, prediction: AnyArray) -> dict[float, Matching]:
        """Score one image and return its matching at each threshold; see `match`."""
        return self.add_overlaps(overlap_table(truth, prediction))

    def add_overlaps(self, table: OverlapTable) -> dict[float, Matching]:
        """Score one image whose overlaps have been counted already; see `add`."""
        matchings = {threshold: match_overlaps(table, threshold) for threshold in self.thresholds}
        splits, merges = splits_and_merges(table)
        self._images.append(
            _ImageScore(
                counts={threshold: found.counts for threshold, found in matchings.items()},
                truth=table.truth_labels.size,
                predicted=table.predicted_labels.size,
                splits=splits,
                merges=merges,
            )
        )
        return matchings

    def counts(self, threshold: float) -> Counts:
        """Return matched and unmatched objects of all images at one of the thresholds."""
        return sum((image.counts[threshold] for image in self._images), Counts())

    def pooled(self, ratio: str, threshold: float) -> float:
        """Return one of `RATIOS` over the objects of all images."""
        return RATIOS[ratio](self.counts(threshold))

    def per_image(self, ratio: str, threshold: float) -> float:
        """Return the mean of one of `RATIOS` over the images; NaN without images."""
        if not self._images:
            return float("nan")
        return float(np.mean([RATIOS[ratio](image.counts[threshold]) for image in self._images]))

    def as_dict(self) -> dict[str, Any]:
        """Return all scores as plain numbers, ready for ``metrics.json``.

        ``count_error`` is the number of predicted minus true objects over all images,
        ``relative_count_error`` the same divided by the true objects (None without any), and
        ``mean_absolute_count_error`` the mean over images of its size.
        """
        images = self._images
        truth = sum(image.truth for image in images)
        error = sum(image.predicted for image in images) - truth
        absolute = [abs(image.predicted - image.truth) for image in images]
        return {
            "images": len(images),
            "true_objects": truth,
            "predicted_objects": truth + error,
            "count_error": error,
            "relative_count_error": error / truth if truth else None,
            "mean_absolute_count_error": float(np.mean(absolute)) if images else None,
            "splits": sum(image.splits for image in images),
            "merges": sum(image.merges for image in images),
            "pooled": {f"{t:g}": pooled_row(self.counts(t)) for t in self.thresholds},
            "per_image": {f"{t:g}": self._image_row(t) for t in self.thresholds},
        }

    def _image_row(self, threshold: float) -> dict[str, float | None]:
        if not self._images:
            return dict.fromkeys(RATIOS)
        return {name: self.per_image(name, threshold) for name in RATIOS}
