"""Reading the image of a task."""

from cellwright.images.checks import check_pixels
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.runs.results.batch import Task


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
