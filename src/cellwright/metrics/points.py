"""One-to-one matching of found points to true ones, and the scores that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, DoubleArray, IntArray
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
