"""``cellwright detect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright.cli.options import finding, finish

if TYPE_CHECKING:
    from cellwright.inference.runtime import Device


@click.command()
@finding
def detect(
    inputs: tuple[str, ...],
    output: Path,
    model: str,
    device: "Device",
    jobs: int,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Find what is where in images, and count it.

    INPUT is one or several files, folders (with their sub-folders), patterns or OME-Zarr stores. A
    table with the class and the place of every object (also as coco.json, for other programs) and
    a report are written to the output folder. The same command goes on where it was stopped.
    """
    from cellwright.runs.detect import detect_images
    from cellwright.runs.detect_options import DetectOptions

    result = detect_images(
        inputs,
        output,
        model=model,
        options=DetectOptions(**choices),
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )
    finish(result, as_json)
