"""Who is to annotate which image, and how far everybody is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cellwright._errors import UsageError
from cellwright.studio.database import Database, append_only, now

NEW, STARTED, DONE, CHECKED, AGAIN = STATES = ("new", "started", "done", "checked", "again")
"""To do, in progress, done, checked by somebody, and needing another look."""
LONGEST_NOTE = 500  # characters
_PAUSE = timedelta(minutes=2)
_TABLES = """
CREATE TABLE IF NOT EXISTS assignments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, people TEXT NOT NULL,
    apart INTEGER NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, person TEXT NOT NULL,
    state TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who annotates an image.

    Parameters
    ----------
    people : tuple of str
        Nobody stands for whoever likes to.
    apart : bool
        Whether each has labels of their own, which none of the others sees, rather than all the
        same.
    """

    people: tuple[str, ...] = ()
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about the labels of an image.

    Parameters
    ----------
    state : str
        One of `STATES`.
    note, who, made : str
        Why, by whom, and when, in ISO 8601.
    """

    state: str
    note: str
    who: str
    made: str


class Work(Database):
    """Who annotates what in a project; see `Database`."""

    schema = _TABLES + append_only("assignments", "reviews")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        rows = self._rows("SELECT image, people, apart FROM assignments ORDER BY id")
        self._assigned = {
            image: Assignment(tuple(json.loads(people)), bool(apart))
            for image, people, apart in rows
        }
        rows = self._rows("SELECT image, person, state, note, who, made FROM reviews ORDER BY id")
        self._said = {(image, person): Said(*about) for image, person, *about in rows}

    def assign(self, assignments: Mapping[str, Assignment], *, who: str) -> None:
        """Say who annotates images; the last word counts."""
        rows = [
            (image, json.dumps(one.people), one.apart, who, now())
            for image, one in assignments.items()
        ]
        insert = "INSERT INTO assignments (image, people, apart, who, made) VALUES (?, ?, ?, ?, ?)"
        with self._explained(), self._lock:
            with self._transaction():
                self._db.executemany(insert, rows)
            self._assigned = {**self._assigned, **assignments}

    def assignment(self, image: str) -> Assignment:
        """Return who annotates an image."""
        return self._assigned.get(image, Assignment())

    def has_own(self, image: str, person: str) -> bool:
        """Return whether somebody has labels of their own for an image."""
        one = self.assignment(image)
        return one.apart and person in one.people

    def say(self, image: str, person: str, state: str, *, who: str, note: str = "") -> None:
        """Say how far the labels of a person are; those that all share are of nobody, ``""``.

        Raises
        ------
        UsageError
            If there is no such state, or the note is too long.
        """
        if state not in STATES:
            raise UsageError(f"There is no state '{state[:40]}'; there are {', '.join(STATES)}.")
        if len(note) > LONGEST_NOTE:
            raise UsageError(f"A note has up to {LONGEST_NOTE} letters.")
        said = Said(state, note, who, now())
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT INTO reviews (image, person, state, note, who, made) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (image, person, state, note, who, said.made),
            )
            self._said = {**self._said, (image, person): said}

    def said(self, image: str, person: str) -> Said | None:
        """Return what was said last about the labels of an image and a person, if anything."""
        return self._said.get((image, person))


def spread(images: Sequence[str], people: Sequence[str], each: int) -> dict[str, tuple[str, ...]]:
    """Spread images over people evenly, and so that everybody shares images with everybody.

    Parameters
    ----------
    images, people : sequence of str
    each : int
        How many people annotate one image.

    Returns
    -------
    dict of str to tuple of str
        The people of every image. Nobody has more than one image more than anybody else.

    Raises
    ------
    UsageError
        If there are not as many people.
    """
    if not 1 <= each <= len(set(people)):
        raise UsageError(
            f"There are {len(set(people))} people to choose from, so that 1 to "
            f"{len(set(people))} can annotate an image, not {each}."
        )
    load: Counter[str] = Counter()
    shared: Counter[frozenset[str]] = Counter()
    order = {name: number for number, name in enumerate(dict.fromkeys(people))}
    spread_: dict[str, tuple[str, ...]] = {}
    for image in images:
        chosen: list[str] = []
        for _ in range(each):
            chosen.append(
                min(
                    (name for name in order if name not in chosen),
                    key=lambda n: (
                        load[n],
                        sum(shared[frozenset((n, other))] for other in chosen),
                        order[n],
                    ),
                )
            )
        load.update(chosen)
        shared.update(frozenset((a, b)) for a in chosen for b in chosen if a < b)
        spread_[image] = tuple(sorted(chosen, key=order.__getitem__))
    return spread_


def active_minutes(times: Sequence[datetime]) -> float:
    """Return how long somebody was at work, from when edits were made; pauses do not count."""
    gaps = (later - earlier for earlier, later in pairwise(times))
    return sum((gap for gap in gaps if gap <= _PAUSE), timedelta()).total_seconds() / 60
