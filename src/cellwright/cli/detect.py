"""``cellwright detect``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright.cli import options, spot_options

if TYPE_CHECKING:
    from cellwright.inference.runtime import Device


@click.command()
@options.finding
@click.option(
    "--spots",
    type=options.Real(min=0, min_open=True),
    metavar="DIAMETER",
    help="Find bright spots of this diameter in pixels instead, without a model.",
)
@spot_options.dark
@spot_options.noise_factor
def detect(
    inputs: tuple[str, ...],
    output: Path,
    model: str,
    device: "Device",
    jobs: int,
    overwrite: bool,
    as_json: bool,
    spots: float | None,
    dark: bool,
    noise_factor: float,
    **choices: Any,
) -> None:
    """Find what is where in images, and count it.

    INPUT is one or several files, folders (with their sub-folders), patterns or OME-Zarr stores. A
    table with the class and the place of every object (boxes also as coco.json, for other programs)
    and a report are written to the output folder. The same command goes on where it was stopped.
    """
    spot_options.check_choices(spots is not None)
    from cellwright.models.spots import SpotSettings
    from cellwright.runs.detect.options import DetectOptions
    from cellwright.runs.detect.run import detect as run

    result = run(
        inputs,
        output,
        model=model,
        spots=SpotSettings(spots, dark, noise_factor) if spots is not None else None,
        options=DetectOptions(**choices),
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )
    options.finish(result, as_json)
