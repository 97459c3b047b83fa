"""Choosing the parameters of the classical pipeline on a few labelled images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from cellwright._errors import DatasetError, UsageError
from cellwright._progress import check_time
from cellwright._types import AnyArray, FloatArray
from cellwright.methods.classical.pipeline import ClassicalPipeline, normalised
from cellwright.metrics.matching import InstanceScores

_IOUS = (0.5, 0.75)  # found at all, and outlined well
_AGREED = 0.9  # share of the images in which objects are brighter, or darker
_CHOICES: Mapping[str, Sequence[Any]] = {
    "background": (0.0, 1.0, 2.5),
    "smoothing": (0.0, 1.0, 2.0),
    "factor": (0.5, 0.65, 0.8, 1.0, 1.2, 1.4),
    "locality": (0.0, 0.3, 0.6, 0.9),
    "seeds": ("shape", "blobs"),
    "detail": (0.03, 0.06, 0.12, 0.25, 0.35),
    "neck": (0.7, 0.8, 0.87, 0.93, 0.97),
    "smallest": (0.03, 0.1, 0.2),
    "least": (0.1, 0.25, 0.5),
}


def fit_classical(
    images: Sequence[AnyArray],
    labels: Sequence[AnyArray],
    *,
    diameter: float | None = None,
    joint: bool = False,
    anisotropy: float = 1.0,
    window: int | None = None,
    trials: int = 25,
    seed: int = 0,
) -> tuple[ClassicalPipeline, float]:
    """Choose the parameters that find the objects of a few labelled images best.

    Polarity and sizes are read off the labels. The other parameters begin with their defaults, and
    again with the best of `trials` random draws: one parameter after the other takes its best
    value, until none improves the score any more. The better end of both ways is returned.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, [Z,] Y, X)
    labels : sequence of ndarray of int, shape ([Z,] Y, X)
        Their true objects; 0 is background, -1 unknown.
    diameter : float, optional
        Of a typical object, in px; that of the labels when not given.
    joint : bool
        Whether channels share one level, as colours do.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.
    window : int, optional
        Side of the part of each image that is looked at, in px: the one with most objects.
    trials : int
        Number of random draws; 0 is enough where the defaults are nearly right.
    seed : int
        The same examples and seed give the same parameters.

    Returns
    -------
    pipeline : ClassicalPipeline
        The one with the highest average precision.
    precision : float
        The mean over these images and over IoU 0.5 and 0.75.

    Raises
    ------
    UsageError
        If the numbers of images and labels differ, or that of trials is negative.
    DatasetError
        If the labels hold no object.
    """
    if len(images) != len(labels) or not images or trials < 0:
        raise UsageError(
            f"{len(images)} images, {len(labels)} labels, {trials} trials: "
            "give one label image for each image, and 0 or more trials."
        )
    rng = np.random.default_rng(seed)
    known, largest = _sizes(labels, anisotropy)
    diameter = diameter or known
    start = ClassicalPipeline(
        diameter=diameter,
        polarity=_polarity(images, labels),
        largest=max(2.0, math.ceil(largest / diameter)),
        joint=joint,
        anisotropy=anisotropy,
    )
    parts = [_richest(truth, window) for truth in labels]
    seen = [
        np.ascontiguousarray(normalised(pixels, start.normalisation)[(slice(None), *part)])
        for pixels, part in zip(images, parts, strict=True)
    ]
    truths = [truth[part] for truth, part in zip(labels, parts, strict=True)]
    scores: dict[ClassicalPipeline, float] = {}

    def score(pipeline: ClassicalPipeline) -> float:
        if pipeline not in scores:
            check_time()
            scores[pipeline] = precision(pipeline, seen, truths)
        return scores[pipeline]

    def drawn() -> ClassicalPipeline:
        return replace(
            start,
            **{name: values[int(rng.integers(len(values)))] for name, values in _CHOICES.items()},
        )

    def climbed(best: ClassicalPipeline) -> ClassicalPipeline:
        before = -1.0
        while score(best) > before:
            before = score(best)
            for name in rng.permutation(list(_CHOICES)).tolist():
                best = max([best, *(replace(best, **{name: v}) for v in _CHOICES[name])], key=score)
        return best

    luckiest = max([start, *(drawn() for _ in range(trials))], key=score)
    best = max([climbed(start), climbed(luckiest)], key=score)
    return best, score(best)


def precision(
    pipeline: ClassicalPipeline, images: Sequence[FloatArray], labels: Sequence[AnyArray]
) -> float:
    """Return the average precision of a pipeline on normalised images.

    Averaged over the images and two thresholds of the IoU: whether objects are found at all, and
    whether they are outlined well.
    """
    scores = InstanceScores(_IOUS)
    for pixels, truth in zip(images, labels, strict=True):
        scores.add(truth, pipeline.segment_normalised(pixels))
    return float(np.mean([scores.per_image("average_precision", iou) for iou in _IOUS]))


def _richest(truth: AnyArray, window: int | None) -> tuple[slice, ...]:
    """Return the part of a label image with the most pixels of objects, of a few beside each other.

    Parameters
    ----------
    truth : ndarray of int, shape ([Z,] Y, X)
    window : int, optional
        Its side in px; the whole image when not given.
    """
    if window is None or max(truth.shape) <= window:
        return tuple(slice(0, size) for size in truth.shape)
    sides = []
    for size in truth.shape:
        count = max(1, -(-size // window))
        starts = np.linspace(0, max(size - window, 0), count).astype(int).tolist()
        sides.append([slice(start, start + window) for start in starts])
    return max(product(*sides), key=lambda part: int(np.count_nonzero(truth[part] > 0)))


def _polarity(images: Sequence[AnyArray], labels: Sequence[AnyArray]) -> str:
    """Return what objects are in nearly all images; ``"rare"`` where images differ."""
    brighter = []
    for pixels, truth in zip(images, labels, strict=True):
        inside, outside = truth > 0, truth == 0
        if inside.any() and outside.any():
            grey = pixels.mean(axis=0)
            brighter.append(grey[inside].mean() >= grey[outside].mean())
    share = np.mean(brighter) if brighter else 1.0
    if share >= _AGREED:
        return "bright"
    return "dark" if share <= 1 - _AGREED else "rare"


def _sizes(labels: Sequence[AnyArray], anisotropy: float) -> tuple[float, float]:
    """Return the median diameter of the true objects and the extent of the longest, in px."""
    from scipy.ndimage import find_objects

    sizes, longest = [], 1.0
    for truth in labels:
        sizes.append(np.bincount(truth[truth > 0])[1:])
        for box in find_objects(np.maximum(truth, 0)):
            if box is not None:
                longest = max(longest, *(side.stop - side.start for side in box[-2:]))
    size = np.concatenate(sizes)
    if not size.any():
        raise DatasetError("The labels hold no object: give examples with objects to learn from.")
    typical = float(np.median(size[size > 0]))
    if labels[0].ndim == 2:
        return 2 * math.sqrt(typical / math.pi), longest
    return (6 * typical * anisotropy / math.pi) ** (1 / 3), longest
