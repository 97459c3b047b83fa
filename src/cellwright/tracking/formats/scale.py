"""The scale of tracks, told by columns in µm and s beside those in px and frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellwright._types import AnyArray, Table

TIME = "time_s"


def in_um(axis: str) -> str:
    """Return what the column of positions along an axis is called in µm."""
    return f"{axis}_um"


def told_pixel_size(table: Table, places: Mapping[str, AnyArray]) -> tuple[float, ...] | None:
    """Return the pixel size in µm that columns such as ``y_um`` tell.

    Parameters
    ----------
    table : Table
    places : mapping of str to array of float, shape (N,)
        Positions in px by axis.

    Returns
    -------
    tuple of float or None
        One for each axis; None where that of one cannot be told.
    """
    sizes = [_ratio(table, in_um(axis), values) for axis, values in places.items()]
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None


def told_interval(table: Table, frame: AnyArray) -> float | None:
    """Return the frame interval in s that the column ``time_s`` tells, or None."""
    return _ratio(table, TIME, frame)


def _ratio(table: Table, name: str, values: AnyArray) -> float | None:
    """Return how many times the `values` a column is; None where there is no such number."""
    scaled = np.asarray(table.get(name, ()))
    if scaled.shape != values.shape or scaled.dtype.kind not in "iuf" or not len(values):
        return None
    largest = int(np.argmax(np.abs(values)))
    if values[largest] == 0 or not np.isfinite(scaled).all():
        return None
    # What both columns were rounded by is no part of a pixel size.
    ratio = float(f"{scaled[largest] / values[largest]:.12g}")
    alike = np.allclose(scaled, values * ratio, rtol=1e-6, atol=1e-9 * abs(ratio))
    return ratio if ratio > 0 and alike else None
