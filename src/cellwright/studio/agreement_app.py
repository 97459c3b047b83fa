"""The server's addresses for comparing what several people drew, and deciding between them."""

from __future__ import annotations

import threading
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from starlette.routing import BaseRoute

from cellwright.studio import views
from cellwright.studio.agreement import (
    Comparison,
    Pair,
    annotators,
    compare,
    decide,
    pairs,
)
from cellwright.studio.consensus import consensus_state, write_consensus
from cellwright.studio.decisions import OPEN, Decision
from cellwright.studio.desk import Desk
from cellwright.studio.fields import Fields
from cellwright.studio.http import route

_Known = tuple[dict[str, Any], list[Pair]]


def agreement_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes of agreement and consensus."""
    summaries = Summaries(desk)
    of_image = "/api/images/{number:int}"
    return [
        route("/api/agreement", lambda fields: summaries.told()),
        route(f"{of_image}/agreement", partial(_plane, desk)),
        route(f"{of_image}/agreement", partial(_decide, desk), "POST"),
        route(f"{of_image}/consensus", partial(_consensus, desk), "POST"),
    ]


class Summaries:
    """How far people agree on every image; what was not edited since is not compared again.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._known: dict[int, tuple[object, _Known]] = {}

    def told(self) -> dict[str, Any]:
        """Return scores for every image that several people annotated, and in all."""
        with self._lock:
            found = [
                self._image(number)
                for number in range(len(self._desk.project.items))
                if len(annotators(self._desk, number)) > 1
            ]
        total: dict[tuple[str, str], Pair] = {}
        for _, of_image in found:
            for pair in of_image:
                known = total.get(pair.people)
                total[pair.people] = pair if known is None else known + pair
        return {
            "images": [about for about, _ in found],
            "pairs": [pair.told() for _, pair in sorted(total.items())],
        }

    def _image(self, number: int) -> _Known:
        desk, name = self._desk, self._desk.item(number).name
        people = annotators(desk, number)
        sheets = [desk.sheet(number, person) for person in people]
        consensus = consensus_state(desk, number)
        edits = [sheet.annotation.latest for sheet in sheets]
        version = (people, edits, desk.decisions.latest(name), consensus)
        known = self._known.get(number)
        if known is not None and known[0] == version:
            return known[1]
        planes = np.ndindex(*sheets[0].annotation.canvas.shape[:-2])
        compared = [compare(desk, number, index) for index in planes]
        of_planes = [pairs(desk, number, one) for one in compared]
        joined = [sum(of[1:], of[0]) for of in zip(*of_planes, strict=True)]
        differing = [case for one in compared for case in one.differing()]
        about = {
            "image": number,
            "name": name,
            "pairs": [pair.told() for pair in joined],
            "objects": sum(len(one.cases) for one in compared),
            "differing": len(differing),
            "open": sum(case.decision.choice == OPEN for case in differing),
            "consensus": consensus,
        }
        self._known[number] = version, (about, joined)
        return self._known[number][1]


def _plane(desk: Desk, number: int, fields: Fields) -> dict[str, Any]:
    """Return on what people differ on a plane."""
    index = desk.sheet(number).index(fields.place())
    return _told(desk, number, compare(desk, number, index))


def _told(desk: Desk, number: int, found: Comparison) -> dict[str, Any]:
    return {
        "people": found.people,
        "pairs": [pair.told() for pair in pairs(desk, number, found)],
        "objects": len(found.cases),
        "cases": [
            {
                "key": case.key,
                "members": case.members,
                "box": case.box,
                "iou": round(case.iou, 3),
                **asdict(case.decision),
            }
            for case in found.differing()
        ],
        "consensus": consensus_state(desk, number),
    }


def _decide(desk: Desk, number: int, fields: Fields) -> dict[str, Any]:
    index = desk.sheet(number).index(fields.place())
    wanted = Decision(
        choice=fields.text("choice"),
        person=fields.optional_text("of") or "",
        outline=tuple(fields.points()) if "points" in fields.values else (),
        who=desk.asks(fields.person),
    )
    decide(desk, number, index, fields.text("key"), wanted)
    return _plane(desk, number, fields)


def _consensus(desk: Desk, number: int, fields: Fields) -> dict[str, Any]:
    who = desk.asks(fields.person)
    changed, undecided = write_consensus(desk, number, who=who)
    desk.edited(desk.sheet(number))
    return views.changed(desk.sheet(number), changed, who) | {"open": undecided}
