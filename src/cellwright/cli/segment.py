"""``cellwright segment``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright.cli import options

if TYPE_CHECKING:
    from cellwright.inference.runtime import Device


@click.command()
@options.finding
@click.option(
    "--format",
    type=options.OneOf(["tif", "ome-zarr"]),
    default="tif",
    show_default=True,
    help="How labels are written.",
)
@click.option(
    "--min-size",
    type=options.Real(min=0),
    default=0.0,
    help="Least area of an object, in pixels.",
)
@click.option(
    "--overlaps",
    is_flag=True,
    help="Measure objects as far as they lie below others, too, and write them in layers; only "
    "models of stars, masks and embeddings know.",
)
@click.option("--preview", is_flag=True, help="Only show the effect on one crop of one image.")
def segment(
    inputs: tuple[str, ...],
    output: Path,
    model: str,
    device: "Device",
    jobs: int,
    preview: bool,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Find the objects in images, or what their pixels are.

    INPUT is one or several files, folders (with their sub-folders), patterns or OME-Zarr stores.
    Labels, a table of all objects (or classes) and a report are written to the output folder; all
    channels are measured. The same command goes on where it was stopped.
    """
    from cellwright.runs.segment.options import SegmentOptions
    from cellwright.runs.segment.run import preview_segmentation, segment_images

    chosen = SegmentOptions(**choices)
    if preview:
        shown = preview_segmentation(inputs, output, chosen, model=model, device=device)
        options.say(as_json, shown, [f"{shown['found']} in the crop: {shown['preview']}"])
        return
    result = segment_images(
        inputs,
        output,
        chosen,
        model=model,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )
    options.finish(result, as_json)
