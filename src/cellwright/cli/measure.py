"""``cellwright measure``."""

from pathlib import Path

import click

from cellwright.cli.options import as_json, axes, finish, jobs, output_folder, overwrite


@click.command()
@click.argument("labels", nargs=-1, required=True)
@output_folder
@click.option(
    "--images",
    multiple=True,
    metavar="PATH",
    help="The images that were labelled (file, folder or pattern), for intensities; each must "
    "have the name of its labels, which may end in _masks or _labels besides, unless one file of "
    "each is given. May be given several times.",
)
@axes
@jobs
@overwrite
@as_json
def measure(
    labels: tuple[str, ...],
    output: Path,
    images: tuple[str, ...],
    axes: str | None,
    jobs: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure the objects of label images.

    LABELS are files, folders or patterns: 0 is background, every object has a number of its own.
    Frames of a movie are measured one by one, a stack of planes as a volume.
    """
    from cellwright.runs.measure import measure_images

    result = measure_images(
        labels, output, images=images, axes=axes, jobs=jobs, overwrite=overwrite
    )
    finish(result, as_json)
