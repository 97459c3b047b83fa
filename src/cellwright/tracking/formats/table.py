"""Tracks as tables: one row per detection, and one per link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError, InputError, UsageError
from cellwright._types import AnyArray, IntArray, Table
from cellwright.measure.tables import (
    read_csv,
    read_parquet,
    row_parts,
    write_csv_parts,
    write_parquet_parts,
)
from cellwright.tracking.formats.scale import TIME, in_um, told_interval, told_pixel_size
from cellwright.tracking.links import NONE
from cellwright.tracking.tracklets import find_tracklets, track_numbers
from cellwright.tracking.tracks import (
    PARENT,
    Tracks,
    as_columns,
    check_tracks,
    find_rows,
    make_tracks,
)

NAMES = {
    "frame": ("frame", "t", "FRAME", "Frame", "T"),
    "label": ("label",),
    "track": ("track", "track_id", "particle", "TRACK_ID", "ID"),
    "parent": ("parent",),
    "z": ("z", "POSITION_Z", "Z"),
    "y": ("y", "POSITION_Y", "Y"),
    "x": ("x", "POSITION_X", "X"),
}
"""Columns with a meaning, and what other programs call them."""
TRACK = ("track", "parent")
"""Those that tell how detections are linked."""
LINKS = ("source_frame", "source_label", "target_frame", "target_label")
_TRACKMATE = "POSITION_X"
_UNITS = 3  # rows below the header of a table of TrackMate, at most
_DERIVED = (*map(in_um, "zyx"), TIME)


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
    check_tracks(tracks, "tracks")
    return TrackTables(tracks).detections(), link_table(tracks)


class TrackTables:
    """The table of detections of `tracks_to_tables`, as a whole or some rows of it.

    Parameters
    ----------
    tracks : Tracks

    Raises
    ------
    InputError
        If columns of the detections are called like those of the table.
    """

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        tracklets = find_tracklets(tracks.unshared())
        self._of = tracklets.of
        self._numbers = track_numbers(tracks, tracklets)
        self._parents = np.append(self._numbers, 0)[tracklets.parents()]
        clash = set(self._own(slice(0))) & set(tracks.properties)
        if clash:
            raise InputError(f"The table has columns {sorted(clash)} of its own; rename yours.")

    def detections(self, rows: slice = slice(None)) -> Table:
        """Return some rows of it."""
        columns = {name: column[rows] for name, column in self._tracks.properties.items()}
        return self._own(rows) | columns

    def parts(self) -> Iterator[Table]:
        """Yield all of it, some rows at a time."""
        columns = self._tracks.properties.values()
        yield from map(self.detections, row_parts(len(self._tracks), columns))

    def _own(self, rows: slice) -> Table:
        tracks, of = self._tracks, self._of[rows]
        axes, place = "zyx"[-tracks.dimensions :], tracks.position[rows]
        columns: Table = {
            "frame": tracks.frame[rows],
            "label": tracks.label[rows],
            "track": self._numbers[of],
            "parent": self._parents[of],
            **{axis: place[:, index] for index, axis in enumerate(axes)},
        }
        if tracks.pixel_size is not None:
            scaled = place * np.asarray(tracks.pixel_size)
            columns |= {in_um(axis): scaled[:, index] for index, axis in enumerate(axes)}
        if tracks.frame_interval is not None:
            columns[TIME] = tracks.frame[rows] * tracks.frame_interval
        return columns


def link_table(tracks: Tracks, rows: slice = slice(None)) -> Table:
    """Return some rows of the table of links; see `tracks_to_tables`."""
    ends = tracks.edges[rows].T
    links = {
        f"{side}_{what}": column[end]
        for side, end in zip(("source", "target"), ends, strict=True)
        for what, column in (("frame", tracks.frame), ("label", tracks.label))
    }
    return links | {name: column[rows] for name, column in tracks.edge_properties.items()}


def _link_parts(tracks: Tracks) -> Iterator[Table]:
    """Yield the table of links, some rows at a time."""
    for rows in row_parts(len(tracks.edges), tracks.edge_properties.values()):
        yield link_table(tracks, rows)


def detections_from_table(
    table: Table,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Return the detections of a table without links, whatever it says of their tracks.

    Parameters
    ----------
    table : Table
        At least frame, y and x under one of their `NAMES`; other columns are kept, those of tracks
        among them.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X); by default what ``y_um`` … say beside ``y`` ….
    frame_interval : float, optional
        In s; by default what ``time_s`` says.

    Raises
    ------
    FormatError
        If columns are missing, or hold something else than they should.
    InputError
        If the detections are none; see `Tracks`.
    """
    names = _known(as_columns(table, "table"))
    missing = {"frame", "y", "x"} - set(names)
    if missing:
        raise FormatError(
            f"The table has no column {sorted(missing)}; it has {sorted(table)}. A table of "
            "detections needs frame, y and x (and z in volumes)."
        )
    places = {axis: np.asarray(table[names[axis]]) for axis in "zyx" if axis in names}
    if any(place.dtype.kind not in "biuf" for place in places.values()):
        raise FormatError(
            "The positions hold something else than numbers. Decimals have a point, and values "
            "are separated by commas."
        )
    told = {*_DERIVED, *(column for name, column in names.items() if name not in TRACK)}
    frame = _whole(table, names["frame"])
    return make_tracks(
        frame,
        np.stack(list(places.values()), axis=1),
        label=_whole(table, names["label"]) if "label" in names else None,
        properties={name: column for name, column in table.items() if name not in told},
        pixel_size=pixel_size or told_pixel_size(table, places),
        frame_interval=frame_interval or told_interval(table, frame),
    )


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
        See `detections_from_table`.
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
    InputError
        If detections or links are none; see `Tracks`.
    """
    names = _known(as_columns(detections, "detections"))
    every = detections_from_table(detections, pixel_size=pixel_size, frame_interval=frame_interval)
    columns = dict(every.properties)
    lineage: Table = {name: columns.pop(names[name]) for name in TRACK if name in names}
    told = {name: _whole({names[name]: one}, names[name]) for name, one in lineage.items()}
    bare = replace(every, properties=columns)
    if links is None:
        return _followed(bare, told) if "track" in told else bare
    if "label" not in names:
        raise FormatError(
            "Links name detections by frame and label, but the table has no column 'label'."
        )
    tracks = _linked(bare, links)
    if "track" in told:
        _check_agreement(tracks, told)
    return tracks


def write_table(path: Path, tracks: Tracks) -> None:
    """Write ``NAME.csv`` (or ``.parquet``) of detections and ``NAME_links.csv`` of links.

    Raises
    ------
    UsageError
        If the name ends otherwise.
    OutputError
        If a file cannot be written.
    """
    write = {".csv": write_csv_parts, ".parquet": write_parquet_parts}.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"A table ends in .csv or .parquet, not '{path.name}'.")
    write(path, TrackTables(tracks).parts())
    write(_links_file(path), _link_parts(tracks))


def read_table(
    path: Path,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Read tracks from a table, and from its ``NAME_links`` where that lies beside it.

    A file of that name that is no table of links (see `LINKS`) is left alone.

    Raises
    ------
    FormatError
        See `tracks_from_tables`.
    """
    beside = _links_file(path)
    links = _read(beside) if beside.is_file() else {}
    ours = set(LINKS) <= set(links)
    try:
        return tracks_from_tables(
            _read(path),
            links if ours else None,
            pixel_size=pixel_size,
            frame_interval=frame_interval,
        )
    except InputError as error:
        hint = (
            f" If '{beside.name}', the links beside it, are not those of this table, take them "
            "away."
        )
        raise FormatError(f"'{path}' cannot be used: {error}{hint if ours else ''}") from error


def read_detections(path: Path, prepare: Callable[[Table], Table] = dict) -> Tracks:
    """Read detections from a table, without links; see `detections_from_table`.

    Parameters
    ----------
    path : Path
        CSV or Parquet.
    prepare : callable, optional
        Changes the table before it is taken for one of detections.

    Raises
    ------
    FormatError
        If the table cannot be used.
    """
    try:
        return detections_from_table(prepare(_read(path)))
    except InputError as error:
        raise FormatError(f"'{path}' cannot be used: {error}") from error


def _read(path: Path) -> Table:
    """Return a table of numbers, booleans and texts; dates and the like as texts."""
    table = read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path)
    if table.get(_TRACKMATE, np.zeros(0)).dtype.kind == "U":
        units = [str(one).startswith("(") for one in table[_TRACKMATE][:_UNITS]]
        if any(units):  # TrackMate says in the last of a few rows what the columns are measured in
            table = read_csv(path, skipped=units.index(True) + 1)
    return {
        name: column if column.dtype.kind in "biufU" else np.array(list(map(str, column)), np.str_)
        for name, column in table.items()
    }


def _links_file(path: Path) -> Path:
    return path.with_name(f"{path.stem}_links{path.suffix}")


def _known(table: Mapping[str, AnyArray]) -> dict[str, str]:
    """Return what the columns with a meaning are called in a table."""
    return {
        name: found
        for name, others in NAMES.items()
        if (found := next((one for one in others if one in table), None))
    }


def _whole(table: Table, name: str) -> IntArray:
    """Return a column of whole numbers, which programs without such a type write as 3.0."""
    values = np.asarray(table[name])
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    numbers = values.dtype.kind == "f" and np.isfinite(values).all()
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
    ends = []
    for side in ("source", "target"):
        frame, label = (_whole(links, f"{side}_{one}") for one in ("frame", "label"))
        rows = find_rows(detections, frame, label)
        lost = rows < 0
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


def _check_agreement(tracks: Tracks, told: Table) -> None:
    """Refuse links that make other tracks than the columns of tracks and parents tell."""
    tracklets = find_tracklets(tracks.unshared())
    names, first, which = np.unique(told["track"], return_index=True, return_inverse=True)
    pairs = [(tracklets.first[tracklets.of], first[which])]  # a track, by its first detection
    if "parent" in told:
        mothers = np.append(tracklets.first, NONE)[tracklets.parents()]
        known = np.append(first, NONE)[_found(names, told["parent"])]
        pairs.append((mothers[tracklets.of], known))
    for linked, said in pairs:
        if len(apart := np.flatnonzero(linked != said)):
            row = apart[0]
            raise FormatError(
                f"The links and the column of tracks contradict each other: see label "
                f"{tracks.label[row]} in frame {tracks.frame[row]}."
            )


def _found(names: IntArray, wanted: IntArray) -> IntArray:
    """Return where each of the sorted `names` is; -1 for those that are none."""
    first, stop = (np.searchsorted(names, wanted, side) for side in ("left", "right"))
    return np.where(stop > first, first, NONE)


def _followed(bare: Tracks, told: Table) -> Tracks:
    """Link the detections of each track, and its first one with the last one of its parent."""
    track = told["track"]
    parent = told.get("parent", 0 * track)
    order = np.lexsort((bare.frame, track))
    grouped = track[order]
    same = np.flatnonzero(np.diff(grouped) == 0)
    names, first = np.unique(grouped, return_index=True)
    last = np.append(first[1:], len(grouped))[: len(first)] - 1
    mothers = parent[order[first]]
    born = np.flatnonzero(mothers > 0)
    found = _found(names, mothers[born])
    if (found == NONE).any():
        lost = mothers[born][found == NONE][0]
        raise FormatError(f"The table names the parent {lost}, but has no such track.")
    links = np.column_stack([order[same], order[same + 1]])
    births = np.column_stack([order[last[found]], order[first[born]]])
    is_birth = np.repeat([False, True], [len(links), len(births)])
    return bare.with_edges(np.concatenate([links, births]), {PARENT: is_birth})
