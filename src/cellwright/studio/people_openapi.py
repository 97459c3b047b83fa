"""The addresses for several people who annotate together, described for programs."""

from __future__ import annotations

from cellwright.studio.decisions import CHOICES
from cellwright.studio.openapi import IMAGE, PLACE, Operation, Parameter, whole_number
from cellwright.studio.people import LONGEST_NAME
from cellwright.studio.people_work import LONGEST_NOTE, STATES
from cellwright.studio.task_results import ORIGINS
from cellwright.studio.tasks import ANSWERS, KINDS, MOST_VOTES

_OF = Parameter(
    {"type": "string"}, "Whose labels, of those who have their own; nothing: the label file."
)
_IMAGES = Parameter(
    {"type": "array", "items": {"type": "integer", "minimum": 0}},
    "Numbers of the images; all when not given.",
)
_POINTS = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/people"): Operation("List who annotates."),
    ("POST", "/api/people"): Operation(
        "Say who you are; after that, send the name in the header X-Cellwright-Person.",
        {
            "name": Parameter(
                {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
                "Yours.",
                required=True,
            )
        },
    ),
    ("GET", f"{IMAGE}/strokes"): Operation(
        "List where labels were changed after an edit, and who is here; ask again every second.",
        {"since": whole_number("Number of the last edit that is known.", required=True)},
    ),
    ("GET", "/api/work"): Operation("Say who annotates what, how far, and what everybody did."),
    ("POST", "/api/work"): Operation(
        "Spread images over people, evenly; without people, whoever likes to annotates them.",
        {
            "people": Parameter(
                {"type": "array", "items": {"type": "string"}}, "Their names.", required=True
            ),
            "each": Parameter({"type": "integer", "minimum": 1}, "How many annotate one image."),
            "apart": Parameter({"type": "boolean"}, "Each with labels of their own."),
            "images": _IMAGES,
        },
    ),
    ("POST", f"{IMAGE}/done"): Operation(
        "Mark your labels of an image as done, or not.",
        {"done": Parameter({"type": "boolean"}, "Whether they are.")},
    ),
    ("POST", f"{IMAGE}/state"): Operation(
        "Say how far the labels of an image are.",
        {
            "state": Parameter({"type": "string", "enum": list(STATES)}, "How far.", required=True),
            "of": _OF,
            "note": Parameter({"type": "string", "maxLength": LONGEST_NOTE}, "Why."),
        },
    ),
    ("GET", "/api/agreement"): Operation("Say how far people agree, on every image and in all."),
    ("GET", f"{IMAGE}/agreement"): Operation("List on what people differ on a plane.", PLACE),
    ("POST", f"{IMAGE}/agreement"): Operation(
        "Decide what becomes of an object on which people differ.",
        PLACE
        | {
            "key": Parameter({"type": "string"}, "Of the object, from the list.", required=True),
            "choice": Parameter(
                {"type": "string", "enum": list(CHOICES)},
                "open takes a decision back; agree takes the middle of all outlines.",
                required=True,
            ),
            "of": Parameter({"type": "string"}, "Whose outline to take."),
            "points": Parameter(_POINTS, "Corners [y, x] of an outline drawn anew, in px."),
        },
    ),
    ("GET", "/api/tasks"): Operation("Say how far small tasks are, and who did how many."),
    ("POST", "/api/tasks"): Operation(
        "Ask volunteers about objects, one at a time.",
        {
            "about": Parameter(
                {"type": "string", "enum": list(ORIGINS)},
                "The objects of the label file, or what annotators differ on.",
                required=True,
            ),
            "kind": Parameter(
                {"type": "string", "enum": list(KINDS)},
                "Whether the outline is right, or to draw it.",
                required=True,
            ),
            "votes": Parameter(
                {"type": "integer", "minimum": 1, "maximum": MOST_VOTES},
                "How many answers decide; 3 when not given.",
            ),
            "images": _IMAGES,
        },
    ),
    ("GET", "/api/tasks/next"): Operation("Return the next task for you."),
    ("POST", "/api/tasks/answer"): Operation(
        "Answer a task; returns the next one.",
        {
            "task": whole_number("Its number.", required=True),
            "answer": Parameter(
                {"type": "string", "enum": list(ANSWERS)},
                "For an outline to draw: yes with the outline, no where there is no object.",
                required=True,
            ),
            "points": Parameter(_POINTS, "Corners [y, x] of the outline, in px."),
        },
    ),
    ("POST", f"{IMAGE}/consensus"): Operation(
        "Make what people agree on, or was decided, the labels of an image."
    ),
}
