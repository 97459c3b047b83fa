"""The Python surface: what ``import cellwright as cw`` offers besides `Image` and the errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._arguments import (
    as_path,
    as_paths,
    check_above_zero,
    check_array,
    check_flags,
    check_made,
    check_numbers,
    check_whole_numbers,
    described,
    given,
    is_several,
)
from cellwright._errors import UsageError
from cellwright._types import AnyArray
from cellwright.images.arrays import as_image
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.measure.objects import measure_in_image, measure_movie, measure_objects
from cellwright.measure.tables import to_pandas
from cellwright.models.load import load_model
from cellwright.models.scorer import load_scorer
from cellwright.runs.results.result import RunResult
from cellwright.runs.results.warnings import label_warnings
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.tracking.detections import find_detections
from cellwright.tracking.link import link
from cellwright.tracking.options import LinkOptions, check_scorer
from cellwright.tracking.plain import Overlaps
from cellwright.tracking.tracks import Tracks

if TYPE_CHECKING:
    import pandas

__all__ = ["load_model", "measure", "read", "segment", "track", "write", "write_labels"]

_READ_IT = "Of a file they are cellwright.read(path).to_numpy()"


def measure(labels: AnyArray, image: Image | AnyArray | None = None) -> pandas.DataFrame:
    """Measure the objects of a label image.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X), or (T, [Z,] Y, X) beside an `Image` of a movie
        0 is background.
    image : Image or array, shape ([C,] [Z,] Y, X) or (Y, X, 3) for colours, optional
        Gives the intensities; an `Image` also the pixel size and the names of the channels. Of
        one with a time axis the frames are measured one by one.

    Returns
    -------
    pandas.DataFrame
        One row per object, with the columns of `cellwright.measure.objects.measure_objects`; of a
        movie also its ``frame``.

    Warns
    -----
    UserWarning
        If the labels look like a microscopy image.

    Raises
    ------
    InputError
        If labels and image do not fit.
    UsageError
        If one is no array, such as the path of a file, or pandas is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> measure(np.array([[0, 1, 1], [0, 2, 0]]))["area"].tolist()
    [2, 1]
    """
    check_array(labels, "labels", f"{_READ_IT}; whole folders are for 'cellwright measure'.")
    if image is not None and not isinstance(image, Image):
        check_array(image, "image", "A file is read with cellwright.read(path).")
    if image is not None and np.shape(image) == (*np.shape(labels), 3):
        image = as_image(image)
    if isinstance(image, Image):
        measured = measure_movie if "T" in image.axes else measure_in_image
        table = measured(labels, image)
    else:
        table = measure_objects(labels, image)
    for said in label_warnings(np.asarray(labels)):
        warnings.warn(said, stacklevel=2)
    return to_pandas(table)


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
    check_whole_numbers(1, jobs=jobs)
    return segment_images(
        as_paths(inputs, "inputs"),
        as_path(output, "output"),
        options,
        model=model,
        jobs=jobs,
        overwrite=overwrite,
    )


def track(
    labels: Image | Iterable[AnyArray],
    images: Image | Iterable[AnyArray] | None = None,
    *,
    divisions: bool = True,
    max_gap: int = 2,
    max_distance: float | None = None,
    merges: bool = True,
    motion: str = "auto",
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
    by: str = "model",
    scorer: str | Path | None = None,
) -> Tracks:
    """Follow objects over time, with their divisions; all parameters may be left to the data.

    Parameters
    ----------
    labels : array of int, shape (T, [Z,] Y, X), an Image of them, or iterable of frames
        0 is background; labels need not be the same in two frames.
    images : array, shape (T, [C,] [Z,] Y, X), an Image, or iterable of frames, optional
        The movie: its intensities help to tell cells apart and to find divisions. An `Image` also
        tells the names of its channels and, like one of labels, pixel size and frame interval.
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
        In µm along ([Z,] Y, X), in place of what an `Image` tells; needed where planes are farther
        apart than pixels.
    frame_interval : float, optional
        In s, in place of what an `Image` tells.
    by : {"model", "overlap", "distance"}
        What tells links of frames that follow each other: a model of how these objects move,
        change and divide; the pixels that outlines share; or nearness alone. Gaps, and daughters
        that are seen late, are told by the model always.
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
    UsageError
        If an argument is of a wrong kind, such as the path of a folder.

    Examples
    --------
    >>> import numpy as np
    >>> movie = np.zeros((2, 8, 8), int)
    >>> movie[0, 1:3, 1:3], movie[1, 2:4, 1:3] = 5, 9
    >>> track(movie).edges.tolist()
    [[0, 1]]
    """
    check_flags(divisions=divisions, merges=merges)
    check_whole_numbers(0, max_gap=max_gap)
    check_numbers(**given(max_distance=max_distance, frame_interval=frame_interval))
    if pixel_size is not None:
        if not is_several(pixel_size):
            raise UsageError(
                f"pixel_size must be one number in µm for each axis, not {pixel_size!r}."
            )
        check_above_zero(**{f"pixel_size[{n}]": one for n, one in enumerate(pixel_size)})
    options = LinkOptions(divisions, max_gap, max_distance, merges, motion, by=by)
    check_scorer(options, scorer)
    scores = None if scorer is None else load_scorer(scorer)[0]
    overlaps = Overlaps()
    told = [image for image in (images, labels) if isinstance(image, Image)]
    sizes, intervals = [one.pixel_size for one in told], [one.frame_interval for one in told]
    frames = _frames(labels, "labels")
    detections = find_detections(
        overlaps.watch(frames) if by == "overlap" else frames,
        None if images is None else _frames(images, "images"),
        pixel_size=next(filter(None, (pixel_size, *sizes)), None),
        frame_interval=next(filter(None, (frame_interval, *intervals)), None),
        channel_names=images.channel_names if isinstance(images, Image) else None,
    )
    if by == "overlap":
        scores = overlaps.scorer(detections, divisions=divisions)
    return link(detections, options, scorer=scores)


def _frames(movie: Any, name: str) -> Iterator[AnyArray]:
    """Return the frames of a movie one by one, or refuse what has none."""
    if isinstance(movie, Image):
        if "T" not in movie.axes:
            raise UsageError(
                f"{name} must be the frames of a movie, but '{movie.name}' has no time axis "
                f"({movie.axes}). If its planes are frames, read it with axes='TYX'."
            )
        return (movie.region(T=number).to_numpy() for number in range(movie.sizes["T"]))
    cure = (
        "Of a file they are cellwright.read(path); movies and folders on disk are for "
        "'cellwright track'."
    )
    if not is_several(movie):
        raise UsageError(f"{name} must be the frames of a movie, not {described(movie)}. {cure}")
    return (_frame(one, f"Frame {number} of {name}", cure) for number, one in enumerate(movie))


def _frame(frame: Any, name: str, cure: str) -> AnyArray:
    check_array(frame, name, cure)
    return np.asarray(frame)
