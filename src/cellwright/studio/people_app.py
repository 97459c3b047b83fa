"""The server's addresses for several people who annotate together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.routing import BaseRoute

from cellwright.studio import views
from cellwright.studio.desk import Desk
from cellwright.studio.fields import Fields
from cellwright.studio.http import route


def people_routes(desk: Desk, *, shared: bool) -> list[BaseRoute]:
    """Return the routes of who annotates.

    Parameters
    ----------
    desk : Desk
    shared : bool
        Whether people at other computers take part: then everybody must say who they are.
    """

    def told(fields: Fields) -> dict[str, Any]:
        who = desk.asks(fields.person)
        return {"you": who, "shared": shared, "people": [asdict(p) for p in desk.people.all()]}

    def join(fields: Fields) -> dict[str, Any]:
        return asdict(desk.people.join(fields.text("name")))

    return [
        route("/api/people", told),
        route("/api/people", join, "POST"),
        route("/api/images/{number:int}/strokes", lambda *asked: _strokes(desk, *asked)),
    ]


def _strokes(desk: Desk, number: int, fields: Fields) -> dict[str, Any]:
    """Return what was changed of late, and by whom; whoever asks is here."""
    who, since = desk.asks(fields.person), fields.integer("since")
    sheet = desk.sheet(number)
    desk.people.come(who, number)
    latest = sheet.annotation.latest  # before looking: what comes meanwhile is told again
    strokes = sheet.annotation.strokes_since(since)
    said = sheet.annotation.said_since(since)
    return {
        "edit": max(latest, since),
        "facts": views.facts(change for changes in said.values() for change in changes),
        "strokes": [
            {"edit": s.edit, "who": s.who, "box": [s.place, s.y, s.x, s.height, s.width]}
            for s in strokes
        ],
        "here": [{"name": name, "image": at} for name, at in desk.people.present().items()],
        **views.undoable(sheet, who),
    }
