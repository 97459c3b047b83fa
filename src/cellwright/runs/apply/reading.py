"""Which images are read, and reading them."""

from collections.abc import Sequence
from pathlib import Path

from cellwright._errors import InputError
from cellwright.images.checks import check_pixels
from cellwright.images.find import Found, find_images
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.runs.results.batch import Task
from cellwright.runs.results.folder import read_record
from cellwright.runs.results.room import PREVIEW_FILE


def images_to_do(inputs: Sequence[str | Path], output: Path) -> list[Found]:
    """Return the images, without the results of an earlier run that lie among them.

    Raises
    ------
    InputError
        If there are none.
    """
    earlier = read_record(output) or {"files": []}
    results = {(output / name).resolve() for name in (*earlier["files"], PREVIEW_FILE)}
    if not inputs:
        raise InputError("No images were given: name files, folders or patterns.")
    images = [image for image in find_images(inputs) if image.path.resolve() not in results]
    if not images:
        raise InputError(
            f"All images that were given are results of the run in '{output}'. Give the images "
            "themselves, or write to another folder."
        )
    return images


def read_task(task: Task, axes: str | None) -> Image:
    """Return the image, lazy where it can be, of which no pixel is NaN or infinite.

    Raises
    ------
    InputError
        If it cannot be used; the message names the file.
    """
    image = read(task.path, axes=axes, scene=task.scene)
    check_pixels(image)
    return image
