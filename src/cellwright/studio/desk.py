"""What is open: images with their labels and proposals, and the thread that saves them."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from cellwright._errors import CellwrightError, InputError, UsageError
from cellwright.studio.annotation import Annotation
from cellwright.studio.assistant import Assistant
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.decisions import Decisions
from cellwright.studio.journal import Journal
from cellwright.studio.levels import Levels, Place, open_levels
from cellwright.studio.mark_tables import mark_tables
from cellwright.studio.object_classes import ObjectClasses
from cellwright.studio.people import People
from cellwright.studio.people_work import Work
from cellwright.studio.project import LABELS, Item, Project
from cellwright.studio.proposals import Proposals
from cellwright.studio.rounds import Round, Rounds
from cellwright.studio.tables import CLASS_TABLE, ClassTable, FactTable, Tables
from cellwright.studio.tasks import Tasks
from cellwright.studio.trainer import Trainer

MOST_OPEN = 6  # more than people usually work at the same time
_CLASSES = "classes.json"
_QUIET_S = 0.4
"""Labels are written when nothing was edited for so long, or 4 times as long as writing takes."""
_PATIENCE = 4.0


@dataclass(slots=True, weakref_slot=True)
class Sheet:
    """One open image.

    Parameters
    ----------
    item : Item
    levels : Levels
        Its pixels.
    annotation : Annotation
        Its labels.
    preview : LabelCanvas
        What a model that is being trained finds in it by now.
    classes : ObjectClasses
        Those of the project.
    reading : threading.Lock
        Held while pixels are read: the caches of files are for one thread at a time.
    proposed : dict
        What the model proposes for it, by who asked; see `proposals`.
    unwritten : str
        Why its label file could not be written, for as long as it is behind the edits.
    """

    item: Item
    levels: Levels
    annotation: Annotation
    preview: LabelCanvas
    classes: ObjectClasses
    reading: threading.Lock = field(default_factory=threading.Lock)
    proposed: dict[str, Proposals] = field(default_factory=dict)
    unwritten: str = ""

    def proposals(self, who: str) -> Proposals:
        """Return what is proposed to somebody: what others ask for does not change it."""
        found = self.proposed.get(who)
        return found or self.proposed.setdefault(who, Proposals(self.annotation.canvas.shape))

    def index(self, place: Place) -> tuple[int, ...]:
        """Return a plane as an index along the leading axes of the labels.

        Raises
        ------
        InputError
            If there is no such plane.
        """
        wanted = {"T": place.t, "Z": place.z}
        index = tuple(wanted[axis] for axis in self.annotation.place_axes)
        sizes = self.annotation.canvas.shape[:-2]
        if not all(0 <= i < size for i, size in zip(index, sizes, strict=True)):
            raise InputError(f"'{self.item.name}' has no plane t={place.t}, z={place.z}.")
        return index


class Desk:
    """The images of a project that are open, and everything that works on them.

    Parameters
    ----------
    project : Project
    assistant : Assistant
    who : str
        Whose edits these are, where a request does not say so.

    Raises
    ------
    UsageError
        If nobody can be called so.
    """

    def __init__(self, project: Project, assistant: Assistant, who: str) -> None:
        self.project, self.assistant = project, assistant
        self.journal = Journal(project.journal)
        self.people, self.work = People(project.people), Work(project.work)
        self.decisions, self.tasks = Decisions(project.decisions), Tasks(project.tasks)
        self.who = self.people.join(who).name
        self.classes = ObjectClasses(project.journal.with_name(_CLASSES))
        own = ClassTable(_class_file(project.output), self.classes)
        tables: tuple[FactTable, ...] = (own, *mark_tables(project.output, self.classes))
        self.tables = Tables(tables, self.journal, project.originals)
        self.tables.adopt(project.items)
        self._lock = threading.RLock()
        self._open: OrderedDict[tuple[int, str], Sheet] = OrderedDict()
        # Those that a request still works on are opened only once, or edits would part ways.
        self._alive: WeakValueDictionary[tuple[int, str], Sheet] = WeakValueDictionary()
        self.trainer = Trainer(Rounds(project.rounds), self._trained)
        self._use(self.trainer.rounds.in_use)
        self._catch_up()
        self._saver = _Saver(self)
        self._saver.start()

    def sheet(self, number: int, person: str = "") -> Sheet:
        """Open an image, or return it where it is open.

        Parameters
        ----------
        number : int
        person : str
            Whose labels; those of the label file when not given.

        Raises
        ------
        InputError
            If there is no such image, or it or its labels cannot be read.
        """
        name = self.item(number).name
        if person and not self.work.has_own(name, person):
            raise InputError(f"{person} has no labels of their own for '{name}'.")
        key = number, person
        with self._lock:
            if key not in self._open:
                self._open[key] = self._alive.get(key) or self._opened(*key)
                self._alive[key] = self._open[key]
                self._close_oldest()
            self._open.move_to_end(key)
            return self._open[key]

    def item(self, number: int) -> Item:
        """Return an image of the project.

        Raises
        ------
        InputError
            If there is none of that number.
        """
        if not 0 <= number < len(self.project.items):
            raise InputError(f"There is no image {number}; reload the page.")
        return self.project.items[number]

    def sheet_for(self, number: int, who: str) -> Sheet:
        """Open an image as somebody annotates it: with labels of their own, or those of all."""
        return self.sheet(number, who if self.work.has_own(self.item(number).name, who) else "")

    def sheets(self) -> list[Sheet]:
        """Return what is open."""
        with self._lock:
            return list(self._open.values())

    def use(self, number: int | None) -> None:
        """Let the model of a round propose from now on; None is the one the program was given.

        Raises
        ------
        InputError, UsageError
            If there is no such round, or it has no model.
        """
        if number is not None and self.trainer.rounds.round(number).verdict is None:
            raise UsageError(f"Round {number} has no model yet.")
        self.trainer.rounds.use(number)
        self._use(number)

    def asks(self, person: str) -> str:
        """Return the name of who asks.

        Raises
        ------
        UsageError
            If nobody is called so.
        """
        return self.people.named(person).name if person else self.who

    def edited(self, sheet: Sheet) -> None:
        """Say that an image was edited, so that it will be written to its file."""
        with self._lock:  # others may have opened so many that it was closed before the edit
            self._open |= {key: one for key, one in self._alive.items() if one is sheet}
        self._saver.wake()

    def close(self) -> None:
        """Write all label files, and let go of everything."""
        self._saver.finish()
        self.trainer.close()
        self.assistant.close()
        self.people.close()
        self.work.close()
        self.decisions.close()
        self.tasks.close()
        self.journal.close()

    def _use(self, number: int | None) -> None:
        if number is None:
            self.assistant.use_given()
        else:
            one = self.trainer.rounds.round(number)
            self.assistant.use(str(one.model), f"round {number}")
        for sheet in self.sheets():  # another model sees other things
            for proposals in list(sheet.proposed.values()):
                proposals.forget()

    def _trained(self, one: Round) -> None:
        verdict = one.verdict
        if verdict is not None and verdict.better:
            self.use(one.number)

    def _opened(self, number: int, person: str) -> Sheet:
        if person:
            return self._opened_apart(self.sheet(number), person)
        item = self.project.items[number]
        levels = open_levels(item.path, item.scene, item.axes)
        annotation = Annotation(
            item, levels.image, self.journal, self.project.originals, self.tables
        )
        shape = annotation.canvas.shape
        return Sheet(item, levels, annotation, LabelCanvas(shape), self.classes)

    def _opened_apart(self, shared: Sheet, person: str) -> Sheet:
        """Return the same pixels with the labels of one person."""
        item = self.project.own(shared.item, person)
        annotation = Annotation(item, shared.levels.image, self.journal, self.project.originals)
        preview = LabelCanvas(annotation.canvas.shape)
        return replace(shared, item=item, annotation=annotation, preview=preview, proposed={})

    def _catch_up(self) -> None:
        """Write the label files that a program that was killed did not come to."""
        unsaved = self.journal.unsaved()
        for number, person in self._labelled():
            item = self.project.items[number]
            if (self.project.own(item, person) if person else item).name not in unsaved:
                continue
            try:
                _save(self.sheet(number, person))
            except CellwrightError as error:  # it is told again when the image is opened
                sys.stderr.write(f"{error}\n")

    def _labelled(self) -> Iterator[tuple[int, str]]:
        """Yield every image, and every person who has labels of their own for it."""
        for number, item in enumerate(self.project.items):
            yield number, ""
            assignment = self.work.assignment(item.name)
            for person in assignment.people if assignment.apart else ():
                yield number, person

    def _close_oldest(self) -> None:
        for number, sheet in list(self._open.items())[:-1]:
            if len(self._open) <= MOST_OPEN:
                return
            states = {proposals.state for proposals in list(sheet.proposed.values())}
            if sheet.annotation.is_saved and states <= {"none", "failed"}:
                del self._open[number]


def _class_file(output: Path) -> Path:
    """Return the table of classes: beside the labels, unless it is above them already."""
    above = output / CLASS_TABLE
    return above if above.is_file() else output / LABELS / CLASS_TABLE


class _Saver(threading.Thread):
    """Writes label files a moment after the last edit."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="cellwright-saver", daemon=True)
        self._desk = desk
        self._news = threading.Event()
        self._ended = threading.Event()
        self._last_edit = 0.0
        self._pause = _QUIET_S

    def wake(self) -> None:
        self._last_edit = time.monotonic()
        self._news.set()

    def finish(self) -> None:
        self._ended.set()
        self._news.set()
        self.join()
        self._save_all()

    def run(self) -> None:
        while not self._ended.is_set():
            self._news.wait()
            self._news.clear()
            while not self._ended.is_set():
                rest = self._last_edit + self._pause - time.monotonic()
                if rest <= 0:
                    break
                self._ended.wait(rest)
            if not self._ended.is_set():
                self._save_all()

    def _save_all(self) -> None:
        begun = time.monotonic()
        for sheet in self._desk.sheets():
            _save(sheet)
        self._pause = max(_QUIET_S, _PATIENCE * (time.monotonic() - begun))


def _save(sheet: Sheet) -> None:
    """Write the labels of an image; where that fails, the next edit or start tries again."""
    try:
        sheet.annotation.save()
        sheet.unwritten = ""
    except CellwrightError as error:
        sheet.unwritten = f"{error} Your edits are kept in the journal."
    except Exception as error:  # whatever it is: the labels of other images go on to be written
        sheet.unwritten = (
            f"Cannot write the labels of '{sheet.item.name}': {error!r}. Your edits are kept in "
            "the journal."
        )
    if sheet.unwritten:
        sys.stderr.write(f"{sheet.unwritten}\n")
