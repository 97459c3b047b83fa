"""``cellwright segment``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright.cli.options import as_json, axes, finish, jobs, output_folder, overwrite, say

if TYPE_CHECKING:
    from cellwright.inference.runtime import Device


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@output_folder
@click.option(
    "--model",
    default="nuclei",
    show_default=True,
    metavar="NAME|PATH",
    help="Name of a model, or the path of a model package.",
)
@click.option(
    "--format",
    type=click.Choice(["tif", "ome-zarr"]),
    default="tif",
    show_default=True,
    help="How labels are written.",
)
@axes
@click.option(
    "--z",
    type=click.Choice(["max", "mean", "each"]),
    help="What to do with Z planes: their maximum, their mean, or each on its own.",
)
@click.option(
    "--channel",
    multiple=True,
    metavar="NAME|NUMBER",
    help="Channel that the model is given, by name or by number from 0; several times for a "
    "model of several channels. All channels are measured.",
)
@click.option("--tile", type=click.IntRange(min=64), help="Side of a tile, in pixels.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network runs.",
)
@jobs
@click.option(
    "--min-size",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Least area of an object, in pixels.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Least confidence of an object.  [default: the model's own]",
)
@click.option("--exclude-border", is_flag=True, help="Leave out objects cut off by the border.")
@click.option(
    "--diameter",
    type=click.FloatRange(min=0, min_open=True),
    help="Typical diameter of the objects, in pixels.  [default: estimated]",
)
@click.option(
    "--pixel-size",
    type=click.FloatRange(min=0, min_open=True),
    help="Distance between pixels in µm, in place of what the files say.",
)
@click.option("--preview", is_flag=True, help="Only show the effect on one crop of one image.")
@overwrite
@as_json
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
    Labels, a table of all objects (or classes) and a report are written to the output folder. The
    same command goes on where it was stopped.
    """
    from cellwright.runs.segment import preview_segmentation, segment_images
    from cellwright.runs.segment_options import SegmentOptions

    options = SegmentOptions(**choices)
    if preview:
        shown = preview_segmentation(inputs, output, options, model=model, device=device)
        say(as_json, shown, [f"{shown['found']} in the crop: {shown['preview']}"])
        return
    result = segment_images(
        inputs,
        output,
        options,
        model=model,
        device=device,
        jobs=jobs,
        overwrite=overwrite,
    )
    finish(result, as_json)
