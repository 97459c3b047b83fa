"""Detections as other tools of detection read them: a COCO file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cellwright._types import Table
from cellwright.runs.results.plan import Outcome


def coco_results(outcomes: Sequence[Outcome], table: Table) -> dict[str, Any]:
    """Return detections as COCO's annotations, with a ``score`` each.

    Every frame (and plane, where each was looked at) is an image of its own. Boxes in volumes are
    as seen along Z. Objects without a box are left out.

    Parameters
    ----------
    outcomes : sequence of Outcome
        With what `coco_facts` returns among their facts.
    table : Table
        One row per object of all images, in the order of the outcomes.
    """
    names = dict.fromkeys(name for o in outcomes for name in o.facts.get("classes", ()))
    categories = {name: number for number, name in enumerate(names, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    first = 0
    for outcome in outcomes:
        rows = {name: column[first : first + outcome.objects] for name, column in table.items()}
        first += outcome.objects
        for place in _places(outcome):
            image = {"id": len(images) + 1, **outcome.facts["coco"]["image"], **place}
            images.append(image)
            for annotation in _annotations(rows, place, categories):
                numbers = {"id": len(annotations) + 1, "image_id": image["id"]}
                annotations.append(numbers | annotation)
    return {
        "images": images,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
        "annotations": annotations,
    }


def coco_facts(file: str, size: tuple[int, ...], stack: Mapping[str, int]) -> dict[str, Any]:
    """Return what `coco_results` needs to know of an image.

    Parameters
    ----------
    file : str
        Its name.
    size : tuple of int
        Of a plane, (Y, X) in px.
    stack : mapping of str to int
        The columns of the table that say which frame and plane a row is about, and how many there
        are of each.
    """
    image = {"file_name": file, "height": size[0], "width": size[1]}
    return {"coco": {"image": image, "stack": dict(stack)}}


def _places(outcome: Outcome) -> Iterator[dict[str, int]]:
    """Yield the frames and planes of an image."""
    if outcome.done:
        stack = outcome.facts["coco"]["stack"]
        for index in np.ndindex(*stack.values()):
            yield dict(zip(stack, map(int, index), strict=True))


def _annotations(
    rows: Table, place: Mapping[str, int], categories: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """Yield the objects in one frame and plane."""
    sides = [name for name in rows if name.startswith("bbox-")]
    if not sides:
        return
    dimensions = len(sides) // 2
    flat = [*sides[dimensions - 2 : dimensions], *sides[-2:]]
    here = np.logical_and.reduce(
        [np.ones(len(rows["label"]), bool), *(rows[name] == i for name, i in place.items())]
    )
    for n in np.flatnonzero(here):
        top, left, bottom, right = (float(rows[name][n]) for name in flat)
        yield {
            "category_id": categories[str(rows["class"][n])],
            "bbox": [round(value, 2) for value in (left, top, right - left, bottom - top)],
            "area": round((right - left) * (bottom - top), 2),
            "iscrowd": 0,
            "score": round(float(rows["confidence"][n]), 4),
        }
