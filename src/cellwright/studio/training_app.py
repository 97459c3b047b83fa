"""The server's addresses for training, below ``/api/training``."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from cellwright._errors import UsageError
from cellwright._types import AnyArray
from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.studio import watch
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Desk
from cellwright.studio.fields import Fields
from cellwright.studio.http import route
from cellwright.studio.lessons import (
    LARGEST_PLANE,
    annotated_parts,
    plane_pixels,
    write_lesson,
)
from cellwright.studio.parts import divided
from cellwright.studio.rounds import Order, Round
from cellwright.studio.suggestions import Suggestions

MOST_MINUTES = 24 * 60.0


def training_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes below ``/api/training``; each tells how things stand."""
    suggestions = Suggestions(desk)
    writing = {
        "": lambda fields: _start(desk, fields),
        "/stop": lambda fields: desk.trainer.stop(),
        "/resume": lambda fields: desk.trainer.resume(fields.integer("round")),
        "/use": lambda fields: desk.use(fields.integer("round") or None),
        "/watch": lambda fields: _watch(desk, fields),
    }

    def told(act: Any) -> Any:
        def answer(fields: Fields) -> dict[str, Any]:
            act(fields)
            return _told(desk)

        return answer

    def search(fields: Fields) -> dict[str, Any]:
        suggestions.search(fields.optional_integer("channel"))
        return _suggested(suggestions)

    return [
        route("/api/training", lambda fields: _told(desk)),
        route("/api/next", lambda fields: _suggested(suggestions)),
        route("/api/next", search, "POST"),
        *(route(f"/api/training{path}", told(act), "POST") for path, act in writing.items()),
    ]


def _suggested(suggestions: Suggestions) -> dict[str, Any]:
    best = suggestions.best
    return {
        "state": suggestions.state,
        "message": suggestions.message,
        "done": suggestions.done,
        "total": suggestions.total,
        "best": best and {"image": best.image, **asdict(best.place), "box": best.box},
    }


def _told(desk: Desk) -> dict[str, Any]:
    """Return all rounds, and what is going on."""
    rounds = desk.trainer.rounds
    done = desk.journal.finished()
    names = [item.name for item in desk.project.items]
    areas = [len(desk.journal.areas(name)) for name in names if name not in done]
    return {
        "current": desk.trainer.current,
        "in_use": rounds.in_use,
        "given": desk.assistant.given,
        "annotated": {"images": sum(name in done for name in names), "areas": sum(areas)},
        "rounds": [_about(desk, one, names) for one in rounds.all()],
        "seen": _seen(desk),
    }


def _about(desk: Desk, one: Round, names: list[str]) -> dict[str, Any]:
    order, verdict = one.order, one.verdict
    told = asdict(order) | {
        "number": one.number,
        "state": desk.trainer.state(one),
        "seconds": round(desk.trainer.seconds(one), 1),
        "failure": one.failure,
        "history": one.history(),
        "model": None if verdict is None else str(one.model.resolve()),
        "verdict": None,
    }
    del told["parts"]
    if verdict is not None:
        worst = [
            {"image": part.image, "number": names.index(part.image), "place": part.index}
            for part in verdict.worst
            if part.image in names
        ]
        errors = {"count_error": verdict.after.count_error, "better": verdict.better}
        told["verdict"] = asdict(verdict) | errors | {"worst": worst}
    return told


def _start(desk: Desk, fields: Fields) -> None:
    minutes = fields.number("minutes")
    if not 0 < minutes <= MOST_MINUTES:
        raise UsageError(f"A round takes up to {MOST_MINUTES:g} minutes, not {minutes:g}.")
    start = fields.values.get("start", "")
    if isinstance(start, int):
        if desk.trainer.rounds.round(fields.integer("start")).verdict is None:
            raise UsageError(f"Round {start} has no model to start from.")
    elif start not in ("", desk.assistant.given):
        raise UsageError("A round starts from an earlier one, from the given model, or from none.")
    channel, who = fields.optional_integer("channel"), desk.asks(fields.person)

    def prepare(folder: Path) -> Round:
        rounds = desk.trainer.rounds
        earlier = [part for one in rounds.all() for part in one.order.parts]
        chosen = divided(annotated_parts(desk), earlier)
        parts, objects = write_lesson(desk, chosen, folder, channel)
        images = len({part.image for part in parts})
        made = datetime.now(UTC).isoformat(timespec="seconds")
        order = Order(minutes, start, channel, who, made, images, objects, tuple(parts))
        return rounds.write(folder, order)

    desk.trainer.start(prepare)


def _watch(desk: Desk, fields: Fields) -> None:
    """Show the training what the page shows: the middle of it, where that is large."""
    number = fields.integer("image")
    sheet = desk.sheet(number)
    index, size = sheet.index(fields.place()), sheet.levels.size(0)
    rows, columns = (_middle(part) for part in fields.box(*size))
    one = _current(desk)
    if one is None:
        return
    box = rows.start, columns.start, rows.stop, columns.stop
    known = (0, 0, *size) if math.prod(size) <= LARGEST_PLANE else box
    whole = _channels(plane_pixels(sheet, index, known, one.order.channel))
    limits = Normalisation(joint=sheet.levels.image.is_rgb).limits(whole)
    part = whole if known == box else _channels(plane_pixels(sheet, index, box, one.order.channel))
    where = {"image": number, "index": index, "box": box}
    watch.show(one.folder, part, limits, where)


def _seen(desk: Desk) -> dict[str, Any] | None:
    """Put what the training found last where the page fetches it, and return where that is."""
    one = _current(desk)
    found = None if one is None else watch.found(one.folder)
    if found is None:
        return None
    number, index = int(found.where["image"]), found.where["index"]
    sheet = desk.sheet(number)
    y0, x0, y1, x1 = found.where["box"]
    canvas = LabelCanvas(sheet.annotation.canvas.shape)
    canvas[(*(slice(i, i + 1) for i in index), slice(y0, y1), slice(x0, x1))] = found.labels
    sheet.preview = canvas
    objects = int(found.labels.max(initial=0))
    return {"image": number, "place": index, "step": found.step, "objects": objects}


def _current(desk: Desk) -> Round | None:
    number = desk.trainer.current
    return None if number is None else desk.trainer.rounds.round(number)


def _middle(part: slice) -> slice:
    """Return the middle of what is seen, no longer than what is watched."""
    spare = max(0, part.stop - part.start - watch.LARGEST)
    return slice(part.start + spare // 2, part.stop - (spare - spare // 2))


def _channels(image: Image) -> AnyArray:
    """Return the pixels of a plane, shape (C, Y, X)."""
    pixels = image.to_numpy()
    return pixels if "C" in image.axes else pixels[None]
