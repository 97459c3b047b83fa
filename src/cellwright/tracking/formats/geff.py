"""GEFF 1.x: graphs of detections as Zarr groups, to exchange them between trackers.

References
----------
https://liveimagetrackingtools.org/geff
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import FormatError, InputError, UsageError
from cellwright._files import atomic_folder
from cellwright._types import AnyArray, BoolArray, IntArray, Table
from cellwright.images.units import micrometres, seconds
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import Tracks, make_tracks

VERSION = "1.3"
TIME, SPACE = "t", "zyx"
OWN = "cellwright"
"""Our key in the free part of the metadata."""
RESERVED = {TIME, *SPACE, "label", "tracklet"}


def write_geff(path: Path, tracks: Tracks) -> None:
    """Write tracks as GEFF 1.3 in Zarr 2, which all readers know; an older folder is replaced.

    Positions are in pixels, with their scale in µm, and times in frames. Labels and tracklets are
    columns of the nodes beside those of the detections; tracklets end wherever the graph forks.
    The column ``shared`` of the edges tells a cell that leaves an object of two from a daughter.
    Columns whose names the format cannot hold, or needs itself, get similar ones; `read_geff`
    knows their own.

    Raises
    ------
    InputError
        If a column has values that the format cannot hold.
    OutputError
        If the folder cannot be written.
    """
    axes = SPACE[-tracks.dimensions :]
    nodes: Table = {TIME: tracks.frame.astype(np.int64)}
    nodes |= {axis: tracks.position[:, index] for index, axis in enumerate(axes)}
    nodes |= {"label": tracks.label, "tracklet": find_tracklets(tracks, _forks(tracks)).of}
    names = _identifiers(tracks.properties, RESERVED)
    edge_names = _identifiers(tracks.edge_properties, set())
    nodes |= {names[name]: column for name, column in tracks.properties.items()}
    edges = {edge_names[name]: column for name, column in tracks.edge_properties.items()}
    metadata = {
        "geff_version": VERSION,
        "directed": True,
        "axes": _axes(tracks, axes),
        "node_props_metadata": _described(nodes),
        "edge_props_metadata": _described(edges),
        "track_node_props": {"tracklet": "tracklet"},
        "extra": {
            OWN: {
                "frame_count": tracks.frame_count,
                "node_names": _changed(names),
                "edge_names": _changed(edge_names),
            }
        },
    }
    with atomic_folder(path) as folder:
        _write_group(folder, metadata, nodes, edges, tracks)


def read_geff(path: Path) -> Tracks:
    """Read tracks from a GEFF 1.x group.

    Columns of several values per node become one column each (``name-0`` …), missing numbers NaN
    and missing texts empty; columns of variable length, such as polygons, are left out. Node
    identifiers stay as the column ``id`` unless they merely count.

    Raises
    ------
    FormatError
        If it is no GEFF 1.x, damaged, undirected, or without axes of time and space.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        metadata = group.attrs.asdict().get("geff")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise FormatError(f"'{path}' is no Zarr group: {error}.") from error
    _check_metadata(metadata, path)
    try:
        ids = np.asarray(group["nodes/ids"][:])
        pairs = np.asarray(group["edges/ids"][:]).reshape(-1, 2)
        nodes = _columns(group, "nodes", metadata["node_props_metadata"], len(ids))
        links = _columns(group, "edges", metadata["edge_props_metadata"], len(pairs))
    except (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise FormatError(f"'{path}' is damaged: {error}. Write it again.") from error
    return _build(path, metadata, ids, pairs, nodes, links)


def _axes(tracks: Tracks, names: str) -> list[dict[str, Any]]:
    time: dict[str, Any] = {"name": TIME, "type": "time", "unit": "frame"}
    if tracks.frame_interval is not None:
        time |= {"scale": tracks.frame_interval, "scaled_unit": "second"}
    axes = [time]
    for index, name in enumerate(names):
        axis: dict[str, Any] = {"name": name, "type": "space", "unit": "pixel"}
        if tracks.pixel_size is not None:
            axis |= {"scale": tracks.pixel_size[index], "scaled_unit": "micrometer"}
        axes.append(axis)
    return axes


def _forks(tracks: Tracks) -> BoolArray:
    """Return which edges begin or end where several do, shape (E,)."""
    source, target = tracks.edges.T
    return np.asarray((tracks.out_degree()[source] > 1) | (tracks.in_degree()[target] > 1))


def _identifiers(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Return what columns are called in a group, where slashes would make further groups."""
    known: dict[str, str] = {}
    for name in names:
        identifier = re.sub(r"[/\\]|^\.", "_", name) or "_"
        while identifier in taken or identifier in known.values():
            identifier += "_"
        known[name] = identifier
    return known


def _changed(identifiers: Mapping[str, str]) -> dict[str, str]:
    """Return the names of columns that are called otherwise, by what they are called."""
    return {new: name for name, new in identifiers.items() if new != name}


def _described(columns: Mapping[str, AnyArray]) -> dict[str, dict[str, Any]]:
    described = {}
    for name, column in columns.items():
        kind = column.dtype.kind
        if kind not in "biufU":
            raise InputError(
                f"GEFF cannot hold the column '{name}' ({column.dtype}); columns are numbers, "
                "booleans or texts."
            )
        dtype = "str" if kind == "U" else column.dtype.name
        described[name] = {"identifier": name, "dtype": dtype, "varlength": False}
    return described


def _write_group(
    folder: Path, metadata: dict[str, Any], nodes: Table, edges: Table, tracks: Tracks
) -> None:
    import zarr

    root = zarr.open_group(str(folder), mode="w", zarr_format=2, attributes={"geff": metadata})
    for name, columns in (("nodes", nodes), ("edges", edges)):
        group = root.create_group(name)
        rows = tracks.edges if name == "edges" else np.arange(len(tracks), dtype=np.int64)
        _write_array(group, "ids", rows.view(np.uint64))
        del rows
        properties = group.create_group("props")
        for column in list(columns):  # none of which is held longer than it takes
            _write_array(properties.create_group(column), "values", columns.pop(column))


def _write_array(group: Any, name: str, values: AnyArray) -> None:
    # Not chunked: the format is for exchange as a whole. An axis of length 0 needs a chunk of 1.
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=tuple(max(size, 1) for size in values.shape),
        compressors={"id": "zstd", "level": 3},
    )
    if values.size:
        array[...] = values


def _check_metadata(metadata: Any, path: Path) -> None:
    if not isinstance(metadata, dict):
        raise FormatError(
            f"'{path}' is a Zarr group without GEFF metadata; give the group that has them."
        )
    version = str(metadata.get("geff_version", "unknown"))
    if version.split(".")[0] != "1":
        raise FormatError(f"'{path}' is GEFF {version}; Cellwright reads 1.x.")
    if not metadata.get("directed"):
        raise FormatError(f"'{path}' holds an undirected graph; links of tracks lead forward.")
    for part in ("node_props_metadata", "edge_props_metadata"):
        if not isinstance(metadata.setdefault(part, {}), dict):
            raise FormatError(f"'{path}' has no table of columns '{part}'.")
    if not isinstance(metadata.get("axes"), list):
        raise FormatError(f"'{path}' does not say which columns are time and space (its axes).")


def _columns(group: Any, part: str, described: Mapping[str, Any], length: int) -> Table:
    columns: Table = {}
    for name, about in described.items():
        if about.get("varlength"):
            continue
        place = f"{part}/props/{name}"
        values = np.asarray(group[f"{place}/values"][:])
        if len(values) != length:
            raise ValueError(f"column '{name}' has {len(values)} values for {length} {part}")
        if f"{place}/missing" in group:
            values = _without(values, np.asarray(group[f"{place}/missing"][:], np.bool_))
        if values.dtype.kind in "OT":
            values = values.astype(str)
        flat = values.reshape(length, int(np.prod(values.shape[1:])))
        columns |= (
            {name: values}
            if values.ndim == 1
            else {f"{name}-{index}": flat[:, index] for index in range(flat.shape[1])}
        )
    return columns


def _without(values: AnyArray, missing: AnyArray) -> AnyArray:
    if not missing.any():
        return values
    texts = values.dtype.kind in "UOT"
    values = values.astype(str) if texts else values.astype(np.float64)
    values[missing] = "" if texts else np.nan
    return values


def _build(
    path: Path, metadata: dict[str, Any], ids: IntArray, pairs: IntArray, nodes: Table, links: Table
) -> Tracks:
    time, space = _named_axes(metadata["axes"], path)
    missing = [axis["name"] for axis in (time, *space) if axis["name"] not in nodes]
    if missing:
        raise FormatError(f"'{path}' names the axes {missing}, but has no such columns of nodes.")
    order = np.argsort(ids, kind="stable")
    if (np.diff(ids[order]) == 0).any():
        raise FormatError(f"'{path}' has two nodes of the same identifier.")
    rows = np.searchsorted(ids[order], pairs)
    if pairs.size and (np.append(ids[order], 0)[rows] != pairs).any():
        raise FormatError(f"'{path}' has an edge to a node that is not there.")
    position = np.stack([nodes.pop(axis["name"]).astype(np.float64) for axis in space], axis=1)
    frames, interval = _frames(nodes.pop(time["name"]), time, path)
    tracklet = (metadata.get("track_node_props") or {}).get("tracklet")
    if isinstance(tracklet, str):
        nodes.pop(tracklet, None)  # the graph tells it
    label = nodes.pop("label", None)
    if (ids != np.arange(len(ids))).any():
        nodes["id"] = ids
    own = (metadata.get("extra") or {}).get(OWN) or {}
    try:
        return make_tracks(
            frames,
            position,
            order[rows] if pairs.size else (),
            label=label,
            properties=_named(nodes, own.get("node_names")),
            edge_properties=_named(links, own.get("edge_names")),
            frame_count=own.get("frame_count"),
            pixel_size=_pixel_size(space),
            frame_interval=interval,
        )
    except (InputError, UsageError) as error:
        raise FormatError(f"'{path}' cannot be used: {error}") from error


def _named(columns: Table, names: Mapping[str, str] | None) -> Table:
    """Return columns under the names that they had before they were written."""
    return {(names or {}).get(one, one): column for one, column in columns.items()}


def _named_axes(axes: list[dict[str, Any]], path: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return the axis of time, and those of space in the order [z,] y, x where names tell."""
    time = [axis for axis in axes if axis.get("type") == "time"]
    space = [axis for axis in axes if axis.get("type") == "space"]
    if len(time) != 1 or len(space) not in (2, 3):
        raise FormatError(
            f"'{path}' has {len(time)} axes of time and {len(space)} of space; tracks have one "
            "and two or three."
        )
    letters = [str(axis["name"])[-1:].lower() for axis in space]
    if sorted(letters) == sorted(SPACE[-len(space) :]):
        space = [space[letters.index(letter)] for letter in SPACE[-len(space) :]]
    return time[0], space


def _frames(times: AnyArray, axis: dict[str, Any], path: Path) -> tuple[IntArray, float | None]:
    """Return the frame of each node and the time between frames in s."""
    interval = seconds(axis.get("scale"), axis.get("scaled_unit"))
    values = times.astype(np.float64)
    unit = seconds(1, axis.get("unit"))
    if unit is not None:  # a physical time: frames are as far apart as the nearest two
        told = np.unique(values)
        step = float(np.diff(told).min(initial=np.inf)) if len(told) > 1 else 1.0
        if len(told) > 1:  # over all frames, since single precision is not enough for one
            step = float(told[-1] - told[0]) / max(round(float(told[-1] - told[0]) / step), 1)
        values, interval = values / step, step * unit
    frames = np.rint(values)
    if not np.isfinite(values).all() or np.abs(frames - values).max(initial=0) > 1e-3:
        raise FormatError(f"The times in '{path}' are not those of evenly spaced frames.")
    return frames.astype(np.int64), interval


def _pixel_size(space: list[dict[str, Any]]) -> tuple[float, ...] | None:
    sizes = [
        micrometres(axis.get("scale"), axis.get("scaled_unit"))
        or micrometres(axis.get("scale") or 1, axis.get("unit"))
        for axis in space
    ]
    known = tuple(size for size in sizes if size is not None)
    return known if len(known) == len(space) else None
