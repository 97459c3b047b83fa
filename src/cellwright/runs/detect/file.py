"""Finding the objects of a file as places: what is where."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.images.image import Image
from cellwright.measure.tables import concatenate
from cellwright.models.card import ModelCard
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections, numbered
from cellwright.reports.pictures import box_picture, choose_window
from cellwright.runs.apply.like import stack_like
from cellwright.runs.apply.outcome import shown_fact, size_fact, with_image_name, with_place
from cellwright.runs.apply.planes import PLACES, flat, middle_part, planes
from cellwright.runs.apply.reading import read_task
from cellwright.runs.detect.options import DetectOptions
from cellwright.runs.results.batch import Stopwatch, Task
from cellwright.runs.results.coco import coco_facts
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import (
    image_warnings,
    object_warnings,
    one_of_each_kind,
    without_consequences,
)

_SIZES = ("depth", "height", "width")


class Detector(Protocol):
    """A model that finds objects as places."""

    card: ModelCard

    @property
    def classes(self) -> tuple[str, ...]:
        """What objects may be."""

    def detect(
        self,
        image: Image,
        *,
        diameter: float | None = None,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        exclude_border: bool = False,
        tile: int | None = None,
    ) -> Detections:
        """Find the objects of a plane or a volume."""


def detect_file(
    task: Task, output: Path, options: DetectOptions, open_model: Callable[[], Detector]
) -> tuple[Outcome, Table]:
    """Return the objects of one file; nothing is written."""
    watch = Stopwatch()
    model = open_model()
    dimensions = model.card.network.dimensions
    with watch.step("read"):
        image = read_task(task, options.axes)
    like = stack_like(image, options, dimensions)
    tables: list[Table] = []
    warnings: list[str] = []
    found_before = 0
    for plane in planes(image, options.z, dimensions):
        with watch.step("find objects"):
            found = _detected(model, plane.image, options)
        table = found.table | {"label": found.table["label"] + found_before}
        found_before += len(found)
        tables.append(with_place(plane.index, like.axes, _measured(table, like, dimensions)))
        with watch.step("check"):
            shown = flat(plane.image)
            of_image = image_warnings(shown, model.card, options.channel, found.diameter)
            remarks = [*found.warnings, *of_image, *object_warnings(table)]
            warnings += without_consequences(remarks)
    with watch.step("report"):
        drawn = _picture(image, options, model, tables)
    table = with_image_name(concatenate(tables), task.image)
    counts = {name: int(np.count_nonzero(table["class"] == name)) for name in model.classes}
    stack = {PLACES[axis]: image.sizes[axis] for axis in like.axes[:-dimensions]}
    outcome = Outcome(
        image=task.image,
        objects=found_before,
        warnings=one_of_each_kind(warnings),
        facts=size_fact(like.shape, like.axes)
        | shown_fact(like)
        | {"classes": counts}
        | coco_facts(task.image + task.path.suffix, like.shape[-2:], stack),
        seconds=watch.seconds,
        picture=drawn,
    )
    return outcome, table


def _detected(model: Detector, image: Image, options: DetectOptions) -> Detections:
    return model.detect(
        image,
        diameter=options.diameter,
        channel=options.channel or None,
        threshold=options.threshold,
        exclude_border=options.exclude_border,
        tile=options.tile,
    )


def _measured(table: Table, like: Image, dimensions: int) -> Table:
    """Return objects with the sizes of their boxes, in px and, where that is known, in µm."""
    sides = [table[name] for name in table if name.startswith("bbox-")]
    pairs = zip(_SIZES[-dimensions:], sides[:dimensions], sides[dimensions:], strict=False)
    sizes = {name: end - start for name, start, end in pairs}
    in_um: Table = {}
    if like.pixel_size is not None:
        steps = like.pixel_size[-dimensions:]
        centres = [table[f"centroid-{axis}"] * step for axis, step in enumerate(steps)]
        in_um |= numbered("centroid_um", centres)
        named_steps = dict(zip(_SIZES[-dimensions:], steps, strict=True))
        in_um |= {f"{name}_um": size * named_steps[name] for name, size in sizes.items()}
    return table | sizes | in_um


def _picture(
    image: Image, options: DetectOptions, model: Detector, tables: Sequence[Table]
) -> dict[str, Any]:
    """Return the picture of the middle plane for the report."""
    dimensions = model.card.network.dimensions
    part, number = middle_part(image, options.z, dimensions)
    plane, table = part.image, tables[number]
    here = np.ones(len(table["label"]), bool)
    if dimensions == 3:
        middle = plane.sizes["Z"] // 2
        plane = plane.region(Z=middle)
        here = (table["bbox-0"] <= middle) & (table["bbox-3"] > middle)
    boxes = _flat_boxes(table, dimensions)[here]
    kinds = np.array([model.classes.index(name) for name in table["class"][here].tolist()], int)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    window = choose_window(plane.sizes["Y"], plane.sizes["X"], middles)
    return box_picture(plane, boxes, kinds, window)


def _flat_boxes(table: Table, dimensions: int) -> AnyArray:
    """Return boxes as seen along Z, shape (N, 4)."""
    axes = (dimensions - 2, dimensions - 1, 2 * dimensions - 2, 2 * dimensions - 1)
    return np.stack([table[f"bbox-{axis}"] for axis in axes], 1).astype(np.float64)
