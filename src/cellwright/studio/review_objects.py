"""Objects as they are reviewed: the results of ``segment`` and ``detect``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import DoubleArray, IntArray, Table
from cellwright.images.find import find_images
from cellwright.measure.tables import read_parquet
from cellwright.runs.apply.like import with_pixel_size
from cellwright.runs.results.batch import Task
from cellwright.runs.results.result import OBJECTS, plan_tasks
from cellwright.studio.label_files import SmallerCopies, open_labels
from cellwright.studio.levels import open_levels
from cellwright.studio.review_results import (
    ALL,
    Opened,
    Pictured,
    Places,
    Result,
    Shape,
    changed_since,
    coded,
    run_name,
)

_WHERE = "cellwright review RESULTS --images FOLDER"
_POINT = 6.0  # px; half the side of the frame around a point


def open_objects(folder: Path, record: dict[str, Any], images: Path | None) -> Result:
    """Open the result folder of ``segment`` or ``detect``; see `open_result`."""
    objects = read_parquet(folder / OBJECTS.parquet)
    done = [one for one in record["images"] if one["status"] == "done"]
    tasks = {task.image: task for task in _tasks(record, images)}
    pictured = tuple(_pictured(folder, record, one, tasks.get(one["image"])) for one in done)
    if not len(objects.get("label", ())):
        raise UsageError(f"'{folder}' holds no objects: nothing was found.")
    shape: Shape = "boxes" if "bbox-0" in objects else "points"
    if any(one["files"] for one in done):
        shape = "outlines"
    numbers = {one.name: number for number, one in enumerate(pictured)}
    names, codes = coded(objects["image"])
    image = np.array([numbers[name] for name in names], np.int64)[codes]
    return Result(
        folder, run_name(record), record, shape, pictured, objects, _places(objects, image)
    )


def _tasks(record: dict[str, Any], images: Path | None) -> Iterator[Task]:
    """Yield where the images of a run are; those that are not found are left out."""
    if images is not None:
        yield from plan_tasks(find_images([images]))
        return
    names = iter(one["image"] for one in record["images"])
    for given in record["inputs"]:
        path = Path(given["path"])
        name = next(names)
        if not path.exists():
            yield Task(name, path, name)
            continue
        found = plan_tasks(find_images([path]))
        for number, task in enumerate(found):
            own = name if number == 0 else next(names, "")
            if own.endswith(task.image):  # names begin with the folders that they were found in
                yield Task(own, path, own, task.scene)


def _pictured(
    folder: Path, record: dict[str, Any], done: dict[str, Any], task: Task | None
) -> Pictured:
    labels = next((folder / name for name in done["files"]), None)
    return Pictured(done["image"], partial(_open_image, done["image"], record, labels, task))


def _open_image(
    name: str, record: dict[str, Any], labels: Path | None, task: Task | None
) -> Opened:
    if task is None or not task.path.exists():
        where = "" if task is None else f" at '{task.path}'"
        raise InputError(
            f"The image '{name}' is not there any more{where}. Say where it is now: {_WHERE}"
        )
    options = record["parameters"]
    levels = open_levels(task.path, task.scene, options.get("axes"))
    levels.image = with_pixel_size(levels.image, options.get("pixel_size"))
    axes = levels.image.axes.replace("C", "")
    if options.get("z") in ("max", "mean"):
        axes = axes.replace("Z", "")
    remark = changed_since(task.path, record["inputs"])
    if labels is None:
        return Opened(levels, None, axes[:-2], remark)
    shape = tuple(levels.image.sizes[axis] for axis in axes)
    remedy = f"Say where the image is that they were made from: {_WHERE}"
    found = open_labels(labels, axes, shape, remedy)
    return Opened(levels, SmallerCopies(found, labels), axes[:-2], remark)


def _places(objects: Table, image: IntArray) -> Places:
    """Return where the objects of `segment` and `detect` are."""
    count = len(image)
    centroids = _numbered_columns(objects, "centroid")
    sides = _numbered_columns(objects, "bbox")
    dimensions = centroids.shape[1]
    starts, ends = sides[:, :dimensions], sides[:, dimensions:]
    centre = centroids[:, -2:] + 0.5
    if sides.shape[1]:
        box = np.concatenate([starts[:, -2:], ends[:, -2:]], axis=1)
    else:
        box = np.concatenate([centre - _POINT, centre + _POINT], axis=1)
    depth = np.full((count, 2), float(ALL))
    if "plane" in objects:
        depth[:] = objects["plane"][:, np.newaxis]
    elif dimensions == 3 and sides.shape[1]:
        depth[:] = np.stack([starts[:, 0], ends[:, 0] - 1], axis=1)
    elif dimensions == 3:
        depth[:] = np.rint(centroids[:, :1])
    frame = objects["frame"].astype(np.int64) if "frame" in objects else np.full(count, ALL)
    return Places(image, objects["label"].astype(np.int64), frame, depth, centre, box)


def _numbered_columns(table: Table, name: str) -> DoubleArray:
    """Return the columns ``NAME-0``, ``NAME-1`` … of a table, shape (N, D)."""
    names = sorted(column for column in table if column.startswith(f"{name}-"))
    if not names:
        return np.zeros((len(table["label"]), 0))
    return np.stack([table[column] for column in names], axis=1).astype(np.float64)
