"""The server's addresses for volunteers: the next task, and an answer."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute

from cellwright.studio.desk import Desk
from cellwright.studio.fields import Fields
from cellwright.studio.http import route
from cellwright.studio.task_results import OUTDATED, contour, put_tasks, take_answer
from cellwright.studio.tasks import Answer


def task_routes(desk: Desk, volunteers: str) -> list[BaseRoute]:
    """Return the routes below ``/api/tasks``.

    Parameters
    ----------
    desk : Desk
    volunteers : str
        The token that opens nothing but tasks.
    """

    def progress(fields: Fields) -> dict[str, Any]:
        told = {"progress": desk.tasks.progress(), "people": desk.tasks.by_person()}
        return told | {"token": volunteers}

    def put(fields: Fields) -> dict[str, Any]:
        every = range(len(desk.project.items))
        numbers = fields.whole_numbers("images") if "images" in fields.values else every
        votes = fields.integer("votes", 3)
        new = put_tasks(desk, list(numbers), fields.text("about"), fields.text("kind"), votes)
        return {"new": new, **progress(fields)}

    return [
        route("/api/tasks", progress),
        route("/api/tasks", put, "POST"),
        route("/api/tasks/next", lambda fields: _next(desk, fields)),
        route("/api/tasks/answer", lambda fields: _answer(desk, fields), "POST"),
    ]


def _next(desk: Desk, fields: Fields) -> dict[str, Any]:
    """Return the next task of who asks, and how many there are."""
    who = desk.asks(fields.person)
    names = [item.name for item in desk.project.items]
    while (task := desk.tasks.next_for(who)) and task.question.image not in names:
        desk.tasks.settle(task.id, OUTDATED)
    told = {"left": desk.tasks.left_for(who), "done": desk.tasks.by_person().get(who, 0)}
    if task is None:
        return told | {"task": None}
    question = task.question
    number = names.index(question.image)
    axes = desk.sheet(number).annotation.place_axes.lower()
    height, width = question.mask.shape
    return told | {
        "task": {
            "id": task.id,
            "image": number,
            "place": {"t": 0, "z": 0} | dict(zip(axes, question.place, strict=True)),
            "kind": question.kind,
            "box": [question.y, question.x, question.y + height, question.x + width],
            "outlines": contour(question),
        }
    }


def _answer(desk: Desk, fields: Fields) -> dict[str, Any]:
    outline = tuple(fields.points()) if "points" in fields.values else ()
    answer = Answer(desk.asks(fields.person), fields.text("answer"), outline)
    take_answer(desk, fields.integer("task"), answer)
    return _next(desk, fields)
