"""Reading the points of a movie from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import Table
from cellwright._words import option
from cellwright.runs.track.boxes import as_points
from cellwright.runs.track.timelapse import MovieOptions
from cellwright.tracking.formats.table import TRACK, read_detections
from cellwright.tracking.tracks import Tracks

_SPARSE = 100
"""Frames for each one with points that are more than a movie can have."""
_MANY = 100_000


def read_points(
    source: Path, given: MovieOptions, images: Sequence[str] = ()
) -> tuple[Tracks, tuple[str, ...]]:
    """Read the points of a movie.

    How the table says that they are linked does not matter, nor what lies beside it: the columns
    ``track`` and ``parent`` are left out, for the result has its own.

    Parameters
    ----------
    source : Path
        CSV or Parquet of points, objects or boxes; see `read_detections` and `as_points`.
    given : MovieOptions
        The scale, in place of what the table says (``y_um``, ``time_s`` …). Where nobody says how
        far apart planes are, as far as pixels are.
    images : sequence of str
        Names of the images that objects were looked for in, also where there are none.

    Returns
    -------
    Tracks
        Points without links.
    tuple of str
        What the user should know.

    Raises
    ------
    InputError
        If the table cannot be used, or its frames do not count the frames of a movie.
    UsageError
        If options are given that mean nothing for points.
    """
    for name, value in (("axes", given.axes), ("channel", given.channel)):
        if value:
            raise UsageError(
                f"'{source}' is a table of points, no image: leave out {option(name)}."
            )
    names: list[str] = []

    def prepare(table: Table) -> Table:
        names.extend(table)
        return as_points(table, images)

    points = _without(read_detections(source, prepare), TRACK)
    if not len(points):
        raise InputError(f"'{source}' holds no point; there is nothing to track.")
    _check_frames(points, source)
    remarks = (*_middles(points), *_unit_of_trackmate(names, given))
    if given.plane_distance is None and _share_a_plane(points):
        remarks = (
            *remarks,
            f"All points lie in one plane (z is {points.position[0, 0]:g}), so they are followed "
            "in two dimensions.",
        )
        points = _in_plane(points)
    flat, lateral, planes = points.dimensions == 2, given.pixel_size, given.plane_distance
    if flat and planes is not None:
        raise UsageError(f"'{source}' has no column z: leave out {option('plane_distance')}.")
    points = replace(points, frame_interval=given.frame_interval or points.frame_interval)
    if lateral is None:
        return points, remarks if points.pixel_size else (*remarks, *_steps_of_z(points))
    size = (lateral,) * 2 if flat else (planes or lateral, lateral, lateral)
    scaled = replace(points, pixel_size=size)
    return scaled, remarks if planes is not None else (*remarks, *_steps_of_z(points))


def _without(points: Tracks, names: tuple[str, ...]) -> Tracks:
    """Return points without some of their columns."""
    kept = {name: column for name, column in points.properties.items() if name not in names}
    return replace(points, properties=kept)


def _middles(points: Tracks) -> tuple[str, ...]:
    """Say what is taken for granted about places that have a size."""
    if not {"width", "height"} <= {name.lower() for name in points.properties}:
        return ()
    return (
        "x and y are taken to be the middle of each box; where they are its corner, call them "
        "'left' and 'top'.",
    )


def _unit_of_trackmate(names: Sequence[str], given: MovieOptions) -> tuple[str, ...]:
    """Say what is taken for granted about places in tables of TrackMate, which may be in µm."""
    if "POSITION_X" not in names or given.pixel_size is not None:
        return ()
    return (
        "POSITION_X and POSITION_Y are taken to be in px; where they are in µm, say "
        f"{option(pixel_size=1)}.",
    )


def _share_a_plane(points: Tracks) -> bool:
    """Return whether all have the same z, as some programs write where there are no planes."""
    return points.dimensions == 3 and bool((points.position[:, 0] == points.position[0, 0]).all())


def _in_plane(points: Tracks) -> Tracks:
    """Return points of a volume as those of a plane, with z as a column like any other."""
    columns = {**points.properties, "z": points.position[:, 0]}
    places = np.ascontiguousarray(points.position[:, 1:])
    size = points.pixel_size and points.pixel_size[1:]
    return replace(points, position=places, properties=columns, pixel_size=size)


def _steps_of_z(points: Tracks) -> tuple[str, ...]:
    """Say what is taken for granted about volumes of which nobody says how far apart planes are."""
    if points.dimensions == 2:
        return ()
    return (
        "Steps of z are taken to be as long as those of y and x; where they are not, give "
        f"{option('pixel_size')} and {option('plane_distance')}.",
    )


def _check_frames(points: Tracks, source: Path) -> None:
    frames = np.unique(points.frame)
    if len(frames) < 2:
        raise InputError(
            f"'{source}' has points in frame {frames[0]} only; there is nothing to link."
        )
    step = int(np.gcd.reduce(np.diff(frames)))
    if step > 1:
        raise InputError(
            f"The frames of '{source}' are {step} apart ({frames[0]}, {frames[1]} …), so that no "
            "two follow each other. Number them 0, 1, 2 …; times go to "
            f"{option('frame_interval')}."
        )
    if frames[-1] > max(_SPARSE * len(frames), _MANY):
        raise InputError(
            f"The frames of '{source}' reach to {frames[-1]}, but only {len(frames)} of them have "
            "points: are these times? Number the frames 0, 1, 2 …."
        )
