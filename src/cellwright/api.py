"""The Python surface: what ``import cellwright as cw`` offers besides `Image` and the errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cellwright._arguments import as_path, as_paths, check_made, check_numbers
from cellwright._types import AnyArray
from cellwright.images.arrays import as_image
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.measure.objects import measure_in_image, measure_objects
from cellwright.measure.tables import to_pandas
from cellwright.models.load import load_model
from cellwright.models.scorer import load_scorer
from cellwright.runs.results.result import RunResult
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.tracking.detections import find_detections
from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import Tracks

if TYPE_CHECKING:
    import pandas

__all__ = ["load_model", "measure", "read", "segment", "track", "write", "write_labels"]


def measure(labels: AnyArray, image: Image | AnyArray | None = None) -> pandas.DataFrame:
    """Measure the objects of a label image.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X)
        0 is background.
    image : Image or array, shape ([C,] [Z,] Y, X) or (Y, X, 3) for colours, optional
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
    if image is not None and np.shape(image) == (*np.shape(labels), 3):
        image = as_image(image)
    if isinstance(image, Image):
        return to_pandas(measure_in_image(labels, image))
    return to_pandas(measure_objects(labels, image))


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

    Returns
    -------
    RunResult
        Where the results are, how many images and objects they are about, and what failed.

    Raises
    ------
    InputError
        If there are no images.
    ModelError
        If there is no such model, or its package is broken.
    OutputError
        If `output` holds other results or cannot be written.
    UsageError
        If the options do not fit the model, or none of the images, or an argument is of a wrong
        kind.
    """
    options = SegmentOptions() if options is None else options
    check_made(options, SegmentOptions, "options")
    check_numbers(jobs=jobs)
    return segment_images(
        as_paths(inputs, "inputs"),
        as_path(output, "output"),
        options,
        model=model,
        jobs=jobs,
        overwrite=overwrite,
    )


def track(
    labels: Iterable[AnyArray],
    images: Iterable[AnyArray] | None = None,
    *,
    divisions: bool = True,
    max_gap: int = 2,
    max_distance: float | None = None,
    merges: bool = True,
    motion: str = "auto",
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
    scorer: str | Path | None = None,
) -> Tracks:
    """Follow objects over time, with their divisions; all parameters may be left to the data.

    Parameters
    ----------
    labels : array of int, shape (T, [Z,] Y, X), or iterable of frames
        0 is background; labels need not be the same in two frames.
    images : array, shape (T, [C,] [Z,] Y, X), or iterable of frames, optional
        The movie: its intensities help to tell cells apart and to find divisions.
    divisions : bool
        Whether cells divide.
    max_gap : int
        Frames in a row that a cell may be missing from.
    max_distance : float, optional
        Longest way between two frames, in µm, or px without a pixel size.
    merges : bool
        Whether two objects may be seen as one for some frames.
    motion : {"auto", "brownian", "directed", "switching"}
        How objects go on: at random, with a velocity that they keep, or by turns; by default what
        the movie speaks for.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X); needed where planes are farther apart than pixels.
    frame_interval : float, optional
        In s.
    scorer : str or Path, optional
        What ``cellwright train-scorer`` made; it tells links and divisions beside the numbers of
        the movie.

    Returns
    -------
    Tracks
        See `cellwright.tracking.link.link`.

    Raises
    ------
    InputError
        If the frames do not fit together, or there is no object in any.
    ModelError
        If `scorer` is none.

    Examples
    --------
    >>> import numpy as np
    >>> movie = np.zeros((2, 8, 8), int)
    >>> movie[0, 1:3, 1:3], movie[1, 2:4, 1:3] = 5, 9
    >>> track(movie).edges.tolist()
    [[0, 1]]
    """
    scores = None if scorer is None else load_scorer(scorer)[0]
    detections = find_detections(
        labels, images, pixel_size=pixel_size, frame_interval=frame_interval
    )
    options = LinkOptions(divisions, max_gap, max_distance, merges, motion)
    return link(detections, options, scorer=scores)
