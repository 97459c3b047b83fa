"""Saying of every pixel of a file what it is, and how much there is of each class."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, Table
from cellwright._words import option
from cellwright.images.image import Image
from cellwright.images.sink import LabelSink, open_label_sink
from cellwright.measure.tables import concatenate
from cellwright.models.classes import ClassModel
from cellwright.reports.pictures import choose_window, class_picture
from cellwright.runs.apply.like import stack_like
from cellwright.runs.apply.outcome import place, shown_fact, size_fact, with_image_name
from cellwright.runs.apply.planes import flat, middle_part, planes
from cellwright.runs.apply.reading import read_task
from cellwright.runs.apply.stack import PlaneWriter
from cellwright.runs.results.batch import Stopwatch, Task
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import (
    image_warnings,
    one_of_each_kind,
    without_consequences,
)
from cellwright.runs.segment.options import SegmentOptions

_BAND_PIXELS = 1 << 24


def segment_file_classes(
    task: Task, output: Path, options: SegmentOptions, open_model: Callable[[], ClassModel]
) -> tuple[Outcome, Table]:
    """Write the class of every pixel of one file, and return how much there is of each."""
    watch = Stopwatch()
    model = open_model()
    dimensions = model.card.network.dimensions
    with watch.step("read"):
        image = read_task(task, options.axes)
    like = stack_like(image, options, dimensions)
    file = options.label_file(task)
    tables: list[Table] = []
    warnings: list[str] = []
    with open_label_sink(like.shape, output) as sink:
        for plane in planes(image, options.z, dimensions):
            with watch.step("find classes"):
                found = model.segment(
                    plane.image,
                    channel=options.channel or None,
                    tile=options.tile,
                    sink=PlaneWriter(sink, plane.index, 0),
                )
            with watch.step("measure"):
                tables.append(_shares(_Part(sink, plane.index), model.names, like))
            with watch.step("check"):
                shown = flat(plane.image)
                of_image = image_warnings(shown, model.card, options.channel, np.nan)
                warnings += without_consequences([*found.warnings, *of_image])
        with watch.step("write"):
            sink.save(output / file, like=like, overwrite=True)
        with watch.step("report"):
            drawn = _picture(image, options, sink, dimensions)
    table = concatenate(tables)
    total = {name: float(table["share"][table["class"] == name].mean()) for name in model.names[1:]}
    outcome = Outcome(
        image=task.image,
        objects=0,
        files=(file,),
        warnings=one_of_each_kind(warnings),
        facts=size_fact(like.shape, like.axes) | shown_fact(like) | {"shares": total},
        seconds=watch.seconds,
        picture=drawn,
    )
    return outcome, with_image_name(table, task.image)


def check_class_options(options: SegmentOptions) -> None:
    """Refuse options that are about objects.

    Raises
    ------
    UsageError
        If there is one.
    """
    given = {
        "threshold": options.threshold is not None,
        "min_size": options.min_size > 0,
        "exclude_border": options.exclude_border,
        "diameter": options.diameter is not None,
        "overlaps": options.overlaps,
    }
    for name, is_given in given.items():
        if is_given:
            raise UsageError(
                f"The model finds classes of pixels, not objects: leave out {option(name)}."
            )


class _Part:
    """The classes of one plane or volume in a sink, read in bands."""

    def __init__(self, sink: LabelSink, index: tuple[int, ...]) -> None:
        self._sink = sink
        self.index = index
        self.shape = sink.shape[len(index) :]

    def counts(self, classes: int) -> AnyArray:
        """Return the number of pixels of every class, shape (classes,)."""
        rows = max(1, _BAND_PIXELS // int(np.prod(self.shape[1:])))
        total = np.zeros(classes, np.int64)
        for start in range(0, self.shape[0], rows):
            band = slice(start, min(start + rows, self.shape[0]))
            others = (slice(0, size) for size in self.shape[1:])
            part = self._sink[(*self.index, band, *others)]
            total += np.bincount(part.ravel(), minlength=classes)
        return total


def _shares(part: _Part, names: Sequence[str], like: Image) -> Table:
    """Return one row per class but the background."""
    pixels = part.counts(len(names))
    count = len(names) - 1
    table: Table = {
        **place(part.index, like.axes, count),
        "class": np.array(names[1:]),
        "value": np.arange(1, count + 1),
        "pixels": pixels[1:],
        "share": pixels[1:] / pixels.sum(),
    }
    if like.pixel_size is not None:
        dimensions = len(part.shape)
        unit = float(np.prod(like.pixel_size[-dimensions:]))
        table["area_um2" if dimensions == 2 else "volume_um3"] = pixels[1:] * unit
    return table


def _picture(
    image: Image, options: SegmentOptions, sink: LabelSink, dimensions: int
) -> dict[str, Any]:
    """Return the picture of the middle plane for the report."""
    part, _ = middle_part(image, options.z, dimensions)
    plane, index = part.image, part.index
    if dimensions == 3:
        index = (*index, plane.sizes["Z"] // 2)
        plane = plane.region(Z=index[-1])
    window = choose_window(plane.sizes["Y"], plane.sizes["X"], np.zeros((0, 2)))
    return class_picture(plane, sink[(*index, *window.slices)], window)
