"""How far every image and everybody is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cellwright._errors import InputError
from cellwright.studio.desk import Desk
from cellwright.studio.people_work import (
    AGAIN,
    CHECKED,
    DONE,
    NEW,
    STARTED,
    Said,
    active_minutes,
)
from cellwright.studio.project import Item, existing_labels

EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The labels of an image, by one person or by all.

    Parameters
    ----------
    person : str
        Whose labels; `EVERYBODY` for those of the label file.
    state : str
        One of `cellwright.studio.people_work.STATES`.
    note, who : str
        What was said about them last, and by whom.
    """

    person: str
    state: str
    note: str = ""
    who: str = ""


def jobs(desk: Desk) -> list[list[Job]]:
    """Return for every image how far its label file is, then the labels of those with their own."""
    done, edited = desk.journal.finished(), desk.journal.edited()
    return [
        [_shared(desk, item, item.name in done, item.name in edited), *own_jobs(desk, number)]
        for number, item in enumerate(desk.project.items)
    ]


def own_jobs(desk: Desk, number: int) -> list[Job]:
    """Return how far those are who annotate an image independently of each other."""
    item = desk.item(number)
    assignment = desk.work.assignment(item.name)
    return [_own(desk, item, one) for one in (assignment.people if assignment.apart else ())]


def job_of(found: list[Job], who: str) -> Job:
    """Return the job of an image that is somebody's."""
    return next((job for job in found if job.person == who), found[0])


def say(desk: Desk, number: int, person: str, state: str, *, who: str, note: str = "") -> None:
    """Say how far the labels of an image are.

    Raises
    ------
    InputError
        If the person has no labels of their own for it.
    UsageError
        If there is no such state.
    """
    name = desk.item(number).name
    if person and not desk.work.has_own(name, person):
        raise InputError(f"{person} has no labels of their own for '{name}'.")
    desk.work.say(name, person, state, who=who, note=note)
    if not person:
        desk.journal.mark(name, state in (DONE, CHECKED))


def statistics(desk: Desk) -> list[dict[str, Any]]:
    """Return what everybody has done: objects drawn, minutes at work, images done and to do."""
    drawn, times = desk.journal.drawn(), desk.journal.times()
    found = jobs(desk)
    told = []
    for person in desk.people.all():
        own = [
            job_of(of, person.name)
            for item, of in zip(desk.project.items, found, strict=True)
            if person.name in desk.work.assignment(item.name).people
        ]
        told.append(
            {
                "name": person.name,
                "colour": person.colour,
                "objects": drawn.get(person.name, 0),
                "minutes": round(active_minutes(times.get(person.name, [])), 1),
                "images": len(own),
                "done": sum(job.state in (DONE, CHECKED) for job in own),
            }
        )
    return told


def _shared(desk: Desk, item: Item, is_done: bool, is_edited: bool) -> Job:
    said = desk.work.said(item.name, EVERYBODY)
    last = "" if said is None else said.state
    if is_done:
        state = CHECKED if last == CHECKED else DONE
    elif last == AGAIN:
        state = AGAIN
    else:
        state = STARTED if is_edited or existing_labels(item) else NEW
    return _job(EVERYBODY, state, said)


def _own(desk: Desk, item: Item, person: str) -> Job:
    said = desk.work.said(item.name, person)
    if said is not None and said.state in (DONE, CHECKED, AGAIN):
        return _job(person, said.state, said)
    begun = desk.journal.is_edited(desk.project.own(item, person).name)
    return _job(person, STARTED if begun else NEW, said)


def _job(person: str, state: str, said: Said | None) -> Job:
    if said is None or said.state != state:
        return Job(person, state)
    return Job(person, state, said.note, said.who)
