"""Tracks as tables: one row per detection, and one per link."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright._errors import FormatError, InputError, UsageError
from cellwright._types import IntArray, Table
from cellwright.measure.tables import read_csv, read_parquet, write_csv, write_parquet
from cellwright.tracking.tracklets import find_tracklets, track_numbers
from cellwright.tracking.tracks import PARENT, Tracks, make_tracks

NAMES = {
    "frame": ("frame", "t", "FRAME", "Frame"),
    "label": ("label",),
    "track": ("track", "track_id", "particle", "TRACK_ID", "ID"),
    "parent": ("parent",),
    "z": ("z", "POSITION_Z"),
    "y": ("y", "POSITION_Y"),
    "x": ("x", "POSITION_X"),
}
"""Columns with a meaning, and what other programs call them."""
LINKS = ("source_frame", "source_label", "target_frame", "target_label")


def tracks_to_tables(tracks: Tracks) -> tuple[Table, Table]:
    """Return the tables of detections and of links.

    Returns
    -------
    detections : Table
        ``frame``, ``label``, ``track``, ``parent`` (number of the track that this one comes from,
        0 for none; the first of a merger's; of a cell that shared an object of another's track,
        its own track before that), ``[z,] y, x`` in px, the same in µm where the pixel
        size is known (``y_um`` …), ``time_s`` where the frame interval is known, and the columns
        of the detections.
    links : Table
        ``source_frame``, ``source_label``, ``target_frame``, ``target_label``, and the columns of
        the edges. It holds what the first table cannot: mergers, and what is known of a link.
    """
    tracklets = find_tracklets(tracks.unshared())
    numbers = track_numbers(tracks, tracklets)
    parents = np.append(numbers, 0)[tracklets.parents()]
    axes = "zyx"[-tracks.dimensions :]
    detections: Table = {
        "frame": tracks.frame,
        "label": tracks.label,
        "track": numbers[tracklets.of],
        "parent": parents[tracklets.of],
        **{axis: tracks.position[:, index] for index, axis in enumerate(axes)},
    }
    if tracks.pixel_size is not None:
        for index, axis in enumerate(axes):
            detections[f"{axis}_um"] = tracks.position_um[:, index]
    if tracks.frame_interval is not None:
        detections["time_s"] = tracks.frame * tracks.frame_interval
    clash = set(detections) & set(tracks.properties)
    if clash:
        raise InputError(f"The table has columns {sorted(clash)} of its own; rename yours.")
    ends = tracks.edges.T
    links = {
        f"{side}_{what}": column[end]
        for side, end in zip(("source", "target"), ends, strict=True)
        for what, column in (("frame", tracks.frame), ("label", tracks.label))
    }
    return detections | tracks.properties, links | tracks.edge_properties


def tracks_from_tables(
    detections: Table,
    links: Table | None = None,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Return tracks from a table of detections.

    Without `links`, a column of track numbers makes the links: from each detection of a track to
    its next one, and from the last one of the parent to the first one. Without that column the
    detections are not linked.

    Parameters
    ----------
    detections : Table
        At least frame, y and x under one of their `NAMES`; other columns are kept.
    links : Table, optional
        See `tracks_to_tables`.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X).
    frame_interval : float, optional
        In s.

    Raises
    ------
    FormatError
        If columns are missing, or links and detections contradict each other.
    """
    columns = dict(detections)
    known = {
        name: columns.pop(found)
        for name, others in NAMES.items()
        if (found := next((one for one in others if one in columns), None))
    }
    missing = {"frame", "y", "x"} - set(known)
    if missing:
        raise FormatError(
            f"The table has no column {sorted(missing)}; it has {sorted(detections)}. A table of "
            "detections needs frame, y and x (and z in volumes)."
        )
    for derived in ("z_um", "y_um", "x_um", "time_s"):
        columns.pop(derived, None)
    places = [known[axis] for axis in "zyx" if axis in known]
    if any(np.asarray(place).dtype.kind not in "biuf" for place in places):
        raise FormatError(
            "The positions hold something else than numbers. Decimals have a point, and values "
            "are separated by commas."
        )
    frame = _whole(known["frame"], "frame")
    label = _whole(known["label"], "label") if "label" in known else None
    bare = make_tracks(
        frame,
        np.stack(places, axis=1),
        label=label,
        properties=columns,
        pixel_size=pixel_size,
        frame_interval=frame_interval,
    )
    if links is not None:
        return _linked(bare, links)
    if "track" not in known:
        return bare
    order = np.lexsort((np.arange(len(frame)) if label is None else label, frame))
    track = _whole(known["track"], "track")[order]
    parent = _whole(known["parent"], "parent")[order] if "parent" in known else 0 * track
    return _followed(bare, track, parent)


def write_table(path: Path, tracks: Tracks) -> None:
    """Write ``NAME.csv`` (or ``.parquet``) of detections and ``NAME_links.csv`` of links.

    Raises
    ------
    UsageError
        If the name ends otherwise.
    OutputError
        If a file cannot be written.
    """
    write = {".csv": write_csv, ".parquet": write_parquet}.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"A table ends in .csv or .parquet, not '{path.name}'.")
    detections, links = tracks_to_tables(tracks)
    write(path, detections)
    write(_links_file(path), links)


def read_table(
    path: Path,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Read tracks from a table, and from its ``NAME_links`` where that lies beside it.

    Raises
    ------
    FormatError
        See `tracks_from_tables`.
    """
    read = read_parquet if path.suffix.lower() == ".parquet" else read_csv
    beside = _links_file(path)
    links = read(beside) if beside.is_file() else None
    try:
        return tracks_from_tables(
            read(path), links, pixel_size=pixel_size, frame_interval=frame_interval
        )
    except InputError as error:
        raise FormatError(f"'{path}' cannot be used: {error}") from error


def _links_file(path: Path) -> Path:
    return path.with_name(f"{path.stem}_links{path.suffix}")


def _whole(column: IntArray, name: str) -> IntArray:
    """Return a column of whole numbers, which programs without such a type write as 3.0."""
    values = np.asarray(column)
    numbers = values.dtype.kind in "iuf" and np.isfinite(values).all()
    if not numbers or not (values == np.rint(values)).all():
        raise FormatError(f"The column '{name}' holds something else than whole numbers.")
    return values.astype(np.int64)


def link_rows(detections: Tracks, links: Table) -> IntArray:
    """Return the detections that links name by frame and label.

    Parameters
    ----------
    detections : Tracks
    links : Table
        With the columns `LINKS`.

    Returns
    -------
    array of int64, shape (E, 2)
        Rows (source, target).

    Raises
    ------
    FormatError
        If columns are missing, or a detection is not there.
    """
    if missing := [name for name in LINKS if name not in links]:
        raise FormatError(f"The table of links has no column {missing}.")
    names = detections.frame.astype(np.int64) << 32 | detections.label
    ends = []
    for side in ("source", "target"):
        frame, label = (_whole(links[f"{side}_{one}"], one) for one in ("frame", "label"))
        wanted = frame << 32 | label
        rows = np.searchsorted(names, wanted)
        lost = np.append(names, -1)[rows] != wanted
        if lost.any():
            raise FormatError(
                f"A link names label {label[lost][0]} in frame {frame[lost][0]}, "
                "which is not among the detections."
            )
        ends.append(rows)
    return np.stack(ends, axis=1)


def _linked(bare: Tracks, links: Table) -> Tracks:
    columns = {name: column for name, column in links.items() if name not in LINKS}
    return bare.with_edges(link_rows(bare, links), columns)


def _followed(bare: Tracks, track: IntArray, parent: IntArray) -> Tracks:
    """Link the detections of each track, and its first one with the last one of its parent."""
    order = np.lexsort((bare.frame, track))
    grouped = track[order]
    same = np.flatnonzero(np.diff(grouped) == 0)
    names, first = np.unique(grouped, return_index=True)
    last = np.append(first[1:], len(grouped))[: len(first)] - 1
    mothers = parent[order[first]]
    born = np.flatnonzero(mothers > 0)
    found = np.minimum(np.searchsorted(names, mothers[born]), max(len(names) - 1, 0))
    if (names[found] != mothers[born]).any():
        lost = mothers[born][names[found] != mothers[born]][0]
        raise FormatError(f"The table names the parent {lost}, but has no such track.")
    links = np.column_stack([order[same], order[same + 1]])
    births = np.column_stack([order[last[found]], order[first[born]]])
    is_birth = np.repeat([False, True], [len(links), len(births)])
    return bare.with_edges(np.concatenate([links, births]), {PARENT: is_birth})
