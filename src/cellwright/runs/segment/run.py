"""``cellwright segment``: from images to labels, numbers and a report."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright.inference.runtime import Device
from cellwright.models.classes import ClassModel
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.load import AnyModel
from cellwright.reports.pictures import write_side_by_side
from cellwright.runs.apply.apply_model import Job, apply_model, opened
from cellwright.runs.apply.planes import check_depth, middle_part
from cellwright.runs.apply.reading import images_to_do, read_task
from cellwright.runs.evaluate.scoring import middle_plane
from cellwright.runs.results.result import CLASSES, OBJECTS, RunResult, plan_tasks
from cellwright.runs.results.room import PREVIEW_FILE
from cellwright.runs.segment.classes import check_class_options, segment_file_classes
from cellwright.runs.segment.objects import find, segment_file_objects
from cellwright.runs.segment.options import SegmentOptions

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
    UsageError
        If the options do not fit the model, or none of the images.
    """
    return apply_model(
        "segment",
        inputs,
        output,
        options,
        partial(_job, options=options),
        model=model,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )


def _job(model: AnyModel, options: SegmentOptions) -> Job:
    """Return what is done with a model, or refuse it."""
    if isinstance(model, ClassModel):
        check_class_options(options)
        return Job(CLASSES, segment_file_classes, options.files)
    if isinstance(model, InstanceModel):
        if options.overlaps:
            model.covering()  # refuses methods that know of none
        return Job(OBJECTS, segment_file_objects, options.files)
    raise UsageError(
        f"The model '{model.card.name}' finds {model.card.task}, not outlines: use "
        "'cellwright detect'."
    )


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
    model_ready = opened(find_model(model), device, None, options.tta)
    dimensions = model_ready.card.network.dimensions
    task = plan_tasks([images_to_do(inputs, output)[0]])[0]
    image = read_task(task, options.axes)
    check_depth(image, options.z, dimensions)
    plane = middle_part(image, options.z, dimensions)[0].image
    crop = plane.region(Y=_middle(plane.sizes["Y"]), X=_middle(plane.sizes["X"]))
    _job(model_ready, options)  # refuses what does not segment
    if isinstance(model_ready, InstanceModel):
        shown = find(model_ready, crop, options).labels
        assert shown is not None  # no sink was given
        found = f"{int(np.max(shown, initial=0)):,} objects"
    else:
        assert isinstance(model_ready, ClassModel)
        shown = model_ready.segment(crop, channel=options.channel or None).classes
        assert shown is not None
        found = "classes of pixels"
    write_side_by_side(output / PREVIEW_FILE, *middle_plane(crop, shown))
    return {"preview": str(output / PREVIEW_FILE), "image": task.image, "found": found}


def _middle(size: int) -> slice:
    """Return the middle of an axis, as much as a preview shows."""
    shown = min(size, PREVIEW_SIDE)
    return slice((size - shown) // 2, (size + shown) // 2)
