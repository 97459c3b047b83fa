"""Pictures of an image with what was found beside what was annotated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.images.image import Image
from cellwright.reports.drawing import SURE, TRUTH, as_rgb, borders, draw_frames, shrink
from cellwright.reports.pictures import framed

SIDE = 512
"""About the longest side of such a picture, in px."""

_PICTURED = 4  # worst and best images, of each

FOUND_AND_ANNOTATED = (
    {"name": "found", "colour": SURE},
    {"name": "annotated", "colour": TRUTH},
    {"name": "both", "colour": (255, 255, 255)},
)
"""The legend of pictures from `example_card`."""


@dataclass(frozen=True, slots=True)
class ValidationExample:
    """An annotated image in a report.

    Parameters
    ----------
    name : str
        The name of the image.
    note : str
        What is to be said about it, such as its score.
    image : Image
        Axes ``"YX"`` or ``"CYX"``, in memory.
    truth, predicted : (Y, X) array
        The objects of the annotation and those that were found.
    """

    name: str
    note: str
    image: Image
    truth: LabelArray
    predicted: LabelArray


def box_frames(boxes: AnyArray, size: tuple[int, ...]) -> LabelArray:
    """Return boxes (N, 4) as frames, 1 on 0, that are seen in a picture of an image (Y, X)."""
    return draw_frames(boxes, np.ones(len(boxes), int), size, 2 * _step(size))


def example_card(example: ValidationExample) -> dict[str, Any]:
    """Return the ``name``, the ``note`` and the ``picture`` of an image, with both outlines."""
    pixels = as_rgb(example.image)
    step = _step(pixels.shape[:2])
    view = shrink(pixels, step)
    truth, found = (
        borders(labels[::step, ::step][: view.shape[0], : view.shape[1]])
        for labels in (example.truth, example.predicted)
    )
    drawn = np.zeros((*view.shape[:2], 4), dtype=np.uint8)
    drawn[truth] = (*TRUTH, 255)
    drawn[found] = (*SURE, 255)
    drawn[truth & found] = 255
    return {"name": example.name, "note": example.note, "picture": framed(view, drawn)}


def extremes(scores: Sequence[float]) -> list[int]:
    """Return the places of the lowest and the highest scores, from low to high; NaN is neither."""
    order = np.argsort(scores, kind="stable").tolist()
    order = [place for place in order if not math.isnan(scores[place])]
    return list(dict.fromkeys([*order[:_PICTURED], *order[-_PICTURED:]]))


def _step(size: tuple[int, ...]) -> int:
    """Return how many px of an image of a size (Y, X) one px of its picture shows."""
    return max(1, round(max(size) / SIDE))
