"""XML files of TrackMate, the tracker of Fiji.

References
----------
.. [1] D. Ershov et al. (2022) TrackMate 7: integrating state-of-the-art segmentation algorithms
   into tracking pipelines. Nature Methods 19, 829–832.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from cellwright._errors import FormatError, InputError
from cellwright._files import atomic_path
from cellwright._types import AnyArray, IntArray, Table
from cellwright.images.units import micrometres, seconds
from cellwright.tracking.tracks import Tracks, make_tracks

PLACES = ("POSITION_Z", "POSITION_Y", "POSITION_X")
PIXELS = ("voxeldepth", "pixelheight", "pixelwidth")
FRAME, LABEL, TIME = "FRAME", "LABEL", "POSITION_T"
_OWN = {"ID", "name", "VISIBILITY", FRAME, LABEL, TIME, *PLACES}
_EDGE_OWN = {"SPOT_SOURCE_ID", "SPOT_TARGET_ID"}
_DIMENSIONS = {
    **dict.fromkeys(PLACES, "POSITION"),
    TIME: "TIME",
    "RADIUS": "LENGTH",
    "QUALITY": "QUALITY",
}
_WHOLE = {FRAME: "NONE", "VISIBILITY": "NONE", LABEL: "NONE"}


def write_trackmate(path: Path, tracks: Tracks) -> None:
    """Write tracks as TrackMate XML; columns of numbers become features, texts are left out.

    Radius and quality, which TrackMate cannot do without, are made up where no column tells them:
    the radius of a disk (ball) of the same ``area``, and 1.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(tracks))


def read_trackmate(path: Path) -> Tracks:
    """Read what TrackMate shows: visible spots, and the tracks that its filters let through.

    Positions are divided by the pixel size of the image where the file tells it. Features of
    spots and edges become columns.

    Raises
    ------
    FormatError
        If it is no TrackMate XML, damaged, or declares a document type (which could name other
        files and is never needed).
    """
    content = _Content()
    parser = expat.ParserCreate()
    parser.StartElementHandler = content.start
    parser.EndElementHandler = content.end
    parser.StartDoctypeDeclHandler = content.refuse
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except OSError as error:
        raise FormatError(f"Cannot read '{path}': {error}.") from error
    except (expat.ExpatError, ValueError, KeyError) as error:
        raise FormatError(f"'{path}' is damaged or no TrackMate XML: {error}.") from error
    if not content.is_trackmate:
        raise FormatError(f"'{path}' is XML, but has no TrackMate model.")
    try:
        return _build(content)
    except (InputError, ValueError, KeyError) as error:
        raise FormatError(f"'{path}' cannot be used: {error}") from error


def _lines(tracks: Tracks) -> Iterator[str]:
    length, time = "micron" if tracks.pixel_size else "pixel", "sec"
    interval = tracks.frame_interval
    if interval is None:
        time, interval = "frame", 1.0
    derived = {name: one for name, one in _needed(tracks).items() if name not in tracks.properties}
    numbers = {name: one for name, one in tracks.properties.items() if one.dtype.kind in "biuf"}
    numbers |= derived
    links = {name: one for name, one in tracks.edge_properties.items() if one.dtype.kind in "biuf"}
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<TrackMate version="7.11.1" derived="{" ".join(derived)}">'
    yield f'<Model spatialunits="{length}" timeunits="{time}">'
    yield "<FeatureDeclarations>"
    yield from _declarations("SpotFeatures", numbers, _DIMENSIONS, _WHOLE)
    yield from _declarations("EdgeFeatures", links, {}, dict.fromkeys(sorted(_EDGE_OWN), "NONE"))
    yield "<TrackFeatures/></FeatureDeclarations>"
    yield from _spots(tracks, numbers, interval)
    yield from _edges(tracks, links)
    yield "</Model>"
    size = tracks.pixel_size or (1.0,) * tracks.dimensions
    sizes = dict(zip(PIXELS[-tracks.dimensions :], size, strict=True))
    attributes = "".join(f' {name}="{value!r}"' for name, value in sizes.items())
    yield (
        f'<Settings><ImageData filename="" folder="" nframes="{tracks.frame_count}"{attributes}'
        f' timeinterval="{interval!r}"/></Settings>'
    )
    yield "</TrackMate>"


def _needed(tracks: Tracks) -> Table:
    """Return what TrackMate wants to know of every spot: a radius to draw, and a quality."""
    spacing = np.array(tracks.pixel_size or (1.0,) * tracks.dimensions)
    area = tracks.properties.get("area", np.zeros(0, str))
    size = (area if area.dtype.kind in "iuf" else np.ones(len(tracks))) * np.prod(spacing)
    radius = np.sqrt(size / np.pi) if tracks.dimensions == 2 else np.cbrt(0.75 * size / np.pi)
    return {"RADIUS": radius, "QUALITY": np.ones(len(tracks))}


def _declarations(
    kind: str, columns: Table, dimensions: dict[str, str], whole: dict[str, str]
) -> Iterator[str]:
    """Say of every feature what it measures, and whether it is a whole number."""
    features = {name: (name, dimension, "false") for name, dimension in dimensions.items()}
    features |= {name: (name, dimension, "true") for name, dimension in whole.items()}
    for feature, name in _features(columns).items():
        integer = str(columns[name].dtype.kind != "f").lower()
        features.setdefault(feature, (name, "NONE", integer))
    yield f"<{kind}>"
    for feature, (name, dimension, integer) in features.items():
        yield (
            f'<Feature feature="{feature}" name={quoteattr(name)} shortname="{feature}" '
            f'dimension="{dimension}" isint="{integer}"/>'
        )
    yield f"</{kind}>"


def _spots(tracks: Tracks, columns: Table, interval: float) -> Iterator[str]:
    offsets = tracks.frame_offsets()
    places = np.zeros((len(tracks), 3))
    places[:, 3 - tracks.dimensions :] = tracks.position_um
    values = [(feature, columns[name]) for feature, name in _features(columns).items()]
    yield f'<AllSpots nspots="{len(tracks)}">'
    for frame in range(tracks.frame_count):
        yield f'<SpotsInFrame frame="{frame}">'
        for row in range(offsets[frame], offsets[frame + 1]):
            z, y, x = places[row].tolist()
            features = "".join(f' {name}="{_text(column[row])}"' for name, column in values)
            yield (
                f'<Spot ID="{row}" name="ID{row}" VISIBILITY="1" FRAME="{frame}" '
                f'LABEL="{tracks.label[row]}" POSITION_T="{frame * interval!r}" '
                f'POSITION_X="{x!r}" POSITION_Y="{y!r}" POSITION_Z="{z!r}"{features}/>'
            )
        yield "</SpotsInFrame>"
    yield "</AllSpots>"


def _edges(tracks: Tracks, columns: Table) -> Iterator[str]:
    lineage = _lineages(tracks)[tracks.edges[:, 0]]
    order = np.argsort(lineage, kind="stable")
    values = [(feature, columns[name]) for feature, name in _features(columns).items()]
    names, starts = np.unique(lineage[order], return_index=True)
    yield "<AllTracks>"
    for number, rows in enumerate(np.split(order, starts[1:]) if len(names) else []):
        yield f'<Track name="Track_{number}" TRACK_ID="{number}">'
        for row in rows.tolist():
            source, target = tracks.edges[row].tolist()
            features = "".join(f' {name}="{_text(column[row])}"' for name, column in values)
            yield f'<Edge SPOT_SOURCE_ID="{source}" SPOT_TARGET_ID="{target}"{features}/>'
        yield "</Track>"
    yield "</AllTracks>"
    yield "<FilteredTracks>"
    yield from (f'<TrackID TRACK_ID="{number}"/>' for number in range(len(names)))
    yield "</FilteredTracks>"


def _lineages(tracks: Tracks) -> IntArray:
    """Return a number for each detection, the same for all that links connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(tracks.edges))
    graph = coo_array((ones, tuple(tracks.edges.T)), shape=(len(tracks), len(tracks)))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _features(names: Iterable[str]) -> dict[str, str]:
    """Return columns by names of their own in which nothing is that XML does not allow."""
    known: dict[str, str] = {}
    for name in names:
        safe = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        safe = safe if re.match(r"[A-Za-z_]", safe) else f"_{safe}"
        while safe in known or safe in _OWN | _EDGE_OWN:
            safe += "_"
        known[safe] = name
    return known


def _text(value: Any) -> str:
    if isinstance(value, np.bool_):
        return str(int(value))
    number = value.item()
    return "NaN" if isinstance(number, float) and math.isnan(number) else repr(number)


@dataclass
class _Content:
    """What the elements of a file said, while it is parsed."""

    is_trackmate: bool = False
    derived: set[str] = field(default_factory=set)
    units: dict[str, str] = field(default_factory=dict)
    image: dict[str, str] = field(default_factory=dict)
    spots: list[dict[str, str]] = field(default_factory=list)
    edges: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    shown: set[str] | None = None
    _track: str = ""

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "TrackMate":
            self.derived = set(attributes.get("derived", "").split())
        elif element == "Model":
            self.is_trackmate, self.units = True, attributes
        elif element == "Spot":
            self.spots.append(attributes)
        elif element == "Track":
            self._track = attributes["TRACK_ID"]
        elif element == "Edge":
            self.edges.append((self._track, attributes))
        elif element == "FilteredTracks":
            self.shown = set()
        elif element == "TrackID" and self.shown is not None:
            self.shown.add(attributes["TRACK_ID"])
        elif element == "ImageData":
            self.image = attributes

    def end(self, element: str) -> None:
        if element == "Track":
            self._track = ""

    def refuse(self, *_: Any) -> None:
        raise ValueError("it declares a document type, which TrackMate never does")


def _build(content: _Content) -> Tracks:
    spots = [spot for spot in content.spots if spot.get("VISIBILITY", "1") != "0"]
    row_of = {spot["ID"]: row for row, spot in enumerate(spots)}
    if len(row_of) < len(spots):
        raise ValueError("two spots have the same ID")
    links, values = [], []
    for track, edge in content.edges:
        if content.shown is not None and track not in content.shown:
            continue
        ends = row_of.get(edge["SPOT_SOURCE_ID"]), row_of.get(edge["SPOT_TARGET_ID"])
        if None in ends:
            raise ValueError(f"an edge of track {track} leads to a spot that is not there")
        links.append(ends)
        values.append(edge)
    frames = np.array([int(float(spot[FRAME])) for spot in spots], np.int64)
    places = np.array([[float(spot[one]) for one in PLACES] for spot in spots]).reshape(-1, 3)
    flat = not places[:, 0].any() and int(content.image.get("nslices", "1")) <= 1
    flat = flat and ("voxeldepth" not in content.image or "nslices" in content.image)
    axes = slice(1 if flat else 0, 3)
    size = np.array([float(content.image.get(one) or 1) for one in PIXELS])[axes]
    edges = np.array(links, np.int64).reshape(-1, 2)
    backward = frames[edges[:, 0]] > frames[edges[:, 1]]
    edges[backward] = edges[backward, ::-1]  # TrackMate's graph knows no direction
    return make_tracks(
        frames,
        places[:, axes] / size,
        edges,
        label=_labels(spots, frames),
        properties=_columns(spots, _OWN | content.derived),
        edge_properties=_columns(values, _EDGE_OWN),
        frame_count=max(int(content.image.get("nframes") or 0), int(frames.max(initial=-1)) + 1),
        pixel_size=_micrometres(size, content.units.get("spatialunits")),
        frame_interval=seconds(content.image.get("timeinterval"), content.units.get("timeunits")),
    )


def _labels(spots: list[dict[str, str]], frames: IntArray) -> AnyArray | None:
    """Return the labels that a file of ours holds; None where they are missing or not unique."""
    if not spots or not all(spot.get(LABEL, "").isdecimal() for spot in spots):
        return None
    labels = np.array([int(spot[LABEL]) for spot in spots], np.int64)
    names = set(zip(frames.tolist(), labels.tolist(), strict=True))
    return labels if len(names) == len(spots) and labels.min() > 0 else None


def _columns(rows: list[dict[str, str]], own: set[str]) -> Table:
    """Return the features that are numbers, as whole ones where all are."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in own))
    columns: Table = {}
    for name in names:
        texts = [row.get(name, "NaN") for row in rows]
        try:
            if all(re.fullmatch(r"-?\d{1,18}", text) for text in texts):
                columns[name] = np.array([int(text) for text in texts], np.int64)
            else:
                columns[name] = np.array([float(text) for text in texts])
        except ValueError:
            columns[name] = np.array([row.get(name, "") for row in rows], dtype=str)
    return columns


def _micrometres(size: AnyArray, unit: str | None) -> tuple[float, ...] | None:
    sizes = tuple(micrometres(one, unit) for one in size.tolist())
    known = tuple(one for one in sizes if one is not None)
    return known if len(known) == len(sizes) else None
