"""What is open of a result: its images, its tables with what was said about them, its journal."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np

from cellwright._errors import CellwrightError, InputError, UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, LabelArray, Table
from cellwright.images.find import natural_key
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.levels import Histogram, Levels, Place
from cellwright.studio.project import STATE
from cellwright.studio.review_filter import matches
from cellwright.studio.review_journal import Kind, ReviewJournal
from cellwright.studio.review_links import Pin, numbered_as_before, relabelled
from cellwright.studio.review_results import ALL, Pictured, Result, coded
from cellwright.studio.review_tracks import family_of, find_families, links_of

MOST_OPEN = 12
GEOMETRY = (
    *("row", "label", "frame", "first_plane", "last_plane"),
    *("y", "x", "top", "left", "bottom", "right"),
)
"""Columns of `ReviewDesk.geometry`."""
OBJECTS, LINKS = "objects", "links"
MARKS = ("excluded", "flagged")
ENDS = ("source", "target")
"""Columns of links that name rows of the objects."""


@dataclass(slots=True)
class Plate:
    """One open image of a result.

    Parameters
    ----------
    item : Pictured
    levels : Levels
    canvas : LabelCanvas, optional
        Its labels; None where objects have no outlines.
    place_axes : str
        The leading axes of the labels.
    remark : str
        What the user should know about it.
    reading : threading.Lock
        Held while pixels are read.
    """

    item: Pictured
    levels: Levels
    canvas: LabelCanvas | None
    place_axes: str
    remark: str
    reading: threading.Lock = field(default_factory=threading.Lock)
    _contrasts: dict[tuple[int, Place], Histogram] = field(default_factory=dict)

    def index(self, place: Place) -> tuple[int, ...]:
        """Return a plane as an index along the leading axes of the labels.

        Raises
        ------
        InputError
            If there is no such plane.
        """
        sizes = self.levels.image.sizes
        wanted = {"T": place.t, "Z": place.z}
        if not all(0 <= wanted[axis] < sizes.get(axis, 1) for axis in "TZ"):
            raise InputError(f"'{self.item.name}' has no plane t={place.t}, z={place.z}.")
        return tuple(wanted[axis] for axis in self.place_axes)

    def contrast(self, channel: int, place: Place) -> Histogram:
        """Return the histogram of a channel of a plane, computed once."""
        with self.reading:
            if (channel, place) not in self._contrasts:
                self._contrasts[channel, place] = self.levels.histogram(channel, place)
            return self._contrasts[channel, place]


class ReviewDesk:
    """A result that is reviewed.

    Parameters
    ----------
    result : Result
    who : str
        Whose marks these are.

    Attributes
    ----------
    tables : dict of str to Table
        With links and tracks as they were corrected.
    family : callable, optional
        As of a `Result`.
    solved : int
        Rises when links were solved again.
    remark : str
        Why pins of the journal are not followed.
    """

    def __init__(self, result: Result, who: str) -> None:
        self.result, self.who = result, who
        self.journal = ReviewJournal(
            result.folder / STATE / "review.sqlite", result.run, len(result.places.label)
        )
        self.tables = {OBJECTS: result.objects}
        if result.links is not None:
            self.tables[LINKS] = result.links
        self.family = result.family
        self.solved, self.remark = 0, ""
        self._pins: list[Pin] = []
        self._numbers = result.places.label
        self._lock = threading.RLock()
        self._open: OrderedDict[int, Plate] = OrderedDict()
        self.categories = cache(self._categories)
        try:
            self.follow_pins()
        except CellwrightError as error:  # all else can be reviewed
            self.remark = str(error)

    def close(self) -> None:
        """Let go of everything."""
        self.journal.close()

    def pin(self, kind: Kind, rows: Sequence[int], why: str) -> None:
        """Cut or join links, and solve the tracks again.

        Parameters
        ----------
        kind : {"cut", "join", "divide"}
        rows : sequence of int
            Of the detections, in any order.
        why : str

        Raises
        ------
        InputError, UsageError
            If there are no tracks, or these cannot be linked so.
        """
        solver = self.result.solver
        if solver is None:
            raise UsageError("Only tracks have links to correct.")
        self.check_rows(rows)
        frame = self.result.places.frame
        pin = Pin(kind, tuple(sorted(rows, key=lambda row: (frame[row], row))))
        with self._lock:
            solver.check(pin)
            solver.tracks([*self._pins, pin])  # what cannot be solved is not written down
            self.journal.mark(kind, pin.rows, who=self.who, why=why)
            self.follow_pins()

    def follow_pins(self) -> None:
        """Bring tracks to what the pins in the journal ask for."""
        pins = [Pin(mark.kind, mark.rows) for mark in self.journal.pins()]
        solver, result = self.result.solver, self.result
        with self._lock:
            if solver is None or pins == self._pins:
                return
            tracks = solver.tracks(pins)
            columns = numbered_as_before(tracks, result.objects["track"]) if pins else {}
            self.tables = {OBJECTS: result.objects | columns, LINKS: links_of(tracks)}
            self.family = partial(family_of, find_families(tracks))
            self._numbers = self.tables[OBJECTS]["track"].astype(np.int64)
            self.categories = cache(self._categories)
            self._pins = pins
            self.solved += 1

    def pin_table(self) -> Table:
        """Return the pins as ``cellwright track --pins`` reads them; empty without any."""
        solver = self.result.solver
        return {} if solver is None or not self._pins else solver.table(self._pins)

    def shown_labels(self, place: Place, labels: LabelArray) -> LabelArray:
        """Return labels of a movie with the numbers that tracks have by now."""
        if not self._pins:
            return labels
        rows = self.result.places.frame == place.t
        return relabelled(labels, self.result.places.label[rows], self._numbers[rows])

    def plate(self, number: int) -> Plate:
        """Open an image, or return it where it is open.

        Raises
        ------
        InputError
            If there is no such image, or it or its labels cannot be read.
        """
        if not 0 <= number < len(self.result.images):
            raise InputError(f"There is no image {number}; reload the page.")
        with self._lock:
            if number not in self._open:
                item = self.result.images[number]
                opened = item.open()
                labels = opened.labels
                canvas = None if labels is None else LabelCanvas(labels.shape, labels)
                self._open[number] = Plate(
                    item, opened.levels, canvas, opened.place_axes, opened.remark
                )
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(number)
            return self._open[number]

    def columns(self, table: str) -> list[str]:
        """Return the names of the columns of a table.

        Raises
        ------
        InputError
            If there is no such table.
        """
        if table not in self.tables:
            raise InputError(f"There is no table '{table}', but: {', '.join(self.tables)}.")
        return [*self.tables[table], *(MARKS if table == OBJECTS else ())]

    def column(self, table: str, name: str) -> AnyArray:
        """Return a column of a table, what was said about the objects included.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if name not in self.columns(table):
            raise InputError(f"The table has no column '{name}'.")
        if table == OBJECTS and name in MARKS:
            return self.journal.excluded() if name == "excluded" else self.journal.flagged()
        return self.tables[table][name]

    def rows(
        self, table: str, where: str = "", sort: str = "", *, descending: bool = False
    ) -> IntArray:
        """Return rows of a table, by number.

        Parameters
        ----------
        table : str
        where : str
            Which rows; see `cellwright.studio.review_filter`. All when empty.
        sort : str
            By which column; in the order of the table when empty. Missing numbers come last.
        descending : bool
            Largest first.

        Raises
        ------
        InputError, UsageError
            If there is no such table or column, or the condition cannot be understood.
        """
        count = len(self.column(table, self.columns(table)[0]))
        kept: BoolArray = np.ones(count, bool)
        if where.strip():
            kept = matches(where, self.columns(table), lambda name: self.column(table, name))
        rows = np.flatnonzero(kept)
        if not sort:
            return rows
        keys = self.numbers(table, sort)[rows]
        return rows[np.argsort(-keys if descending else keys, kind="stable")]

    def numbers(self, table: str, name: str) -> DoubleArray:
        """Return a column as numbers; of texts, the number of the category of each."""
        values = self.column(table, name)
        if values.dtype.kind == "U":
            return self.categories(table, name)[1]
        return values.astype(np.float64)

    def geometry(self, number: int) -> DoubleArray:
        """Return where the objects of an image are, shape (n, 11); columns as `GEOMETRY`."""
        places = self.result.places
        rows = np.flatnonzero(places.image == number)
        return np.column_stack(
            [
                *(rows, self._numbers[rows], places.frame[rows], places.depth[rows]),
                *(places.centre[rows], places.box[rows]),
            ]
        ).astype(np.float64)

    def row_of(self, number: int, place: Place, label: int) -> int:
        """Return the row of the object with a label in a plane of an image, -1 for none."""
        places = self.result.places
        here = (places.image == number) & (places.label == label)
        here &= (places.frame == ALL) | (places.frame == place.t)
        found = np.flatnonzero(here)
        return int(found[0]) if label and len(found) else -1

    def check_rows(self, rows: Sequence[int]) -> None:
        """Refuse rows that are not in the table of objects.

        Raises
        ------
        InputError
            If there is one.
        """
        count = len(self.result.places.label)
        if wrong := [row for row in rows if not 0 <= row < count]:
            raise InputError(f"There is no row {wrong[0]}; rows are 0 to {count - 1}.")

    def _categories(self, table: str, name: str) -> tuple[list[str], DoubleArray]:
        """Return the different texts of a column in natural order, and which one each row has."""
        texts, codes = coded(self.tables[table][name])
        order = sorted(range(len(texts)), key=lambda i: natural_key(texts[i]))
        rank = np.empty(len(texts))
        rank[order] = np.arange(len(texts))
        return [texts[i] for i in order], rank[codes]
