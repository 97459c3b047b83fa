"""Judging a model of any kind: its scores, its speed and pictures, from one look at each image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.datasets.records import Example
from cellwright.images.layers import flattened
from cellwright.models.boxes import BoxModel
from cellwright.models.classes import ClassModel
from cellwright.models.load import AnyModel
from cellwright.models.points import PointModel
from cellwright.reports.annotated import ValidationExample, example_card
from cellwright.runs.evaluate.boxes import BoxEvaluation, ScoredBoxes, score_boxes
from cellwright.runs.evaluate.classes import ClassEvaluation, ScoredClasses, score_classes
from cellwright.runs.evaluate.instances import Evaluation
from cellwright.runs.evaluate.points import PointEvaluation, ScoredPoints, score_points
from cellwright.runs.evaluate.scoring import Scored, middle_plane, score
from cellwright.runs.train.boxes import framed
from cellwright.runs.train.marks import drawn_marks

_AnyScored = Scored | ScoredClasses | ScoredBoxes | ScoredPoints
_Drawn = Callable[[Any], tuple[AnyArray, AnyArray]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of judging a model.

    Parameters
    ----------
    scores : Table
        One row per image, as `cellwright evaluate` writes them.
    seconds_per_megapixel : float
        Median over the images, reading them included.
    pictures : dict
        Cards of some of the images, by their ids.
    """

    scores: Table
    seconds_per_megapixel: float
    pictures: dict[str, Any]


def judge(
    model: AnyModel, examples: Sequence[Example], column: str, pictured: Collection[str] = ()
) -> Judgement:
    """Look at every example once.

    Parameters
    ----------
    model : AnyModel
    examples : sequence of Example
        Annotated images.
    column : str
        The score that stands below pictures.
    pictured : collection of str
        Ids of the examples that pictures are made of.
    """
    evaluation, found, drawn = _way_of(model)
    speeds, shown = [], []
    for scored, seconds in _timed(found(examples)):
        evaluation.add(scored)
        speeds.append(seconds / (math.prod(scored.image.shape[1:]) / 1e6))
        if scored.example.id in pictured:
            truth, labels = drawn(scored)
            image, truth = middle_plane(scored.image, truth)
            labels = middle_plane(scored.image, labels)[1]
            shown.append((scored.example.id, image, truth, labels))
    scores = evaluation.table()
    values = dict(zip(scores["image"].tolist(), scores[column].tolist(), strict=True))
    pictures = {
        name: example_card(
            ValidationExample(name, f"{column} {values[name]:.2f}", image, truth, labels)
        )
        for name, image, truth, labels in shown
    }
    return Judgement(scores, float(np.median(speeds)), pictures)


def _timed(scored: Iterable[_AnyScored]) -> Iterator[tuple[_AnyScored, float]]:
    """Yield what was scored, and the seconds that finding it took."""
    waiting = iter(scored)
    while True:
        begin = time.perf_counter()
        one = next(waiting, None)
        if one is None:
            return
        yield one, time.perf_counter() - begin


def _way_of(model: AnyModel) -> tuple[Any, Callable[[Sequence[Example]], Iterable[Any]], _Drawn]:
    """Return what collects scores, what finds, and what draws truth and findings, for a model."""
    if isinstance(model, ClassModel):
        return ClassEvaluation(model.names), lambda these: score_classes(model, these), _as_found
    if isinstance(model, BoxModel):
        least = model.least_of_classes(None)
        boxes = BoxEvaluation(model.classes, least)
        return boxes, lambda these: score_boxes(model, these), partial(_frames, least)
    if isinstance(model, PointModel):
        points = PointEvaluation(model.tolerance, model.spacing)
        return (
            points,
            lambda these: score_points(model, these),
            partial(_marks, model.tolerance / 2),
        )
    return Evaluation(), lambda these: score(model, these), _as_found


def _as_found(scored: Scored | ScoredClasses) -> tuple[AnyArray, AnyArray]:
    """Return the annotated pixels and those that were found; shape ([Z,] Y, X)."""
    if isinstance(scored, ScoredClasses):
        return scored.truth, scored.classes
    return flattened(scored.truth), scored.labels


def _frames(least: Mapping[str, float], scored: ScoredBoxes) -> tuple[AnyArray, AnyArray]:
    """Return the frames of true boxes, and of those found with at least some confidence."""
    size = scored.image.shape[1:]
    found = scored.found.boxes[scored.sure(least)]
    return framed(scored.truth.corners, size), framed(found, size)


def _marks(radius: float, scored: ScoredPoints) -> tuple[AnyArray, AnyArray]:
    """Return rings of a radius in px around true points, and around those that were found."""
    size = scored.image.shape[1:]
    true = drawn_marks(scored.truth.positions, size, radius)
    return true, drawn_marks(scored.positions, size, radius)
