"""The server's addresses for classes of objects, and for what is said about an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.routing import BaseRoute

from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.facts import CLASS, MARKS, PARENT
from cellwright.studio.fields import Fields
from cellwright.studio.http import route


def class_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes below ``/api/classes``; each lists the classes."""

    def listed(act: Callable[[Fields], Any]) -> Callable[[Fields], list[dict[str, Any]]]:
        def answer(fields: Fields) -> list[dict[str, Any]]:
            act(fields)
            return [asdict(one) for one in desk.classes.all()]

        return answer

    writing = {
        "": lambda fields: desk.classes.add(fields.text("name")),
        "/change": lambda fields: _change(desk, fields),
        "/remove": lambda fields: _remove(desk, fields),
    }
    return [
        route("/api/classes", listed(lambda fields: None)),
        *(route(f"/api/classes{path}", listed(act), "POST") for path, act in writing.items()),
    ]


def facts(sheet: Sheet) -> dict[str, dict[int, Any]]:
    """Return all that is said about an image, by kind and number."""
    return {about: dict(sheet.annotation.facts[about]) for about in (CLASS, PARENT, *MARKS)}


def counts(sheet: Sheet) -> dict[str, Any]:
    """Return how many objects and marks of an image are of which class; 0 stands for none."""
    with sheet.annotation.inventory() as inventory:
        labels, known = inventory.labels().tolist(), sheet.annotation.facts[CLASS]
        found = Counter(known.get(label, 0) for label in labels)
    for about in MARKS:
        found.update(value["class"] for value in sheet.annotation.facts[about].values())
    there = {one.id for one in sheet.classes.all()}
    told = {number: found.pop(number, 0) for number in sorted(there)}
    return {"counts": told | {0: found.total()}}


def _change(desk: Desk, fields: Fields) -> None:
    number = fields.integer("class")
    before = desk.classes.name(number)
    desk.classes.change(
        number,
        name=fields.text("name") if "name" in fields.values else None,
        colour=fields.text("colour") if "colour" in fields.values else None,
        key=fields.integer("key") if "key" in fields.values else None,
    )
    after = desk.classes.name(number)
    if before and before != after:
        desk.tables.rename(before, after)


def _remove(desk: Desk, fields: Fields) -> None:
    number = fields.integer("class")
    before = desk.classes.name(number)
    desk.classes.remove(number)
    if before:
        desk.tables.rename(before, None)
