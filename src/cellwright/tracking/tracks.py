"""Tracks: a directed graph of the detections of a movie, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numba import njit

from cellwright._arguments import check_numbers, check_whole_numbers, described, given, is_several
from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, LabelArray, Table
from cellwright._words import counted

PARENT = "parent"
"""Edge column (bool): a new track begins here, although nothing divides, merges or is missing."""
PROBABILITY = "probability"
"""Edge column (float): how probable it is that the link is right, 0 to 1."""
SHARED = "shared"
"""Edge column (bool): the way of a cell into, or out of, the object of another cell.

Where two cells are seen as one object for some frames, the links of one of them run through that
object, and the other has two such links: into it, and out of it when it is seen again. An object
that is left by such a link does not divide.
"""
_FARTHEST = 1e100  # squares of what is farther are no numbers any more


@dataclass(frozen=True, slots=True)
class Tracks:
    """Detections over time and the links between them; N detections in D = 2 or 3 dimensions.

    A link (edge) leads from a detection to the same cell, or to a daughter, in a later frame. A
    detection with two links that leave it divides, one with two that enter it is a merger, and a
    link that skips frames bridges a gap. A cell that is seen as one with another for a while has
    links of its own into and out of that object (`SHARED`), which is no division.

    Everything is in one order: detections by frame, then label; edges by source, then target.
    `make_tracks` brings arrays into it.

    Parameters
    ----------
    frame : array of int32, shape (N,)
        Frame of each detection, counted from 0.
    label : array of int32, shape (N,)
        What names the detection in its frame, from 1: its pixels' value in a label image.
    position : array of float64, shape (N, D)
        Centre in px along ([Z,] Y, X).
    edges : array of int64, shape (E, 2)
        Rows (source, target): indices of detections.
    properties, edge_properties : Table
        Further columns, one value per detection and per edge.
    frame_count : int
        Frames of the movie, those without a detection included.
    pixel_size : tuple of float, optional
        Distance of neighbouring pixels in µm along each axis of `position`.
    frame_interval : float, optional
        Time between frames in s.

    Raises
    ------
    InputError
        If the arrays do not fit each other, are not in order, or a link does not lead forward.
    UsageError
        If an argument is of a wrong kind.

    Examples
    --------
    >>> division = make_tracks(
    ...     frame=[0, 1, 1], position=[[5, 5], [3, 5], [7, 5]], edges=[[0, 1], [0, 2]]
    ... )
    >>> division.out_degree().tolist(), division.label.tolist()
    ([2, 0, 0], [1, 1, 2])
    """

    frame: LabelArray
    label: LabelArray
    position: DoubleArray
    edges: IntArray
    properties: Table = field(default_factory=dict)
    edge_properties: Table = field(default_factory=dict)
    frame_count: int = 0
    pixel_size: tuple[float, ...] | None = None
    frame_interval: float | None = None

    def __post_init__(self) -> None:
        _check_kinds(self)
        _check_detections(self)
        _check_edges(self)
        _check_columns(self.properties, len(self.frame), "detections")
        _check_columns(self.edge_properties, len(self.edges), "edges")
        _check_scale(self)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        """Say what they are without all their numbers."""
        known = {
            "pixel_size": self.pixel_size,
            "frame_interval": self.frame_interval,
            "properties": list(self.properties) or None,
        }
        facts = "".join(f", {name}={fact!r}" for name, fact in known.items() if fact is not None)
        return (
            f"Tracks({counted(len(self), 'detection')} in {counted(self.frame_count, 'frame')}, "
            f"{counted(len(self.edges), 'link')}, {self.dimensions}D{facts})"
        )

    @property
    def dimensions(self) -> int:
        """Spatial axes: 2 or 3."""
        return int(self.position.shape[1])

    @property
    def position_um(self) -> DoubleArray:
        """Centres in µm, shape (N, D); in px where the pixel size is not known."""
        if self.pixel_size is None:
            return self.position
        return np.asarray(self.position * np.asarray(self.pixel_size))

    def frame_offsets(self) -> IntArray:
        """Return where the detections of each frame begin, shape (frame_count + 1,)."""
        return np.searchsorted(self.frame, np.arange(self.frame_count + 1)).astype(np.int64)

    def out_degree(self) -> IntArray:
        """Return how many links leave each detection, shape (N,)."""
        return np.bincount(self.edges[:, 0], minlength=len(self))

    def in_degree(self) -> IntArray:
        """Return how many links enter each detection, shape (N,)."""
        return np.bincount(self.edges[:, 1], minlength=len(self))

    def outgoing(self) -> IntArray:
        """Return where the edges that leave each detection begin, shape (N + 1,).

        The edges of detection `i` are the rows ``offsets[i]`` to ``offsets[i + 1]`` of `edges`.
        """
        return _offsets(self.out_degree())

    def incoming(self) -> tuple[IntArray, IntArray]:
        """Return the edges that enter each detection: offsets, shape (N + 1,), and edge rows.

        Those of detection `i` are ``edges[rows[offsets[i] : offsets[i + 1]]]``.
        """
        return _offsets(self.in_degree()), np.argsort(self.edges[:, 1], kind="stable")

    def shared_links(self) -> BoolArray:
        """Return which edges lead into, or out of, the object of another cell, shape (E,)."""
        shared = self.edge_properties.get(SHARED, np.zeros(len(self.edges), bool))
        return np.asarray(shared == 1)  # formats without booleans hold numbers

    def divides(self) -> BoolArray:
        """Return which detections divide, shape (N,)."""
        shared, source = self.shared_links(), self.edges[:, 0]
        own = source[~shared] if shared.any() else source
        return np.asarray(np.bincount(own, minlength=len(self)) > 1)

    def branches(self) -> BoolArray:
        """Return which edges belong to a division or a merger, shape (E,)."""
        source, target = self.edges.T
        shared = self.shared_links()
        entering = np.bincount(target[~shared], minlength=len(self))
        branches: BoolArray = shared | self.divides()[source]
        branches |= entering[target] > 1
        return branches

    def unshared(self) -> Tracks:
        """Return the same detections with one way for each cell.

        An object that holds two cells is on the way of one of them; the other has a gap there.
        That is what formats can hold that know neither mergers nor cells that separate again, and
        what lineages are told from.
        """
        shared = self.shared_links()
        if not shared.any():
            return self
        own, ways = self.edges[~shared], self.edges[shared]
        before = np.full(len(self), -1)
        before[own[:, 1]] = own[:, 0]
        gaps, rows = _gaps_of_guests(before, ways)
        kept = np.concatenate([np.flatnonzero(~shared), np.flatnonzero(shared)[rows]])
        columns = {
            name: column[kept] for name, column in self.edge_properties.items() if name != SHARED
        }
        return self.with_edges(np.concatenate([own, gaps]), columns)

    def parent_links(self) -> BoolArray:
        """Return which edges lead into a new track, shape (E,).

        Those are the edges of divisions and mergers, those that skip frames, and those with a
        true value in the edge column `PARENT`; all others continue a track.
        """
        source, target = self.edges.T
        links = self.branches()
        links |= self.frame[target] - self.frame[source] > 1
        if PARENT in self.edge_properties:
            links |= self.edge_properties[PARENT] == 1  # formats without booleans hold numbers
        return links

    def with_edges(
        self, edges: AnyArray, edge_properties: Mapping[str, Any] | None = None
    ) -> Tracks:
        """Return the same detections with other links, given in any order."""
        rows, columns = _ordered_edges(edges, edge_properties or {})
        return replace(self, edges=rows, edge_properties=columns)


def find_rows(tracks: Tracks, frame: AnyArray, label: AnyArray) -> IntArray:
    """Return which detections have some frames and labels, shape (K,); -1 where there is none.

    Parameters
    ----------
    tracks : Tracks
    frame, label : array of int, shape (K,)
    """
    known, wanted = (  # one number for each, which sorts as (frame, label) does
        one.astype(np.int64) << 32 | other.astype(np.int64)
        for one, other in ((tracks.frame, tracks.label), (frame, label))
    )
    rows = np.searchsorted(known, wanted)
    return np.where(np.append(known, -1)[rows] == wanted, rows, -1)


def _gaps_of_guests(before: IntArray, ways: IntArray) -> tuple[IntArray, IntArray]:
    """Return links over the objects that cells shared, and the row of `ways` that ends each.

    Parameters
    ----------
    before : array of int, shape (N,)
        The detection before each on a way of its own, or -1.
    ways : array of int, shape (S, 2)
        The links into and out of objects of other cells: into those that have a way of their own.
    """
    entering = before[ways[:, 1]] >= 0
    guests = {host: guest for guest, host in ways[entering].tolist()}
    gaps, rows = [], []
    for row in np.flatnonzero(~entering).tolist():
        place, again = ways[row].tolist()
        while place >= 0 and place not in guests:
            place = int(before[place])
        if place >= 0:
            gaps.append((guests[place], again))
            rows.append(row)
    return np.array(gaps, np.int64).reshape(-1, 2), np.array(rows, np.int64)


def make_tracks(
    frame: Any,
    position: Any,
    edges: Any = (),
    *,
    label: Any = None,
    properties: Mapping[str, Any] | None = None,
    edge_properties: Mapping[str, Any] | None = None,
    frame_count: int | None = None,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Return `Tracks` from arrays in any order; see there for what they mean.

    Parameters
    ----------
    frame : array of int, shape (N,)
    position : array of float, shape (N, D)
    edges : array of int, shape (E, 2)
        Indices of detections in the order given here.
    label : array of int, shape (N,), optional
        By default 1, 2, … in each frame, in the order given here.
    properties, edge_properties : mapping of str to array, optional
    frame_count : int, optional
        By default all frames up to the last detection.
    pixel_size : tuple of float, optional
    frame_interval : float, optional

    Raises
    ------
    InputError, UsageError
        See `Tracks`.
    """
    frames = _whole_numbers(frame, "frames")
    labels = _numbered(frames) if label is None else _whole_numbers(label, "labels")
    places = _as_numbers(position)
    if places.ndim != 2 or len(places) != len(frames) or labels.shape != frames.shape:
        raise InputError(
            f"{len(frames)} frames, {len(labels)} labels and positions of shape {places.shape} "
            "do not fit; give a frame, a label and one row of coordinates per detection."
        )
    order = sorting_order(frames, labels)
    pairs = _pairs(edges)
    if pairs.size and (pairs.min() < 0 or pairs.max() >= len(frames)):
        raise InputError(f"An edge names a detection outside of 0 … {len(frames) - 1}.")
    if order is not None and len(pairs):
        pairs = np.argsort(order)[pairs]
    rows, columns = _ordered_edges(
        pairs, as_columns({} if edge_properties is None else edge_properties, "edge_properties")
    )
    known = as_columns({} if properties is None else properties, "properties")
    _check_columns(known, len(frames), "detections")

    def ordered(values: Any) -> AnyArray:
        return np.asarray(values) if order is None else np.asarray(values)[order]

    return Tracks(
        frame=ordered(frames),
        label=ordered(labels),
        position=np.ascontiguousarray(ordered(places)),
        edges=rows,
        properties={name: ordered(one) for name, one in known.items()},
        edge_properties=columns,
        frame_count=int(frames.max(initial=-1)) + 1 if frame_count is None else frame_count,
        pixel_size=_as_tuple(pixel_size),
        frame_interval=frame_interval,
    )


def check_tracks(value: Any, name: str) -> None:
    """Raise `UsageError` unless what was given for the argument `name` is `Tracks`."""
    if not isinstance(value, Tracks):
        raise UsageError(
            f"{name} must be Tracks, as cellwright.track, read_tracks and make_tracks return them, "
            f"not {described(value)}."
        )


def as_columns(value: Any, name: str) -> Mapping[str, Any]:
    """Return the columns, by name, that were given for the argument `name`.

    Raises
    ------
    UsageError
        If it is neither a dictionary nor a DataFrame.
    """
    if not hasattr(value, "items"):
        raise UsageError(
            f"{name} must be columns by name, such as {{'area': [110, 95]}}, not "
            f"{described(value)}."
        )
    columns: Mapping[str, Any] = value
    return columns


def _as_numbers(position: Any) -> DoubleArray:
    try:
        return np.asarray(position, np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The positions ({described(position)}) are not rows of numbers: give ([z,] y, x) for "
            "each detection."
        ) from error


def sorting_order(first: AnyArray, second: AnyArray) -> IntArray | None:
    """Return the order of rows by two columns; None where they are in it, each once."""
    return None if _disorder(first, second) < 0 else np.lexsort((second, first))


@njit(cache=True)
def _disorder(first: AnyArray, second: AnyArray) -> int:
    """Return the first row that the next one should not follow, by two columns; else -1."""
    for row in range(len(first) - 1):
        later = first[row] < first[row + 1]
        if not (later or (first[row] == first[row + 1] and second[row] < second[row + 1])):
            return row
    return -1


def _whole_numbers(values: Any, what: str) -> LabelArray:
    array = _as_array(values, what)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"The {what} are not a row of whole numbers ({array.dtype}).")
    limit = np.iinfo(np.int32).max
    if array.size and (array.min() < 0 or array.max() > limit):
        raise InputError(
            f"The {what} reach from {array.min()} to {array.max()}, beyond 0 … {limit}."
        )
    return array.astype(np.int32, copy=False)


def _as_tuple(sizes: Any) -> Any:
    return tuple(sizes) if is_several(sizes) else sizes


def _as_array(values: Any, what: str) -> AnyArray:
    try:
        return np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InputError(
            f"The {what} are rows of different lengths; give as many in each."
        ) from error


def _numbered(frames: LabelArray) -> LabelArray:
    """Return 1, 2, … for the detections of each frame, in the order in which they come."""
    if (frames[:-1] <= frames[1:]).all():
        return np.asarray(_ranks(frames))
    order = np.argsort(frames, kind="stable")
    labels = np.empty(len(frames), np.int32)
    labels[order] = _ranks(frames[order])
    return labels


@njit(cache=True)
def _ranks(frames: LabelArray) -> LabelArray:
    """Return 1, 2, … for the detections of each frame, which come one frame after the other."""
    ranks = np.ones(len(frames), np.int32)
    for row in range(1, len(frames)):
        if frames[row] == frames[row - 1]:
            ranks[row] = ranks[row - 1] + 1
    return ranks


def _pairs(edges: Any) -> IntArray:
    array = _as_array(edges, "edges")
    if array.size == 0:
        return np.zeros((0, 2), np.int64)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise InputError(
            f"Edges are rows (source, target) of whole numbers, not {array.dtype} of shape "
            f"{array.shape}."
        )
    return array.astype(np.int64, copy=False)


def _ordered_edges(edges: Any, columns: Mapping[str, Any]) -> tuple[IntArray, Table]:
    pairs = _pairs(edges)
    _check_columns(columns, len(pairs), "edges")
    order = sorting_order(pairs[:, 0], pairs[:, 1])
    if order is None:
        return np.ascontiguousarray(pairs), {name: np.asarray(one) for name, one in columns.items()}
    ordered = {name: np.asarray(column)[order] for name, column in columns.items()}
    return np.ascontiguousarray(pairs[order]), ordered


def _offsets(counts: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _check_kinds(tracks: Tracks) -> None:
    for name in ("frame", "label", "position", "edges"):
        value = getattr(tracks, name)
        if not isinstance(value, np.ndarray):
            raise UsageError(
                f"{name} must be an array, not {described(value)}; cellwright.make_tracks makes "
                "Tracks of lists."
            )
    check_whole_numbers(0, frame_count=tracks.frame_count)
    check_numbers(**given(frame_interval=tracks.frame_interval))
    size = tracks.pixel_size
    if size is not None:
        if not is_several(size):
            raise UsageError(
                f"pixel_size must be one number in µm for each axis, not {described(size)}."
            )
        check_numbers(**{f"pixel_size[{axis}]": one for axis, one in enumerate(size)})


def _check_detections(tracks: Tracks) -> None:
    frame, label, position = tracks.frame, tracks.label, tracks.position
    count = len(frame)
    if position.ndim != 2 or position.shape[1] not in (2, 3) or len(position) != count:
        raise InputError(
            f"Positions of shape {position.shape} do not fit {count} detections; "
            "give one row ([z,] y, x) for each."
        )
    if len(label) != count:
        raise InputError(f"There are {len(label)} labels for {count} detections.")
    if not np.isfinite(position).all():
        row = int(np.flatnonzero(~np.isfinite(position).all(1))[0])
        raise InputError(
            f"The position of detection {label[row]} in frame {frame[row]} is not finite: "
            f"{position[row].tolist()}. Leave it out or say where it is."
        )
    if count and max(position.max(), -position.min()) > _FARTHEST:
        row = int(np.argmax(np.abs(position).max(axis=1)))
        raise InputError(
            f"The position of detection {label[row]} in frame {frame[row]} is no place in an "
            f"image: {position[row].tolist()}. Leave it out or say where it is."
        )
    if count and (frame[0] < 0 or label.min() < 1):
        raise InputError("Frames count from 0 and labels from 1; smaller ones were given.")
    if tracks.frame_count < (int(frame[-1]) + 1 if count else 0):
        raise InputError(
            f"The movie is said to have {tracks.frame_count} frames, but there are detections in "
            f"frame {frame[-1]} (counted from 0)."
        )
    row = _disorder(frame, label)
    if row >= 0:
        if frame[row] == frame[row + 1] and label[row] == label[row + 1]:
            raise InputError(
                f"Frame {frame[row]} has two detections of label {label[row]}; "
                "labels are unique in a frame."
            )
        raise InputError("The detections are not in order of frame and label; use make_tracks.")


def _check_edges(tracks: Tracks) -> None:
    edges = tracks.edges
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype != np.int64:
        raise InputError(f"Edges are int64 of shape (E, 2), not {edges.dtype} {edges.shape}.")
    if not len(edges):
        return
    if edges.min() < 0 or edges.max() >= len(tracks):
        raise InputError(f"An edge names a detection outside of 0 … {len(tracks) - 1}.")
    backward = tracks.frame[edges[:, 0]] >= tracks.frame[edges[:, 1]]
    if backward.any():
        ends = edges[np.flatnonzero(backward)[0]]
        frames, names = tracks.frame[ends], tracks.label[ends]
        raise InputError(
            f"A link leads from label {names[0]} in frame {frames[0]} to label {names[1]} in "
            f"frame {frames[1]}; links lead forward in time."
        )
    if _disorder(edges[:, 0], edges[:, 1]) >= 0:
        if len(np.unique(edges, axis=0)) < len(edges):
            raise InputError("A link is there twice.")
        raise InputError("The edges are not in order of source and target; use make_tracks.")


def _check_columns(columns: Mapping[str, Any], length: int, what: str) -> None:
    for name, column in columns.items():
        if np.shape(column) != (length,):
            raise InputError(
                f"The column '{name}' has the shape {np.shape(column)}; "
                f"there are {length} {what}, and each has one value."
            )


def _check_scale(tracks: Tracks) -> None:
    size, interval = tracks.pixel_size, tracks.frame_interval
    if size is not None and (
        len(size) != tracks.dimensions or not all(np.isfinite(one) and one > 0 for one in size)
    ):
        raise InputError(
            f"The pixel size {size} µm does not fit {tracks.dimensions} axes; "
            "give one positive number for each."
        )
    if interval is not None and not (np.isfinite(interval) and interval > 0):
        raise InputError(f"The frame interval {interval} s is not positive.")
