"""The server's addresses for reviewing. Each calls a function of the modules beside this one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from cellwright._errors import UsageError
from cellwright.studio import openapi, pictures
from cellwright.studio.fields import Fields
from cellwright.studio.http import raw, route, serve_page
from cellwright.studio.review_crops import Colour, crops
from cellwright.studio.review_desk import ENDS, GEOMETRY, LINKS, MARKS, OBJECTS, Plate, ReviewDesk
from cellwright.studio.review_export import export
from cellwright.studio.review_journal import KINDS, PINS
from cellwright.studio.review_openapi import OPERATIONS
from cellwright.studio.review_results import ALL
from cellwright.studio.tools import label_at
from cellwright.tracking.formats.pins import PIN
from cellwright.tracking.formats.table import LINKS as LINK_ENDS

_NO_CONTENT = 204
_LONGEST_REASON = 500  # characters
_COLOUR = re.compile(r"[0-9a-fA-F]{6}")


def make_review_app(desk: ReviewDesk, token: str, port: int) -> ASGIApp:
    """Return the application that serves a result.

    Parameters
    ----------
    desk : ReviewDesk
        The result.
    token : str
        What requests for data must carry.
    port : int
        Where it will listen.
    """
    document = openapi.document(OPERATIONS, "review")
    routes: list[BaseRoute] = [
        route(openapi.ADDRESS, lambda fields: document),
        route("/api/review", lambda fields: _review(desk)),
        *_image_routes(desk),
        *_table_routes(desk),
        *_mark_routes(desk),
        route("/api/objects/{row:int}", lambda row, fields: _object(desk, row)),
        route("/api/objects/{row:int}/family", lambda row, fields: _family(desk, row)),
        route("/api/crops", lambda fields: _crops(desk, fields)),
        route("/api/export", lambda fields: _export(desk, fields), "POST"),
    ]
    return serve_page("review.html", routes, token, port)


def _image_routes(desk: ReviewDesk) -> list[BaseRoute]:
    """Return the routes below ``/api/images/NUMBER``."""
    answers: dict[str, Callable[[int, Plate, Fields], Any]] = {
        "": lambda number, plate, fields: _facts(plate),
        "/thumbnail": lambda number, plate, fields: Response(
            pictures.thumbnail(plate), media_type="image/png"
        ),
        "/pixels": lambda number, plate, fields: raw(
            pictures.pixels(
                plate,
                fields.integer("level"),
                fields.integer("channel", 0),
                fields.place(),
                (fields.integer("row"), fields.integer("column")),
            )
        ),
        "/labels": lambda number, plate, fields: _labels(desk, plate, fields),
        "/histogram": lambda number, plate, fields: pictures.histogram(
            plate, fields.integer("channel", 0), fields.place()
        ),
        "/values": lambda number, plate, fields: _values(desk, number, plate, fields),
        "/objects": lambda number, plate, fields: raw(desk.geometry(number)),
    }

    def opened(answer: Callable[[int, Plate, Fields], Any]) -> Callable[[int, Fields], Any]:
        return lambda number, fields: answer(number, desk.plate(number), fields)

    return [
        route(f"/api/images/{{number:int}}{path}", opened(answer))
        for path, answer in answers.items()
    ]


def _table_routes(desk: ReviewDesk) -> list[BaseRoute]:
    """Return the routes below ``/api/tables/TABLE``."""

    def column(table: str, fields: Fields) -> Response:
        return raw(desk.numbers(table, fields.text("name")))

    def rows(table: str, fields: Fields) -> Response:
        found = desk.rows(
            table,
            str(fields.values.get("where", "")),
            str(fields.values.get("sort", "")),
            descending=fields.integer("descending", 0) != 0,
        )
        return raw(found.astype("<i4"))

    def condition(table: str, fields: Fields) -> dict[str, str]:
        """Say what is wrong with a condition, which people will type bit by bit."""
        where = fields.text("where")
        try:
            desk.rows(table, where)
        except UsageError as error:
            return {"wrong": str(error)}
        return {"wrong": ""}

    return [
        route("/api/tables/{table}", lambda table, fields: _columns(desk, table)),
        route("/api/tables/{table}/column", column),
        route("/api/tables/{table}/condition", condition),
        route("/api/tables/{table}/rows", rows),
    ]


def _mark_routes(desk: ReviewDesk) -> list[BaseRoute]:
    """Return the routes about what is said of objects."""

    def change(make: Callable[[Fields], None]) -> Callable[[Fields], Any]:
        def answer(fields: Fields) -> Any:
            make(fields)
            desk.follow_pins()
            return _marks(desk)

        return answer

    journal = desk.journal
    return [
        route("/api/marks", lambda fields: _marks(desk)),
        route("/api/marks", change(lambda fields: _mark(desk, fields)), "POST"),
        route("/api/pins", lambda fields: _pins(desk)),
        route("/api/pins", change(lambda fields: _pin(desk, fields)), "POST"),
        route("/api/undo", change(lambda fields: journal.undo(who=desk.who)), "POST"),
        route("/api/redo", change(lambda fields: journal.redo(who=desk.who)), "POST"),
        route("/api/history", lambda fields: [
            {"id": m.id, "made": m.made, "who": m.who, "kind": m.kind, "why": m.why,
             "objects": len(m.rows)}
            for m in journal.history()
        ]),
    ]  # fmt: skip


def _review(desk: ReviewDesk) -> dict[str, Any]:
    """Return what the result is."""
    result = desk.result
    remark = ""
    if desk.remark:
        remark = desk.remark
    elif desk.journal.of_other_runs and not desk.journal.history():
        remark = (
            "Objects of an earlier run in this folder were marked. These are others, so the marks "
            "are kept in the journal, but not shown."
        )
    counts = np.bincount(result.places.image, minlength=len(result.images))
    return {
        "folder": result.folder.resolve().name,
        "command": result.record["command"],
        "shape": result.shape,
        "who": desk.who,
        "remark": remark,
        "images": [
            {"name": image.name, "objects": int(count)}
            for image, count in zip(result.images, counts, strict=True)
        ],
        "tables": list(desk.tables),
        "classes": _classes(result.record),
        "geometry": GEOMETRY,
    }


def _classes(record: dict[str, Any]) -> list[str]:
    """Return the classes of objects in the order of the report, which gives them their colours."""
    images = record.get("images", ())
    return list(dict.fromkeys(name for one in images for name in one.get("classes", {})))


def _facts(plate: Plate) -> dict[str, Any]:
    return {"name": plate.item.name, **pictures.facts(plate), "remark": plate.remark}


def _labels(desk: ReviewDesk, plate: Plate, fields: Fields) -> Response:
    if plate.canvas is None:
        return Response(status_code=_NO_CONTENT)
    at = fields.integer("row"), fields.integer("column")
    found = pictures.labels(plate, plate.canvas, fields.integer("level"), fields.place(), at)
    if not found.any():
        return Response(status_code=_NO_CONTENT)
    return raw(desk.shown_labels(fields.place(), found))


def _values(desk: ReviewDesk, number: int, plate: Plate, fields: Fields) -> dict[str, Any]:
    """Return the pixel values under a position, and the row of the outlined object there."""
    place, point = fields.place(), (fields.decimal("y"), fields.decimal("x"))
    found = pictures.intensities(plate, place, point)
    if found is None:
        return {"values": [], "row": -1}
    label = 0 if plate.canvas is None else label_at(plate.canvas, plate.index(place), point)
    return {"values": found, "row": desk.row_of(number, place, label)}


def _columns(desk: ReviewDesk, table: str) -> dict[str, Any]:
    """Return what a table holds."""
    columns = []
    for name in desk.columns(table):
        about: dict[str, Any] = {"name": name, "kind": _kind(desk, table, name)}
        if about["kind"] == "text":
            about["texts"] = desk.categories(table, name)[0]
        columns.append(about)
    return {"rows": len(desk.rows(table)), "columns": columns}


def _kind(desk: ReviewDesk, table: str, name: str) -> str:
    """Return what the values of a column are: numbers (i, u, f), or what else."""
    if name in MARKS:
        return "mark"
    if table == LINKS and name in ENDS:
        return "row"
    kind: str = desk.column(table, name).dtype.kind
    return {"U": "text", "b": "flag"}.get(kind, kind)


def _object(desk: ReviewDesk, row: int) -> dict[str, Any]:
    """Return where an object is, and all that is known of it."""
    desk.check_rows([row])
    places = desk.result.places
    frame, (first, last) = int(places.frame[row]), places.depth[row].tolist()
    values = {name: desk.column(OBJECTS, name)[row].item() for name in desk.columns(OBJECTS)}
    about = {name: marks[row].item() for name, marks in desk.journal.columns().items()}
    return {
        "row": row,
        "image": int(places.image[row]),
        "frame": None if frame == ALL else frame,
        "plane": None if first == ALL else round((first + last) / 2),
        "centre": places.centre[row].tolist(),
        "box": places.box[row].tolist(),
        "values": {name: _sent(value) for name, value in (values | about).items()},
    }


def _family(desk: ReviewDesk, row: int) -> list[dict[str, Any]]:
    desk.check_rows([row])
    if desk.family is None:
        raise UsageError("Only tracks have families.")
    return desk.family(row)


def _sent(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _marks(desk: ReviewDesk) -> dict[str, Any]:
    """Return the rows that are marked, and whether a mark can be taken back or made again."""
    found = {name: np.flatnonzero(desk.column(OBJECTS, name)).tolist() for name in MARKS}
    undoable = {"can_undo": desk.journal.can_undo, "can_redo": desk.journal.can_redo}
    return {**found, **undoable, "solved": desk.solved, "pins": len(desk.journal.pins())}


def _mark(desk: ReviewDesk, fields: Fields) -> None:
    kind, why = fields.text("kind"), _why(fields)
    if "bits" in fields.values and "rows" in fields.values:
        raise UsageError("Give 'rows' or 'bits', not both.")
    rows = fields.bits("bits") if "bits" in fields.values else fields.whole_numbers("rows")
    known = next((one for one in KINDS if one == kind), None)
    if known is None:
        raise UsageError(f"'kind' must be one of {', '.join(KINDS)}.")
    desk.check_rows(rows)
    if rows:
        desk.journal.mark(known, rows, who=desk.who, why=why)


def _why(fields: Fields) -> str:
    why = fields.text("why") if "why" in fields.values else ""
    if len(why) > _LONGEST_REASON:
        raise UsageError(f"A reason has at most {_LONGEST_REASON} characters.")
    return why


def _pin(desk: ReviewDesk, fields: Fields) -> None:
    kind = fields.text("kind")
    known = next((one for one in PINS if one == kind), None)
    if known is None:
        raise UsageError(f"'kind' must be one of {', '.join(PINS)}.")
    desk.pin(known, fields.whole_numbers("rows"), _why(fields))


def _pins(desk: ReviewDesk) -> Response:
    """Return what is forced and forbidden, as ``cellwright track --pins`` reads it."""
    table = desk.pin_table() or {name: np.zeros(0) for name in (*LINK_ENDS, PIN)}
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    lines = [",".join(map(str, row)) for row in (table, *rows)]
    return Response("\n".join(lines) + "\n", media_type="text/csv")


def _crops(desk: ReviewDesk, fields: Fields) -> Response:
    """Return objects side by side; ``colours`` are those of the channels, ``-`` for none."""
    rows = [one for one in fields.text("rows").split(",") if one]
    if not all(one.isdecimal() and len(one) < 10 for one in rows):
        raise UsageError("'rows' must be whole numbers with commas between them.")
    colours = [one for one in str(fields.values.get("colours", "")).split(",") if one]
    drawn = crops(
        desk, [int(one) for one in rows], fields.integer("size", 96), [_colour(c) for c in colours]
    )
    return Response(drawn, media_type="image/png")


def _colour(text: str) -> Colour | None:
    if text == "-":
        return None
    if not _COLOUR.fullmatch(text):
        raise UsageError("'colours' must be colours such as ff0000, or -, with commas between.")
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _export(desk: ReviewDesk, fields: Fields) -> dict[str, Any]:
    where, sort = (fields.text(name) if name in fields.values else "" for name in ("where", "sort"))
    if fields.values.get("rows") is not None:
        rows = fields.whole_numbers("rows")
    else:
        rows = desk.rows(OBJECTS, where, sort, descending=fields.flag("descending")).tolist()
    return export(desk, fields.text("name"), rows, where)
