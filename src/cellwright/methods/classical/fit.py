"""Choosing the parameters of the classical pipeline on a few labelled images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellwright._errors import DatasetError, UsageError
from cellwright._types import AnyArray
from cellwright.methods.classical.pipeline import ClassicalPipeline
from cellwright.metrics.matching import InstanceScores

_IOU = 0.5
_CHOICES: Mapping[str, Sequence[Any]] = {
    "background": (0.0, 1.0, 2.5),
    "smoothing": (0.0, 1.0, 2.0),
    "factor": (0.5, 0.65, 0.8, 1.0, 1.2, 1.4),
    "locality": (0.0, 0.3, 0.6, 0.9),
    "seeds": ("shape", "blobs"),
    "detail": (0.03, 0.06, 0.12, 0.25, 0.35),
    "neck": (0.7, 0.8, 0.87, 0.93, 0.97),
    "smallest": (0.03, 0.1, 0.2),
    "contrast": (2.0, 4.0, 8.0),
}


def fit_classical(
    images: Sequence[AnyArray],
    labels: Sequence[AnyArray],
    *,
    anisotropy: float = 1.0,
    trials: int = 25,
    seed: int = 0,
) -> ClassicalPipeline:
    """Choose the parameters that find the objects of a few labelled images best.

    Diameter and polarity are read off the labels. The others begin with their defaults, and again
    with the best of `trials` random draws: one parameter after the other takes its best value,
    until none improves the score any more. The better end of both ways is returned.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, [Z,] Y, X)
    labels : sequence of ndarray of int, shape ([Z,] Y, X)
        Their true objects; 0 is background, -1 unknown.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.
    trials : int
        Number of random draws; 0 is enough where the defaults are nearly right.
    seed : int
        The same examples and seed give the same parameters.

    Returns
    -------
    ClassicalPipeline
        The one with the highest AP@0.5, averaged over the images.

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
    start = replace(_look(images, labels, anisotropy), anisotropy=anisotropy)
    scores: dict[ClassicalPipeline, float] = {}

    def score(pipeline: ClassicalPipeline) -> float:
        if pipeline not in scores:
            scores[pipeline] = average_precision(pipeline, images, labels)
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
    return max([climbed(start), climbed(luckiest)], key=score)


def average_precision(
    pipeline: ClassicalPipeline, images: Sequence[AnyArray], labels: Sequence[AnyArray]
) -> float:
    """Return AP@0.5 of a pipeline, averaged over labelled images."""
    scores = InstanceScores((_IOU,))
    for pixels, truth in zip(images, labels, strict=True):
        scores.add(truth, pipeline.segment(pixels))
    return scores.per_image("average_precision", _IOU)


def _look(
    images: Sequence[AnyArray], labels: Sequence[AnyArray], anisotropy: float
) -> ClassicalPipeline:
    """Return a pipeline with the diameter and polarity of the true objects."""
    sizes, brighter = [], 0.0
    for pixels, truth in zip(images, labels, strict=True):
        inside, outside = truth > 0, truth == 0
        sizes.append(np.bincount(truth[inside])[1:])
        if inside.any() and outside.any():
            grey = pixels.mean(axis=0)
            brighter += np.sign(grey[inside].mean() - grey[outside].mean())
    size = np.concatenate(sizes)
    if not size.any():
        raise DatasetError("The labels hold no object: give examples with objects to learn from.")
    typical = float(np.median(size[size > 0]))
    flat = labels[0].ndim == 2
    diameter = (
        2 * math.sqrt(typical / math.pi)
        if flat
        else (6 * typical * anisotropy / math.pi) ** (1 / 3)
    )
    return ClassicalPipeline(diameter=diameter, polarity="bright" if brighter >= 0 else "dark")
