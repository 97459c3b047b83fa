"""Facts as ordinary tables beside images and labels, which datasets are read from.

The journal is what counts; a table is written from it a moment after an edit. What others wrote
into a table is taken into the journal when the program starts.
"""

from __future__ import annotations

import csv
import io
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from cellwright._errors import OutputError
from cellwright._files import write_text
from cellwright._types import LabelArray
from cellwright.datasets.class_files import UNKNOWN, read_classes
from cellwright.measure.tables import read_csv
from cellwright.studio.facts import CLASS, Change, Facts
from cellwright.studio.journal import ABSENT, LOADED, Journal, LabelFile, signature
from cellwright.studio.object_classes import ObjectClasses
from cellwright.studio.project import Item

CLASS_TABLE = "classes.csv"
Present = Callable[[], LabelArray]
"""Returns the labels of the objects that there are."""


class FactTable(Protocol):
    """A table about one kind of fact, of all images."""

    about: str
    path: Path

    def changes(self, item: Item, facts: Facts) -> list[Change]:
        """Return how facts change when what the file says is true."""

    def text(self, item: Item, facts: Facts, present: Present) -> str:
        """Return the file with the facts of one image in place of its rows; empty for none."""

    def renamed(self, old: str, new: str | None) -> str:
        """Return the file with another name for a class, or without it."""


class ClassTable:
    """The classes of objects, in ``classes.csv`` beside the labels; see `read_classes`.

    Parameters
    ----------
    path : Path
    classes : ObjectClasses
    """

    about = CLASS

    def __init__(self, path: Path, classes: ObjectClasses) -> None:
        self.path = path
        self._classes = classes

    def changes(self, item: Item, facts: Facts) -> list[Change]:
        """Return how facts change when what the file says is true."""
        told = {
            label: self._classes.number(name)
            for label, name in self._rows().get(item.name, {}).items()
            if name != UNKNOWN
        }
        return facts.changes(CLASS, dict.fromkeys(facts[CLASS]) | told)

    def text(self, item: Item, facts: Facts, present: Present) -> str:
        """Return the file with the facts of one image in place of its rows; empty for none."""
        there = set(present().tolist()) if facts[CLASS] else set()
        own = {
            label: name
            for label, number in sorted(facts[CLASS].items())
            if label in there and (name := self._classes.name(number))
        }
        return classes_text({**self._rows(), item.name: own})

    def renamed(self, old: str, new: str | None) -> str:
        """Return the file with another name for a class, or without it."""

        def told(name: str) -> str | None:
            return new if name == old else name

        rows = {
            image: {label: now for label, name in own.items() if (now := told(name)) is not None}
            for image, own in self._rows().items()
        }
        return classes_text(rows)

    def _rows(self) -> Mapping[str, Mapping[int, str]]:
        return read_classes(self.path) if self.path.exists() else {}


class Tables:
    """The tables of a project. All methods may be called from any thread.

    Parameters
    ----------
    tables : sequence of FactTable
    journal : Journal
    originals : Path
        Folder for copies of tables from elsewhere.
    """

    def __init__(self, tables: Sequence[FactTable], journal: Journal, originals: Path) -> None:
        self._tables = tables
        self._journal = journal
        self._originals = originals
        self._lock = threading.Lock()

    def adopt(self, items: Iterable[Item]) -> None:
        """Take what others wrote into the journal.

        Raises
        ------
        DatasetError
            If a table cannot be read.
        """
        for table in self._tables:
            known, interrupted = self._journal.label_file(_key(table))
            found = signature(table.path)
            if interrupted or found == known.signature:
                continue
            for item in items if table.path.exists() else ():
                self._adopt(table, item)
            self._journal.adopt(_key(table), LabelFile(0, False, found))

    def save(self, item: Item, facts: Facts, present: Present) -> None:
        """Write what is said about an image.

        Raises
        ------
        OutputError
            If a table cannot be written. The facts are safe in the journal.
        """
        for table in self._tables:
            if facts[table.about] or table.path.exists():
                with self._lock:
                    self._write(_key(table), table.path, table.text(item, facts, present))

    def rename(self, old: str, new: str | None) -> None:
        """Write another name for a class, or none, wherever it stands."""
        for table in self._tables:
            if table.path.exists():
                with self._lock:
                    self._write(_key(table), table.path, table.renamed(old, new))

    def tracks_of(self, item: Item) -> dict[int, int] | None:
        """Return who comes from whom by the table of tracks of a movie; None without a new one.

        Only what calls tracks as the label image does can be taken over.
        """
        path = tracks_file(item)
        known, interrupted = self._journal.label_file(_tracks_key(item))
        if interrupted or signature(path) in (ABSENT, known.signature):
            return None
        self._journal.adopt(_tracks_key(item), LabelFile(0, False, signature(path)))
        table = read_csv(path)
        if (
            not {"label", "track", "parent"} <= set(table)
            or (table["label"] != table["track"]).any()
        ):
            return None
        pairs = zip(table["track"].tolist(), table["parent"].tolist(), strict=True)
        return {int(track): int(parent) for track, parent in pairs}

    def save_tracks(self, item: Item, text: str) -> None:
        """Write the table of tracks of a movie; a copy is kept of what others wrote."""
        with self._lock:
            self._write(_tracks_key(item), tracks_file(item), text)

    def _write(self, key: str, path: Path, text: str) -> None:
        """Write a table, complete or not at all; a copy is kept of what others wrote."""
        if text == (path.read_text(encoding="utf-8") if path.exists() else ""):
            return
        known, _ = self._journal.label_file(key)
        if path.exists() and not (known.ours and known.signature == signature(path)):
            self._keep(path)
        number = self._journal.begin_save(key, 0)
        if text:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
        else:
            path.unlink(missing_ok=True)
        self._journal.end_save(number, path)

    def _adopt(self, table: FactTable, item: Item) -> None:
        name = item.name
        changes = table.changes(item, self._journal.facts(name))
        if not changes:
            return
        is_saved = name not in self._journal.unsaved()
        edit = self._journal.append(name, LOADED, (), who=LOADED, changes=changes)
        if is_saved:
            known, _ = self._journal.label_file(name)
            self._journal.adopt(name, LabelFile(edit.id, known.ours, known.signature))

    def _keep(self, path: Path) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        kept = self._originals / f"{path.stem}-{stamp}{path.suffix}"
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, kept)
        except OSError as error:
            raise OutputError(f"Cannot keep a copy of '{path}' as '{kept}': {error}.") from error


def tracks_file(item: Item) -> Path:
    """Return the table of tracks of a movie, beside its labels."""
    return item.labels.with_name(f"{item.labels.stem}_tracks.csv")


def _tracks_key(item: Item) -> str:
    """Return what the journal calls a table of tracks; no image is called so."""
    return f"/tracks/{item.name}"


def _key(table: FactTable) -> str:
    """Return what the journal calls a table; no image is called so."""
    return f"/{table.path.name}"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as text; empty without rows."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for number, row in enumerate(rows):
        if not number:
            writer.writerow(header)
        writer.writerow(row)
    return stream.getvalue()


def classes_text(rows: Mapping[str, Mapping[int, str]]) -> str:
    """Return a table of the classes of objects, by image and label; empty without objects."""
    return csv_text(
        ("image", "label", "class"),
        ((image, label, name) for image, own in rows.items() for label, name in own.items()),
    )
