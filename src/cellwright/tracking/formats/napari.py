"""Tracks as napari shows them: the arguments of its tracks layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright._arguments import described
from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, DoubleArray
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import Tracks, as_columns, check_tracks, make_tracks

LABEL = "label"
"""The feature that tells which object of its frame a detection is."""


def to_napari(tracks: Tracks) -> dict[str, Any]:
    """Return the arguments of ``napari.Viewer.add_tracks``.

    Returns
    -------
    dict
        ``data``, array of float, shape (N, D + 2): rows (track, frame, [z,] y, x), sorted;
        ``graph``: for each track that others lead into, the list of those; ``features``: the
        columns of the detections and their ``label``; ``scale`` (1, [z,] y, x) in µm where it is
        known. A track continues over gaps, from one division to the next; a cell that is seen as
        one object with another has a gap there, or so has the other.
    """
    check_tracks(tracks, "tracks")
    tracks = tracks.unshared()
    lives = find_tracklets(tracks, tracks.branches())
    order = np.argsort(lives.of, kind="stable")
    data = np.column_stack([lives.of, tracks.frame, tracks.position])[order]
    graph: dict[int, list[int]] = {}
    for parent, child in lives.links.tolist():
        graph.setdefault(child, []).append(parent)
    layer: dict[str, Any] = {
        "data": data,
        "graph": graph,
        "features": {
            name: column[order]
            for name, column in {**tracks.properties, LABEL: tracks.label}.items()
        },
    }
    if tracks.pixel_size is not None:
        layer["scale"] = (1.0, *tracks.pixel_size)
    return layer


def from_napari(
    data: AnyArray,
    graph: Mapping[int, int | Sequence[int]] | None = None,
    features: Mapping[str, Any] | None = None,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Return the tracks of a napari tracks layer.

    Parameters
    ----------
    data : array of float, shape (N, D + 2)
        Rows (track, frame, [z,] y, x).
    graph : mapping, optional
        Parents of each track.
    features : mapping of str to array, optional
        One value per row of `data`. A column ``label`` names the detections, as `to_napari` has it.
    pixel_size : tuple of float, optional
        In µm.
    frame_interval : float, optional
        In s.

    Raises
    ------
    InputError
        If the rows are none of a tracks layer, or the graph names tracks that are not there.
    UsageError
        If `graph` or `features` are no dictionaries.
    """
    if graph is not None and not hasattr(graph, "items"):
        raise UsageError(
            f"graph must be the parents of each track, such as {{3: [1]}}, not {described(graph)}."
        )
    rows = _rows(data)
    if rows.ndim != 2 or rows.shape[1] not in (4, 5) or not np.isfinite(rows).all():
        raise InputError(
            f"Rows of a tracks layer are (track, frame, [z,] y, x), not of shape {rows.shape}."
        )
    if (rows[:, :2] != np.rint(rows[:, :2])).any():
        raise InputError("Tracks and frames of a tracks layer are whole numbers.")
    track, frame = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    order = np.lexsort((frame, track))
    names, first = np.unique(track[order], return_index=True)
    last = np.append(first[1:], len(order))[: len(first)] - 1
    spans = {
        name: (order[start], order[stop])
        for name, start, stop in zip(names.tolist(), first, last, strict=True)
    }
    same = np.flatnonzero(np.diff(track[order]) == 0)
    edges = np.column_stack([order[same], order[same + 1]]).tolist()
    for child, parents in ({} if graph is None else graph).items():
        for parent in np.atleast_1d(parents).tolist():
            if child not in spans or parent not in spans:
                raise InputError(f"The graph links track {parent} to {child}; not both are there.")
            edges.append([spans[parent][1], spans[child][0]])
    columns = dict(as_columns({} if features is None else features, "features"))
    return make_tracks(
        frame,
        rows[:, 2:],
        np.array(edges),
        label=columns.pop(LABEL, None),
        properties=columns,
        pixel_size=pixel_size,
        frame_interval=frame_interval,
    )


def _rows(data: Any) -> DoubleArray:
    try:
        return np.asarray(data, np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Rows of a tracks layer are numbers (track, frame, [z,] y, x), not {described(data)}."
        ) from error
