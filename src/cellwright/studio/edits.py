"""Edits as the page asks for them: the name of a tool and a gesture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from cellwright._errors import UsageError
from cellwright.studio import slices, tools
from cellwright.studio.annotation import Changed
from cellwright.studio.assistant import Assistant, find_objects
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Sheet
from cellwright.studio.facts import CLASS, PARENT, Change, Facts
from cellwright.studio.fields import Fields
from cellwright.studio.inventory import Inventory
from cellwright.studio.journal import Patch
from cellwright.studio.levels import Place, plane_of
from cellwright.studio.lineage import Lineage
from cellwright.studio.object_classes import of_new_objects
from cellwright.studio.proposals import Proposals, numbered, uncovered

CLASSIFY = "classify"
"""Says of what class an object is; no pixel changes."""
TRACKING = ("link", "divide", "cut", "orphan")
"""What can be said about tracks."""
Windows = list[tools.Window]
_AROUND = 64  # px, at least, in which an object is looked for on another plane


@dataclass(frozen=True, slots=True)
class Spot:
    """The plane that a tool works on, and what lies around it.

    Parameters
    ----------
    canvas : LabelCanvas
    index : tuple of int
        The plane.
    axes : str
        What the index is along: ``""``, ``"T"``, ``"Z"`` or ``"TZ"``.
    distance : float
        Of slices, in px of a plane.
    inventory : Inventory
        The objects.
    """

    canvas: LabelCanvas
    index: slices.Index
    axes: str
    distance: float
    inventory: Inventory

    def axis(self, fields: Fields) -> int:
        """Return the axis that is asked for, as a place in the index."""
        name = fields.text("axis")
        if name.upper() not in self.axes or len(name) != 1:
            raise UsageError(f"The image has no axis '{name[:20]}' that slices lie along.")
        return self.axes.index(name.upper())

    def target(self, fields: Fields) -> slices.Index:
        """Return the plane ``to`` along the ``axis``."""
        shape = self.canvas.shape
        return slices.moved(self.index, self.axis(fields), fields.integer("to"), shape)


Tool = Callable[[Spot, Fields, int], Windows]
"""From a plane, a gesture and the least new label to new pixels."""


def edit(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Do what a request asks for.

    Parameters
    ----------
    sheet : Sheet
        The image.
    fields : Fields
        ``tool``; the plane ``t``, ``z``; the ``class`` of what is new; and what the tool needs.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If there is no such tool, or it needs something else.
    """
    name = fields.text("tool")
    kind = _class(sheet, fields)
    if name == CLASSIFY:
        index = sheet.index(fields.place())
        label = tools.label_at(sheet.annotation.canvas, index, fields.point("point"))
        values = {label: kind or None} if label else {}
        return sheet.annotation.say(name, lambda facts: facts.changes(CLASS, values), who=who)
    if name not in TOOLS:
        there = ", ".join([*TOOLS, CLASSIFY])
        raise UsageError(f"There is no tool '{name[:40]}'; there are {there}.")

    def tell(facts: Facts, patches: Sequence[Patch], new: int) -> list[Change]:
        return of_new_objects(facts, patches, new, kind)

    with _spot(sheet, fields) as spot:
        return sheet.annotation.apply(
            name, lambda canvas, new: TOOLS[name](spot, fields, new), who=who, tell=tell
        )


def accept(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Make proposals objects, where there is background; none of what was annotated meanwhile.

    They bring the classes that they have; others are of the ``class`` that is asked for.

    Raises
    ------
    UsageError
        If others are proposed by now than those of the ``version`` that was chosen from.
    """
    proposals = sheet.proposals(who)
    with proposals.held(fields.optional_integer("version")):
        labels = fields.labels()
        changed = _accept(sheet, proposals, labels, _class(sheet, fields), who)
        proposals.drop(labels)
        return changed


def _accept(sheet: Sheet, proposals: Proposals, labels: list[int], asked: int, who: str) -> Changed:
    windows = uncovered(proposals.windows(labels), sheet.annotation.canvas)
    there = np.unique([label for window in windows for label in np.unique(window.values)])
    chosen = there[there > 0].tolist()
    table = proposals.table
    names = dict(zip(table["label"].tolist(), table.get("class", ()), strict=False))
    kinds = [sheet.classes.number(str(names[one])) if one in names else asked for one in chosen]

    def tell(facts: Facts, patches: Sequence[Patch], new: int) -> list[Change]:
        drawn = of_new_objects(facts, patches, new, -1)  # those that are left of them
        values = {one.number: kinds[one.number - new] or None for one in drawn}
        return facts.changes(CLASS, values)

    return sheet.annotation.apply(
        "accept", lambda canvas, new: numbered(windows, canvas, new), who=who, tell=tell
    )


def _class(sheet: Sheet, fields: Fields) -> int:
    """Return the class that is asked for, 0 for none."""
    number = fields.integer("class", 0)
    return sheet.classes.known(number) if number else 0


def propagate(sheet: Sheet, assistant: Assistant, fields: Fields, who: str) -> Changed:
    """Draw an object on another slice or frame where the model finds it: what overlaps it most.

    Parameters
    ----------
    sheet : Sheet
        The image.
    assistant : Assistant
        With the model.
    fields : Fields
        ``label``; its plane ``t``, ``z``; the ``axis`` and ``to``, where along it; ``channel``.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If there is no such object, it is there already, or the model finds nothing there.
    """
    label, canvas = fields.integer("label"), sheet.annotation.canvas
    with _spot(sheet, fields) as spot:
        target = spot.target(fields)
        row = spot.inventory.plane(spot.index).row(label)
        if row is None or spot.inventory.plane(target).row(label) is not None:
            where = "not on this plane" if row is None else "there already"
            raise UsageError(f"Object {label} is {where}.")
        box = _grown(spot.inventory.plane(spot.index).box[row].tolist(), canvas.shape[-2:])
    place = Place(**dict(zip(spot.axes.lower(), target, strict=True)))
    image = plane_of(sheet.levels.image, place)
    channel = fields.optional_integer("channel")
    found = assistant.run(lambda model: find_objects(model, image, box, channel)).labels
    y, x = box[0].start, box[1].start
    mask = slices.overlapping(found, y, x, canvas, spot.index, label)
    if mask is None:
        raise UsageError(
            f"The model finds nothing there that overlaps object {label}. Copy it, and correct it."
        )
    return sheet.annotation.apply(
        "propagate", lambda canvas, _: slices.painted(canvas, target, y, x, mask, label), who=who
    )


def track(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Say which objects of a movie are the same cell, and which come from which.

    Parameters
    ----------
    sheet : Sheet
        The movie.
    fields : Fields
        ``action``, one of `TRACKING`; the ``label`` it is about, the ``other`` one, and the frame
        ``t``.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If it is no movie, there are no such objects, or they cannot belong together so.
    """
    action, label = fields.text("action"), fields.integer("label")
    if action not in TRACKING:
        raise UsageError(f"Tracks can {', '.join(TRACKING)}, not '{action[:20]}'.")
    annotation = sheet.annotation
    with lineage_of(sheet) as known:
        frame, new = fields.place().t, annotation.largest + 1
        if action == "cut":
            plan = known.cut(label, frame, new)
        elif action == "orphan":
            plan = known.orphan(label)
        else:
            change = known.link if action == "link" else known.divide
            plan = change(label, fields.integer("other"), frame, new)

        def tell(facts: Facts, patches: Sequence[Patch], first: int) -> list[Change]:
            said = facts.changes(PARENT, plan.parents)
            return [*said, *of_new_objects(facts, patches, first, 0)]

        return annotation.apply(action, lambda *_: known.windows(plan), who=who, tell=tell)


@contextmanager
def lineage_of(sheet: Sheet) -> Iterator[Lineage]:
    """Look at the tracks of a movie while nothing is edited.

    Raises
    ------
    UsageError
        If the image is no movie.
    """
    annotation = sheet.annotation
    if "T" not in annotation.place_axes:
        raise UsageError(f"'{sheet.item.name}' is no movie, and has no tracks.")
    with annotation.inventory() as inventory:
        yield Lineage(annotation.canvas, inventory, annotation.facts[PARENT])


@contextmanager
def _spot(sheet: Sheet, fields: Fields) -> Iterator[Spot]:
    size, axes = sheet.levels.image.pixel_size, sheet.annotation.place_axes
    distance = size[-3] / size[-2] if size and axes.endswith("Z") else 1.0
    index = sheet.index(fields.place())
    with sheet.annotation.inventory() as inventory:
        yield Spot(sheet.annotation.canvas, index, axes, distance, inventory)


def _grown(box: list[int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return a box with as much around it as an object may move."""
    top, left, bottom, right = box
    more = max(_AROUND, bottom - top, right - left)
    rows = slice(max(0, top - more), min(shape[0], bottom + more))
    return rows, slice(max(0, left - more), min(shape[1], right + more))


def _brush(spot: Spot, fields: Fields, new: int) -> Windows:
    """Extend the object that the stroke begins in, or make a new one."""
    points = fields.points()
    label = tools.label_at(spot.canvas, spot.index, points[0]) if points else 0
    return _stroke(spot, fields, label or new, fields.flag("only_background"))


def _erase(spot: Spot, fields: Fields, new: int) -> Windows:
    return _stroke(spot, fields, 0, only_background=False)


def _unsure(spot: Spot, fields: Fields, new: int) -> Windows:
    return _stroke(spot, fields, tools.UNKNOWN, fields.flag("only_background"))


def _stroke(spot: Spot, fields: Fields, label: int, only_background: bool) -> Windows:
    points, radius = fields.points(), fields.number("radius")
    if fields.flag("ball") and spot.axes.endswith("Z"):
        return slices.ball(
            spot.canvas,
            spot.index,
            len(spot.axes) - 1,
            points,
            radius,
            label,
            distance=spot.distance,
            only_background=only_background,
        )
    return tools.brush(
        spot.canvas, spot.index, points, radius, label, only_background=only_background
    )


def _lasso(spot: Spot, fields: Fields, new: int) -> Windows:
    only_background = fields.flag("only_background")
    return tools.lasso(
        spot.canvas, spot.index, fields.points(), new, only_background=only_background
    )


def _split(spot: Spot, fields: Fields, new: int) -> Windows:
    return tools.split(spot.canvas, spot.index, fields.points(), new)


def _merge(spot: Spot, fields: Fields, new: int) -> Windows:
    return tools.merge(spot.canvas, spot.index, fields.point("point"), fields.point("other"))


def _delete(spot: Spot, fields: Fields, new: int) -> Windows:
    return tools.delete(spot.canvas, spot.index, fields.point("point"))


def _fill(spot: Spot, fields: Fields, new: int) -> Windows:
    return tools.fill_holes(spot.canvas, spot.index, fields.point("point"))


def _copy(spot: Spot, fields: Fields, new: int) -> Windows:
    labels = fields.labels() if "labels" in fields.values else []
    return slices.copy(spot.canvas, spot.inventory, spot.index, spot.target(fields), labels)


def _interpolate(spot: Spot, fields: Fields, new: int) -> Windows:
    axis, label = spot.axis(fields), fields.integer("label")
    return slices.interpolate(spot.canvas, spot.inventory, spot.index, axis, label)


TOOLS: dict[str, Tool] = {
    "brush": _brush,
    "erase": _erase,
    "unsure": _unsure,
    "lasso": _lasso,
    "split": _split,
    "merge": _merge,
    "delete": _delete,
    "fill": _fill,
    "copy": _copy,
    "interpolate": _interpolate,
}
