"""From objects to tasks, and from the answers of several people back to labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray
from cellwright.metrics.agreement import Box, mean_outline
from cellwright.studio.agreement import combined, compare
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.decisions import AGREE, NONE, OPEN, TAKE
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.tasks import (
    ANSWERS,
    JUDGE,
    KINDS,
    MOST_VOTES,
    OUTLINE,
    YES,
    Answer,
    Question,
    Task,
    majority,
)
from cellwright.studio.tools import Point, Window, outlined

VOLUNTEERS = "volunteers"
RIGHT, WRONG, DRAWN, GONE, OUTDATED = "right", "wrong", "drawn", "gone", "outdated"
"""Results: the outline is right or wrong; it was drawn anew, or there is no object; or somebody
has changed the object meanwhile."""
OBJECTS, DIFFERENCES = ORIGINS = ("objects", "differences")


def put_tasks(desk: Desk, numbers: Sequence[int], origin: str, kind: str, votes: int) -> int:
    """Ask volunteers about all objects of images, or about all that annotators differ on.

    Returns
    -------
    int
        How many questions are new.

    Raises
    ------
    UsageError
        If there are no such questions.
    """
    if origin not in ORIGINS or kind not in KINDS or not 1 <= votes <= MOST_VOTES:
        raise UsageError(
            f"Ask about {' or '.join(ORIGINS)}, to {' or '.join(KINDS)}, with 1 to {MOST_VOTES} "
            "votes."
        )
    if origin == DIFFERENCES and kind != JUDGE:
        raise UsageError("Differences can only be judged; outlines are drawn for objects.")
    ask = _about_objects if origin == OBJECTS else _about_differences
    return desk.tasks.put([q for number in numbers for q in ask(desk, number, kind, votes)])


def take_answer(desk: Desk, number: int, answer: Answer) -> None:
    """Keep an answer, and do what follows where it decides.

    Raises
    ------
    UsageError
        If there is no such task, it is settled, or the answer makes no sense.
    """
    task = desk.tasks.task(number)
    if answer.answer not in ANSWERS:
        raise UsageError(f"Answer with {', '.join(ANSWERS)}, not '{answer.answer[:40]}'.")
    if task.question.kind == OUTLINE and answer.answer == YES:
        outlined(answer.outline, _size(desk, task))
    with desk.tasks.deciding:
        if desk.tasks.is_settled(number):
            raise UsageError("Enough others have answered this meanwhile.")
        desk.tasks.answer(number, answer)
        answers = desk.tasks.answers(number)
        said = majority(answers, task.question.votes)
        if said is not None:
            desk.tasks.settle(number, _concluded(desk, task, said == YES, answers))


def _concluded(desk: Desk, task: Task, is_yes: bool, answers: Sequence[Answer]) -> str:
    """Do what most say about a task; returns what that is."""
    question = task.question
    if question.key:
        _decide(desk, question, is_yes)
        return RIGHT if is_yes else WRONG
    sheet = _sheet(desk, question)
    with sheet.annotation.inventory():  # nobody draws between the look and what follows from it
        if not _still_there(sheet, question):
            return OUTDATED
        if question.kind == OUTLINE:
            size = sheet.annotation.canvas.shape[-2:]
            masks = [outlined(a.outline, size) for a in answers if a.answer == YES and is_yes]
            _redraw(sheet, question, masks)
            desk.edited(sheet)
            return DRAWN if is_yes else GONE
    if not is_yes:  # then what is right?
        desk.tasks.put([replace(question, kind=OUTLINE)])
    return RIGHT if is_yes else WRONG


def _decide(desk: Desk, question: Question, is_right: bool) -> None:
    """Say what volunteers say about a difference between annotators."""
    number = _number(desk, question)
    cases = compare(desk, number, question.place).cases
    case = next((one for one in cases if one.key == question.key), None)
    if case is None:
        return  # it was drawn differently meanwhile
    several = len(case.members) > 1
    choice = (AGREE if several else TAKE) if is_right else NONE
    person = next(iter(case.members)) if choice == TAKE else ""
    desk.decisions.take(
        *(question.image, question.place, question.key, choice), who=VOLUNTEERS, person=person
    )


def _redraw(sheet: Sheet, question: Question, drawn: Sequence[tuple[Box, BoolArray]]) -> None:
    """Give an object the outline that lies in the middle of what was drawn; without any, none."""
    place, label = question.place, question.label
    height, width = question.mask.shape
    old = slice(question.y, question.y + height), slice(question.x, question.x + width)
    new, inside = mean_outline(drawn) if drawn else (old, np.zeros_like(question.mask))
    y0, x0 = (min(a.start, b.start) for a, b in zip(old, new, strict=True))
    y1, x1 = (max(a.stop, b.stop) for a, b in zip(old, new, strict=True))

    def make(canvas: LabelCanvas, _: int) -> list[Window]:
        values = canvas[(*place, slice(y0, y1), slice(x0, x1))].copy()
        values[values == label] = 0
        part = values[new[0].start - y0 : new[0].stop - y0, new[1].start - x0 : new[1].stop - x0]
        part[inside & (part <= 0)] = label
        return [Window(place, y0, x0, values)]

    sheet.annotation.apply(VOLUNTEERS, make, who=VOLUNTEERS)


def _about_objects(desk: Desk, number: int, kind: str, votes: int) -> Iterator[Question]:
    sheet = desk.sheet(number)
    for index in np.ndindex(*sheet.annotation.canvas.shape[:-2]):
        with sheet.annotation.inventory() as inventory:
            plane = inventory.plane(index)
        for label, (y0, x0, y1, x1) in zip(plane.label.tolist(), plane.box.tolist(), strict=True):
            there = sheet.annotation.canvas[(*index, slice(y0, y1), slice(x0, x1))]
            yield Question(sheet.item.name, index, kind, y0, x0, there == label, votes, label=label)


def _about_differences(desk: Desk, number: int, kind: str, votes: int) -> Iterator[Question]:
    sheet = desk.sheet(number)
    for index in np.ndindex(*sheet.annotation.canvas.shape[:-2]):
        found = compare(desk, number, index)
        for case in found.cases:
            if case.decision.choice == OPEN:
                y0, x0, *_ = case.box
                mask = combined(case, found)
                yield Question(sheet.item.name, index, kind, y0, x0, mask, votes, key=case.key)


def _still_there(sheet: Sheet, question: Question) -> bool:
    """Whether an object is as it was when it was asked about."""
    with sheet.annotation.inventory() as inventory:
        plane = inventory.plane(question.place)
    row = plane.row(question.label)
    if row is None or plane.area[row] != np.count_nonzero(question.mask):
        return False
    height, width = question.mask.shape
    box = slice(question.y, question.y + height), slice(question.x, question.x + width)
    there = sheet.annotation.canvas[(*question.place, *box)] == question.label
    return bool((there == question.mask).all())


def _number(desk: Desk, question: Question) -> int:
    names = [item.name for item in desk.project.items]
    if question.image not in names:
        raise UsageError(f"The image '{question.image}' is not there any more.")
    return names.index(question.image)


def _sheet(desk: Desk, question: Question) -> Sheet:
    return desk.sheet(_number(desk, question))


def _size(desk: Desk, task: Task) -> tuple[int, ...]:
    return _sheet(desk, task.question).annotation.canvas.shape[-2:]


def contour(question: Question) -> list[list[Point]]:
    """Return the outlines of the object of a task, corners (y, x) in px."""
    from skimage.measure import find_contours

    padded = np.pad(question.mask, 1)
    shift = np.array([question.y - 0.5, question.x - 0.5])  # pixel i is from i to i + 1
    return [
        [(round(float(y), 2), round(float(x), 2)) for y, x in line + shift]
        for line in find_contours(padded.astype(float), 0.5)
    ]
