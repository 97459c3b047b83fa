"""What was decided where annotators differ; nothing is ever removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.studio.database import Database, append_only, now
from cellwright.studio.tools import Point

OPEN, AGREE, TAKE, NONE, DRAW = CHOICES = ("open", "agree", "take", "none", "draw")
"""Undecided; the middle of what all drew; that of one; no object; an outline drawn anew."""
_TABLES = """
CREATE TABLE IF NOT EXISTS decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, place TEXT NOT NULL,
    object TEXT NOT NULL, choice TEXT NOT NULL, person TEXT NOT NULL, outline TEXT NOT NULL,
    who TEXT NOT NULL, made TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_of ON decisions (image, place);
CREATE TABLE IF NOT EXISTS consensus (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, edit INTEGER NOT NULL,
    decided TEXT NOT NULL, who TEXT NOT NULL, made TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an object on which annotators differ.

    Parameters
    ----------
    choice : str
        One of `CHOICES`.
    person : str
        Whose outline is taken.
    outline : tuple of (y, x)
        What was drawn anew, in px.
    who, made : str
        Who decided, and when, in ISO 8601.
    """

    choice: str
    person: str = ""
    outline: tuple[Point, ...] = ()
    who: str = ""
    made: str = ""


class Decisions(Database):
    """All decisions of a project; see `Database`."""

    schema = _TABLES + append_only("decisions", "consensus")

    def take(
        self,
        image: str,
        place: tuple[int, ...],
        key: str,
        choice: str,
        *,
        who: str,
        person: str = "",
        outline: Sequence[Point] = (),
    ) -> None:
        """Decide about an object; the last word counts."""
        row = image, json.dumps(place), key, choice, person, json.dumps(outline), who, now()
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT INTO decisions (image, place, object, choice, person, outline, who, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def of(self, image: str, place: tuple[int, ...]) -> dict[str, Decision]:
        """Return what was decided last about the objects of a plane."""
        rows = self._rows(
            "SELECT object, choice, person, outline, who, made FROM decisions "
            "WHERE image = ? AND place = ? ORDER BY id",
            image,
            json.dumps(place),
        )
        return {
            key: Decision(choice, person, tuple((y, x) for y, x in json.loads(outline)), who, made)
            for key, choice, person, outline, who, made in rows
        }

    def latest(self, image: str) -> str:
        """Return when something was decided last about an image; nothing where that never was."""
        ((made,),) = self._rows("SELECT MAX(made) FROM decisions WHERE image = ?", image)
        return made or ""

    def write_consensus(self, image: str, edit: int, decided: str, *, who: str) -> None:
        """Note what a consensus was made of: the last edit, and when was decided last."""
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT INTO consensus (image, edit, decided, who, made) VALUES (?, ?, ?, ?, ?)",
                (image, edit, decided, who, now()),
            )

    def consensus(self, image: str) -> tuple[int, str] | None:
        """Return what the consensus of an image was made of; None where there is none."""
        rows = self._rows(
            "SELECT edit, decided FROM consensus WHERE image = ? ORDER BY id DESC LIMIT 1", image
        )
        return None if not rows else (int(rows[0][0]), str(rows[0][1]))
