"""Which images to annotate next, so that a model learns most from the fewest objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray
from cellwright.metrics.matching import match

UNKNOWN_DOUBT = 0.5
"""Doubt about an image in which nothing was found: there may be nothing, or all may be missed."""
LOOKING = 5.0
"""To open an image and look it over takes as long as to annotate so many objects."""
_LEAST = 0.05  # of every factor, so that none alone rules an image out


@dataclass(frozen=True, slots=True)
class Doubt:
    """How little is to be expected of what a model finds in an image.

    Parameters
    ----------
    wrong : float
        Share of the objects that are expected to be wrong, from 0 to 1.
    objects : float
        How many objects are expected; NaN where nothing was found.
    """

    wrong: float
    objects: float


def doubt(confidences: AnyArray, labels: LabelArray, again: LabelArray) -> Doubt:
    """Return the doubt about what was found in an image, and again in the same image turned.

    Right are those objects that are found either way [1]_ and believed in: each counts as much as
    it is likely to be one, so that many that hardly any belief is put in say little. Beliefs alone
    will not do. A model of a few images, whose confidence rests on fewer still, is sure of the
    pieces into which it breaks what it never saw, but breaks the same image turned another way.

    Parameters
    ----------
    confidences : ndarray, shape (N,)
        Probability of every object that was found to be right.
    labels : ndarray, shape (Y, X), int32
        These objects.
    again : ndarray, shape (Y, X), int32
        Those found in the turned image, turned back.

    Returns
    -------
    Doubt
        With `UNKNOWN_DOUBT` where nothing was found either way.

    Raises
    ------
    InputError
        If the labels differ in shape.

    References
    ----------
    .. [1] M. Gao et al., Consistency-based semi-supervised active learning, ECCV 2020.
    """
    counts = match(labels, again).counts
    both = counts.true_positives
    either = both + counts.false_positives + counts.false_negatives
    if either == 0:
        return Doubt(UNKNOWN_DOUBT, math.nan)
    expected = float(np.sum(confidences, dtype=np.float64))
    believed = float(np.sum(np.square(confidences, dtype=np.float64))) / expected if expected else 0
    return Doubt(1 - believed * both / either, float(both))


def next_to_annotate(
    doubts: Sequence[Doubt],
    features: DoubleArray,
    known: DoubleArray,
    novelty: AnyArray | None = None,
    *,
    count: int = 1,
) -> IntArray:
    """Choose images that the model doubts, unlike those annotated and unlike each other.

    What an image is worth is the product of three factors between 0 and 1: its doubt; its distance
    to the nearest image that is annotated or was chosen before it, over that plus its median; and
    its novelty over that plus 1. Its score is that over the work of annotating it: the objects of
    one image resemble each other, so that few in many images teach more than many in few. Taking
    one image after the other by distance alone would be the greedy cover of [1]_, by doubt alone
    uncertainty sampling [2]_, which [3]_ divides by the work, too.

    Parameters
    ----------
    doubts : sequence of Doubt
        Of each. Where no objects were found, the work is taken for the median of all.
    features : ndarray, shape (N, F)
        What the images look like, see `cellwright.quality.novelty.image_features`.
    known : ndarray, shape (M, F)
        The same of the annotated images; M may be 0.
    novelty : ndarray, shape (N,), optional
        Distance from the training data, in units of its limit; NaN where unknown.
    count : int
        How many are wanted.

    Returns
    -------
    ndarray of int, shape (min(count, N),)
        Places of the chosen images, the most useful first.

    References
    ----------
    .. [1] O. Sener, S. Savarese, Active learning for convolutional neural networks: a core-set
       approach, ICLR 2018.
    .. [2] B. Settles, Active learning literature survey, University of Wisconsin-Madison, 2009.
    .. [3] B. Settles, M. Craven, L. Friedland, Active learning with real annotation costs, NIPS
       workshop on cost-sensitive learning, 2008.
    """
    scale = np.std(np.concatenate([features, known]), axis=0) + 1e-9
    here, there = features / scale, known / scale
    nearest = np.full(len(here), np.inf)
    for one in there:
        nearest = np.minimum(nearest, _distances(here, one))
    worth = np.maximum(np.array([one.wrong for one in doubts], np.float64), _LEAST)
    worth = worth / _work(np.array([one.objects for one in doubts], np.float64))
    if novelty is not None:
        new = np.nan_to_num(np.asarray(novelty, np.float64), nan=1.0)
        worth = worth * np.maximum(new / (new + 1), _LEAST)
    chosen: list[int] = []
    for _ in range(min(count, len(here))):
        score = worth * np.maximum(_diversity(nearest), _LEAST)
        score[chosen] = -1
        best = int(np.argmax(score))
        chosen.append(best)
        nearest = np.minimum(nearest, _distances(here, here[best]))
    return np.array(chosen, np.int64)


def _work(objects: DoubleArray) -> DoubleArray:
    """Return what it takes to annotate images, in objects."""
    known = np.isfinite(objects)
    usual = float(np.median(objects[known])) if known.any() else 0.0
    return np.where(known, objects, usual) + LOOKING


def _diversity(nearest: DoubleArray) -> DoubleArray:
    """Return distances as numbers from 0 to 1, 0.5 for the median."""
    if not np.isfinite(nearest).all():
        return np.ones(len(nearest))  # nothing is known that they could resemble
    typical = float(np.median(nearest)) or 1.0
    return np.asarray(nearest / (nearest + typical))


def _distances(points: DoubleArray, one: DoubleArray) -> DoubleArray:
    return np.asarray(np.sqrt(np.square(points - one).mean(axis=1)))
