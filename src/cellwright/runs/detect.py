"""``cellwright detect``: from images to what is where, counted."""

from collections.abc import Sequence
from pathlib import Path

from cellwright._errors import UsageError
from cellwright.inference.runtime import Device
from cellwright.models.classes import ClassModel
from cellwright.models.load import AnyModel
from cellwright.runs.apply_model import Job, apply_model
from cellwright.runs.detect_file import detect_file
from cellwright.runs.detect_options import DetectOptions
from cellwright.runs.results import DETECTIONS, RunResult


def detect_images(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    model: str | Path = "nuclei",
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
        If the model finds no objects.
    """
    return apply_model(
        "detect",
        [inputs] if isinstance(inputs, str | Path) else inputs,
        Path(output),
        options or DetectOptions(),
        _job,
        model=model,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )


def _job(model: AnyModel) -> Job:
    """Return what is done with a model, or refuse it."""
    if isinstance(model, ClassModel):
        raise UsageError(
            f"The model '{model.card.name}' finds classes of pixels, not objects: use "
            "'cellwright segment'."
        )
    return Job(DETECTIONS, detect_file)
