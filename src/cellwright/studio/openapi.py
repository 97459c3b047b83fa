"""The addresses of the annotation server, described so that programs can use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright.runs.doctor import versions
from cellwright.studio.edits import CLASSIFY, TOOLS, TRACKING
from cellwright.studio.facts import MARKS
from cellwright.studio.guard import TOKEN_HEADER

JSON, BYTES, PICTURE = "application/json", "application/octet-stream", "image/png"
ADDRESS = "/openapi.json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a request.

    Parameters
    ----------
    schema : mapping
        Its type, as JSON Schema.
    about : str
        What it is.
    required : bool
    """

    schema: Mapping[str, Any]
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What one address does.

    Parameters
    ----------
    summary : str
        In one sentence.
    takes : mapping of str to Parameter
        Fields in the address (GET) or in a JSON object (POST).
    gives : str
        Media type of the answer.
    """

    summary: str
    takes: Mapping[str, Parameter] = field(default_factory=dict)
    gives: str = JSON


def whole_number(about: str, *, required: bool = False) -> Parameter:
    """Return a field that is a whole number from 0."""
    return Parameter({"type": "integer", "minimum": 0}, about, required)


_POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_POINTS = {"type": "array", "items": _POINT}
PLACE = {"t": whole_number("Frame, from 0."), "z": whole_number("Plane, from 0.")}
TILE = PLACE | {
    "level": whole_number("Level of the pyramid; 0 is the full resolution.", required=True),
    "row": whole_number("Which tile of 512 px, from the top.", required=True),
    "column": whole_number("Which tile of 512 px, from the left.", required=True),
}
CHANNEL = {"channel": whole_number("Channel, from 0.")}
_SEEN = {
    "channel": Parameter(
        {"type": ["integer", "null"], "minimum": 0},
        "Channel that the model sees, from 0, where the image has several.",
    )
}
AT = PLACE | {
    name: Parameter({"type": "number"}, f"Position along {name}, in px.", required=True)
    for name in ("y", "x")
}
_BOX = {
    "box": Parameter(
        {
            "type": ["array", "null"],
            "items": {"type": "number"},
            "minItems": 4,
            "maxItems": 4,
        },
        "[y0, x0, y1, x1] in px; the whole image when not given.",
    )
}
_LABELS = {
    "labels": Parameter(
        {"type": "array", "items": {"type": "integer", "minimum": 1}}, "Proposals.", required=True
    ),
    "version": whole_number("Of the proposals; refused where others are proposed by now."),
}
_ROUND = {"round": whole_number("Number of a round.", required=True)}
_ALONG = {
    "axis": Parameter({"type": "string", "enum": ["t", "z"]}, "Along which planes follow."),
    "to": whole_number("Which plane along the axis."),
}
_ABOUT = {
    "about": Parameter({"type": "string", "enum": list(MARKS)}, "Which marks.", required=True)
}
_GESTURE = PLACE | {
    "tool": Parameter({"type": "string", "enum": [*TOOLS, CLASSIFY]}, "What to do.", required=True),
    "points": Parameter(_POINTS, "Corners [y, x] of a stroke, an outline or a cut, in px."),
    "point": Parameter(_POINT, "Position [y, x] of an object, in px."),
    "other": Parameter(_POINT, "Position of the object that joins it, to merge."),
    "radius": Parameter({"type": "number", "exclusiveMinimum": 0}, "Of a brush, in px."),
    "only_background": Parameter({"type": "boolean"}, "Leave other objects as they are."),
    "ball": Parameter({"type": "boolean"}, "The brush is a ball that reaches into other slices."),
    "label": whole_number("Of the object to draw between the slices that it is on."),
    "labels": Parameter(
        {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "Of objects to copy to another plane; all of the plane when not given.",
    ),
    **_ALONG,
    "class": whole_number("Of what is new, or of the object to classify; 0 for none."),
}
_CLASS = {"class": whole_number("Number of a class.", required=True)}
_IN_PATHS = {
    "number": whole_number("Of the image, from 0.", required=True),
    "row": whole_number("Of the object in the table, from 0.", required=True),
    "table": Parameter({"type": "string"}, "Name of a table.", required=True),
}
IMAGE = "/api/images/{number}"

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/project"): Operation("List the images, and the model that proposes."),
    ("GET", IMAGE): Operation("Describe an image."),
    ("GET", f"{IMAGE}/thumbnail"): Operation("Show an image, small.", gives=PICTURE),
    ("GET", f"{IMAGE}/pixels"): Operation(
        "Return a tile of a channel: rows of uint8, uint16 or float32, as the image says.",
        TILE | CHANNEL,
        BYTES,
    ),
    ("GET", f"{IMAGE}/histogram"): Operation(
        "Return the histogram of a channel of a plane.", PLACE | CHANNEL
    ),
    ("GET", f"{IMAGE}/labels"): Operation(
        "Return a tile of labels, int32, with 2 px around it; nothing where there are none.",
        TILE,
        BYTES,
    ),
    ("GET", f"{IMAGE}/values"): Operation("Return the pixel values at a position.", AT),
    ("GET", f"{IMAGE}/object"): Operation("Describe the object at a position.", AT),
    ("GET", f"{IMAGE}/where"): Operation(
        "Say where on a plane an object is.",
        PLACE | {"label": whole_number("Of the object.", required=True)},
    ),
    ("GET", f"{IMAGE}/family"): Operation(
        "Return the family of a track of a movie as a tree.",
        {"label": whole_number("Of the track.", required=True)},
    ),
    ("GET", f"{IMAGE}/history"): Operation("List all edits, the oldest first."),
    ("GET", f"{IMAGE}/areas"): Operation("List the areas in which everything is annotated."),
    ("GET", f"{IMAGE}/facts"): Operation("Return what is said about objects, by kind and number."),
    ("GET", f"{IMAGE}/classes"): Operation("Count the objects of each class; 0 is of none."),
    ("GET", f"{IMAGE}/proposals"): Operation("Say whether there are proposals, and which."),
    ("GET", f"{IMAGE}/proposals/labels"): Operation(
        "Return a tile of proposals, as that of labels.", TILE, BYTES
    ),
    ("GET", f"{IMAGE}/preview/labels"): Operation(
        "Return a tile of what a training finds by now, as that of labels.", TILE, BYTES
    ),
    ("POST", f"{IMAGE}/edits"): Operation("Edit the labels with a tool.", _GESTURE),
    ("POST", f"{IMAGE}/marks"): Operation(
        "Draw, change or remove a box or a point.",
        PLACE
        | _ABOUT
        | {
            "number": whole_number("Of the mark; 0 for a new one."),
            "points": Parameter(_POINTS, "Both corners of a box, or the position of a point."),
            "class": whole_number("Its class; 0 for none."),
            "remove": Parameter({"type": "boolean"}, "Remove it."),
        },
    ),
    ("POST", f"{IMAGE}/marks/find"): Operation(
        "Mark what the model finds on a plane.", PLACE | _ABOUT | CHANNEL
    ),
    ("POST", f"{IMAGE}/tracks"): Operation(
        "Say which objects of a movie are the same cell, or come from which.",
        PLACE
        | {
            "action": Parameter(
                {"type": "string", "enum": list(TRACKING)},
                "The other one is the same from this frame on; or a daughter; or the track is cut "
                "before this frame; or has no parent.",
                required=True,
            ),
            "label": whole_number("Of the track.", required=True),
            "other": whole_number("The object in this frame that is the same, or its daughter."),
        },
    ),
    ("POST", f"{IMAGE}/propagate"): Operation(
        "Draw an object on another plane, where the model finds it.",
        PLACE | _ALONG | CHANNEL | {"label": whole_number("Of the object.", required=True)},
    ),
    ("POST", f"{IMAGE}/undo"): Operation("Take the last edit back."),
    ("POST", f"{IMAGE}/redo"): Operation("Do again what was taken back."),
    ("POST", f"{IMAGE}/restore"): Operation(
        "Bring the labels back to what they were after an edit.",
        {"edit": whole_number("Its number.", required=True)},
    ),
    ("POST", f"{IMAGE}/areas"): Operation("Mark an area as annotated.", PLACE | _BOX),
    ("POST", f"{IMAGE}/areas/remove"): Operation(
        "Forget an area.", {"area": whole_number("Its number.", required=True)}
    ),
    ("POST", f"{IMAGE}/proposals"): Operation("Start looking for objects.", PLACE | _BOX | _SEEN),
    ("POST", f"{IMAGE}/proposals/accept"): Operation(
        "Make proposals objects.",
        _LABELS | {"class": whole_number("Of those that bring none; 0 for none.")},
    ),
    ("POST", f"{IMAGE}/proposals/reject"): Operation("Remove proposals.", _LABELS),
    ("POST", f"{IMAGE}/proposals/turn"): Operation(
        "Propose again from what the model saw last, with other numbers; see their 'knobs'.",
        {
            "knobs": Parameter(
                {"type": "object", "additionalProperties": {"type": "number"}},
                "Numbers by name; those of the model where not given.",
                required=True,
            )
        },
    ),
    ("GET", "/api/classes"): Operation("List the classes of objects."),
    ("POST", "/api/classes"): Operation(
        "Make a class.", {"name": Parameter({"type": "string"}, "Its name.", required=True)}
    ),
    ("POST", "/api/classes/change"): Operation(
        "Change a class.",
        _CLASS
        | {
            "name": Parameter({"type": "string"}, "Another name."),
            "colour": Parameter({"type": "string", "pattern": "^#[0-9a-f]{6}$"}, "Its colour."),
            "key": Parameter({"type": "integer", "minimum": 0, "maximum": 9}, "Its key; 0: none."),
        },
    ),
    ("POST", "/api/classes/remove"): Operation(
        "Forget a class; what was of it is of none then.", _CLASS
    ),
    ("GET", "/api/next"): Operation("Say what to annotate next, once it is known."),
    ("POST", "/api/next"): Operation("Start looking for what to annotate next.", _SEEN),
    ("GET", "/api/training"): Operation("List all rounds of training, and what is going on."),
    ("POST", "/api/training"): Operation(
        "Train on what is annotated.",
        _SEEN
        | {
            "minutes": Parameter(
                {"type": "number", "exclusiveMinimum": 0}, "For how long.", required=True
            ),
            "start": Parameter(
                {"type": ["integer", "string"]},
                "Number of the round to start from, name of the given model, or nothing.",
            ),
        },
    ),
    ("POST", "/api/training/stop"): Operation("Stop the round that is going on."),
    ("POST", "/api/training/resume"): Operation("Go on with a round.", _ROUND),
    ("POST", "/api/training/use"): Operation(
        "Let the model of a round propose; 0 is the model that was given.", _ROUND
    ),
    ("POST", "/api/training/watch"): Operation(
        "Say what the training is to look at after each validation.",
        PLACE | _BOX | {"image": whole_number("Number of an image.", required=True)},
    ),
}


def document(operations: Mapping[tuple[str, str], Operation], command: str) -> dict[str, Any]:
    """Return the description of the server of a command in the format OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in operations.items():
        paths.setdefault(path, {})[method.lower()] = _described(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Cellwright {command}",
            "version": versions()["cellwright"],
            "description": f"The server of 'cellwright {command}'. The token is part of the "
            "address that the program prints, after '#token=', and stays the same for a folder.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}},
            "schemas": {"Refusal": _object({"error": {"type": "string"}}, ["error"])},
        },
        "security": [{"token": []}],
    }


def _described(method: str, path: str, operation: Operation) -> dict[str, Any]:
    takes = operation.takes
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{method.lower()} {path.removeprefix('/api/')}",
        "responses": _answers(operation.gives),
    }
    parameters = [
        _parameter(name, one, "path") for name, one in _IN_PATHS.items() if f"{{{name}}}" in path
    ]
    if method == "GET":
        parameters += [_parameter(name, one, "query") for name, one in takes.items()]
    else:
        fields = {name: {**one.schema, "description": one.about} for name, one in takes.items()}
        required = [name for name, one in takes.items() if one.required]
        body = {"content": {JSON: {"schema": _object(fields, required)}}, "required": True}
        told["requestBody"] = body
    return told | {"parameters": parameters}


def _answers(gives: str) -> dict[str, Any]:
    refusal = {JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    reasons = {
        "400": "The request makes no sense, or what it asks for is not there.",
        "403": "The token is missing or wrong, or another page asks.",
        "404": "There is no such address.",
        "413": "The request is too large.",
        "507": "The disk cannot be written; nothing was changed.",
    }
    answers: dict[str, Any] = {"200": {"description": "Done.", "content": {gives: {}}}}
    if gives == BYTES:
        answers["204"] = {"description": "There is only background."}
    return answers | {
        code: {"description": reason, "content": refusal} for code, reason in reasons.items()
    }


def _parameter(name: str, one: Parameter, where: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": one.required,
        "description": one.about,
        "schema": dict(one.schema),
    }


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": required}
