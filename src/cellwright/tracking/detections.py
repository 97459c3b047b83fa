"""Detections: the objects of every frame of a movie, with what helps to recognise them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from cellwright._arguments import described, is_several
from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, Table
from cellwright.measure.objects import measure_objects
from cellwright.tracking.tracks import Tracks, make_tracks

SHAPE = ("area", "axis_major_length", "axis_minor_length", "touches_border")
INTENSITY = ("intensity_mean", "intensity_std", "intensity_sum")
_END: Any = object()


def find_detections(
    labels: Iterable[AnyArray],
    images: Iterable[AnyArray] | None = None,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
    channel_names: Sequence[str] | None = None,
) -> Tracks:
    """Measure the objects of each frame; one frame is held in memory at a time.

    Parameters
    ----------
    labels : iterable of array of int, shape ([Z,] Y, X)
        One label image per frame; 0 is background.
    images : iterable of array, shape ([C,] [Z,] Y, X), optional
        The frames themselves, for the intensities.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X).
    frame_interval : float, optional
        In s.
    channel_names : sequence of str, optional
        For the columns of intensities, when the images have channels.

    Returns
    -------
    Tracks
        The detections, not linked yet: positions are centroids; the columns are those of
        `measure_objects` (lengths in px): ``area``, ``axis_major_length``,
        ``axis_minor_length``, ``touches_border`` and, with images, ``intensity_mean``,
        ``intensity_std`` and ``intensity_sum``.

    Raises
    ------
    InputError
        If there is no frame, or frames differ in size, or there are not as many images as labels.
    UsageError
        If `labels` or `images` are no frames.
    """
    _check_frames(labels, "labels")
    if images is not None:
        _check_frames(images, "images")
    tables: list[Table] = []
    shape: tuple[int, ...] = ()
    for number, (frame, image) in enumerate(_together(labels, images)):
        objects = np.asarray(frame)
        shape = shape or objects.shape
        if objects.shape != shape:
            raise InputError(
                f"Frame {number} has the shape {objects.shape}, the first one {shape}; "
                "all frames of a movie are of one size."
            )
        tables.append(measure_frame(objects, number, image, channel_names))
    return collect(tables, pixel_size, frame_interval)


def _check_frames(value: Any, name: str) -> None:
    if not is_several(value):
        raise UsageError(f"{name} must be the frames of a movie, not {described(value)}.")


def measure_frame(
    labels: AnyArray,
    number: int,
    image: AnyArray | None = None,
    channel_names: Sequence[str] | None = None,
    *,
    also: tuple[str, ...] = (),
) -> Table:
    """Measure the objects of one frame: what `find_detections` does with each.

    `also` names further properties to be measured; see `measure_objects`.

    Returns
    -------
    Table
        Columns ``frame``, ``label``, ``centroid-0`` …, and those of the shape and intensity.
    """
    wanted = ("centroid", *SHAPE, *(() if image is None else INTENSITY), *also)
    try:
        table = measure_objects(labels, image, channel_names=channel_names, properties=wanted)
    except InputError as error:
        raise InputError(f"Frame {number}: {error}") from error
    return {"frame": np.full(len(table["area"]), number), **table}


def collect(
    tables: Sequence[Table],
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Join the tables of all frames (see `measure_frame`) to detections that are not linked yet.

    Raises
    ------
    InputError
        If there is no frame.
    """
    if not tables:
        raise InputError("There is no frame to track objects in.")
    columns = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    axes = [name for name in columns if name.startswith("centroid-")]
    return make_tracks(
        frame=columns.pop("frame"),
        label=columns.pop("label"),
        position=np.stack([columns.pop(axis) for axis in axes], axis=1),
        properties=columns,
        frame_count=len(tables),
        pixel_size=pixel_size,
        frame_interval=frame_interval,
    )


def _together(
    labels: Iterable[AnyArray], images: Iterable[AnyArray] | None
) -> Iterable[tuple[AnyArray, AnyArray | None]]:
    """Yield each frame's labels with its image."""
    others = iter(repeat(None) if images is None else images)
    for number, frame in enumerate(labels):
        image = next(others, _END)
        if image is _END:
            raise InputError(f"There are only {number} images, but more frames of labels.")
        yield frame, image
    if images is not None and next(others, _END) is not _END:
        raise InputError("There are more images than frames of labels.")
