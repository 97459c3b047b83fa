"""Where people who annotated the same image differ, and what becomes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, IntArray, LabelArray
from cellwright.metrics.agreement import (
    Box,
    Group,
    both_known,
    cohen_kappa,
    foreground_confusion,
    group_objects,
    mean_outline,
)
from cellwright.metrics.matching import Counts, match
from cellwright.studio.decisions import AGREE, CHOICES, DRAW, OPEN, TAKE, Decision
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.facts import CLASS
from cellwright.studio.people_states import own_jobs
from cellwright.studio.people_work import NEW
from cellwright.studio.tools import outlined

ALIKE = 0.7
"""Objects with less overlap than this are shown, though they count as the same."""
PixelBox = tuple[int, int, int, int]
"""First row and column, and those after the last: ``y0, x0, y1, x1``."""
_LARGEST = 8192**2  # px that are compared at once


@dataclass(frozen=True, slots=True)
class Pair:
    """How far two people agree.

    Parameters
    ----------
    people : tuple of str
    counts : Counts
        Objects that match at IoU 0.5, of the second person to the first.
    pixels : ndarray of int, shape (2, 2)
        On which pixels they see an object.
    classes : ndarray of int, shape (K, K)
        Classes of the objects that match; 0 for none.
    """

    people: tuple[str, str]
    counts: Counts
    pixels: IntArray
    classes: IntArray

    def __add__(self, other: Pair) -> Pair:
        size = max(len(self.classes), len(other.classes))
        classes = np.zeros((size, size), np.int64)
        for one in (self.classes, other.classes):
            classes[: len(one), : len(one)] += one
        return Pair(self.people, self.counts + other.counts, self.pixels + other.pixels, classes)

    def told(self) -> dict[str, Any]:
        """Return scores; None where there is nothing on which they could differ."""
        counts = self.counts
        return {
            "people": self.people,
            "both": counts.true_positives,
            "only_first": counts.false_negatives,
            "only_second": counts.false_positives,
            "f1": round(counts.f1, 4),
            "average_precision": round(counts.average_precision, 4),
            "kappa": _number(cohen_kappa(self.pixels)),
            "class_kappa": _number(cohen_kappa(self.classes[1:, 1:])),
        }


@dataclass(frozen=True, slots=True)
class Case:
    """One object, as one or several people drew it.

    Parameters
    ----------
    key : str
        How it is called; another one when other objects belong to it.
    members : mapping of str to int
        Its label by person.
    box : PixelBox
        Where it is.
    iou : float
        How alike the outlines are.
    decision : Decision
        What becomes of it; `AGREE` without anybody's doing where more than half of all drew it.
    """

    key: str
    members: Mapping[str, int]
    box: PixelBox
    iou: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Comparison:
    """A plane as several people annotated it.

    Parameters
    ----------
    people : tuple of str
    corner : tuple of int
        Row and column where the arrays begin: only what anybody drew is compared.
    labels : tuple of ndarray, shape (Y, X), int32
        Of each person.
    boxes : tuple of mapping of int to tuple of int
        Where the objects of each person are in the whole plane.
    size : tuple of int
        Of the whole plane, in px.
    cases : tuple of Case
        All objects, from the top.
    """

    people: tuple[str, ...]
    corner: tuple[int, int]
    labels: tuple[LabelArray, ...]
    boxes: tuple[Mapping[int, PixelBox], ...]
    size: tuple[int, int]
    cases: tuple[Case, ...] = ()

    def differing(self) -> list[Case]:
        """Return what not all drew, or not alike; what is open first, then the least alike."""
        found = [
            case
            for case in self.cases
            if len(case.members) < len(self.people) or case.iou < ALIKE or case.decision.who
        ]
        return sorted(found, key=lambda case: (case.decision.choice != OPEN, case.iou, case.box))

    def mask(self, person: str, label: int) -> tuple[Box, BoolArray]:
        """Return where in the plane an object of somebody is, and its pixels there."""
        who = self.people.index(person)
        y0, x0, y1, x1 = self.boxes[who][label]
        y, x = self.corner
        pixels = self.labels[who][y0 - y : y1 - y, x0 - x : x1 - x]
        return (slice(y0, y1), slice(x0, x1)), pixels == label


def annotators(desk: Desk, number: int) -> list[str]:
    """Return who has begun to annotate an image independently of the others."""
    return [job.person for job in own_jobs(desk, number) if job.state != NEW]


def compare(desk: Desk, number: int, index: tuple[int, ...]) -> Comparison:
    """Compare what several people drew on a plane.

    Raises
    ------
    UsageError
        If it is too large.
    """
    people = tuple(annotators(desk, number))
    sheets = [desk.sheet(number, person) for person in people]
    size = desk.sheet(number).annotation.canvas.shape[-2:]
    boxes = [_boxes(sheet, index) for sheet in sheets]
    rows, columns = _around(boxes)
    if (rows.stop - rows.start) * (columns.stop - columns.start) > _LARGEST:
        raise UsageError("What was drawn here is spread too widely to be compared at once.")
    labels = tuple(sheet.annotation.canvas[(*index, rows, columns)] for sheet in sheets)
    corner = rows.start, columns.start
    found = Comparison(people, corner, labels, tuple(boxes), (size[0], size[1]))
    decided = desk.decisions.of(desk.item(number).name, index)
    groups = group_objects(labels) if len(labels) > 1 else ()
    cases = sorted((_case(group, found, decided) for group in groups), key=lambda case: case.box)
    return replace(found, cases=tuple(cases))


def pairs(desk: Desk, number: int, found: Comparison) -> list[Pair]:
    """Return how far every two people agree on a plane."""
    told = []
    for (a, one), (b, other) in combinations(enumerate(found.labels), 2):
        first, second = both_known(one, other)
        matching = match(first, second)
        pixels = foreground_confusion(one, other)
        pixels[0, 0] += math.prod(found.size) - one.size
        kinds = [desk.sheet(number, found.people[who]).annotation.facts[CLASS] for who in (a, b)]
        classes = np.zeros((1, 1), np.int64)
        if any(kinds):
            size = 1 + max(max(of.values(), default=0) for of in kinds)
            classes = np.zeros((size, size), np.int64)
            for x, y in zip(matching.truth, matching.prediction, strict=True):
                classes[kinds[0].get(int(x), 0), kinds[1].get(int(y), 0)] += 1
        told.append(Pair((found.people[a], found.people[b]), matching.counts, pixels, classes))
    return told


def combined(case: Case, found: Comparison) -> BoolArray:
    """Return the pixels in the middle of all outlines of an object, in its box."""
    return mean_outline([found.mask(who, label) for who, label in case.members.items()])[1]


def decide(
    desk: Desk,
    number: int,
    index: tuple[int, ...],
    key: str,
    wanted: Decision,
) -> None:
    """Decide what becomes of an object.

    Raises
    ------
    UsageError
        If there is no such object or choice, or the person did not draw it.
    """
    case = next((c for c in compare(desk, number, index).cases if c.key == key), None)
    if case is None:
        raise UsageError("This object was changed meanwhile; look at it again.")
    if wanted.choice not in CHOICES:
        raise UsageError(f"Choose one of {', '.join(CHOICES)}, not '{wanted.choice[:40]}'.")
    if wanted.choice == TAKE and wanted.person not in case.members:
        raise UsageError(f"'{wanted.person[:40]}' did not draw this object.")
    if wanted.choice == DRAW:
        outlined(wanted.outline, desk.sheet(number).annotation.canvas.shape[-2:])
    desk.decisions.take(
        *(desk.item(number).name, index, key, wanted.choice),
        who=wanted.who,
        person=wanted.person if wanted.choice == TAKE else "",
        outline=wanted.outline if wanted.choice == DRAW else (),
    )


def _boxes(sheet: Sheet, index: tuple[int, ...]) -> dict[int, PixelBox]:
    with sheet.annotation.inventory() as inventory:
        plane = inventory.plane(index)
    boxes = (tuple(box) for box in plane.box.tolist())
    return dict(zip(plane.label.tolist(), boxes, strict=True))


def _union(boxes: Sequence[PixelBox]) -> PixelBox:
    (y0, x0), (y1, x1) = np.min(boxes, axis=0)[:2].tolist(), np.max(boxes, axis=0)[2:].tolist()
    return y0, x0, y1, x1


def _around(boxes: Sequence[Mapping[int, PixelBox]]) -> tuple[slice, slice]:
    """Return the part of a plane in which anybody drew an object."""
    every = [box for of in boxes for box in of.values()]
    y0, x0, y1, x1 = _union(every) if every else (0, 0, 1, 1)
    return slice(y0, y1), slice(x0, x1)


def _case(group: Group, found: Comparison, decided: Mapping[str, Decision]) -> Case:
    members = {found.people[who]: label for who, label in group.members}
    key = json.dumps(sorted(members.items()), ensure_ascii=False)
    box = _union([found.boxes[who][label] for who, label in group.members])
    settled = Decision(AGREE if 2 * len(members) > len(found.people) else OPEN)
    said = decided.get(key, settled)
    return Case(key, members, box, group.iou, settled if said.choice == OPEN else said)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
