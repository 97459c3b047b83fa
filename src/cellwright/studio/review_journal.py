"""What was said about objects and links, by whom, when and why; nothing is ever removed.

It lies beside the result, never in it. What was said about one run does not hold for another that
took its folder. To undo is an entry, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cellwright._types import BoolArray, IntArray, Table
from cellwright.studio.database import Database, append_only, now

Kind = Literal["flag", "unflag", "exclude", "include", "cut", "join", "divide"]
KINDS: tuple[Kind, ...] = ("flag", "unflag", "exclude", "include")
PINS: tuple[Kind, ...] = ("cut", "join", "divide")
"""What is said about links: of their ends, the earlier first."""
UNDO, REDO = "undo", "redo"
_TABLES = """
CREATE TABLE IF NOT EXISTS marks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, made TEXT NOT NULL,
    who TEXT NOT NULL, kind TEXT NOT NULL, why TEXT NOT NULL, objects TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS marks_of ON marks (run, id);
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of the journal.

    Parameters
    ----------
    id : int
        Rises with time.
    made : str
        When, in ISO 8601, UTC.
    who, kind, why : str
    rows : tuple of int
        Rows of the objects in the table of the result.
    """

    id: int
    made: str
    who: str
    kind: str
    why: str
    rows: tuple[int, ...]


class ReviewJournal(Database):
    """The journal of a result folder, for one of its runs.

    Parameters
    ----------
    path : Path
        See `Database`.
    run : str
        Which run.
    count : int
        Number of objects of the run.
    """

    schema = _TABLES + append_only("marks")

    def __init__(self, path: Path, run: str, count: int) -> None:
        super().__init__(path)
        self._run = run
        self._count = count
        self._done: list[Mark] = []
        self._undone: list[Mark] = []
        for mark in self.history():
            self._replay(mark)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return bool(self._undone)

    @property
    def of_other_runs(self) -> int:
        """How many entries are about other runs, whose objects are not these."""
        ((count,),) = self._rows("SELECT COUNT(*) FROM marks WHERE run != ?", self._run)
        return int(count)

    def mark(self, kind: Kind, rows: Sequence[int], *, who: str, why: str = "") -> None:
        """Say something about objects; when this returns it is on the disk."""
        self._append(kind, tuple(rows), who, why)

    def undo(self, *, who: str) -> None:
        """Take back the last mark that stands, if any."""
        with self._lock:
            if self._done:
                self._append(UNDO, (), who)

    def redo(self, *, who: str) -> None:
        """Mark again what was taken back last, if nothing was marked since."""
        with self._lock:
            if self._undone:
                self._append(REDO, (), who)

    def history(self) -> list[Mark]:
        """Return all that was said, the oldest first."""
        rows = self._rows(
            "SELECT id, made, who, kind, why, objects FROM marks WHERE run = ? ORDER BY id",
            self._run,
        )
        return [
            Mark(number, made, who, kind, why, tuple(json.loads(objects)))
            for number, made, who, kind, why, objects in rows
        ]

    def pins(self) -> list[Mark]:
        """Return what was said about links, as far as it stands."""
        return [mark for mark in self._standing() if mark.kind in PINS]

    def flagged(self) -> BoolArray:
        """Return which objects are flagged, shape (N,)."""
        return np.array(self._latest(self._standing(), "flag", "unflag") >= 0)

    def excluded(self) -> BoolArray:
        """Return which objects are excluded, shape (N,)."""
        return np.array(self._latest(self._standing(), "exclude", "include") >= 0)

    def columns(self) -> Table:
        """Return for every object whether it is excluded or flagged, and why, by whom and when."""
        table: Table = {}
        done = self._standing()
        for name, on, off in (("excluded", "exclude", "include"), ("flagged", "flag", "unflag")):
            latest = self._latest(done, on, off)
            table[name] = latest >= 0
            for column, of in (("why", "why"), ("by", "who"), ("at", "made")):
                known = np.array([*(getattr(mark, of) for mark in done), ""], dtype=str)
                table[f"{name}_{column}"] = known[latest]
        return table

    def _standing(self) -> list[Mark]:
        """Return the marks that stand, whatever is said meanwhile."""
        with self._lock:
            return list(self._done)

    def _latest(self, done: Sequence[Mark], on: str, off: str) -> IntArray:
        """Return the number of the mark, among those that stand, that holds for each object.

        It is -1 where there is none.
        """
        latest = np.full(self._count, -1, np.int64)
        for number, mark in enumerate(done):
            if mark.kind in (on, off):
                latest[list(mark.rows)] = number if mark.kind == on else -1
        return latest

    def _append(self, kind: str, rows: tuple[int, ...], who: str, why: str = "") -> None:
        made = now()
        with self._explained(), self._lock:
            cursor = self._db.execute(
                "INSERT INTO marks (run, made, who, kind, why, objects) VALUES (?, ?, ?, ?, ?, ?)",
                (self._run, made, who, kind, why, json.dumps(rows)),
            )
            assert cursor.lastrowid is not None
            self._replay(Mark(cursor.lastrowid, made, who, kind, why, rows))

    def _replay(self, mark: Mark) -> None:
        if mark.kind == UNDO:
            self._undone.append(self._done.pop())
        elif mark.kind == REDO:
            self._done.append(self._undone.pop())
        else:
            self._done.append(mark)
            self._undone.clear()
