"""The addresses of the annotation server, described so that programs can use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright.runs.doctor import versions
from cellwright.studio.edits import TOOLS
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


def _whole(about: str, *, required: bool = False) -> Parameter:
    return Parameter({"type": "integer", "minimum": 0}, about, required)


_POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_POINTS = {"type": "array", "items": _POINT}
_PLACE = {"t": _whole("Frame, from 0."), "z": _whole("Plane, from 0.")}
_TILE = _PLACE | {
    "level": _whole("Level of the pyramid; 0 is the full resolution.", required=True),
    "row": _whole("Which tile of 512 px, from the top.", required=True),
    "column": _whole("Which tile of 512 px, from the left.", required=True),
}
_CHANNEL = {"channel": _whole("Channel, from 0.")}
_AT = _PLACE | {
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
    )
}
_ROUND = {"round": _whole("Number of a round.", required=True)}
_GESTURE = _PLACE | {
    "tool": Parameter({"type": "string", "enum": list(TOOLS)}, "What to do.", required=True),
    "points": Parameter(_POINTS, "Corners [y, x] of a stroke, an outline or a cut, in px."),
    "point": Parameter(_POINT, "Position [y, x] of an object, in px."),
    "other": Parameter(_POINT, "Position of the object that joins it, to merge."),
    "radius": Parameter({"type": "number", "exclusiveMinimum": 0}, "Of a brush, in px."),
    "only_background": Parameter({"type": "boolean"}, "Leave other objects as they are."),
}
_IN_PATHS = {
    "number": _whole("Of the image, from 0.", required=True),
    "row": _whole("Of the object in the table, from 0.", required=True),
    "table": Parameter({"type": "string"}, "Name of a table.", required=True),
}
_IMAGE = "/api/images/{number}"

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/project"): Operation("List the images, and the model that proposes."),
    ("GET", _IMAGE): Operation("Describe an image."),
    ("GET", f"{_IMAGE}/thumbnail"): Operation("Show an image, small.", gives=PICTURE),
    ("GET", f"{_IMAGE}/pixels"): Operation(
        "Return a tile of a channel: rows of uint8, uint16 or float32, as the image says.",
        _TILE | _CHANNEL,
        BYTES,
    ),
    ("GET", f"{_IMAGE}/histogram"): Operation(
        "Return the histogram of a channel of a plane.", _PLACE | _CHANNEL
    ),
    ("GET", f"{_IMAGE}/labels"): Operation(
        "Return a tile of labels, int32, with 2 px around it; nothing where there are none.",
        _TILE,
        BYTES,
    ),
    ("GET", f"{_IMAGE}/values"): Operation("Return the pixel values at a position.", _AT),
    ("GET", f"{_IMAGE}/object"): Operation("Describe the object at a position.", _AT),
    ("GET", f"{_IMAGE}/history"): Operation("List all edits, the oldest first."),
    ("GET", f"{_IMAGE}/areas"): Operation("List the areas in which everything is annotated."),
    ("GET", f"{_IMAGE}/proposals"): Operation("Say whether there are proposals, and which."),
    ("GET", f"{_IMAGE}/proposals/labels"): Operation(
        "Return a tile of proposals, as that of labels.", _TILE, BYTES
    ),
    ("GET", f"{_IMAGE}/preview/labels"): Operation(
        "Return a tile of what a training finds by now, as that of labels.", _TILE, BYTES
    ),
    ("POST", f"{_IMAGE}/edits"): Operation("Edit the labels with a tool.", _GESTURE),
    ("POST", f"{_IMAGE}/undo"): Operation("Take the last edit back."),
    ("POST", f"{_IMAGE}/redo"): Operation("Do again what was taken back."),
    ("POST", f"{_IMAGE}/restore"): Operation(
        "Bring the labels back to what they were after an edit.",
        {"edit": _whole("Its number.", required=True)},
    ),
    ("POST", f"{_IMAGE}/areas"): Operation("Mark an area as annotated.", _PLACE | _BOX),
    ("POST", f"{_IMAGE}/areas/remove"): Operation(
        "Forget an area.", {"area": _whole("Its number.", required=True)}
    ),
    ("POST", f"{_IMAGE}/proposals"): Operation(
        "Start looking for objects.", _PLACE | _BOX | _CHANNEL
    ),
    ("POST", f"{_IMAGE}/proposals/accept"): Operation("Make proposals objects.", _LABELS),
    ("POST", f"{_IMAGE}/proposals/reject"): Operation("Remove proposals.", _LABELS),
    ("POST", f"{_IMAGE}/done"): Operation(
        "Mark an image as done, or not.",
        {"done": Parameter({"type": "boolean"}, "Whether it is.")},
    ),
    ("GET", "/api/next"): Operation("Say what to annotate next, once it is known."),
    ("POST", "/api/next"): Operation("Start looking for what to annotate next.", _CHANNEL),
    ("GET", "/api/training"): Operation("List all rounds of training, and what is going on."),
    ("POST", "/api/training"): Operation(
        "Train on what is annotated.",
        _CHANNEL
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
        _PLACE | _BOX | {"image": _whole("Number of an image.", required=True)},
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
            "description": f"The server of 'cellwright {command}'. The token is part of the address "
            "that the program prints, after '#token='.",
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
