"""Addresses of one image: its picture, its labels, and what changes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cellwright.studio import classes_app, edits, marks, pictures, views
from cellwright.studio.annotation import Changed
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.fields import Fields
from cellwright.studio.http import raw, route
from cellwright.studio.people_app import asked_sheet
from cellwright.studio.proposals import Request as ProposalRequest

Answer = Callable[[Sheet, Fields], Any]
Change = Callable[[Sheet, Fields, str], Changed]
"""Given whose it is, too, makes an edit."""
_NO_CONTENT = 204


def image_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes below ``/api/images/NUMBER``."""
    changes = {path: partial(_changed, desk, make) for path, make in _changes(desk).items()}
    return [
        *(_route(desk, path, answer, "GET") for path, answer in _reads(desk).items()),
        *(_route(desk, path, answer, "POST") for path, answer in changes.items()),
        *(_route(desk, path, answer, "POST") for path, answer in _other_writes(desk).items()),
    ]


def _reads(desk: Desk) -> dict[str, Answer]:
    """Return what only tells."""
    return {
        "": lambda sheet, fields: views.image(sheet, desk.asks(fields.person)),
        "/thumbnail": lambda sheet, fields: Response(
            pictures.thumbnail(sheet), media_type="image/png"
        ),
        "/pixels": _pixels,
        "/histogram": lambda sheet, fields: pictures.histogram(
            sheet, fields.integer("channel", 0), fields.place()
        ),
        "/labels": lambda sheet, fields: _labels(sheet, fields, sheet.annotation.canvas),
        "/values": lambda sheet, fields: views.values(sheet, fields.place(), _position(fields)),
        "/object": lambda sheet, fields: views.properties(sheet, fields.place(), _position(fields)),
        "/where": lambda sheet, fields: views.where(sheet, fields.place(), fields.integer("label")),
        "/family": lambda sheet, fields: views.family(sheet, fields.integer("label")),
        "/history": lambda sheet, fields: [
            {"id": e.id, "made": e.made, "who": e.who, "kind": e.kind, "target": e.target}
            for e in sheet.annotation.history()
        ],
        "/areas": lambda sheet, fields: views.areas(desk, sheet),
        "/facts": lambda sheet, fields: classes_app.facts(sheet),
        "/classes": lambda sheet, fields: classes_app.counts(sheet),
        "/proposals": lambda sheet, fields: views.proposals(sheet, desk.asks(fields.person)),
        "/proposals/labels": lambda sheet, fields: _labels(
            sheet, fields, sheet.proposals(desk.asks(fields.person)).canvas
        ),
        "/preview/labels": lambda sheet, fields: _labels(sheet, fields, sheet.preview),
    }


def _changes(desk: Desk) -> dict[str, Change]:
    """Return what edits the labels or what is said about objects."""
    return {
        "/edits": edits.edit,
        "/marks": marks.mark,
        "/marks/find": lambda sheet, fields, who: marks.find_marks(
            sheet, desk.assistant, fields, who
        ),
        "/tracks": edits.track,
        "/propagate": lambda sheet, fields, who: edits.propagate(
            sheet, desk.assistant, fields, who
        ),
        "/undo": lambda sheet, fields, who: sheet.annotation.undo(who=who),
        "/redo": lambda sheet, fields, who: sheet.annotation.redo(who=who),
        "/restore": lambda sheet, fields, who: sheet.annotation.restore(
            fields.integer("edit"), who=who
        ),
        "/proposals/accept": edits.accept,
    }


def _other_writes(desk: Desk) -> dict[str, Answer]:
    """Return what changes proposals and areas."""
    return {
        "/proposals/reject": partial(_reject, desk),
        "/proposals/turn": partial(_turn, desk),
        "/proposals": partial(_propose, desk),
        "/areas": partial(_add_area, desk),
        "/areas/remove": lambda sheet, fields: desk.journal.remove_area(
            sheet.item.name, fields.integer("area")
        ),
    }


def _changed(desk: Desk, make: Change, sheet: Sheet, fields: Fields) -> Any:
    who = desk.asks(fields.person)
    changed = make(sheet, fields, who)
    desk.edited(sheet)
    return views.changed(sheet, changed, who)


def _route(desk: Desk, path: str, answer: Answer, method: str) -> Route:
    def work(number: int, fields: Fields) -> Any:
        return answer(asked_sheet(desk, number, fields, method == "GET"), fields)

    return route(f"/api/images/{{number:int}}{path}", work, method)


def _pixels(sheet: Sheet, fields: Fields) -> Response:
    at = fields.integer("row"), fields.integer("column")
    channel = fields.integer("channel", 0)
    return raw(pictures.pixels(sheet, fields.integer("level"), channel, fields.place(), at))


def _labels(sheet: Sheet, fields: Fields, canvas: Any) -> Response:
    at = fields.integer("row"), fields.integer("column")
    found = pictures.labels(sheet, canvas, fields.integer("level"), fields.place(), at)
    return raw(found) if found.any() else Response(status_code=_NO_CONTENT)


def _position(fields: Fields) -> tuple[float, float]:
    return fields.decimal("y"), fields.decimal("x")


def _propose(desk: Desk, sheet: Sheet, fields: Fields) -> dict[str, Any]:
    place = fields.place()
    box, channel = fields.box(*sheet.levels.size(0)), fields.optional_integer("channel")
    request = ProposalRequest(place, sheet.index(place), box, channel)
    who = desk.asks(fields.person)
    desk.assistant.propose(sheet.levels, sheet.annotation.canvas, request, sheet.proposals(who))
    return views.proposals(sheet, who)


def _reject(desk: Desk, sheet: Sheet, fields: Fields) -> None:
    proposals = sheet.proposals(desk.asks(fields.person))
    with proposals.held(fields.optional_integer("version")):
        proposals.reject(fields.labels())


def _turn(desk: Desk, sheet: Sheet, fields: Fields) -> dict[str, Any]:
    who, knobs = desk.asks(fields.person), fields.mapping("knobs")
    desk.assistant.turn(sheet.annotation.canvas, sheet.proposals(who), knobs)
    return views.proposals(sheet, who)


def _add_area(desk: Desk, sheet: Sheet, fields: Fields) -> list[dict[str, Any]]:
    rows, columns = fields.box(*sheet.levels.size(0))
    desk.journal.add_area(sheet.item.name, sheet.index(fields.place()), rows, columns)
    return views.areas(desk, sheet)
