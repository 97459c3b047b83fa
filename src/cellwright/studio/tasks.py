"""Tasks small enough for volunteers: one object at a time; answers of several count together."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray
from cellwright.studio.database import Database, append_only, now
from cellwright.studio.tools import Point

JUDGE, OUTLINE = KINDS = ("judge", "outline")
"""Whether an outline is right; and to draw it."""
YES, NO, UNSURE = ANSWERS = ("yes", "no", "unsure")
"""For an outline to be drawn: it is drawn, there is no object, or one cannot tell."""
MOST_VOTES = 25
_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, place TEXT NOT NULL,
    kind TEXT NOT NULL, object TEXT NOT NULL, label INTEGER NOT NULL, y INTEGER NOT NULL,
    x INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL, mask BLOB NOT NULL,
    votes INTEGER NOT NULL, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, task INTEGER NOT NULL REFERENCES tasks (id),
    who TEXT NOT NULL, answer TEXT NOT NULL, outline TEXT NOT NULL, made TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answers_to ON answers (task);
CREATE TABLE IF NOT EXISTS results (
    task INTEGER PRIMARY KEY REFERENCES tasks (id), result TEXT NOT NULL, made TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one object.

    Parameters
    ----------
    image : str
    place : tuple of int
        Index of the plane along the leading axes of the labels.
    kind : str
        One of `KINDS`.
    y, x : int
        Upper left pixel of the object.
    mask : ndarray of bool, shape (Y, X)
        Its pixels when the task was made.
    votes : int
        How many answers decide.
    label : int
        Of the object in the label file; 0 for a difference between annotators.
    key : str
        Of that difference.
    """

    image: str
    place: tuple[int, ...]
    kind: str
    y: int
    x: int
    mask: BoolArray
    votes: int
    label: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A question that was put.

    Parameters
    ----------
    id : int
    question : Question
    """

    id: int
    question: Question


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said.

    Parameters
    ----------
    who : str
    answer : str
        One of `ANSWERS`.
    outline : tuple of (y, x)
        What was drawn, in px.
    """

    who: str
    answer: str
    outline: tuple[Point, ...] = ()


class Tasks(Database):
    """All tasks of a project; see `Database`."""

    schema = _TABLES + append_only("tasks", "answers", "results")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.deciding = threading.Lock()
        """Held while an answer is taken, so that what follows from it follows once."""

    def put(self, questions: Sequence[Question]) -> int:
        """Put questions that are not open already; returns how many are new."""
        rows = {_about(q): (*_about(q), *_packed(q), now()) for q in questions}
        with self._explained(), self._lock, self._transaction():
            asked = set(
                self._rows(
                    "SELECT image, place, kind, label, object FROM tasks "
                    "WHERE id NOT IN (SELECT task FROM results)"
                )
            )
            new = [row for about, row in rows.items() if about not in asked]
            self._db.executemany(
                "INSERT INTO tasks (image, place, kind, label, object, y, x, height, width, mask, "
                "votes, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                new,
            )
        return len(new)

    def task(self, number: int) -> Task:
        """Return one task.

        Raises
        ------
        UsageError
            If there is none of that number.
        """
        found = self._tasks("WHERE id = ?", number)
        if not found:
            raise UsageError(f"There is no task {number}; reload the page.")
        return found[0]

    def next_for(self, who: str) -> Task | None:
        """Return what somebody has not answered yet, what needs fewest more answers first."""
        found = self._tasks(
            "WHERE id NOT IN (SELECT task FROM results) "
            "AND id NOT IN (SELECT task FROM answers WHERE who = ?) "
            "ORDER BY votes - (SELECT COUNT(DISTINCT who) FROM answers WHERE task = tasks.id), id "
            "LIMIT 1",
            who,
        )
        return found[0] if found else None

    def left_for(self, who: str) -> int:
        """Return how many tasks somebody can still do."""
        ((count,),) = self._rows(
            "SELECT COUNT(*) FROM tasks WHERE id NOT IN (SELECT task FROM results) "
            "AND id NOT IN (SELECT task FROM answers WHERE who = ?)",
            who,
        )
        return int(count)

    def answer(self, task: int, answer: Answer) -> None:
        """Keep what somebody said; the last word counts."""
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT INTO answers (task, who, answer, outline, made) VALUES (?, ?, ?, ?, ?)",
                (task, answer.who, answer.answer, json.dumps(answer.outline), now()),
            )

    def answers(self, task: int) -> list[Answer]:
        """Return what everybody said last."""
        rows = self._rows(
            "SELECT who, answer, outline FROM answers WHERE task = ? ORDER BY id", task
        )
        last = {
            who: Answer(who, said, tuple((y, x) for y, x in json.loads(outline)))
            for who, said, outline in rows
        }
        return list(last.values())

    def settle(self, task: int, result: str) -> None:
        """Note the result of a task."""
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO results VALUES (?, ?, ?)", (task, result, now())
            )

    def is_settled(self, task: int) -> bool:
        """Return whether a task has a result."""
        return bool(self._rows("SELECT 1 FROM results WHERE task = ?", task))

    def progress(self) -> dict[str, dict[str, int]]:
        """Return how many tasks of each kind have which result, ``"open"`` for none."""
        rows = self._rows(
            "SELECT kind, COALESCE(result, 'open'), COUNT(*) FROM tasks "
            "LEFT JOIN results ON results.task = tasks.id GROUP BY 1, 2"
        )
        told: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        for kind, result, count in rows:
            told[kind][result] = count
        return told

    def by_person(self) -> dict[str, int]:
        """Return how many tasks everybody has answered."""
        rows = self._rows("SELECT who, COUNT(DISTINCT task) FROM answers GROUP BY who ORDER BY who")
        return dict(rows)

    def _tasks(self, where: str, *values: object) -> list[Task]:
        rows = self._rows(
            "SELECT id, image, place, kind, object, label, y, x, height, width, mask, votes "
            f"FROM tasks {where}",
            *values,
        )
        return [
            Task(
                number,
                Question(
                    image=image,
                    place=tuple(json.loads(place)),
                    kind=kind,
                    y=y,
                    x=x,
                    mask=_unpacked(mask, height, width),
                    votes=votes,
                    label=label,
                    key=key,
                ),
            )
            for number, image, place, kind, key, label, y, x, height, width, mask, votes in rows
        ]


def majority(answers: Sequence[Answer], votes: int) -> str | None:
    """Return what most say, of those who can tell; None until enough have, or while even."""
    told = Counter(one.answer for one in answers if one.answer != UNSURE)
    if told.total() < votes or told[YES] == told[NO]:
        return None
    return YES if told[YES] > told[NO] else NO


def _about(question: Question) -> tuple[str, str, str, int, str]:
    """Return what is asked, whatever the object looks like."""
    place = json.dumps(question.place)
    return question.image, place, question.kind, question.label, question.key


def _packed(question: Question) -> tuple[object, ...]:
    mask = question.mask
    packed = zlib.compress(np.packbits(mask).tobytes())
    return question.y, question.x, *mask.shape, packed, question.votes


def _unpacked(blob: bytes, height: int, width: int) -> BoolArray:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(blob), np.uint8), count=height * width)
    return bits.reshape(height, width).astype(bool)
