"""A movie as a page plays it: small pictures of its frames, and the tracks that go through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cellwright._progress import progress
from cellwright._types import AnyArray, FloatArray, IntArray
from cellwright.images.image import Image
from cellwright.models.channels import channel_numbers
from cellwright.reports.charts import plain_number
from cellwright.reports.drawing import as_rgb, borders
from cellwright.reports.pictures import jpeg_uri
from cellwright.runs.track.timelapse import TimeLapse
from cellwright.tracking.tracklets import find_tracklets, track_numbers
from cellwright.tracking.tracks import Tracks

_SIDE = 448  # px, the longest side of a picture at most
_MOST_PICTURES = 48
_MOST_TRACKS = 1500
_MOST_POINTS = 60_000
_FINENESS = 2
"""Positions are told in this fraction of a px of the pictures."""
_GOLDEN_ANGLE = 137.5
_MINUTE, _HOUR = 60, 3600  # s
_OBJECT, _BORDER = 70, 150  # grey levels of label images


@dataclass(frozen=True, slots=True)
class Film:
    """What a page plays. Nothing of it depends on the size of the frames.

    Parameters
    ----------
    width, height : int
        Of a picture, in px.
    frames : tuple of int
        The frames that are shown, counted from 0.
    titles : tuple of str
        What stands below each of them.
    pictures : tuple of str
        JPEGs as data URIs; none for a table of points.
    ways : tuple of tuple
        For each track its number in ``tracks.csv``, a hue in degrees, the frame it begins in, and
        all its places, before them the last one of the track that it comes from: frame, x, y,
        frame, x, y, ... with x and y in halves of a px of the pictures.
    total : int
        How many tracks there are.
    """

    width: int
    height: int
    frames: tuple[int, ...]
    titles: tuple[str, ...]
    pictures: tuple[str, ...]
    ways: tuple[tuple[int, int, int, list[int]], ...]
    total: int

    @property
    def step(self) -> int:
        """How many frames one picture is after another."""
        return self.frames[1] - self.frames[0] if len(self.frames) > 1 else 1

    @property
    def caption(self) -> str:
        """What of the movie is shown, where it is not all."""
        parts = []
        if self.step > 1:
            parts.append(f"one frame in {self.step}")
        if len(self.ways) < self.total:
            parts.append(f"{len(self.ways):,} of {self.total:,} tracks")
        return f"Shown: {', '.join(parts)}. " if parts else ""

    def to_json(self) -> dict[str, Any]:
        """Return what the script of the page needs."""
        return {
            "width": self.width,
            "height": self.height,
            "fineness": _FINENESS,
            "step": self.step,
            "frames": self.frames,
            "titles": self.titles,
            "pictures": self.pictures,
            "ways": self.ways,
        }


def make_film(tracks: Tracks, movie: TimeLapse | None, *, labels: bool) -> Film:
    """Make the film of a movie.

    Parameters
    ----------
    tracks : Tracks
    movie : TimeLapse or None
        Its frames; None where only points are known.
    labels : bool
        Whether the frames are label images.

    Returns
    -------
    Film
    """
    count = tracks.frame_count if movie is None else movie.count
    frames = range(0, count, -(-count // _MOST_PICTURES))
    if movie is None:
        size, corner, step = _field_of_points(tracks)
        views: Sequence[AnyArray] = ()
    else:
        views, step = _label_views(movie, frames) if labels else _raw_views(movie, frames)
        size, corner = views[0].shape[:2], np.zeros(2)
    return Film(
        width=size[1],
        height=size[0],
        frames=tuple(frames),
        titles=tuple(_title(frame, count, tracks.frame_interval) for frame in frames),
        pictures=tuple(jpeg_uri(view, level=72) for view in views),
        ways=_ways(tracks, corner, step),
        total=len(find_tracklets(tracks.unshared())),
    )


def _raw_views(movie: TimeLapse, frames: range) -> tuple[Sequence[AnyArray], float]:
    """Return frames as people see them, stretched alike, and how many px one of theirs shows."""
    small, step = _all_small(movie, frames, lambda number: _chosen(movie, movie.frame(number)))
    first = small[0]
    rows = "CYX".index("Y") if "C" in first.axes else 0
    below_each_other = np.concatenate([image.to_numpy() for image in small], axis=rows)
    seen = as_rgb(replace(first, data=below_each_other))
    return np.split(seen, len(small)), step


def _label_views(movie: TimeLapse, frames: range) -> tuple[Sequence[AnyArray], float]:
    """Return label images in grey, and how many px one of theirs shows."""

    def seen(number: int) -> Image:
        labels = movie.frame_labels(number)
        flat = labels.max(axis=0) if labels.ndim > 2 else labels
        grey = np.where(flat > 0, np.uint8(_OBJECT), np.uint8(0))
        grey[borders(flat)] = _BORDER
        return Image(grey, "YX")

    small, step = _all_small(movie, frames, seen)
    grey = [np.rint(image.to_numpy()).astype(np.uint8) for image in small]
    return [np.repeat(one[..., np.newaxis], 3, axis=-1) for one in grey], step


def _all_small(
    movie: TimeLapse, frames: range, read: Callable[[int], Image]
) -> tuple[list[Image], int]:
    sizes = movie.frame(0).sizes
    step = -(-max(sizes["Y"], sizes["X"]) // _SIDE)
    shown = progress(frames, "Picturing", unit="frame")
    return [_small(read(number), step) for number in shown], step


def _chosen(movie: TimeLapse, image: Image) -> Image:
    """Return the channel that is looked at, or all of several; of planes the brightest pixels."""
    if len(movie.channel) == 1 and "C" in image.axes:
        image = image.region(C=channel_numbers(image, movie.channel)[0])
    if "Z" not in image.axes:
        return image
    axis = image.axes.index("Z")
    brightest = image.to_numpy().max(axis=axis)
    return replace(image.region(Z=0), data=brightest)


def _small(image: Image, step: int) -> Image:
    """Return an image (axes ``[C]YX``) of the means of `step` × `step` pixels."""
    pixels = image.to_numpy()
    planes = pixels if "C" in image.axes else pixels[np.newaxis]
    means = np.stack([_means(plane, step) for plane in planes])
    return replace(image, data=means if "C" in image.axes else means[0], pixel_size=None)


def _means(plane: AnyArray, step: int) -> FloatArray:
    rows, columns = (min(step, size) for size in plane.shape)  # a line scan has few rows
    height, width = plane.shape[0] // rows, plane.shape[1] // columns
    blocks = plane[: height * rows, : width * columns].reshape(height, rows, width, columns)
    means: FloatArray = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _field_of_points(tracks: Tracks) -> tuple[tuple[int, ...], AnyArray, float]:
    """Return the size (Y, X) of pictures around all points, its corner in px, and px per px."""
    plane = tracks.position[:, -2:]
    low, extent = plane.min(axis=0), np.ptp(plane, axis=0)
    step = float(extent.max()) / (_SIDE * 0.96) or 1.0
    margin = 0.02 * _SIDE * step
    size = np.ceil((extent + 2 * margin) / step).astype(int)
    return tuple(size.tolist()), low - margin, step


def _ways(
    tracks: Tracks, corner: AnyArray, step: float
) -> tuple[tuple[int, int, int, list[int]], ...]:
    """Return tracks as a `Film` holds them, evenly spread over all where there are too many."""
    tracks = tracks.unshared()
    tracklets = find_tracklets(tracks)
    numbers = track_numbers(tracks, tracklets)
    colours = find_tracklets(tracks, tracks.branches()).of[tracklets.first]  # kept over gaps
    parents = tracklets.parents()
    chosen = _some(np.bincount(tracklets.of, minlength=len(tracklets)))
    members = np.flatnonzero(np.isin(tracklets.of, chosen))  # in the order of the frames
    members = members[np.argsort(tracklets.of[members], kind="stable")]
    ends = np.searchsorted(tracklets.of[members], chosen, "right")
    ways = []
    for one, rows in zip(chosen, np.split(members, ends[:-1]), strict=True):
        if parents[one] >= 0:
            rows = np.append(tracklets.last[parents[one]], rows)
        hue = round(float(colours[one]) * _GOLDEN_ANGLE % 360)
        begin = int(tracklets.begin[one])
        x, y = ((tracks.position[rows, -2:] + 0.5 - corner) * (_FINENESS / step)).T[::-1]
        points = np.rint(np.column_stack([tracks.frame[rows], x, y])).astype(int)
        ways.append((int(numbers[one]), hue, begin, points.ravel().tolist()))
    return tuple(ways)


def _some(lengths: IntArray) -> list[int]:
    """Return which tracks are shown, so that neither they nor their points are too many."""
    share = min(1.0, _MOST_TRACKS / len(lengths), _MOST_POINTS / int(lengths.sum()))
    shown = max(1, int(share * len(lengths)))
    chosen: list[int] = np.linspace(0, len(lengths) - 1, shown).astype(int).tolist()
    return chosen


def _title(frame: int, count: int, interval: float | None) -> str:
    title = f"Frame {frame} of 0 to {count - 1}"
    return title if interval is None else f"{title}, {_clock(frame * interval)}"


def _clock(seconds: float) -> str:
    """Return a time for people: seconds below two minutes, minutes below two hours, then hours."""
    if seconds < 2 * _MINUTE:
        return f"{plain_number(seconds)} s"
    if seconds < 2 * _HOUR:
        return f"{plain_number(seconds / _MINUTE)} min"
    return f"{plain_number(seconds / _HOUR)} h"
