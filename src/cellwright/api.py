"""The Python surface: what ``import cellwright as cw`` offers besides `Image` and the errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cellwright._types import AnyArray
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.measure.objects import measure_objects
from cellwright.measure.tables import to_pandas
from cellwright.models.load import load_model
from cellwright.runs.results import RunResult
from cellwright.runs.segment import segment_images
from cellwright.runs.segment_options import SegmentOptions

if TYPE_CHECKING:
    import pandas

__all__ = ["load_model", "measure", "read", "segment", "write", "write_labels"]


def measure(labels: AnyArray, image: Image | AnyArray | None = None) -> "pandas.DataFrame":
    """Measure the objects of a label image.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X)
        0 is background.
    image : Image or array, shape ([C,] [Z,] Y, X), optional
        Gives the intensities; an `Image` also the pixel size and the names of the channels.

    Returns
    -------
    pandas.DataFrame
        One row per object, with the columns of `cellwright.measure.objects.measure_objects`.

    Raises
    ------
    InputError
        If labels and image do not fit.
    UsageError
        If pandas is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> measure(np.array([[0, 1, 1], [0, 2, 0]]))["area"].tolist()
    [2, 1]
    """
    if not isinstance(image, Image):
        return to_pandas(measure_objects(labels, image))
    return to_pandas(
        measure_objects(
            labels,
            image.to_numpy(),
            pixel_size=image.pixel_size,
            channel_names=image.channel_names,
        )
    )


def segment(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    model: str | Path = "nuclei",
    options: SegmentOptions | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> RunResult:
    """Segment files as the program ``cellwright segment`` does, into a result folder.

    For one image in memory use ``load_model("nuclei").segment(image)``.

    Parameters
    ----------
    inputs : str, Path or sequence of them
        Files, folders or patterns.
    output : str or Path
        The result folder.
    model : str or Path
        Name of a model, or the path of a package.
    options : SegmentOptions, optional
        What the objects depend on.
    jobs : int
        Images worked on at the same time.
    overwrite : bool
        Replace the results of an earlier run in `output`.
    """
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    return segment_images(
        given,
        Path(output),
        options or SegmentOptions(),
        model=model,
        jobs=jobs,
        overwrite=overwrite,
    )
