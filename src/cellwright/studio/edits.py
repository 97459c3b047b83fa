"""Edits as the page asks for them: the name of a tool and a gesture."""

from __future__ import annotations

from collections.abc import Callable

from cellwright._errors import UsageError
from cellwright.studio import tools
from cellwright.studio.annotation import Changed
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Sheet
from cellwright.studio.fields import Fields
from cellwright.studio.proposals import numbered

Index = tuple[int, ...]
Tool = Callable[[LabelCanvas, Index, Fields, int], list[tools.Window]]


def edit(sheet: Sheet, fields: Fields, who: str) -> Changed:
    """Do what a request asks for.

    Parameters
    ----------
    sheet : Sheet
        The image.
    fields : Fields
        ``tool``; the plane ``t``, ``z``; and what the tool needs.
    who : str
        Whose edit it is.

    Raises
    ------
    UsageError
        If there is no such tool, or it needs something else.
    """
    name = fields.text("tool")
    if name not in TOOLS:
        raise UsageError(f"There is no tool '{name[:40]}'; there are {', '.join(TOOLS)}.")
    index = sheet.index(fields.place())
    return sheet.annotation.apply(
        name, lambda canvas, new: TOOLS[name](canvas, index, fields, new), who=who
    )


def accept(sheet: Sheet, labels: list[int], who: str) -> Changed:
    """Make proposals objects, where there is background."""
    windows = sheet.proposals.windows(labels)
    changed = sheet.annotation.apply(
        "accept", lambda canvas, new: numbered(windows, canvas, new), who=who
    )
    sheet.proposals.drop(labels)
    return changed


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
