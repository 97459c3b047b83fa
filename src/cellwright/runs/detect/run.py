"""``cellwright detect``: from images to what is where, counted."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cellwright._arguments import as_path, as_paths, check_made, check_whole_numbers
from cellwright._errors import UsageError
from cellwright.inference.runtime import Device
from cellwright.models.classes import ClassModel
from cellwright.models.load import AnyModel
from cellwright.models.points import PointModel
from cellwright.models.spots import SpotSettings
from cellwright.runs.apply.apply_model import Job, apply_model, do_job
from cellwright.runs.detect.file import detect_file
from cellwright.runs.detect.options import DetectOptions
from cellwright.runs.detect.spots import check_spot_options, detect_points
from cellwright.runs.results.plan import Plan
from cellwright.runs.results.result import DETECTIONS, POINTS, RunResult


def detect(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    model: str | Path = "nuclei",
    spots: SpotSettings | None = None,
    options: DetectOptions | None = None,
    device: Device = "auto",
    jobs: int = 1,
    overwrite: bool = False,
) -> RunResult:
    """Find the objects of images: what they are and where, without outlines.

    Parameters
    ----------
    inputs : str, Path or sequence of them
        Files, folders or patterns.
    output : str or Path
        The result folder.
    model : str or Path
        Name of a model, or the path of a package.
    spots : SpotSettings, optional
        Look for spots of a known size instead, without a model.
    options : DetectOptions, optional
        What the objects depend on.
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
        If the model finds no objects, or an option does not go with what is looked for.
    """
    given, output = as_paths(inputs, "inputs"), as_path(output, "output")
    options = DetectOptions() if options is None else options
    check_made(options, DetectOptions, "options")
    check_whole_numbers(1, jobs=jobs)
    if spots is not None:
        check_made(spots, SpotSettings, "spots")
        check_spot_options(options)
        work = partial(
            detect_points, output=output, options=options, open_model=partial(_given, spots)
        )
        parameters = asdict(options) | {"spots": asdict(spots)}
        plan = Plan("detect", inputs=(), parameters=parameters, files=())
        return do_job(Job(POINTS, work), given, output, plan, jobs=jobs, overwrite=overwrite)
    return apply_model(
        "detect",
        given,
        output,
        options,
        _job,
        model=model,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )


def _given(spots: SpotSettings) -> SpotSettings:
    return spots


def _job(model: AnyModel) -> Job:
    """Return what is done with a model, or refuse it."""
    if isinstance(model, ClassModel):
        raise UsageError(
            f"The model '{model.card.name}' finds classes of pixels, not objects: use "
            "'cellwright segment'."
        )
    if isinstance(model, PointModel):
        return Job(POINTS, detect_points)
    return Job(DETECTIONS, detect_file)
