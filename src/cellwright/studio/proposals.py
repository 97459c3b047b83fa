"""What a model proposes for an image, until it is accepted or rejected."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, LabelArray, Table
from cellwright.inference.apply import Maps
from cellwright.studio.canvas import LabelCanvas, Part
from cellwright.studio.knobs import Knob
from cellwright.studio.levels import Place
from cellwright.studio.patches import chunk_aligned
from cellwright.studio.tools import Window

Box = tuple[slice, slice]
_COVERED = 0.5  # an object that lies so much on labels has been annotated already


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be proposed.

    Parameters
    ----------
    place : Place
        The plane.
    index : tuple of int
        The same as an index along the leading axes of the labels.
    box : tuple of slice
        Rows and columns.
    channel : int, optional
        What the model sees, where the image has several channels.
    """

    place: Place
    index: tuple[int, ...]
    box: Box
    channel: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """The objects in a part of a plane.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
    table : Table
        ``label``, ``confidence``, ``area``, ``y``, ``x``: the latter in px of the whole plane.
    maps : Maps, optional
        What they were read from, where that is not too much to be kept.
    """

    labels: LabelArray
    table: Table
    maps: Maps | None


class Proposals:
    """The proposals for one image, on a canvas like that of its labels.

    Attributes
    ----------
    canvas : LabelCanvas
        Proposal i has the value i.
    table : Table
        ``label``, ``confidence``, ``y`` and ``x`` of every proposal that is still open.
    state : {"none", "running", "ready", "failed"}
    message : str
        Why it failed.
    version : int
        Rises whenever other objects are proposed, which may have the numbers of those before.
    knobs : tuple of Knob
        What can be turned to have them read in another way; none where the maps were not kept.
    turned : mapping of str to float
        Which of these were, and to what.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._lock = threading.RLock()
        self.canvas = LabelCanvas(shape)
        self.table: Table = _empty()
        self.index: tuple[int, ...] = ()
        self._boxes: list[Box | None] = []  # of proposals 1, 2 and so on
        self.box: Box | None = None
        self.state, self.message, self.version = "none", "", 0
        self.knobs: tuple[Knob, ...] = ()
        self.turned: Mapping[str, float] = {}
        self._refused: list[tuple[float, float]] = []

    @contextmanager
    def held(self, version: int | None = None) -> Iterator[None]:
        """Keep what is proposed as it is while something is done with it.

        Parameters
        ----------
        version : int, optional
            What it must be: that of whoever chose among the proposals.

        Raises
        ------
        UsageError
            If others are proposed by now.
        """
        with self._lock:
            if version not in (None, self.version):
                raise UsageError("Other objects are proposed here by now: look, and choose again.")
            yield

    def forget(self) -> None:
        """Forget what was proposed."""
        with self._lock:
            self._reset("none")
            self._refused = []

    def begin(self) -> None:
        """Forget what was proposed, and say that more is on its way."""
        with self._lock:
            self._reset("running")
            self._refused = []

    def fail(self, message: str) -> None:
        """Say why there are no proposals."""
        with self._lock:
            self._reset("failed", message)

    def fill(
        self,
        request: Request,
        found: Found,
        keep: BoolArray,
        knobs: tuple[Knob, ...] = (),
        turned: Mapping[str, float] | None = None,
    ) -> None:
        """Show those of what was found that are to be kept, but for what was rejected before."""
        with self._lock:
            keep = keep & ~self._are_refused(request.box, found.labels, len(keep))
            numbers = np.concatenate([[0], np.where(keep, np.arange(1, len(keep) + 1), 0)])
            canvas = LabelCanvas(self._shape)
            leading = (slice(i, i + 1) for i in request.index)
            canvas[(*leading, *request.box)] = numbers.astype(np.int32)[found.labels]
            self._reset("running")
            self.canvas, self._boxes = canvas, _boxes_of(found.labels, len(keep), request.box)
            self.index, self.box = request.index, request.box
            self.knobs, self.turned = knobs, turned or {}
            self.table = _rows(found.table, keep)
            self.state = "ready"  # last, for those who look without waiting

    def reject(self, labels: Iterable[int]) -> None:
        """Remove proposals; they do not come back when maps are read in another way."""
        with self._lock:
            gone = self._wanted(labels)[self.table["label"]]
            y, x = self.table["y"][gone], self.table["x"][gone]
            self._refused += zip(y.tolist(), x.tolist(), strict=True)
            self.drop(self.table["label"][gone].tolist())

    def _are_refused(self, box: Box, labels: LabelArray, count: int) -> BoolArray:
        """Return which objects lie where one was rejected."""
        refused = np.zeros(count + 1, bool)
        for y, x in self._refused:
            row, column = math.floor(y) - box[0].start, math.floor(x) - box[1].start
            refused[labels[min(row, len(labels) - 1), min(column, labels.shape[1] - 1)]] = True
        return refused[1:]

    def windows(self, labels: Iterable[int]) -> list[Window]:
        """Return where some proposals are, as windows of their own values and 0."""
        with self._lock:
            wanted, windows = self._wanted(labels), []
            for index, rows, columns in self._blocks(wanted):
                block = self.canvas[(*index, rows, columns)]
                chosen = np.where(wanted[block], block, 0)
                if chosen.any():
                    windows.append(Window(index, rows.start, columns.start, chosen))
            return windows

    def drop(self, labels: Iterable[int]) -> None:
        """Remove proposals."""
        with self._lock:
            wanted = self._wanted(labels)
            for index, rows, columns in self._blocks(wanted):
                block = self.canvas[(*index, rows, columns)]
                leading = (slice(i, i + 1) for i in index)
                self.canvas[(*leading, rows, columns)] = np.where(wanted[block], 0, block)
            self.table = _rows(self.table, ~wanted[self.table["label"]])

    def _wanted(self, labels: Iterable[int]) -> BoolArray:
        known = np.zeros(len(self._boxes) + 1, bool)
        known[[label for label in labels if 0 < label < len(known)]] = True
        return known

    def _blocks(self, wanted: BoolArray) -> list[Part]:
        """Return rectangles, one per chunk, that hold all there is of some proposals."""
        boxes = [box for i in np.flatnonzero(wanted) if (box := self._boxes[i - 1]) is not None]
        parts: set[tuple[tuple[int, ...], int, int, tuple[int, ...]]] = {
            (
                place,
                rows.start,
                columns.start,
                (rows.stop - rows.start, columns.stop - columns.start),
            )
            for box in boxes
            for place, rows, columns in self.canvas.blocks((self.index, *box))
        }
        return [
            (place, slice(y, y + height), slice(x, x + width))
            for place, y, x, (height, width) in chunk_aligned(parts)
        ]

    def _reset(self, state: str, message: str = "") -> None:
        self.canvas, self.table = LabelCanvas(self._shape), _empty()
        self.box, self.state, self.message, self._boxes = None, state, message, []
        self.knobs, self.turned = (), {}
        self.version += 1


def _boxes_of(labels: LabelArray, count: int, around: Box) -> list[Box | None]:
    """Return where each of the objects 1..count is, in px of the plane that `around` is in."""
    from scipy.ndimage import find_objects

    y, x = (part.start for part in around)
    return [
        box
        and (
            slice(box[0].start + y, box[0].stop + y),
            slice(box[1].start + x, box[1].stop + x),
        )
        for box in find_objects(labels, max_label=count)
    ]


def are_uncovered(parts: Sequence[tuple[LabelArray, LabelArray]], count: int) -> BoolArray:
    """Return which of the objects 1..count were not annotated already.

    Parameters
    ----------
    parts : sequence of (ndarray, ndarray), int32
        Objects, and what is annotated where they are.
    count : int
    """
    area, hidden = np.zeros((2, count + 1), np.int64)
    for objects, existing in parts:
        area += np.bincount(objects.ravel(), minlength=count + 1)
        hidden += np.bincount(objects[existing > 0], minlength=count + 1)
    return np.asarray((area > 0) & (hidden < _COVERED * area))[1:]


def uncovered(windows: Sequence[Window], canvas: LabelCanvas) -> list[Window]:
    """Leave out the proposals that were annotated since they were made."""
    parts = [(window.values, canvas[_region(window)]) for window in windows]
    largest = max((int(values.max(initial=0)) for values, _ in parts), default=0)
    keep = np.concatenate([[False], are_uncovered(parts, largest)])
    return [
        replace(window, values=np.where(keep[window.values], window.values, 0))
        for window in windows
    ]


def numbered(windows: list[Window], canvas: LabelCanvas, next_label: int) -> list[Window]:
    """Return proposals as new objects where there is background, numbered from `next_label`."""
    parts = [np.unique(window.values) for window in windows]
    present = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)
    number = np.zeros(int(present.max(initial=0)) + 1, np.int32)
    number[present[present > 0]] = np.arange(
        next_label, next_label + np.count_nonzero(present), dtype=np.int32
    )
    made = []
    for window in windows:
        old = canvas[_region(window)]
        new = number[window.values]
        # Whoever accepts a proposal knows now what was not known.
        values = np.where((old <= 0) & (new > 0), new, old)
        made.append(Window(window.place, window.y, window.x, values))
    return made


def _region(window: Window) -> tuple[int | slice, ...]:
    height, width = window.values.shape
    rows, columns = slice(window.y, window.y + height), slice(window.x, window.x + width)
    return (*window.place, rows, columns)


def _rows(table: Table, keep: BoolArray) -> Table:
    return {name: column[keep] for name, column in table.items()}


def _empty() -> Table:
    return {
        "label": np.zeros(0, np.int32),
        **{name: np.zeros(0) for name in ("confidence", "y", "x")},
    }
