"""Scores of objects that also have a class, and which classes are mistaken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._types import AnyArray, IntArray
from cellwright.metrics.matching import (
    IOU_THRESHOLDS,
    RATIOS,
    Counts,
    Matching,
    match_overlaps,
    pooled_row,
)
from cellwright.metrics.overlap import OverlapTable, overlap_table

CONFUSION_IOU = 0.5


@dataclass(slots=True)
class ObjectClassScores:
    """Scores of classed objects over a set of images, pooled.

    Objects are matched whatever their class. A pair is right for a class if both are of it; a
    found object is wrong for its class if it has no partner or one of another class, and a true
    one is missed in the same way. True objects whose class is unknown, and their partners, count
    for none. Found objects whose class is unknown are as good as not found.

    Parameters
    ----------
    classes : sequence of str
        Names of the classes 1, 2, 3 ...
    thresholds : sequence of float
        Intersections over unions at which objects are matched.

    References
    ----------
    S. Graham et al. (2019) HoVer-Net: simultaneous segmentation and classification of nuclei in
    multi-tissue histology images. Medical Image Analysis 58, 101563.
    :doi:`10.1016/j.media.2019.101563`
    """

    classes: Sequence[str]
    thresholds: Sequence[float] = IOU_THRESHOLDS
    _counts: dict[tuple[float, int], Counts] = field(default_factory=dict, init=False, repr=False)
    _confusion: IntArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._confusion = np.zeros((len(self.classes) + 1, len(self.classes) + 1), np.int64)

    def add(
        self, truth: AnyArray, prediction: AnyArray, true_kinds: IntArray, kinds: IntArray
    ) -> None:
        """Score one image.

        Parameters
        ----------
        truth, prediction : array of int, shape ([Z,] Y, X)
            As for `cellwright.metrics.matching.match`.
        true_kinds, kinds : array of int, shape (N + 1,), (M + 1,)
            Class of each object by its label, from 1; 0 where it is unknown.
        """
        self.add_overlaps(overlap_table(truth, prediction), true_kinds, kinds)

    def add_overlaps(self, table: OverlapTable, true_kinds: IntArray, kinds: IntArray) -> None:
        """Score one image whose overlaps have been counted already; see `add`."""
        true, found = true_kinds[table.truth_labels], kinds[table.predicted_labels]
        for threshold in self.thresholds:
            matched = match_overlaps(table, threshold)
            pairs = true_kinds[matched.truth], kinds[matched.prediction]
            for kind in range(1, len(self.classes) + 1):
                counts = _counts_of(kind, true, found, pairs, matched)
                before = self._counts.get((threshold, kind), Counts())
                self._counts[threshold, kind] = before + counts
        self._confuse(true, found, match_overlaps(table, CONFUSION_IOU), true_kinds, kinds)

    def counts(self, name: str, threshold: float) -> Counts:
        """Return matched and unmatched objects of one class at one of the thresholds."""
        return self._counts.get((threshold, self.classes.index(name) + 1), Counts())

    @property
    def confusion(self) -> IntArray:
        """Objects by their true class (rows) and that found (columns), at IoU ≥ 0.5.

        The last column are true objects that were not found, the last row found ones that are
        none.
        """
        return self._confusion.copy()

    @property
    def accuracy(self) -> float | None:
        """Share of the matched objects of known class whose class is right; None without any."""
        matched = self._confusion[:-1, :-1]
        return float(np.trace(matched) / matched.sum()) if matched.sum() else None

    def as_dict(self) -> dict[str, Any]:
        """Return all scores as plain numbers, ready for ``metrics.json``.

        ``mean_over_classes`` is over the classes that occur in the truth, however rare.
        """
        true_objects = self._confusion[:-1].sum(1)
        occurring = [name for name, n in zip(self.classes, true_objects, strict=True) if n]
        return {
            "class_accuracy": self.accuracy,
            "confusion": {
                "rows": "true class; 'no object' for what was found but is none",
                "columns": "class found; 'not found' for what was missed",
                "true": [*self.classes, "no object"],
                "found": [*self.classes, "not found"],
                "counts": self._confusion.tolist(),
            },
            "per_class": {
                name: {
                    "true_objects": int(self._confusion[number, :].sum()),
                    "predicted_objects": int(self._confusion[:, number].sum()),
                    "pooled": {f"{t:g}": pooled_row(self.counts(name, t)) for t in self.thresholds},
                }
                for number, name in enumerate(self.classes)
            },
            "mean_over_classes": {
                f"{t:g}": {
                    ratio: float(np.mean([of(self.counts(name, t)) for name in occurring]))
                    if occurring
                    else None
                    for ratio, of in RATIOS.items()
                }
                for t in self.thresholds
            },
        }

    def _confuse(
        self,
        true: IntArray,
        found: IntArray,
        matched: Matching,
        true_kinds: IntArray,
        kinds: IntArray,
    ) -> None:
        """Add one image to the confusion."""
        pairs = true_kinds[matched.truth], kinds[matched.prediction]
        told = (pairs[0] > 0) & (pairs[1] > 0)
        np.add.at(self._confusion, (pairs[0][told] - 1, pairs[1][told] - 1), 1)
        for number in range(1, len(self.classes) + 1):
            missed = np.count_nonzero(true == number) - np.count_nonzero(pairs[0][told] == number)
            extra = np.count_nonzero(found == number) - np.count_nonzero(pairs[1] == number)
            self._confusion[number - 1, -1] += missed
            self._confusion[-1, number - 1] += extra


def _counts_of(
    kind: int,
    true: IntArray,
    found: IntArray,
    pairs: tuple[IntArray, IntArray],
    matched: Matching,
) -> Counts:
    """Return the counts of one class in one image; `pairs` are the classes of matched objects."""
    true_of_pair, kind_of_pair = pairs
    right = (true_of_pair == kind) & (kind_of_pair == kind)
    not_judged = (true_of_pair == 0) & (kind_of_pair == kind)
    positives = int(np.count_nonzero(right))
    return Counts(
        true_positives=positives,
        false_positives=int(np.count_nonzero(found == kind) - np.count_nonzero(not_judged))
        - positives,
        false_negatives=int(np.count_nonzero(true == kind)) - positives,
        iou_sum=float(matched.iou[right].sum()),
    )
