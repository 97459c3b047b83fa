"""Edits as the page asks for them: the name of a tool and a gesture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cellwright._errors import UsageError
from cellwright.studio import tools
from cellwright.studio.annotation import Changed
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Sheet
from cellwright.studio.facts import CLASS, Change, Facts
from cellwright.studio.fields import Fields
from cellwright.studio.journal import Patch
from cellwright.studio.object_classes import of_new_objects
from cellwright.studio.proposals import numbered

Index = tuple[int, ...]
CLASSIFY = "classify"
"""Says of what class an object is; no pixel changes."""
Tool = Callable[[LabelCanvas, Index, Fields, int], list[tools.Window]]


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
    index, kind = sheet.index(fields.place()), _class(sheet, fields)
    if name == CLASSIFY:
        label = tools.label_at(sheet.annotation.canvas, index, fields.point("point"))
        values = {label: kind or None} if label else {}
        return sheet.annotation.say(name, lambda facts: facts.changes(CLASS, values), who=who)
    if name not in TOOLS:
        there = ", ".join([*TOOLS, CLASSIFY])
        raise UsageError(f"There is no tool '{name[:40]}'; there are {there}.")

    def tell(facts: Facts, patches: Sequence[Patch], new: int) -> list[Change]:
        return of_new_objects(facts, patches, new, kind)

    return sheet.annotation.apply(
        name, lambda canvas, new: TOOLS[name](canvas, index, fields, new), who=who, tell=tell
    )


def accept(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Make proposals objects, where there is background.

    They bring the classes that they have; others are of the ``class`` that is asked for.
    """
    labels, asked = fields.labels(), _class(sheet, fields)
    windows = sheet.proposals.windows(labels)
    there = np.unique([label for window in windows for label in np.unique(window.values)])
    chosen = there[there > 0].tolist()
    table = sheet.proposals.table
    names = dict(zip(table["label"].tolist(), table.get("class", ()), strict=False))
    kinds = [sheet.classes.number(str(names[one])) if one in names else asked for one in chosen]

    def tell(facts: Facts, patches: Sequence[Patch], new: int) -> list[Change]:
        drawn = of_new_objects(facts, patches, new, -1)  # those that are left of them
        values = {one.number: kinds[one.number - new] or None for one in drawn}
        return facts.changes(CLASS, values)

    changed = sheet.annotation.apply(
        "accept", lambda canvas, new: numbered(windows, canvas, new), who=who, tell=tell
    )
    sheet.proposals.drop(labels)
    return changed


def _class(sheet: Sheet, fields: Fields) -> int:
    """Return the class that is asked for, 0 for none."""
    number = fields.integer("class", 0)
    return sheet.classes.known(number) if number else 0


def _brush(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    """Extend the object that the stroke begins in, or make a new one."""
    points = fields.points()
    label = tools.label_at(canvas, at, points[0]) if points else 0
    return tools.brush(
        canvas,
        at,
        points,
        fields.number("radius"),
        label or new,
        only_background=fields.flag("only_background"),
    )


def _erase(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    return tools.brush(
        canvas, at, fields.points(), fields.number("radius"), 0, only_background=False
    )


def _unsure(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    points, radius = fields.points(), fields.number("radius")
    only_background = fields.flag("only_background")
    return tools.brush(canvas, at, points, radius, tools.UNKNOWN, only_background=only_background)


def _lasso(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    only_background = fields.flag("only_background")
    return tools.lasso(canvas, at, fields.points(), new, only_background=only_background)


def _split(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    return tools.split(canvas, at, fields.points(), new)


def _merge(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    return tools.merge(canvas, at, fields.point("point"), fields.point("other"))


def _delete(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    return tools.delete(canvas, at, fields.point("point"))


def _fill(canvas: LabelCanvas, at: Index, fields: Fields, new: int) -> list[tools.Window]:
    return tools.fill_holes(canvas, at, fields.point("point"))


TOOLS: dict[str, Tool] = {
    "brush": _brush,
    "erase": _erase,
    "unsure": _unsure,
    "lasso": _lasso,
    "split": _split,
    "merge": _merge,
    "delete": _delete,
    "fill": _fill,
}
