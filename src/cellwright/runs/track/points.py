"""Reading the points of a movie from a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._errors import InputError
from cellwright.tracking.formats.table import read_table
from cellwright.tracking.tracks import Tracks

_SPARSE = 100
"""Frames for each one with points that are more than a movie can have."""
_MANY = 100_000


def read_points(
    source: Path, *, pixel_size: float | None = None, frame_interval: float | None = None
) -> Tracks:
    """Read the points of a movie.

    Parameters
    ----------
    source : Path
        CSV or Parquet; see `read_table`.
    pixel_size, frame_interval : float, optional
        In µm and s.

    Raises
    ------
    InputError
        If the table cannot be used, or its frames do not count the frames of a movie.
    """
    points = read_table(source)
    if not len(points):
        raise InputError(f"'{source}' holds no point; there is nothing to track.")
    _check_frames(points, source)
    size = None if pixel_size is None else (pixel_size,) * points.dimensions
    return replace(points, pixel_size=size, frame_interval=frame_interval)


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
            "two follow each other. Number them 0, 1, 2 …; times go to --frame-interval."
        )
    if frames[-1] > max(_SPARSE * len(frames), _MANY):
        raise InputError(
            f"The frames of '{source}' reach to {frames[-1]}, but only {len(frames)} of them have "
            "points: are these times? Number the frames 0, 1, 2 …."
        )
