"""The labels of one image while they are edited: canvas, journal and file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import InputError, OutputError
from cellwright._types import LabelArray
from cellwright.images.image import Image
from cellwright.images.read import LARGEST_LABEL
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.facts import ABOUT_OBJECTS, PARENT, Change, Facts
from cellwright.studio.inventory import Inventory
from cellwright.studio.journal import LOADED, REDO, UNDO, Edit, Journal, Patch, Stroke
from cellwright.studio.label_files import label_range, open_labels
from cellwright.studio.lineage import Lineage
from cellwright.studio.patches import (
    changes_back,
    chunk_aligned,
    patches_of,
    region_of,
    taken_back,
)
from cellwright.studio.project import Item, existing_labels
from cellwright.studio.saved_labels import SavedLabels
from cellwright.studio.tables import Tables
from cellwright.studio.tools import Window
from cellwright.studio.undo import UndoStacks

RESTORE = "restore"
_HELD_BYTES = 96 * 1024**2
"""Changes up to this size stay in memory after they are saved; beyond, they are read from disk."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What an edit, or taking one back, changed.

    Parameters
    ----------
    edit : int
        Its number in the journal; 0 where nothing changed.
    boxes : tuple of (place, y, x, height, width)
        Rectangles that look different now.
    facts : tuple of Change
        What is said differently now.
    """

    edit: int = 0
    boxes: tuple[tuple[tuple[int, ...], int, int, int, int], ...] = ()
    facts: tuple[Change, ...] = ()


Make = Callable[[LabelCanvas, int], list[Window]]
"""Given the canvas and the next free label, returns new pixels."""
Tell = Callable[[Facts, Sequence[Patch], int], list[Change]]
"""Given facts, what becomes of the pixels and the least new label, returns what is said then."""


class Annotation:
    """The labels of one image. All methods may be called from any thread.

    Parameters
    ----------
    item : Item
        Which image.
    image : Image
        Gives the shape, and the pixel size for the label file.
    journal : Journal
    originals : Path
        Folder for copies of labels from elsewhere.
    tables : Tables, optional
        Where facts are written to; nowhere when not given.

    Raises
    ------
    FormatError
        If there are labels that do not fit the image, or that the studio cannot edit.
    """

    def __init__(
        self,
        item: Item,
        image: Image,
        journal: Journal,
        originals: Path,
        tables: Tables | None = None,
    ) -> None:
        self._item = item
        self._journal = journal
        self._file = SavedLabels(item, image, journal, originals)
        self._tables = tables
        self._lock = threading.RLock()
        self._saving = threading.Lock()
        self._axes = image.axes.replace("C", "")
        shape = tuple(image.sizes[axis] for axis in self._axes)
        source = existing_labels(item)
        base = None if source is None else open_labels(source, self._axes, shape)
        self.canvas = LabelCanvas(shape, base)
        self.facts = journal.facts(item.name)
        self._inventory = Inventory(self.canvas)
        self._smallest, self.largest = (0, 0) if base is None else label_range(source, base)
        self._undo = UndoStacks()
        self._latest = self._drawn = 0
        self.largest = max(self.largest, self.facts.largest(*ABOUT_OBJECTS))
        self._recall(source)
        self._adopt_tracks()

    @property
    def place_axes(self) -> str:
        """The leading axes of the labels: ``""``, ``"T"``, ``"Z"`` or ``"TZ"``."""
        return self._axes[:-2]

    def can_undo(self, who: str) -> bool:
        """Whether somebody has an edit to take back."""
        return bool(self._undo.done(who))

    def can_redo(self, who: str) -> bool:
        """Whether somebody has an edit to do again."""
        return bool(self._undo.undone(who))

    @property
    def latest(self) -> int:
        """Number of the last edit; 0 where there is none."""
        return self._latest

    @property
    def is_saved(self) -> bool:
        """Whether the label file holds all edits."""
        return self._file.edit == self._latest

    @property
    def remark(self) -> str:
        """What a person should know of the label file; nothing as a rule."""
        return self._file.remark

    @contextmanager
    def inventory(self) -> Iterator[Inventory]:
        """Look through the objects while nothing is edited."""
        with self._lock:
            yield self._inventory

    def apply(self, kind: str, make: Make, *, who: str, tell: Tell = lambda *_: []) -> Changed:
        """Edit the labels, and what is said about objects.

        Parameters
        ----------
        kind : str
            Name of the tool.
        make : callable
            Given the canvas and the next free label, returns the new pixels.
        who : str
            Whose edit it is.
        tell : callable, optional
            Given the facts, what becomes of the pixels and the least new label, returns what is
            said differently then.

        Returns
        -------
        Changed

        Raises
        ------
        OutputError
            If the journal cannot be written; nothing has changed then.
        """
        with self._lock:
            windows = make(self.canvas, self.largest + 1)
            patches = [patch for window in windows for patch in patches_of(self.canvas, window)]
            changes = tell(self.facts, patches, self.largest + 1)
            if not patches and not changes:
                return Changed()
            if max((int(p.after.max()) for p in patches), default=0) > LARGEST_LABEL - 1:
                raise OutputError("There are no more numbers for labels in this image.")
            new = {label for p in patches for label in np.unique(p.after[p.after > self.largest])}
            edit = self._journal.append(
                self._item.name, kind, patches, who=who, changes=changes, drawn=len(new)
            )
            self._note(edit)
            return self._show(edit.id, patches, changes)

    def say(self, kind: str, tell: Callable[[Facts], list[Change]], *, who: str) -> Changed:
        """Say something about objects; no pixel changes. See `apply`."""
        return self.apply(kind, lambda *_: [], who=who, tell=lambda facts, *_: tell(facts))

    def undo(self, *, who: str) -> Changed:
        """Take the last edit of a person back, but for pixels that others have changed since."""
        return self._step(UNDO, who)

    def redo(self, *, who: str) -> Changed:
        """Do again what a person took back last, but for pixels that others have changed since."""
        return self._step(REDO, who)

    def strokes_since(self, edit: int) -> list[Stroke]:
        """Return where the labels were changed after an edit, and by whom."""
        return self._journal.strokes(self._item.name, edit)

    def said_since(self, edit: int) -> dict[int, list[Change]]:
        """Return what was said differently after an edit, by edit."""
        return self._journal.changes(self._item.name, edit)

    def history(self) -> list[Edit]:
        """Return all edits, the oldest first."""
        return self._journal.edits(self._item.name)

    def restore(self, edit: int, *, who: str) -> Changed:
        """Bring the labels back to what they were after an edit; this is an edit itself.

        Raises
        ------
        InputError
            If the image has no such edit, or its labels came from elsewhere since.
        """
        with self._lock:
            edits = self.history()
            number = next((i for i, one in enumerate(edits) if one.id == edit), None)
            later = [] if number is None else edits[number + 1 :]
            if number is None or any(one.kind == LOADED for one in later):
                raise InputError(f"'{self._item.name}' cannot go back to edit {edit}.")
            past, said = self.canvas.snapshot(), self.facts.copy()
            changes = self._journal.changes(self._item.name)
            for one in reversed(later):
                for patch in self._effect(one, reverse=True):
                    past[region_of(patch)] = patch.after
                said.take(changes_back(changes.get(one.id, ())))
            boxes = {(p.place, p.y, p.x, p.after.shape) for e in later for p in self._effect(e)}
            windows = [
                Window(place, y, x, past[(*place, slice(y, y + h), slice(x, x + w))])
                for place, y, x, (h, w) in chunk_aligned(boxes)
            ]
            return self.apply(
                RESTORE,
                lambda canvas, label: windows,
                who=who,
                tell=lambda facts, *_: facts.differences(said),
            )

    def save(self) -> None:
        """Write the label file, complete or not at all; a copy is kept of what others wrote.

        Raises
        ------
        OutputError
            If it cannot be written. The edits are safe in the journal.
        """
        with self._saving:
            with self._lock:
                edit, frozen = self._latest, self.canvas.snapshot()
                smallest, largest = self._smallest, self.largest
                is_drawn, facts = self._drawn > self._file.edit, self.facts.copy()
            if edit == self._file.edit:
                return
            if self._tables is not None:
                self._tables.save(self._item, facts, self._present)
                self._write_tracks(facts)
            if not is_drawn:
                self._file.follow(edit)
                return
            moved = self._file.write(frozen, edit, smallest, largest)
            with self._lock:
                if moved or frozen.changed_bytes > _HELD_BYTES:
                    written = open_labels(self._item.labels, self._axes, self.canvas.shape)
                    self.canvas.rest_on(written, frozen)

    def _recall(self, source: Path | None) -> None:
        """Bring the labels to where the journal ends: edits that the file lacks are made again."""
        edits = self._file.recall(source, self.history())
        for edit in edits:
            self._note(edit)
        for edit in edits:
            if edit.id > self._file.edit:
                self._show(edit.id, self._effect(edit))

    def _adopt_tracks(self) -> None:
        """Take over what others wrote about who comes from whom in a movie."""
        told = self._tables.tracks_of(self._item) if self._tables and "T" in self._axes else None
        if told is not None:
            values = dict.fromkeys(self.facts[PARENT]) | told
            self.say(LOADED, lambda facts: facts.changes(PARENT, values), who=LOADED)

    def _write_tracks(self, facts: Facts) -> None:
        """Write who is who in a movie beside its labels, once somebody has said so."""
        if not facts[PARENT]:
            return
        with self._lock:
            text = Lineage(self.canvas, self._inventory, facts[PARENT]).table()
        assert self._tables is not None
        self._tables.save_tracks(self._item, text)

    def _present(self) -> LabelArray:
        with self._lock:
            return self._inventory.labels()

    def _step(self, kind: str, who: str) -> Changed:
        with self._lock:
            for target in self._undo.done(who) if kind == UNDO else self._undo.undone(who):
                own = self._journal.patches(target)
                patches = [
                    rest
                    for one in (map(taken_back, reversed(own)) if kind == UNDO else own)
                    if (rest := self._untouched(one)) is not None
                ]
                said = self._journal.changes(self._item.name).get(target, ())
                changes = self.facts.still(said if kind == REDO else changes_back(said))
                if patches or (changes and not own):  # or others have drawn over all of it
                    edit = self._journal.append(
                        self._item.name, kind, patches, who=who, target=target, changes=changes
                    )
                    self._note(edit)
                    return self._show(edit.id, patches, changes)
            return Changed()

    def _untouched(self, patch: Patch) -> Patch | None:
        """Return what a patch still changes where nobody has drawn since; None for nothing."""
        now = self.canvas[region_of(patch)].reshape(patch.before.shape)
        after = np.where(now == patch.before, patch.after, now)
        return None if (after == now).all() else Patch(patch.place, patch.y, patch.x, now, after)

    def _effect(self, edit: Edit, *, reverse: bool = False) -> list[Patch]:
        """Return what an edit did to the pixels, or what takes it back."""
        patches = self._journal.patches(edit.id)
        if not patches and edit.target is not None:  # from when there was one annotator only
            patches = self._journal.patches(edit.target)
            reverse ^= edit.kind == UNDO
        return [taken_back(patch) for patch in reversed(patches)] if reverse else patches

    def _note(self, edit: Edit) -> None:
        self._undo.note(edit)
        self._latest = max(self._latest, edit.id)

    def _show(self, edit: int, patches: Sequence[Patch], changes: Sequence[Change] = ()) -> Changed:
        self.facts.take(changes)
        for patch in patches:
            self._drawn = edit
            self.canvas[region_of(patch)] = patch.after
            self._inventory.forget(patch.place, patch.y, patch.x)
            self._smallest = min(self._smallest, int(patch.after.min()))
            self.largest = max(self.largest, int(patch.after.max()))
        boxes = tuple((p.place, p.y, p.x, *p.after.shape) for p in patches)
        return Changed(edit, boxes, tuple(changes))
