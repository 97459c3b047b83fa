"""Judging a model of any kind: its scores, its speed and pictures, from one look at each image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cellwright._types import Table
from cellwright.datasets.records import Example
from cellwright.models.boxes import BoxModel
from cellwright.models.classes import ClassModel
from cellwright.models.load import AnyModel
from cellwright.models.points import PointModel
from cellwright.reports.annotated import ValidationExample, example_card
from cellwright.runs.evaluate.boxes import BoxEvaluation, ScoredBoxes, score_boxes
from cellwright.runs.evaluate.classes import ClassEvaluation, ScoredClasses, score_classes
from cellwright.runs.evaluate.instances import Evaluation
from cellwright.runs.evaluate.pictures import drawn_plane
from cellwright.runs.evaluate.points import PointEvaluation, ScoredPoints, score_points
from cellwright.runs.evaluate.scoring import Scored, score

_AnyScored = Scored | ScoredClasses | ScoredBoxes | ScoredPoints


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
    evaluation, found = _way_of(model)
    speeds, shown = [], []
    for scored, seconds in _timed(found(examples)):
        evaluation.add(scored)
        speeds.append(seconds / (math.prod(scored.image.shape[1:]) / 1e6))
        if scored.example.id in pictured:
            shown.append((scored.example.id, drawn_plane(evaluation, scored)))
    scores = evaluation.table()
    values = dict(zip(scores["image"].tolist(), scores[column].tolist(), strict=True))
    pictures = {
        name: example_card(ValidationExample(name, f"{column} {values[name]:.2f}", *plane))
        for name, plane in shown
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


def _way_of(model: AnyModel) -> tuple[Any, Callable[[Sequence[Example]], Iterable[Any]]]:
    """Return what collects the scores of a model, and what looks at examples."""
    if isinstance(model, ClassModel):
        return ClassEvaluation(model.names), partial(score_classes, model)
    if isinstance(model, BoxModel):
        least = model.least_of_classes(None)
        return BoxEvaluation(model.classes, least), partial(score_boxes, model)
    if isinstance(model, PointModel):
        return PointEvaluation(model.tolerance, model.spacing), partial(score_points, model)
    return Evaluation(), partial(score, model)
