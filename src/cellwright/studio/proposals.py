"""What a model proposes for an image, until it is accepted or rejected."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cellwright._errors import CellwrightError, UsageError
from cellwright._types import BoolArray, DoubleArray, LabelArray, Table
from cellwright.images.image import Image
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.models.model import Seen
from cellwright.models.scale import ScaleChoice
from cellwright.studio.canvas import LabelCanvas, Part
from cellwright.studio.levels import Levels, Place, plane_of
from cellwright.studio.tools import Window

MOST_PIXELS = 96 * 1024**2
"""The largest part that is proposed on at once, so that memory stays within bounds."""
_COVERED = 0.5  # an object that lies so much on labels has been annotated already

Box = tuple[slice, slice]
T = TypeVar("T")


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
        Rises with every change.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._lock = threading.RLock()
        self.canvas = LabelCanvas(shape)
        self.table: Table = _empty()
        self.index: tuple[int, ...] = ()
        self._count = 0
        self.box: Box | None = None
        self.state, self.message, self.version = "none", "", 0

    def begin(self) -> None:
        """Forget what was proposed, and say that more is on its way."""
        with self._lock:
            self._reset("running")

    def fail(self, message: str) -> None:
        """Say why there are no proposals."""
        with self._lock:
            self._reset("failed", message)

    def fill(self, request: Request, found: LabelArray, table: Table) -> None:
        """Show what was found."""
        with self._lock:
            self._reset("ready")
            self.index, self.box, self.table = request.index, request.box, table
            self._count = int(found.max(initial=0))
            leading = (slice(i, i + 1) for i in request.index)
            self.canvas[(*leading, *request.box)] = found

    def windows(self, labels: Iterable[int]) -> list[Window]:
        """Return where some proposals are, as windows of their own values and 0."""
        with self._lock:
            wanted, windows = self._wanted(labels), []
            for index, rows, columns in self._blocks():
                block = self.canvas[(*index, rows, columns)]
                chosen = np.where(wanted[block], block, 0)
                if chosen.any():
                    windows.append(Window(index, rows.start, columns.start, chosen))
            return windows

    def drop(self, labels: Iterable[int]) -> None:
        """Remove proposals."""
        with self._lock:
            wanted = self._wanted(labels)
            for index, rows, columns in self._blocks():
                block = self.canvas[(*index, rows, columns)]
                leading = (slice(i, i + 1) for i in index)
                self.canvas[(*leading, rows, columns)] = np.where(wanted[block], 0, block)
            self.table = _rows(self.table, ~wanted[self.table["label"]])
            self.version += 1

    def _wanted(self, labels: Iterable[int]) -> BoolArray:
        known = np.zeros(self._count + 1, bool)
        known[[label for label in labels if 0 < label <= self._count]] = True
        return known

    def _blocks(self) -> list[Part]:
        return [] if self.box is None else list(self.canvas.blocks((self.index, *self.box)))

    def _reset(self, state: str, message: str = "") -> None:
        self.canvas, self.table = LabelCanvas(self._shape), _empty()
        self.box, self.state, self.message, self._count = None, state, message, 0
        self.version += 1


class Assistant:
    """A model that works in one thread of its own, one request after the other.

    Parameters
    ----------
    model : str
        Name of a model of objects, or the path of its package. It is loaded when first used.
    """

    def __init__(self, model: str) -> None:
        self.given = self.name = self._source = model
        self._model: InstanceModel | None = None
        self._worker = ThreadPoolExecutor(1, "cellwright-model")

    def use(self, model: str, name: str) -> None:
        """Work with another model from the next request on.

        Parameters
        ----------
        model : str
            Name, or path of a package.
        name : str
            What people call it.
        """

        def change() -> None:
            if model != self._source:
                self._source, self._model = model, None

        self.name = name
        self._worker.submit(change)

    def use_given(self) -> None:
        """Work again with the model that the program was given."""
        self.use(self.given, self.given)

    def load(self) -> InstanceModel:
        """Return the model.

        Raises
        ------
        ModelError, UsageError
            If there is none of that name, or it does not find objects in planes.
        """
        if self._model is None:
            model = load_instance_model(self._source)
            if model.card.network.dimensions != 2:
                raise UsageError(
                    f"The model '{self.name}' works on volumes; the studio proposes plane by "
                    "plane. Choose a model of planes with --model."
                )
            self._model = model
        return self._model

    def propose(
        self, levels: Levels, labels: LabelCanvas, request: Request, proposals: Proposals
    ) -> Future[None]:
        """Start looking for objects.

        Parameters
        ----------
        levels : Levels
            The image.
        labels : LabelCanvas
            What is annotated already; such objects are not proposed.
        request : Request
        proposals : Proposals
            Takes the result.

        Raises
        ------
        UsageError
            If the part is too large.
        """
        pixels = int(np.prod([part.stop - part.start for part in request.box]))
        if pixels > MOST_PIXELS:
            raise UsageError(
                f"{pixels / 1024**2:,.0f} megapixels are too many to propose at once "
                f"({MOST_PIXELS // 1024**2} at most). Zoom in and propose on what is visible; for "
                "whole images so large there is 'cellwright segment'."
            )
        proposals.begin()
        return self._worker.submit(self._work, levels, labels, request, proposals)

    def run(self, job: Callable[[InstanceModel], T]) -> T:
        """Do something with the model, after what was asked for before."""
        return self._worker.submit(lambda: job(self.load())).result()

    def close(self) -> None:
        """Let go of the thread; what it does is of no use any more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _work(
        self, levels: Levels, labels: LabelCanvas, request: Request, proposals: Proposals
    ) -> None:
        try:
            image = plane_of(levels.image, request.place)
            found, table = find_objects(self.load(), image, request.box, request.channel)
            existing = labels[(*request.index, *request.box)]
            keep = _covered(found, existing, len(table["label"])) < _COVERED
            table = _rows(table, keep)
            numbers = np.concatenate([[0], np.where(keep, np.arange(1, len(keep) + 1), 0)])
            proposals.fill(request, numbers.astype(np.int32)[found], table)
        except CellwrightError as error:
            proposals.fail(str(error))
        except Exception:
            proposals.fail("The model failed; the terminal says more.")
            raise


def find_objects(
    model: InstanceModel, image: Image, box: Box, channel: int | None
) -> tuple[LabelArray, Table]:
    """Find all objects in a part of a plane, of whatever confidence.

    Intensities are normalised as for the whole plane, so that what is visible changes nothing.

    Returns
    -------
    labels : ndarray, shape (Y, X), int32
    table : Table
        ``label``, ``confidence``, ``y``, ``x``: the latter in px of the whole plane; ``class``
        of models that tell classes apart.
    """

    def labelled(seen: Seen, scale: float) -> tuple[Table, LabelArray]:
        labels = np.zeros(seen.shape, np.int32)
        return model.find_objects(seen, scale, labels), labels

    part = model.seen(image, channel).part(box)
    choice = ScaleChoice(model.card, part, labelled)
    scale = choice.scale(None)
    table, labels = choice.whole(scale) or labelled(part, scale)
    rows = {name: table[name] for name in ("label", "confidence", "class") if name in table}
    return labels, rows | {
        "y": table["row"] + box[0].start + 0.5,
        "x": table["column"] + box[1].start + 0.5,
    }


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
        height, width = window.values.shape
        region = slice(window.y, window.y + height), slice(window.x, window.x + width)
        old = canvas[(*window.place, *region)]
        new = number[window.values]
        # Whoever accepts a proposal knows now what was not known.
        values = np.where((old <= 0) & (new > 0), new, old)
        made.append(Window(window.place, window.y, window.x, values))
    return made


def _covered(found: LabelArray, existing: LabelArray, count: int) -> DoubleArray:
    """Return which share of every object lies on labels."""
    area = np.bincount(found.ravel(), minlength=count + 1)[1:]
    hidden = np.bincount(found[existing > 0], minlength=count + 1)[1:]
    return np.asarray(np.where(area > 0, hidden / np.maximum(area, 1), 1.0))


def _rows(table: Table, keep: BoolArray) -> Table:
    return {name: column[keep] for name, column in table.items()}


def _empty() -> Table:
    return {
        "label": np.zeros(0, np.int32),
        **{name: np.zeros(0) for name in ("confidence", "y", "x")},
    }
