"""Boxes and points that mark objects: facts about an image that need no pixels of labels.

A box is ``{"at": [y0, x0, y1, x1], "class": 2}``, a point ``{"at": [y, x], "class": 0}``, and in
volumes ``[z, y, x]``: in px, pixel i being from i to i + 1, and the number of a slice. Class 0 is
none.
"""

from __future__ import annotations

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, DoubleArray, Table
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.studio.annotation import Changed
from cellwright.studio.assistant import MOST_PIXELS, Assistant
from cellwright.studio.desk import Sheet
from cellwright.studio.facts import BOX, MARKS, POINT, Change, Facts
from cellwright.studio.fields import Fields
from cellwright.studio.levels import Place, plane_of
from cellwright.studio.mark_tables import DIGITS
from cellwright.studio.tools import Point

_SMALLEST = 1.0  # px, side of a box
_SAME_BOX = 0.5  # intersection over union, above which a box is marked already
_SAME_POINT = 4.0  # px
_PAIRS = 1_000_000  # of boxes that are compared at once


def offered(sheet: Sheet) -> list[str]:
    """Return what can be marked on an image, as far as the tables can say it."""
    item = sheet.item
    if item.scene is not None or "/" in item.name or "T" in sheet.annotation.place_axes:
        return []
    return [POINT] if sheet.annotation.place_axes else [BOX, POINT]


def mark(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Draw, change or remove a box or a point.

    Parameters
    ----------
    sheet : Sheet
        The image.
    fields : Fields
        ``about``, ``"box"`` or ``"point"``; its ``number``, 0 for a new one; the corners or the
        position as ``points``, which stay as they are when not given; ``class``, 0 for none, as
        well; the slice ``z``; and ``remove``.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If the image cannot be marked so, there is no such mark, or it lies outside of the image.
    """
    about, number = _about(sheet, fields), fields.integer("number", 0)
    known = sheet.annotation.facts[about]
    if number and number not in known:
        raise UsageError(f"There is no {about} {number}; somebody may have removed it.")
    if fields.flag("remove"):
        kind, value = f"remove {about}", None
    else:
        kind = f"{'change' if number else 'draw'} {about}"
        value = dict(known[number]) if number else {"class": 0}
        if "class" in fields.values:
            wanted = fields.integer("class")
            value["class"] = sheet.classes.known(wanted) if wanted else 0
        if not number or "points" in fields.values:
            value["at"] = _position(sheet, about, fields)
    return sheet.annotation.say(
        kind,
        lambda facts: facts.changes(about, {number or facts.largest(about) + 1: value}),
        who=who,
    )


def find_marks(sheet: Sheet, assistant: Assistant, fields: Fields, who: str) -> Changed:
    """Mark what a model finds on a plane, but for what is marked already; one edit.

    Parameters
    ----------
    sheet : Sheet
        The image.
    assistant : Assistant
        With the model.
    fields : Fields
        ``about``, ``z`` and ``channel``.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If the plane is too large, or the model does not find such marks.
    """
    about, place = _about(sheet, fields), fields.place()
    plane = plane_of(sheet.levels.image, place)
    if plane.sizes["Y"] * plane.sizes["X"] > MOST_PIXELS:
        raise UsageError("The image is too large to find all at once; use 'cellwright detect'.")
    table = assistant.detect(plane, fields.optional_integer("channel"))
    places = _places(table, about)
    names = table["class"].tolist() if "class" in table else [ONE_CLASS] * len(places)
    kinds = [0 if name == ONE_CLASS else sheet.classes.number(str(name)) for name in names]

    def tell(facts: Facts) -> list[Change]:
        there = [value["at"] for value in facts[about].values()]
        if sheet.annotation.place_axes and about == POINT:
            there = [at[1:] for at in there if at[0] == place.z]
        new = ~_marked(places, np.array(there, float).reshape(-1, places.shape[1]), about)
        found = [
            {"at": _at(sheet, place, about, at), "class": kind}
            for at, kind, is_new in zip(places.tolist(), kinds, new, strict=True)
            if is_new
        ]
        return facts.changes(about, dict(enumerate(found, facts.largest(about) + 1)))

    return sheet.annotation.say(f"find {MARKS[about]}", tell, who=who)


def _about(sheet: Sheet, fields: Fields) -> str:
    about = fields.text("about")
    if about not in MARKS:
        raise UsageError(f"Marks are {' or '.join(MARKS.values())}, not '{about[:20]}'.")
    if about not in offered(sheet):
        raise UsageError(
            f"'{sheet.item.name}' cannot be marked with {MARKS[about]}: their table names files "
            "beside it, boxes without a plane, and neither with a frame."
        )
    return about


def _position(sheet: Sheet, about: str, fields: Fields) -> list[float]:
    """Return where a mark is to be."""
    height, width = sheet.annotation.canvas.shape[-2:]
    points = fields.points()
    if len(points) != (2 if about == BOX else 1):
        raise UsageError("A box is given by two corners, a point by its position.")
    limits = np.array([height, width], float)
    if about == POINT:
        inside = bool((np.array(points[0]) >= 0).all() and (np.array(points[0]) < limits).all())
        return _at(sheet, fields.place(), about, _checked(points[0], inside))
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    corners = [*low.tolist(), *high.tolist()]
    return _at(sheet, fields.place(), about, _checked(corners, (high - low >= _SMALLEST).all()))


def _checked(at: list[float] | Point, is_inside: bool) -> list[float]:
    if not is_inside:
        raise UsageError("That lies outside of the image, or is smaller than a pixel.")
    return list(at)


def _at(sheet: Sheet, place: Place, about: str, at: list[float]) -> list[float]:
    leading = [place.z] if about == POINT and sheet.annotation.place_axes else []
    return [*leading, *(round(value, DIGITS) for value in at)]


def _places(table: Table, about: str) -> DoubleArray:
    """Return where marks of a table of detections are, shape (N, 4) or (N, 2)."""
    if about == BOX and "bbox-3" not in table:
        raise UsageError("This model finds points, which have no boxes.")
    names = [f"bbox-{i}" for i in range(4)] if about == BOX else ["centroid-0", "centroid-1"]
    places = np.stack([np.asarray(table[name], float) for name in names], axis=1)
    return places if about == BOX else places + 0.5


def _marked(places: DoubleArray, there: DoubleArray, about: str) -> BoolArray:
    """Return which places are marked already, shape (N,), bool."""
    if not len(there):
        return np.zeros(len(places), bool)
    if about == POINT:
        from scipy.spatial import cKDTree

        return np.asarray(cKDTree(there).query(places)[0] < _SAME_POINT)
    parts = np.array_split(places, 1 + len(places) * len(there) // _PAIRS)
    return np.concatenate([_covered(part, there) for part in parts])


def _covered(boxes: DoubleArray, there: DoubleArray) -> BoolArray:
    """Return which boxes are nearly one of those there, shape (N,), bool."""
    a, b = boxes[:, None], there[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    both = np.maximum(high - low, 0).prod(-1)
    sizes = [(one[..., 2:] - one[..., :2]).prod(-1) for one in (a, b)]
    return np.asarray((both > _SAME_BOX * (sizes[0] + sizes[1] - both)).any(1))
