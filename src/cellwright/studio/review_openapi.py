"""The addresses of the server that reviews, described so that programs can use them."""

from __future__ import annotations

from cellwright.studio.openapi import (
    AT,
    BYTES,
    CHANNEL,
    IMAGE,
    PICTURE,
    PLACE,
    TILE,
    Operation,
    Parameter,
    whole_number,
)
from cellwright.studio.review_journal import KINDS, PINS

_TABLE = "/api/tables/{table}"
_ROWS = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_TEXT = {"type": "string"}
_WHERE = "Condition, such as: area > 200 and not excluded. All rows when not given."

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/review"): Operation("Describe the result: its images, tables and objects."),
    ("GET", IMAGE): Operation("Describe an image."),
    ("GET", f"{IMAGE}/thumbnail"): Operation("Show an image, small.", gives=PICTURE),
    ("GET", f"{IMAGE}/pixels"): Operation(
        "Return a tile of a channel: rows of uint8, uint16 or float32, as the image says.",
        TILE | CHANNEL,
        BYTES,
    ),
    ("GET", f"{IMAGE}/labels"): Operation(
        "Return a tile of labels, int32, with 2 px around it; nothing where there are none.",
        TILE,
        BYTES,
    ),
    ("GET", f"{IMAGE}/histogram"): Operation(
        "Return the histogram of a channel of a plane.", PLACE | CHANNEL
    ),
    ("GET", f"{IMAGE}/values"): Operation(
        "Return the pixel values at a position, and the row of the object there.", AT
    ),
    ("GET", f"{IMAGE}/objects"): Operation(
        "Return where the objects of an image are: rows of float64, columns as /api/review says.",
        gives=BYTES,
    ),
    ("GET", _TABLE): Operation("List the columns of a table."),
    ("GET", f"{_TABLE}/column"): Operation(
        "Return a column, float64; of texts, the place of each in the list of the column's texts.",
        {"name": Parameter(_TEXT, "Of the column.", required=True)},
        BYTES,
    ),
    ("GET", f"{_TABLE}/condition"): Operation(
        "Say what is wrong with a condition, if anything.",
        {"where": Parameter(_TEXT, "Condition.", required=True)},
    ),
    ("GET", f"{_TABLE}/rows"): Operation(
        "Return the numbers of rows, sorted, int32.",
        {
            "where": Parameter(_TEXT, _WHERE),
            "sort": Parameter(_TEXT, "Column to sort by."),
            "descending": whole_number("1 for the largest first."),
        },
        BYTES,
    ),
    ("GET", "/api/marks"): Operation("List the rows that are excluded and flagged."),
    ("POST", "/api/marks"): Operation(
        "Exclude or flag objects, or take that back.",
        {
            "kind": Parameter({"type": "string", "enum": list(KINDS)}, "What.", required=True),
            "rows": Parameter(_ROWS, "Of the table of objects."),
            "bits": Parameter(
                _TEXT | {"contentEncoding": "base64"},
                "In place of many rows: a bit for each, row 0 being the lowest of the first byte.",
            ),
            "why": Parameter(_TEXT, "The reason."),
        },
    ),
    ("GET", "/api/pins"): Operation(
        "Return links that are forced or forbidden, for cellwright track --pins.", gives="text/csv"
    ),
    ("POST", "/api/pins"): Operation(
        "Cut or join tracks; the links around are solved again.",
        {
            "kind": Parameter({"type": "string", "enum": list(PINS)}, "What.", required=True),
            "rows": Parameter(
                _ROWS,
                "Of two cells; of a division, of the mother and two daughters.",
                required=True,
            ),
            "why": Parameter(_TEXT, "The reason."),
        },
    ),
    ("POST", "/api/undo"): Operation("Take the last mark back."),
    ("POST", "/api/redo"): Operation("Mark again what was taken back."),
    ("GET", "/api/history"): Operation("List all marks, the oldest first."),
    ("GET", "/api/objects/{row}"): Operation("Say all that is known of an object."),
    ("GET", "/api/objects/{row}/family"): Operation("Return the family of a tracked cell."),
    ("GET", "/api/crops"): Operation(
        "Show objects side by side.",
        {
            "rows": Parameter(_TEXT, "Of the objects, with commas between them.", required=True),
            "size": whole_number("Of each, in px."),
            "colours": Parameter(_TEXT, "Of the channels, such as ff0000,-,00ff00; - for none."),
        },
        PICTURE,
    ),
    ("POST", "/api/export"): Operation(
        "Write objects to a new folder beside the result.",
        {
            "name": Parameter(_TEXT, "Of the folder.", required=True),
            "where": Parameter(_TEXT, _WHERE),
            "sort": Parameter(_TEXT, "Column to sort by."),
            "descending": Parameter({"type": "boolean"}, "The largest first."),
            "rows": Parameter(
                {"type": ["array", "null"], "items": {"type": "integer"}},
                "Which, in which order; by default those that meet the condition.",
            ),
        },
    ),
}
