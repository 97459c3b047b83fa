"""The frames of a movie, wherever they lie: a folder of files, or one file with a time axis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._arguments import check_above_zero, described, given
from cellwright._errors import AxesError, FormatError, InputError, UsageError
from cellwright._progress import progress
from cellwright._types import AnyArray
from cellwright._words import option
from cellwright.images.find import find_images
from cellwright.images.image import Image, check_said_axes
from cellwright.images.read import IGNORE, LARGEST_LABEL, read
from cellwright.models.channels import as_channels
from cellwright.runs.apply.like import check_plane_distance, with_pixel_size
from cellwright.runs.apply.reading import images_to_do
from cellwright.tracking.formats.ctc import open_ctc
from cellwright.tracking.formats.files import is_ctc

_FLAT = 0.6
"""Share of neighbouring foreground pixels that are equal in label images, and in no others."""


@dataclass(frozen=True, slots=True)
class MovieOptions:
    """What is said of a movie in place of its files, and what of it is looked at.

    Parameters
    ----------
    axes : str, optional
        Axes of the files where they do not say, such as ``"TYX"``.
    channel : tuple of str
        Names or numbers (from 0) of the channels that a model is given, or that spots are in; one
        may stand alone.
    pixel_size : float, optional
        Distance of neighbouring pixels within a plane, in µm.
    plane_distance : float, optional
        Of the planes of volumes, in µm.
    frame_interval : float, optional
        In s.

    Raises
    ------
    UsageError
        If an argument is none of these, or the distance of planes is given without that of pixels.
    """

    axes: str | None = None
    channel: tuple[str, ...] = ()
    pixel_size: float | None = None
    plane_distance: float | None = None
    frame_interval: float | None = None

    def __post_init__(self) -> None:
        asked = as_channels(self.channel)
        object.__setattr__(self, "channel", tuple(map(str, asked)))  # the number 0 is a channel
        check_said_axes(self.axes)
        sizes = given(pixel_size=self.pixel_size, plane_distance=self.plane_distance)
        check_above_zero(**sizes, **given(frame_interval=self.frame_interval))
        if self.plane_distance is not None and self.pixel_size is None:
            raise UsageError(
                f"The distance of planes ({option('plane_distance')}) alone does not tell sizes: "
                f"also give {option('pixel_size')}, the distance of pixels within a plane."
            )


def check_movie_options(value: Any) -> None:
    """Raise `UsageError` unless what was given as options of a movie is `MovieOptions`."""
    if not isinstance(value, MovieOptions):
        raise UsageError(
            "movie must be cellwright.runs.track.timelapse.MovieOptions(…), not "
            f"{described(value)}."
        )


@dataclass(frozen=True, slots=True)
class TimeLapse:
    """A movie that is read frame by frame.

    Attributes
    ----------
    name : str
    count : int
        Number of frames.
    paths : tuple of Path
        All files.
    frame : callable
        Returns the `Image` of one frame, without a time axis, with the pixel size and the frame
        interval that are known of the movie.
    channel : tuple of str
        Of the frames, those that are looked at; empty for all.
    warnings : tuple of str
        What is odd about the frames.
    """

    name: str
    count: int
    paths: tuple[Path, ...]
    frame: Callable[[int], Image]
    channel: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def scale(self) -> tuple[tuple[float, ...] | None, float | None]:
        """Pixel size in µm along ([Z,] Y, X) and frame interval in s, as far as known."""
        first = self.frame(0)
        return first.pixel_size, first.frame_interval

    @property
    def size(self) -> tuple[int, ...]:
        """Size of the frames in px, ([Z,] Y, X)."""
        first = self.frame(0)
        return tuple(first.sizes[axis] for axis in first.spatial_axes)

    def labels(self) -> Iterator[AnyArray]:
        """Read the frames as label images, shape ([Z,] Y, X)."""
        for number in range(self.count):
            yield self.frame_labels(number)

    def frame_labels(self, number: int) -> AnyArray:
        """Read one frame as a label image, shape ([Z,] Y, X)."""
        return _as_labels(self.frame(number))

    def holds_labels(self) -> bool:
        """Return whether the frames are label images: whole numbers in flat areas."""
        for number in range(self.count):
            image = self.frame(number)
            pixels = image.to_numpy()
            if "C" in image.axes or not _is_whole(pixels):
                return False
            inner = pixels[..., :-1] > 0
            if inner.any():
                return bool((pixels[..., :-1] == pixels[..., 1:])[inner].mean() > _FLAT)
        return True


def open_timelapse(
    source: Path, options: MovieOptions | None = None, *, output: Path | None = None
) -> TimeLapse:
    """Find the frames of a movie.

    Parameters
    ----------
    source : Path
        A folder with one file per frame (in the order of the numbers in their names), a folder of
        the Cell Tracking Challenge, or one file with a time axis.
    options : MovieOptions, optional
        What is said in place of the files.
    output : Path, optional
        A result folder, whose results are no frames where they lie among these.

    Raises
    ------
    InputError
        If there are fewer than two frames, or they differ in size.
    AxesError
        If a single file has no time axis.
    UsageError
        If a pixel size is given for volumes of which nobody says how far apart their planes are, or
        a distance of planes for what has none.
    """
    options = options or MovieOptions()
    challenge = source.is_dir() and is_ctc(source)
    files = open_ctc(source).masks if challenge else _in_one_folder(source, output)
    name = source.name or source.resolve().name
    if len(files) > 1:

        def frame(number: int) -> Image:
            return _scaled(_frame_file(files[number], options.axes), options)

        _check_sizes(files, frame)
        return TimeLapse(name, len(files), files, frame, options.channel, _numbering(files))
    image = _scaled(read(files[0], axes=options.axes), options)
    planes = (
        f"; its planes may be frames: then say {option(axes='TYX')}" if "Z" in image.axes else ""
    )
    if "T" not in image.axes:
        raise AxesError(
            f"'{files[0]}' has no time axis ({image.axes}){planes}. "
            "A movie is a file with several frames, or a folder with one file for each."
        )
    count = image.sizes["T"]
    if count < 2:
        raise InputError(f"'{files[0]}' has one frame only, nothing to link{planes}.")
    return TimeLapse(name, count, files, lambda number: image.region(T=number), options.channel)


def open_labels(source: Path, options: MovieOptions, *, output: Path | None = None) -> TimeLapse:
    """Open label images beside a movie, whose files need not be laid out as those of the movie are.

    The axes of the movie, but for its channels, are those of files that do not tell their own. For
    parameters and errors see `open_timelapse`.
    """
    flat = replace(options, axes=None, channel=())
    try:
        return open_timelapse(source, flat, output=output)
    except AxesError:
        if options.axes is None:
            raise
        axes = options.axes.upper().replace("C", "")
        return open_timelapse(source, replace(flat, axes=axes), output=output)


def _scaled(image: Image, options: MovieOptions) -> Image:
    """Return an image with what the user says of its scale."""
    planes, lateral = options.plane_distance, options.pixel_size
    if planes is not None and "Z" not in image.axes:
        raise UsageError(
            f"'{image.name}' has no planes ({image.axes}): leave out {option('plane_distance')}."
        )
    if planes is not None and lateral is not None:
        sized = replace(image, pixel_size=(planes, lateral, lateral))
    else:
        check_plane_distance(image, lateral)
        sized = with_pixel_size(image, lateral)
    return replace(sized, frame_interval=options.frame_interval or sized.frame_interval)


def _in_one_folder(source: Path, output: Path | None) -> tuple[Path, ...]:
    """Return the images in a folder, or refuse those of several as they are no single movie."""
    found = find_images([source]) if output is None else images_to_do([source], output)
    files = tuple(image.path for image in found)
    folders = sorted({path.parent for path in files})
    if len(folders) > 1:
        raise InputError(
            f"'{source}' has images in {len(folders)} folders, such as '{folders[0]}' and "
            f"'{folders[1]}'. Track one movie at a time: give {_one_movie(source)}."
        )
    return files


def _one_movie(source: Path) -> str:
    """Say what to give instead of a folder of several movies."""
    for truth in sorted(source.glob("*_GT")):
        raw = truth.with_name(truth.name.removesuffix("_GT"))
        if raw.is_dir() and is_ctc(truth):
            return f"'{raw}' for the raw movie, or '{truth}' for its true labels"
    return "the folder of its frames"


def _frame_file(path: Path, axes: str | None) -> Image:
    image = read(path, axes=axes)
    if "T" not in image.axes:
        return image
    if image.sizes["T"] > 1:
        raise InputError(
            f"'{path}' holds {image.sizes['T']} frames beside other files. Track one movie at a "
            "time: give that file, or a folder with one file per frame."
        )
    return image.region(T=0)


def _check_sizes(files: tuple[Path, ...], frame: Callable[[int], Image]) -> None:
    """Look into all files before anything is done with the first."""
    first = frame(0)
    for number in progress(range(1, len(files)), "Looking at the frames", unit="frame"):
        image = frame(number)
        if (image.axes, image.shape) != (first.axes, first.shape):
            raise InputError(
                f"'{files[number].name}' has the size {image.shape} ({image.axes}), but "
                f"'{files[0].name}' {first.shape} ({first.axes}); all frames of a movie are of one "
                "size. Take files of other images out of the folder."
            )


def _numbering(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return a warning where the numbers in the names of the files leave frames out."""
    found = [re.findall(r"\d+", path.stem) for path in files]
    if len({len(parts) for parts in found}) > 1 or not found[0]:
        return ()
    columns = np.array([[int(part) for part in parts] for parts in found], object).T
    counting = [column for column in columns if len(set(column)) > 1]
    if not counting:
        return ()
    steps = np.diff(counting[-1])
    if (steps == steps[0]).all():
        return ()
    where = int(np.flatnonzero(steps != np.median(steps))[0])
    return (
        "The numbers of the files do not follow each other evenly (after "
        f"'{files[where].name}' comes '{files[where + 1].name}'): are frames missing?",
    )


def _as_labels(image: Image) -> AnyArray:
    pixels = image.to_numpy()
    smallest, largest = pixels.min(initial=0), pixels.max(initial=0)
    whole = "C" not in image.axes and _is_whole(pixels)
    if not whole or smallest < IGNORE or largest > LARGEST_LABEL:
        raise FormatError(
            f"'{image.name}' is no label image ({image.axes}, {pixels.dtype}, values from "
            f"{smallest} to {largest}). Labels are whole numbers: 0 for background, 1, 2, 3 … for "
            "the objects."
        )
    return np.maximum(pixels, 0).astype(np.int32)  # of what is not known, no object is tracked


def _is_whole(pixels: AnyArray) -> bool:
    """Return whether pixels are whole numbers, which some programs save as fractions."""
    return pixels.dtype.kind in "iu" or np.array_equal(pixels, np.rint(pixels))
