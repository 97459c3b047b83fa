"""The server's addresses for several people who annotate together."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.routing import BaseRoute

from cellwright._errors import UsageError
from cellwright.studio import views
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.fields import Fields
from cellwright.studio.http import route
from cellwright.studio.people_states import EVERYBODY, jobs, say, statistics
from cellwright.studio.people_work import DONE, STARTED, Assignment, spread


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
        route("/api/work", lambda fields: _work(desk)),
        route("/api/work", lambda fields: _assign(desk, fields), "POST"),
        *(
            route(f"/api/images/{{number:int}}{path}", partial(answer, desk), "POST")
            for path, answer in {"/done": _done, "/state": _say}.items()
        ),
        route("/api/images/{number:int}/strokes", lambda *asked: _strokes(desk, *asked)),
    ]


def asked_sheet(desk: Desk, number: int, fields: Fields, may_look: bool) -> Sheet:
    """Open an image with the labels that a request is about: those of who asks, or others.

    Raises
    ------
    InputError
        If there are no such labels.
    UsageError
        If somebody would edit the labels of somebody else.
    """
    who, of = desk.asks(fields.person), fields.optional_text("of")
    if of is None:
        return desk.sheet_for(number, who)
    whose = desk.people.named(of).name if of else ""
    if whose not in ("", who) and not may_look:
        raise UsageError(f"These are the labels of {whose}; nobody else edits them.")
    return desk.sheet(number, whose)


def _work(desk: Desk) -> dict[str, Any]:
    """Return who annotates what, how far that is, and what everybody has done."""
    return {
        "images": [
            {
                "name": item.name,
                "people": desk.work.assignment(item.name).people,
                "apart": desk.work.assignment(item.name).apart,
                "jobs": [asdict(job) for job in found],
            }
            for item, found in zip(desk.project.items, jobs(desk), strict=True)
        ],
        "people": statistics(desk),
    }


def _assign(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Spread images over people."""
    who = desk.asks(fields.person)
    people = [desk.people.named(name).name for name in fields.texts("people")]
    numbers = range(len(desk.project.items))
    chosen = fields.whole_numbers("images") if "images" in fields.values else numbers
    images = [desk.item(number).name for number in chosen]
    each, apart = fields.integer("each", 1), fields.flag("apart")
    of = spread(images, people, each) if people else dict.fromkeys(images, ())
    desk.work.assign({image: Assignment(of[image], apart) for image in images}, who=who)
    return _work(desk)


def _done(desk: Desk, number: int, fields: Fields) -> None:
    """Say that the labels of who asks are done, or not."""
    who = desk.asks(fields.person)
    person = who if desk.work.has_own(desk.item(number).name, who) else EVERYBODY
    say(desk, number, person, DONE if fields.flag("done") else STARTED, who=who)


def _say(desk: Desk, number: int, fields: Fields) -> None:
    """Say how far the labels of anybody are."""
    person = fields.optional_text("of") or EVERYBODY
    whose = desk.people.named(person).name if person else EVERYBODY
    note = fields.optional_text("note") or ""
    say(desk, number, whose, fields.text("state"), who=desk.asks(fields.person), note=note)


def _strokes(desk: Desk, number: int, fields: Fields) -> dict[str, Any]:
    """Return what was changed of late, and by whom; whoever asks is here."""
    who, since = desk.asks(fields.person), fields.integer("since")
    sheet = desk.sheet_for(number, who)
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
        "unwritten": sheet.unwritten,
        "remark": sheet.annotation.remark,
        **views.undoable(sheet, who),
    }
