"""One-to-one matching of found points to true ones, and the scores that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray
from cellwright.metrics.matching import Counts, one_to_one


@dataclass(frozen=True, slots=True)
class PointMatching:
    """Pairs of true and found points that are close enough, each point in one pair at most.

    Attributes
    ----------
    radius : float
        Greatest distance of a pair.
    truth, prediction : array of int, shape (TP,)
        Indices of the matched points, sorted by `truth`.
    distance : array of float, shape (TP,)
        Of each pair.
    counts : Counts
        True and false positives, false negatives, and the ratios made of them.
    """

    radius: float
    truth: IntArray
    prediction: IntArray
    distance: DoubleArray
    counts: Counts

    @property
    def rmse(self) -> float:
        """Root of the mean squared distance of the pairs; NaN where there is none."""
        return float(np.sqrt(np.mean(self.distance**2))) if len(self.distance) else float("nan")


def match_points(
    truth: AnyArray,
    prediction: AnyArray,
    radius: float,
    *,
    spacing: float | Sequence[float] = 1.0,
) -> PointMatching:
    """Match found points to true ones that are at most `radius` away.

    The matching has as many pairs as possible and, among those, the least sum of distances.

    Parameters
    ----------
    truth, prediction : array, shape (N, D) and (M, D)
        Positions in px.
    radius : float
        Greatest distance of a pair, in px, or in the unit of `spacing`.
    spacing : float or one per axis
        Size of a pixel.

    Returns
    -------
    PointMatching

    Raises
    ------
    InputError
        If the positions are not finite or of different dimensions, or the radius not positive.
    """
    if not radius > 0:
        raise InputError(f"The radius {radius} within which points match is not above 0.")
    true, found = (_scaled(points, spacing) for points in (truth, prediction))
    if true.shape[1] != found.shape[1] and len(true) and len(found):
        raise InputError(
            f"True points have {true.shape[1]} coordinates, found ones {found.shape[1]}."
        )
    rows, columns, distance = _close_pairs(true, found, radius)
    chosen = one_to_one(rows, columns, 1 - distance / radius)
    rows, columns, distance = rows[chosen], columns[chosen], distance[chosen]
    order = np.argsort(rows)
    counts = Counts(
        true_positives=len(rows),
        false_positives=len(found) - len(rows),
        false_negatives=len(true) - len(rows),
    )
    return PointMatching(radius, rows[order], columns[order], distance[order], counts)


def _scaled(points: AnyArray, spacing: float | Sequence[float]) -> DoubleArray:
    array = np.asarray(points, np.float64)
    if array.size == 0:
        return np.zeros((0, array.shape[1] if array.ndim == 2 else np.size(spacing)))
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError(f"Points are rows of finite numbers, not an array of shape {array.shape}.")
    if np.size(spacing) not in (1, array.shape[1]):
        raise InputError(f"There are {np.size(spacing)} spacings for {array.shape[1]} axes.")
    scaled: DoubleArray = array * np.asarray(spacing, np.float64)
    return scaled


def _close_pairs(
    true: DoubleArray, found: DoubleArray, radius: float
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return all pairs within the radius, sorted by the true point."""
    from scipy.spatial import KDTree

    none = np.zeros(0, np.int64)
    if not len(true) or not len(found):
        return none, none, np.zeros(0)
    near = KDTree(found).query_ball_point(true, radius)
    counts = [len(one) for one in near]
    rows = np.repeat(np.arange(len(true)), counts)
    columns = np.concatenate([none, *(np.asarray(one, np.int64) for one in near if one)])
    return rows, columns, np.sqrt(((true[rows] - found[columns]) ** 2).sum(1))


_FAR = 1e6


def by_class(positions: AnyArray, classes: AnyArray) -> DoubleArray:
    """Return positions with the class as one more axis, along which no two classes are close.

    Matching such positions, with a spacing of 1 along that axis, is matching within each class.

    Parameters
    ----------
    positions : ndarray, shape (N, D)
    classes : ndarray of int, shape (N,)

    Returns
    -------
    ndarray, shape (N, 1 + D), float64
    """
    return np.column_stack([_FAR * np.asarray(classes), np.asarray(positions, np.float64)])


def class_of(positions: DoubleArray) -> IntArray:
    """Return the classes (N,) of positions that `by_class` made."""
    return np.rint(positions[:, 0] / _FAR).astype(np.int64)


def correct(matching: PointMatching, count: int) -> BoolArray:
    """Return which of `count` found points match a true one."""
    right = np.zeros(count, np.bool_)
    right[matching.prediction] = True
    return right


@dataclass(frozen=True, slots=True)
class BestF1:
    """The F1 score of the points above a threshold, and the threshold for which it is highest."""

    f1: float
    threshold: float


def best_f1(confidence: AnyArray, right: BoolArray, true_points: int) -> BestF1:
    """Return the highest F1 score that leaving out unsure points can reach.

    Parameters
    ----------
    confidence : ndarray, shape (N,)
        Of each found point.
    right : ndarray, shape (N,), bool
        Whether it matches a true point.
    true_points : int
        How many there are in truth.

    Returns
    -------
    BestF1
        The threshold lies halfway between the last point that is kept and the next; 0 where all
        are kept, or there is none.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order].astype(np.float64)
    kept = np.arange(1, len(order) + 1)
    scores = 2 * np.cumsum(right[order]) / np.maximum(kept + true_points, 1)
    last = np.append(ordered[1:] < ordered[:-1], True)[: len(order)]  # equals stay together
    if not scores.size:
        return BestF1(float(true_points == 0), 0.0)
    best = int(np.argmax(np.where(last, scores, -1)))
    if best == len(order) - 1:
        return BestF1(float(scores[best]), 0.0)
    return BestF1(float(scores[best]), float(ordered[best : best + 2].mean()))


@dataclass(slots=True)
class PointScores:
    """Scores of found points over a set of images, pooled.

    Parameters
    ----------
    radius : float
        Greatest distance of a pair, in px, or in the unit of `spacing`.
    spacing : float or one per axis
        Size of a pixel.

    Examples
    --------
    >>> scores = PointScores(radius=2.0)
    >>> _ = scores.add([[1.0, 1.0], [5.0, 5.0]], [[1.0, 1.5]])
    >>> scores.counts.recall, scores.rmse, scores.as_dict()["count_error"]
    (0.5, 0.5, -1)
    """

    radius: float
    spacing: float | Sequence[float] = 1.0
    _matchings: list[PointMatching] = field(default_factory=list, init=False, repr=False)

    def add(self, truth: AnyArray, prediction: AnyArray) -> PointMatching:
        """Score one image and return its matching; see `match_points`."""
        matching = match_points(truth, prediction, self.radius, spacing=self.spacing)
        self._matchings.append(matching)
        return matching

    @property
    def counts(self) -> Counts:
        """Matched and unmatched points of all images."""
        return sum((matching.counts for matching in self._matchings), Counts())

    @property
    def rmse(self) -> float:
        """Root of the mean squared distance of all pairs; NaN where there is none."""
        distances = [matching.distance for matching in self._matchings]
        squares = np.concatenate(distances or [np.zeros(0)]) ** 2
        return float(np.sqrt(squares.mean())) if len(squares) else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return all scores as plain numbers, ready for ``metrics.json``.

        ``jaccard`` is TP / (TP + FP + FN), ``count_error`` the number of found minus true points
        over all images, ``mean_absolute_count_error`` the mean over images of its size, ``rmse``
        the root mean squared distance of the pairs; None where nothing is there to compute them
        from.
        """
        counts = self.counts
        errors = [m.counts.false_positives - m.counts.false_negatives for m in self._matchings]
        return {
            "images": len(self._matchings),
            "radius": self.radius,
            "true_points": counts.true_positives + counts.false_negatives,
            "found_points": counts.true_positives + counts.false_positives,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "jaccard": counts.average_precision,
            "rmse": self.rmse if counts.true_positives else None,
            "count_error": sum(errors),
            "mean_absolute_count_error": float(np.mean(np.abs(errors))) if errors else None,
        }
