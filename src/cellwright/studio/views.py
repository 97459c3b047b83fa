"""What the page is told about images, labels and objects."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from cellwright.studio import pictures
from cellwright.studio.annotation import Changed
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.edits import lineage_of
from cellwright.studio.facts import Change
from cellwright.studio.levels import Place
from cellwright.studio.marks import offered
from cellwright.studio.people_states import Job, job_of, jobs
from cellwright.studio.project import Item
from cellwright.studio.tools import Point, object_at


def project(desk: Desk, who: str) -> dict[str, Any]:
    """Return the list of images, and who annotates with which model."""
    return {
        "folder": desk.project.folder.resolve().name,
        "model": desk.assistant.name,
        "who": who,
        "images": [
            _listed(desk, item, found, who)
            for item, found in zip(desk.project.items, jobs(desk), strict=True)
        ],
    }


def _listed(desk: Desk, item: Item, found: list[Job], who: str) -> dict[str, Any]:
    """Return what somebody is told of an image in the list."""
    job, assigned = job_of(found, who), desk.work.assignment(item.name)
    return {
        "name": item.name,
        "state": job.state,
        "note": job.note,
        "people": assigned.people,
        "others": bool(assigned.people) and who not in assigned.people,
        "apart": assigned.apart,
    }


def image(sheet: Sheet, who: str) -> dict[str, Any]:
    """Return what an image is, and what somebody can take back."""
    return {
        "name": sheet.item.name,
        **pictures.facts(sheet),
        "proposals": {"state": sheet.proposals(who).state},
        "marks": offered(sheet),
        "file": str(sheet.item.labels.resolve()),
        "edit": sheet.annotation.latest,
        **undoable(sheet, who),
    }


def areas(desk: Desk, sheet: Sheet) -> list[dict[str, Any]]:
    """Return the parts of an image in which everything is annotated."""
    return [
        {"id": a.id, "place": a.place, "box": [a.y, a.x, a.y + a.height, a.x + a.width]}
        for a in desk.journal.areas(sheet.item.name)
    ]


def undoable(sheet: Sheet, who: str) -> dict[str, bool]:
    """Return whether there is something for somebody to take back or do again."""
    annotation = sheet.annotation
    return {"can_undo": annotation.can_undo(who), "can_redo": annotation.can_redo(who)}


def changed(sheet: Sheet, change: Changed, who: str) -> dict[str, Any]:
    """Return what an edit changed."""
    told = facts(change.facts)
    return {"edit": change.edit, "boxes": change.boxes, "facts": told, **undoable(sheet, who)}


def facts(changes: Iterable[Change]) -> list[tuple[str, int, Any]]:
    """Return what is said after some changes: about what, its number, and the value."""
    return [(change.about, change.number, change.after) for change in changes]


def values(sheet: Sheet, place: Place, point: Point) -> dict[str, Any]:
    """Return the pixel values and the object under a position."""
    found = pictures.intensities(sheet, place, point)
    if found is None:
        return {"values": [], "label": 0}
    y, x = (math.floor(value) for value in point)
    label = int(sheet.annotation.canvas[(*sheet.index(place), y, x)])
    return {"values": found, "label": label}


def family(sheet: Sheet, label: int) -> list[dict[str, Any]]:
    """Return the family of a track of a movie, see `Lineage.family`; none of what is no movie."""
    if "T" not in sheet.annotation.place_axes:
        return []
    with lineage_of(sheet) as lineage:
        return lineage.family(label)


def where(sheet: Sheet, place: Place, label: int) -> dict[str, Any]:
    """Return a position on an object of a plane; None where it is not on it."""
    index = sheet.index(place)
    with sheet.annotation.inventory() as inventory:
        objects = inventory.plane(index)
        row = objects.row(label)
        if row is None:
            return {"at": None}
        top, left, _, right = objects.box[row].tolist()
        first = sheet.annotation.canvas[(*index, slice(top, top + 1), slice(left, right))]
    return {"at": [top + 0.5, left + int((first[0] == label).argmax()) + 0.5]}


def properties(sheet: Sheet, place: Place, point: Point) -> dict[str, Any]:
    """Return what is known of the object under a position; label 0 where there is none."""
    index = sheet.index(place)
    found = object_at(sheet.annotation.canvas, index, point)
    if found is None:
        return {"label": 0}
    (rows, columns), label = found
    mask = sheet.annotation.canvas[(*index, rows, columns)] == label
    area = int(np.count_nonzero(mask))
    about = sheet.levels.image
    with sheet.reading:
        means = [
            float(sheet.levels.region(0, channel, place, rows, columns)[mask].mean())
            for channel in range(about.sizes.get("C", 1))
        ]
    size = about.pixel_size
    y, x = np.nonzero(mask)
    return {
        "label": label,
        "area": area,
        "area_um2": area * size[-2] * size[-1] if size else None,
        "centre": [float(y.mean()) + rows.start + 0.5, float(x.mean()) + columns.start + 0.5],
        "at": [int(y[0]) + rows.start + 0.5, int(x[0]) + columns.start + 0.5],
        "means": [mean if math.isfinite(mean) else None for mean in means],
    }


def proposals(sheet: Sheet, who: str) -> dict[str, Any]:
    """Return whether there are proposals for somebody, and their confidences."""
    found = sheet.proposals(who)
    with found.held():
        knobs = [
            {**asdict(knob), "usual": knob.value, "value": found.turned.get(knob.name, knob.value)}
            for knob in found.knobs
        ]
        return {
            "state": found.state,
            "message": found.message,
            "version": found.version,
            "place": found.index,
            "labels": found.table["label"].tolist(),
            "confidences": np.round(found.table["confidence"], 4).tolist(),
            "knobs": knobs,
        }
