"""``cellwright segment``: from images to labels, numbers and a report."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.find import Found, find_images
from cellwright.inference.runtime import Device
from cellwright.models.classes import ClassModel
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_model
from cellwright.runs.batch import Work
from cellwright.runs.doctor import available_cores
from cellwright.runs.evaluate import named
from cellwright.runs.folder import PREVIEW_FILE, InputFile, Plan, open_run, read_record
from cellwright.runs.overlay import write_side_by_side
from cellwright.runs.planes import check_depth, plane_at, stack_shape
from cellwright.runs.reading import read_task
from cellwright.runs.results import (
    CLASSES,
    OBJECTS,
    RunResult,
    command_line,
    complete_run,
    earlier_result,
    plan_tasks,
)
from cellwright.runs.scoring import middle_plane
from cellwright.runs.segment_classes import check_class_options, segment_file_classes
from cellwright.runs.segment_objects import find, segment_file_objects
from cellwright.runs.segment_options import SegmentOptions

PREVIEW_SIDE = 512
"""Longest side of the crop that a preview shows, in px."""


def segment_images(
    inputs: Sequence[str | Path],
    output: Path,
    options: SegmentOptions,
    *,
    model: str | Path = "nuclei",
    device: Device = "auto",
    jobs: int = 1,
    overwrite: bool = False,
) -> RunResult:
    """Find and measure the objects of images, or the classes of their pixels.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders or patterns.
    output : Path
        The result folder.
    options : SegmentOptions
        What the objects depend on.
    model : str or Path
        Name of a model, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where the network runs.
    jobs : int
        Images worked on at the same time.
    overwrite : bool
        Replace the results of an earlier run in `output`.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        If there are no images.
    ModelError
        If there is no such model, or its package is broken.
    OutputError
        If `output` holds other results or cannot be written.
    """
    found = _found(inputs, output)
    package = find_model(model)
    tasks = plan_tasks(found)
    threads = max(1, available_cores() // jobs) if jobs > 1 else None
    opening: Callable[[], Any] = partial(_open_model, package, device, threads)
    opened = opening()  # one that does not run here is told once, not for every image
    work: Work
    if isinstance(opened, ClassModel):
        check_class_options(options)
        kind, work = CLASSES, partial(segment_file_classes, output=output)
    else:
        kind, work = OBJECTS, partial(segment_file_objects, output=output)
    work = partial(work, options=options, open_model=opening)
    plan = Plan(
        command="segment",
        inputs=tuple(InputFile.of(image.path) for image in found),
        parameters=asdict(options),
        files=(*(options.label_file(task) for task in tasks), *kind.files),
        model=named(opened),
    )
    with open_run(output, plan, overwrite=overwrite, command_line=command_line()) as (
        run,
        finished,
    ):
        if finished is not None:
            return earlier_result(run, kind, finished)
        return complete_run(run, tasks, work, kind=kind, jobs=jobs, what="Segmenting")


def preview_segmentation(
    inputs: Sequence[str | Path],
    output: Path,
    options: SegmentOptions,
    *,
    model: str | Path = "nuclei",
    device: Device = "auto",
) -> dict[str, Any]:
    """Segment a crop of the first image and write a picture of it beside its outlines.

    Returns
    -------
    dict
        ``preview`` (path of the picture), ``image`` and ``found``, in words.
    """
    model_ready = _open_model(find_model(model), device, None)
    dimensions = model_ready.card.network.dimensions
    task = plan_tasks([_found(inputs, output)[0]])[0]
    image = read_task(task, options.axes)
    check_depth(image, options.z, dimensions)
    index = tuple(size // 2 for size in stack_shape(image, options.z, dimensions))
    plane = plane_at(image, options.z, index, dimensions).image
    crop = plane.region(Y=_middle(plane.sizes["Y"]), X=_middle(plane.sizes["X"]))
    if isinstance(model_ready, ClassModel):
        check_class_options(options)
        chosen = options.channel or None
        shown: AnyArray | None = model_ready.segment(crop, channel=chosen).classes
        found = "classes of pixels"
    else:
        shown = find(model_ready, crop, options).labels
        found = f"{int(np.max(shown, initial=0)):,} objects" if shown is not None else ""
    assert shown is not None  # no sink was given
    write_side_by_side(output / PREVIEW_FILE, *middle_plane(crop, shown))
    return {"preview": str(output / PREVIEW_FILE), "image": task.image, "found": found}


def _middle(size: int) -> slice:
    """Return the middle of an axis, as much as a preview shows."""
    shown = min(size, PREVIEW_SIDE)
    return slice((size - shown) // 2, (size + shown) // 2)


def _found(inputs: Sequence[str | Path], output: Path) -> list[Found]:
    """Return the images, without the results of an earlier run that lie among them."""
    earlier = read_record(output) or {"files": []}
    results = {(output / name).resolve() for name in (*earlier["files"], PREVIEW_FILE)}
    return [image for image in find_images(inputs) if image.path.resolve() not in results]


@lru_cache(maxsize=1)
def _open_model(package: Path, device: Device, threads: int | None) -> InstanceModel | ClassModel:
    """Return a model that is ready to run: opened once in each process."""
    return load_model(package, device=device, threads=threads)
