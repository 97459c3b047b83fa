"""The journal: every edit, in order, on disk before it shows; nothing is ever changed in it.

An edit is stored as the pixels and the facts before and after, so that it can be taken back, done
again and replayed exactly, whatever tool made it. To undo is an edit, too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from cellwright._types import LabelArray
from cellwright.studio.database import Database, append_only, now
from cellwright.studio.facts import Change, Facts

UNDO, REDO, LOADED = "undo", "redo", "loaded"
CONSENSUS = "consensus"
"""What is agreed by several becomes the labels: nobody has drawn it."""
_TABLES = """
CREATE TABLE IF NOT EXISTS edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, made TEXT NOT NULL,
    who TEXT NOT NULL, kind TEXT NOT NULL, target INTEGER);
CREATE INDEX IF NOT EXISTS edits_of ON edits (image, id);
CREATE TABLE IF NOT EXISTS patches (
    edit INTEGER NOT NULL REFERENCES edits (id), place TEXT NOT NULL, y INTEGER NOT NULL,
    x INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
    before BLOB NOT NULL, after BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS patches_of ON patches (edit);
CREATE TABLE IF NOT EXISTS drawn (edit INTEGER PRIMARY KEY, objects INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS facts (
    edit INTEGER NOT NULL REFERENCES edits (id), about TEXT NOT NULL, number INTEGER NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS facts_of ON facts (edit);
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, edit INTEGER NOT NULL,
    ours INTEGER NOT NULL, size INTEGER, modified INTEGER);
CREATE TABLE IF NOT EXISTS finished (image TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS areas (
    id INTEGER PRIMARY KEY AUTOINCREMENT, image TEXT NOT NULL, place TEXT NOT NULL,
    y INTEGER NOT NULL, x INTEGER NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Patch:
    """What an edit did to one rectangle of one plane.

    Parameters
    ----------
    place : tuple of int
        Index along the leading axes of the labels.
    y, x : int
        Upper left pixel.
    before, after : ndarray, shape (Y, X), int32
    """

    place: tuple[int, ...]
    y: int
    x: int
    before: LabelArray
    after: LabelArray


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of the journal.

    Parameters
    ----------
    id : int
        Rises with time.
    made : str
        When, in ISO 8601, UTC.
    who, kind : str
        Who did what.
    target : int, optional
        The edit that an undo or redo is about, or the state that was restored.
    """

    id: int
    made: str
    who: str
    kind: str
    target: int | None


@dataclass(frozen=True, slots=True)
class Stroke:
    """Where an edit changed the labels.

    Parameters
    ----------
    edit : int
    who : str
    place : tuple of int
        Index along the leading axes of the labels.
    y, x, height, width : int
        In px.
    """

    edit: int
    who: str
    place: tuple[int, ...]
    y: int
    x: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in which all objects are annotated, whatever is outside of it.

    Parameters
    ----------
    id : int
    place : tuple of int
        Index along the leading axes of the labels.
    y, x, height, width : int
        In px.
    """

    id: int
    place: tuple[int, ...]
    y: int
    x: int
    height: int
    width: int


Signature = tuple[int, int]
"""Size in bytes and time of change in ns of a file; one that is absent has the size -1."""
ABSENT: Signature = (-1, 0)


@dataclass(frozen=True, slots=True)
class LabelFile:
    """What is known of the label file of an image.

    Parameters
    ----------
    edit : int
        The last edit that is in it.
    ours : bool
        Whether it was written here, or came from elsewhere.
    signature : Signature
        What it looked like when it was last written or read.
    """

    edit: int = 0
    ours: bool = True
    signature: Signature = ABSENT


def signature(path: Path | None) -> Signature:
    """Return what tells whether a file was changed."""
    if path is None or not path.exists():
        return ABSENT
    known = path.stat()
    return known.st_size, known.st_mtime_ns


class Journal(Database):
    """The edits of a project, what is known of its label files, and what is annotated.

    See `Database`.
    """

    schema = _TABLES + append_only("edits", "patches", "facts", "drawn")

    def append(
        self,
        image: str,
        kind: str,
        patches: Sequence[Patch],
        *,
        who: str,
        target: int | None = None,
        changes: Sequence[Change] = (),
        drawn: int = 0,
    ) -> Edit:
        """Write an edit; when this returns it survives whatever happens to the program.

        Parameters
        ----------
        image, kind, patches, who, target, changes
            What was done to which image, by whom; see `Edit`.
        drawn : int
            How many objects are new.
        """
        made = now()
        with self._explained(), self._lock, self._transaction():
            cursor = self._db.execute(
                "INSERT INTO edits (image, made, who, kind, target) VALUES (?, ?, ?, ?, ?)",
                (image, made, who, kind, target),
            )
            assert cursor.lastrowid is not None
            self._db.executemany(
                "INSERT INTO patches VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((cursor.lastrowid, *_packed(patch)) for patch in patches),
            )
            if drawn:
                self._db.execute("INSERT INTO drawn VALUES (?, ?)", (cursor.lastrowid, drawn))
            self._db.executemany(
                "INSERT INTO facts VALUES (?, ?, ?, ?, ?)",
                (
                    (cursor.lastrowid, c.about, c.number, *map(json.dumps, (c.before, c.after)))
                    for c in changes
                ),
            )
        return Edit(cursor.lastrowid, made, who, kind, target)

    def edits(self, image: str) -> list[Edit]:
        """Return all edits of an image, the oldest first."""
        rows = self._rows(
            "SELECT id, made, who, kind, target FROM edits WHERE image = ? ORDER BY id", image
        )
        return [Edit(*row) for row in rows]

    def patches(self, edit: int) -> list[Patch]:
        """Return what an edit did."""
        rows = self._rows(
            "SELECT place, y, x, height, width, before, after FROM patches "
            "WHERE edit = ? ORDER BY rowid",
            edit,
        )
        return [
            Patch(tuple(json.loads(place)), y, x, _unpacked(old, h, w), _unpacked(new, h, w))
            for place, y, x, h, w, old, new in rows
        ]

    def strokes(self, image: str, since: int) -> list[Stroke]:
        """Return where an image was changed after an edit, and by whom."""
        rows = self._rows(
            "SELECT id, who, place, y, x, height, width FROM edits "
            "JOIN patches ON patches.edit = edits.id WHERE image = ? AND id > ? ORDER BY id",
            image,
            since,
        )
        return [Stroke(number, who, tuple(json.loads(p)), *box) for number, who, p, *box in rows]

    def drawn(self) -> dict[str, int]:
        """Return how many objects everybody has drawn and not taken back."""
        rows = self._rows(
            "SELECT edits.who, SUM(CASE edits.kind WHEN 'undo' THEN -objects ELSE objects END) "
            "FROM edits JOIN drawn ON drawn.edit = COALESCE(edits.target, edits.id) "
            "JOIN edits AS own ON own.id = drawn.edit WHERE own.kind != ? GROUP BY edits.who",
            CONSENSUS,
        )
        return dict(rows)

    def times(self) -> dict[str, list[datetime]]:
        """Return when everybody made edits, in order of time."""
        times: dict[str, list[datetime]] = {}
        for who, made in self._rows("SELECT who, made FROM edits ORDER BY id"):
            times.setdefault(who, []).append(datetime.fromisoformat(made))
        return times

    def changes(self, image: str, since: int = 0) -> dict[int, list[Change]]:
        """Return what the edits of an image after one did to facts, by edit, the oldest first."""
        rows = self._rows(
            "SELECT edit, about, number, before, after FROM facts "
            "JOIN edits ON edits.id = facts.edit WHERE image = ? AND edits.id > ? "
            "ORDER BY facts.rowid",
            image,
            since,
        )
        found: dict[int, list[Change]] = {}
        for edit, about, number, before, after in rows:
            change = Change(about, number, json.loads(before), json.loads(after))
            found.setdefault(edit, []).append(change)
        return found

    def facts(self, image: str) -> Facts:
        """Return what is said about an image by now."""
        facts = Facts()
        for changes in self.changes(image).values():
            facts.take(changes)
        return facts

    def label_file(self, image: str) -> tuple[LabelFile, bool]:
        """Return what is known of a label file, and whether replacing it was interrupted since."""
        rows = self._rows(
            "SELECT edit, ours, size, modified FROM files WHERE image = ?1 AND id >= COALESCE("
            "(SELECT MAX(id) FROM files WHERE image = ?1 AND size IS NOT NULL), 0) ORDER BY id",
            image,
        )
        interrupted = bool(rows) and rows[-1][2] is None
        edit, ours, size, modified = rows[0] if rows else (0, True, None, None)
        if size is None:
            return LabelFile(), interrupted
        return LabelFile(edit, bool(ours), (size, modified)), interrupted

    def unsaved(self) -> set[str]:
        """Return the images whose label file lacks edits."""
        rows = self._rows(
            "SELECT image, MAX(id) AS latest FROM edits GROUP BY image HAVING latest > COALESCE("
            "(SELECT edit FROM files WHERE files.image = edits.image AND size IS NOT NULL "
            "ORDER BY id DESC LIMIT 1), 0)"
        )
        return {name for name, _ in rows}

    def adopt(self, image: str, file: LabelFile) -> None:
        """Note a label file that came from elsewhere."""
        self._note_file(image, file.edit, file.ours, *file.signature)

    def begin_save(self, image: str, edit: int) -> int:
        """Note that the label file is about to be replaced; returns the number of the save."""
        return self._note_file(image, edit, True, None, None)

    def end_save(self, number: int, file: Path) -> None:
        """Note that the label file is complete, and what it looks like."""
        with self._explained(), self._lock:
            self._db.execute(
                "UPDATE files SET size = ?, modified = ? WHERE id = ?", (*signature(file), number)
            )

    def _note_file(
        self, image: str, edit: int, ours: bool, size: int | None, modified: int | None
    ) -> int:
        with self._explained(), self._lock:
            cursor = self._db.execute(
                "INSERT INTO files (image, edit, ours, size, modified) VALUES (?, ?, ?, ?, ?)",
                (image, edit, ours, size, modified),
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def edited(self) -> set[str]:
        """Return the images that were edited."""
        return {name for (name,) in self._rows("SELECT DISTINCT image FROM edits")}

    def is_edited(self, image: str) -> bool:
        """Return whether an image was edited."""
        return bool(self._rows("SELECT 1 FROM edits WHERE image = ? LIMIT 1", image))

    def finished(self) -> set[str]:
        """Return the images that were marked as done."""
        return {name for (name,) in self._rows("SELECT image FROM finished")}

    def mark(self, image: str, done: bool) -> None:
        """Mark an image as done, or as not done."""
        change = "INSERT OR IGNORE INTO finished VALUES (?)"
        with self._explained(), self._lock:
            self._db.execute(change if done else "DELETE FROM finished WHERE image = ?", (image,))

    def add_area(self, image: str, place: tuple[int, ...], rows: slice, columns: slice) -> None:
        """Note that everything in a part of an image is annotated."""
        box = rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start
        with self._explained(), self._lock:
            self._db.execute(
                "INSERT INTO areas (image, place, y, x, height, width) VALUES (?, ?, ?, ?, ?, ?)",
                (image, json.dumps(place), *box),
            )

    def remove_area(self, image: str, area: int) -> None:
        """Forget an area; the labels in it stay."""
        with self._explained(), self._lock:
            self._db.execute("DELETE FROM areas WHERE image = ? AND id = ?", (image, area))

    def areas(self, image: str) -> list[Area]:
        """Return the areas of an image, in the order in which they were marked."""
        query = "SELECT id, place, y, x, height, width FROM areas WHERE image = ? ORDER BY id"
        rows = self._rows(query, image)
        return [Area(number, tuple(json.loads(place)), *box) for number, place, *box in rows]


def _packed(patch: Patch) -> tuple[object, ...]:
    before, after = (
        zlib.compress(np.ascontiguousarray(values, "<i4").tobytes(), 1)
        for values in (patch.before, patch.after)
    )
    return json.dumps(patch.place), patch.y, patch.x, *patch.before.shape, before, after


def _unpacked(blob: bytes, height: int, width: int) -> LabelArray:
    return np.frombuffer(zlib.decompress(blob), "<i4").astype(np.int32).reshape(height, width)
