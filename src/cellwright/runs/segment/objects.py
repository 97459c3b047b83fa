"""Finding and measuring the objects of a file."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._types import LabelArray, Table
from cellwright.images.image import Image
from cellwright.images.sink import open_label_sink
from cellwright.inference.rolling import RowSink
from cellwright.measure.tables import concatenate
from cellwright.models.instances import InstanceModel, Segmentation, class_columns
from cellwright.reports.pictures import choose_window, kinds_picture, picture
from cellwright.runs.apply.bands import measure_plane
from cellwright.runs.apply.like import stack_like, with_pixel_size
from cellwright.runs.apply.outcome import (
    class_facts,
    object_facts,
    shown_fact,
    with_image_name,
    with_place,
)
from cellwright.runs.apply.planes import Plane, flat, middle_part, planes
from cellwright.runs.apply.reading import read_task
from cellwright.runs.apply.stack import StackLabels
from cellwright.runs.results.batch import Stopwatch, Task
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import (
    image_warnings,
    object_warnings,
    one_of_each_kind,
    without_consequences,
)
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.overlaps import measure_layers, whole_objects, write_layers


def segment_file_objects(
    task: Task, output: Path, options: SegmentOptions, open_model: Callable[[], InstanceModel]
) -> tuple[Outcome, Table]:
    """Write the objects of one file as labels, and return them with their measurements."""
    watch = Stopwatch()
    model = open_model()
    dimensions = model.card.network.dimensions
    with watch.step("read"):
        image = read_task(task, options.axes)
    like = stack_like(image, options, dimensions)
    file = options.label_file(task)
    tables: list[Table] = []
    warnings: list[str] = []
    layers: dict[tuple[int, ...], LabelArray] = {}
    with open_label_sink(like.shape, output) as sink:
        stack = StackLabels(sink)
        for plane in planes(image, options.z, dimensions):
            sized = replace(plane, image=with_pixel_size(plane.image, options.pixel_size))
            table, remarks, whole = _segment_plane(sized, stack, options, model, watch)
            tables.append(with_place(plane.index, like.axes, table))
            warnings += remarks
            if whole is not None:
                layers[plane.index] = whole
        with watch.step("write"):
            sink.save(output / file, like=like, relabel=stack.relabel, overwrite=True)
            if layers:
                write_layers(output / options.overlap_file(task), layers, like)
        with watch.step("report"):
            shown = _picture(image, options, stack, tables, model)
    table = with_image_name(concatenate(tables), task.image)
    outcome = Outcome(
        image=task.image,
        objects=len(table["label"]),
        files=options.files(task),
        warnings=one_of_each_kind(warnings),
        facts={
            **object_facts(table, like.shape, like.axes),
            **shown_fact(like),
            **class_facts(table, model.object_classes),
        },
        seconds=watch.seconds,
        picture=shown,
    )
    return outcome, table


def _segment_plane(
    plane: Plane,
    stack: StackLabels,
    options: SegmentOptions,
    model: InstanceModel,
    watch: Stopwatch,
) -> tuple[Table, list[str], LabelArray | None]:
    """Find and measure the objects of one plane.

    Returns
    -------
    table : Table
    warnings : list of str
    layers : ndarray, shape (L, [Z,] Y, X), int32, or None
        All objects whole, where that was asked for.
    """
    image = plane.image
    with watch.step("find objects"):
        found = find(model, image, options, stack.writer(plane.index))
    above = stack.add(found.relabel)
    with watch.step("measure"):
        labels = stack.plane(plane.index)
        layers = None if found.covered is None else whole_objects(labels, found.covered, above)
        measured = (
            measure_layers(layers, image) if layers is not None else measure_plane(labels, image)
        )
        table = _table(measured, image, found, above)
    with watch.step("check"):
        warnings = image_warnings(flat(image), model.card, options.channel, found.diameter)
    remarks = without_consequences([*found.warnings, *warnings, *object_warnings(table)])
    return table, remarks, layers


def find(
    model: InstanceModel, image: Image, options: SegmentOptions, sink: RowSink | None = None
) -> Segmentation:
    """Find the objects of one plane or volume."""
    return model.segment(
        image,
        diameter=options.diameter,
        channel=options.channel or None,
        threshold=options.threshold,
        min_size=options.min_size,
        exclude_border=options.exclude_border,
        tile=options.tile,
        sink=sink,
        overlaps=options.overlaps,
    )


def _table(measured: Table, image: Image, found: Segmentation, above: int) -> Table:
    """Return one row per object: what it is, how sure that is, and its measurements."""
    if not np.array_equal(measured["label"], found.table["label"] + above):
        raise RuntimeError(f"objects found and measured in '{image.name}' differ")
    what = {
        "label": measured.pop("label"),
        **class_columns(found.table),
        "confidence": found.table["confidence"],
    }
    return what | measured


def _picture(
    image: Image,
    options: SegmentOptions,
    stack: StackLabels,
    tables: Sequence[Table],
    model: InstanceModel,
) -> dict[str, Any]:
    """Return the picture of the middle plane for the report."""
    dimensions = model.card.network.dimensions
    middle_plane, number = middle_part(image, options.z, dimensions)
    plane, table = middle_plane.image, tables[number]
    part = stack.plane(middle_plane.index)
    centres = np.stack([table[f"centroid-{axis}"] for axis in range(dimensions)[-2:]], axis=1)
    window = choose_window(plane.sizes["Y"], plane.sizes["X"], centres)
    if dimensions == 3:
        middle = plane.sizes["Z"] // 2
        plane = plane.region(Z=middle)
        labels = part[(slice(middle, middle + 1), *window.slices)][0]
    else:
        labels = part[window.slices]
    numbers = table["label"].tolist()
    if model.object_classes:
        kinds = map(model.object_classes.index, table["class"].tolist())
        return kinds_picture(plane, labels, window, dict(zip(numbers, kinds, strict=True)))
    confidence = dict(zip(numbers, table["confidence"].tolist(), strict=True))
    return picture(plane, labels, window, confidence)
