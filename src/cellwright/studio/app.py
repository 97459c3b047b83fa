"""The server's addresses. Each one calls a function of the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from cellwright.studio import classes_app, edits, marks, openapi, people_openapi, pictures, views
from cellwright.studio.agreement_app import agreement_routes
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.fields import Fields
from cellwright.studio.guard import task_token
from cellwright.studio.http import raw, route, serve_page
from cellwright.studio.people_app import asked_sheet, people_routes
from cellwright.studio.proposals import Request as ProposalRequest
from cellwright.studio.tasks_app import task_routes
from cellwright.studio.training_app import training_routes

Answer = Callable[[Sheet, Fields], Any]
_NO_CONTENT = 204
OPERATIONS = openapi.OPERATIONS | people_openapi.OPERATIONS
"""All that the server can be asked, described for programs."""


def make_app(desk: Desk, token: str, port: int, names: Sequence[str] = ()) -> ASGIApp:
    """Return the application that serves a project.

    Parameters
    ----------
    desk : Desk
        The project.
    token : str
        What requests for data must carry.
    port : int
        Where it will listen.
    names : sequence of str
        What other computers may call this one, where it is shared.
    """
    project = route("/api/project", lambda fields: views.project(desk, desk.asks(fields.person)))
    document = openapi.document(OPERATIONS, "annotate")
    description = route(openapi.ADDRESS, lambda fields: document)
    others = [*training_routes(desk), *classes_app.class_routes(desk)]
    together = [
        *(*people_routes(desk, shared=bool(names)), *agreement_routes(desk)),
        *task_routes(desk, task_token(token)),
    ]
    routes = [project, *_image_routes(desk), *together, *others, description]
    return serve_page("index.html", routes, token, port, names)


def _image_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes below ``/api/images/NUMBER``."""

    def who(fields: Fields) -> str:
        return desk.asks(fields.person)

    reads: dict[str, Answer] = {
        "": lambda sheet, fields: views.image(sheet, who(fields)),
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
        "/proposals": lambda sheet, fields: views.proposals(sheet),
        "/proposals/labels": lambda sheet, fields: _labels(sheet, fields, sheet.proposals.canvas),
        "/preview/labels": lambda sheet, fields: _labels(sheet, fields, sheet.preview),
    }

    def change(make: Callable[[Sheet, Fields], Any]) -> Answer:
        def answer(sheet: Sheet, fields: Fields) -> Any:
            changed = make(sheet, fields)
            desk.edited()
            return views.changed(sheet, changed, who(fields))

        return answer

    writes: dict[str, Answer] = {
        "/edits": change(lambda sheet, fields: edits.edit(sheet, fields, who(fields))),
        "/marks": change(lambda sheet, fields: marks.mark(sheet, fields, who(fields))),
        "/marks/find": change(
            lambda sheet, fields: marks.find_marks(sheet, desk.assistant, fields, who(fields))
        ),
        "/tracks": change(lambda sheet, fields: edits.track(sheet, fields, who(fields))),
        "/propagate": change(
            lambda sheet, fields: edits.propagate(sheet, desk.assistant, fields, who(fields))
        ),
        "/undo": change(lambda sheet, fields: sheet.annotation.undo(who=who(fields))),
        "/redo": change(lambda sheet, fields: sheet.annotation.redo(who=who(fields))),
        "/restore": change(
            lambda sheet, fields: sheet.annotation.restore(fields.integer("edit"), who=who(fields))
        ),
        "/proposals/accept": change(lambda sheet, fields: edits.accept(sheet, fields, who(fields))),
        "/proposals/reject": lambda sheet, fields: sheet.proposals.reject(fields.labels()),
        "/proposals/turn": lambda sheet, fields: _turn(desk, sheet, fields),
        "/proposals": lambda sheet, fields: _propose(desk, sheet, fields),
        "/areas": lambda sheet, fields: _add_area(desk, sheet, fields),
        "/areas/remove": lambda sheet, fields: desk.journal.remove_area(
            sheet.item.name, fields.integer("area")
        ),
    }
    return [
        *(_route(desk, path, answer, "GET") for path, answer in reads.items()),
        *(_route(desk, path, answer, "POST") for path, answer in writes.items()),
    ]


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
    channel = fields.integer("channel") if fields.values.get("channel") is not None else None
    request = ProposalRequest(place, sheet.index(place), fields.box(*sheet.levels.size(0)), channel)
    desk.assistant.propose(sheet.levels, sheet.annotation.canvas, request, sheet.proposals)
    return views.proposals(sheet)


def _turn(desk: Desk, sheet: Sheet, fields: Fields) -> dict[str, Any]:
    desk.assistant.turn(sheet.annotation.canvas, sheet.proposals, fields.mapping("knobs"))
    return views.proposals(sheet)


def _add_area(desk: Desk, sheet: Sheet, fields: Fields) -> list[dict[str, Any]]:
    rows, columns = fields.box(*sheet.levels.size(0))
    desk.journal.add_area(sheet.item.name, sheet.index(fields.place()), rows, columns)
    return views.areas(desk, sheet)
