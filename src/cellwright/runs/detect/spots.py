"""Finding the points of a file: spots, or what a model of points finds."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import DoubleArray, Table
from cellwright._words import by_place, option
from cellwright.images.image import Image
from cellwright.measure.tables import concatenate
from cellwright.models.detections import numbered
from cellwright.models.points import PointModel
from cellwright.models.spots import SPOT, SpotSettings, detect_spots_in
from cellwright.reports.pictures import box_picture, choose_window
from cellwright.runs.apply.like import stack_like, with_pixel_size
from cellwright.runs.apply.outcome import shown_fact, size_fact, with_image_name, with_place
from cellwright.runs.apply.planes import flat, middle_part, planes
from cellwright.runs.apply.reading import read_task
from cellwright.runs.detect.options import DetectOptions
from cellwright.runs.results.batch import Stopwatch, Task
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.warnings import (
    image_warnings,
    one_of_each_kind,
    without_consequences,
)

Finder = PointModel | SpotSettings
"""What finds points: a model, or the settings of what needs none."""
_FRAME = 4.0  # px; half the side of the frame around a point in a picture
_SHOWN_PLANES = 1.5  # px; points so near to the plane of a volume that is shown are drawn


def detect_points(
    task: Task, output: Path, options: DetectOptions, open_model: Callable[[], Finder]
) -> tuple[Outcome, Table]:
    """Return the points of one file; nothing is written."""
    watch = Stopwatch()
    finder = open_model()
    if isinstance(finder, PointModel):
        _check_point_options(options)
    with watch.step("read"):
        image = read_task(task, options.axes)
    dimensions = _dimensions(finder, image, options)
    like = stack_like(image, options, dimensions)
    tables: list[Table] = []
    warnings: list[str] = []
    noises: list[float] = []
    expected: Counter[str] = Counter()
    found_before = 0
    for plane in planes(image, options.z, dimensions):
        sized = with_pixel_size(plane.image, options.pixel_size)
        with watch.step("find points"):
            found = _find(finder, sized, options)
        warnings += found.warnings
        noises += found.noise
        expected.update(found.counts)
        table = found.table | {"label": found.table["label"] + found_before}
        found_before += len(table["label"])
        tables.append(with_place(plane.index, like.axes, _in_um(table, like, dimensions)))
    with watch.step("report"):
        shown = _picture(image, options, finder, tables, dimensions)
    if found_before == 0:
        warnings.append("No objects: nothing was found.")
    table = with_image_name(concatenate(tables), task.image)
    counts = {name: int(np.count_nonzero(table["class"] == name)) for name in _classes(finder)}
    outcome = Outcome(
        image=task.image,
        objects=found_before,
        warnings=one_of_each_kind(warnings),
        facts=size_fact(like.shape, like.axes)
        | shown_fact(like)
        | {"classes": counts}
        | ({"expected": dict(expected)} if expected else {})
        | _least_response(finder, noises),
        seconds=watch.seconds,
        picture=shown,
    )
    return outcome, table


@dataclass(frozen=True, slots=True)
class _Found:
    """The points of one plane or volume, the noise among spots, and what a model counts."""

    table: Table
    warnings: tuple[str, ...]
    noise: tuple[float, ...] = ()
    counts: Mapping[str, float] = field(default_factory=dict)


def _find(finder: Finder, image: Image, options: DetectOptions) -> _Found:
    """Find the points of one plane or volume."""
    channel = options.channel or None
    if not isinstance(finder, PointModel):
        spots = detect_spots_in(image, finder, channel=channel, tile=options.tile)
        return _Found(spots.table, tuple(spots.warnings), noise=(spots.noise.response,))
    found = finder.detect(image, channel=channel, threshold=options.threshold, tile=options.tile)
    warnings = image_warnings(flat(image), finder.card, options.channel, np.nan)
    remarks = without_consequences([*found.warnings, *warnings])
    return _Found(found.table, tuple(remarks), counts=found.counts or {})


def check_spot_options(options: DetectOptions) -> None:
    """Refuse options that mean nothing for spots.

    Raises
    ------
    UsageError
        If there is one.
    """
    if options.threshold is not None:
        raise UsageError(
            f"Spots have no confidence: leave out {option('threshold')}. How far they must rise "
            "above the noise is said with "
            f"{by_place('--noise-factor', 'SpotSettings(noise_factor=…)')}."
        )
    if options.tta:
        raise UsageError(f"Spots are found without a network: leave out {option('tta')}.")
    _check_point_options(options)


def _check_point_options(options: DetectOptions) -> None:
    if options.diameter is not None:
        raise UsageError(
            "Points are looked for at the scale of the image: leave out "
            f"{option('diameter')}; that of spots without a model is for {option('spots')}."
        )
    if options.exclude_border:
        raise UsageError(
            f"Points have no outlines to be cut off: leave out {option('exclude_border')}."
        )


def _dimensions(finder: Finder, image: Image, options: DetectOptions) -> int:
    """Return 2 for planes and 3 for volumes."""
    if isinstance(finder, PointModel):
        return finder.card.network.dimensions
    return 3 if image.sizes.get("Z", 1) > 1 and options.z is None else 2


def _classes(finder: Finder) -> tuple[str, ...]:
    return finder.classes if isinstance(finder, PointModel) else (SPOT,)


def _least_response(finder: Finder, noises: Sequence[float]) -> dict[str, float]:
    """Return what was measured to tell spots from noise, in grey values."""
    if isinstance(finder, PointModel):
        return {}
    noise = float(np.median(noises))
    return {"noise_of_response": noise, "least_response": finder.noise_factor * noise}


def _in_um(table: Table, like: Image, dimensions: int) -> Table:
    """Return points with positions and widths in µm, too, where pixels have a size."""
    if like.pixel_size is None:
        return table
    steps = like.pixel_size[-dimensions:]
    places = [table[f"centroid-{axis}"] * step for axis, step in enumerate(steps)]
    return table | numbered("centroid_um", places) | {"sigma_um": table["sigma"] * steps[-1]}


def _picture(
    image: Image, options: DetectOptions, finder: Finder, tables: Sequence[Table], dimensions: int
) -> dict[str, Any]:
    """Return the picture of the middle plane for the report."""
    part, number = middle_part(image, options.z, dimensions)
    plane, table = part.image, tables[number]
    here = np.ones(len(table["label"]), bool)
    if dimensions == 3:
        middle = plane.sizes["Z"] // 2
        plane = plane.region(Z=middle)
        here = np.abs(table["centroid-0"] - middle) <= _SHOWN_PLANES
    places = _in_plane(table, dimensions)[here]
    kinds = np.array([_classes(finder).index(name) for name in table["class"][here].tolist()], int)
    window = choose_window(plane.sizes["Y"], plane.sizes["X"], places)
    frames = np.concatenate([places + 0.5 - _FRAME, places + 0.5 + _FRAME], 1)
    return box_picture(plane, frames, kinds, window)


def _in_plane(table: Table, dimensions: int) -> DoubleArray:
    """Return rows and columns of points, shape (N, 2), in px."""
    columns = [table[f"centroid-{axis}"] for axis in range(dimensions)[-2:]]
    return np.stack(columns, 1).astype(np.float64)
