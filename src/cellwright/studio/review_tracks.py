"""Tracks as they are reviewed: a movie, its detections, their links and families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import FormatError
from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray, Table
from cellwright.images.image import Image, PixelSource
from cellwright.images.read import read
from cellwright.images.sources import split_index
from cellwright.measure.tables import read_parquet
from cellwright.runs.track.timelapse import MovieOptions, open_timelapse
from cellwright.studio.levels import Levels
from cellwright.studio.review_links import Solver
from cellwright.studio.review_results import (
    ALL,
    Opened,
    Pictured,
    Places,
    Result,
    Shape,
    changed_since,
    run_name,
)
from cellwright.tracking.doubt import KINDS, link_kinds
from cellwright.tracking.formats.ctc import mask_axes, open_ctc, read_mask
from cellwright.tracking.formats.files import is_ctc
from cellwright.tracking.formats.table import read_table
from cellwright.tracking.lineage import children_of, tree_rows
from cellwright.tracking.tracklets import Tracklets, find_tracklets
from cellwright.tracking.tracks import PROBABILITY, Tracks

CTC = "ctc"
_FRAMES_HELD = 8
_SMALLEST_SIDE = 12.0  # px


def open_tracks(folder: Path, record: dict[str, Any], images: Path | None) -> Result:
    """Open the result folder of ``track``; see `open_result`."""
    objects = read_parquet(folder / "tracks.parquet")
    tracks = read_table(folder / "tracks.csv")
    outlined = is_ctc(folder / CTC)
    shape: Shape = "outlines" if outlined else "points"
    masks = open_ctc(folder / CTC).masks if outlined else ()
    name = Path(record["inputs"][0]["path"])
    movie = Pictured(
        name.stem if len(record["inputs"]) == 1 else name.parent.name,
        partial(_open_movie, record, masks, images, tracks),
    )
    return Result(
        folder,
        run_name(record),
        record,
        shape,
        (movie,),
        objects,
        _places(objects),
        links_of(tracks),
        partial(family_of, find_families(tracks)),
        Solver(folder, record, tracks),
    )


def links_of(tracks: Tracks) -> Table:
    """Return the links of tracks as a table, the most doubtful first.

    Returns
    -------
    Table
        ``kind`` (one of `KINDS`), what is known of the links, frames and labels on either side,
        and the rows of both detections.
    """
    source, target = tracks.edges.T
    sure = tracks.edge_properties.get(PROBABILITY, np.ones(len(source)))
    order = np.argsort(sure, kind="stable")
    table: Table = {"kind": np.array(KINDS)[link_kinds(tracks)]} | dict(
        sorted(tracks.edge_properties.items())
    )
    for side, end in (("source", source), ("target", target)):
        table |= {f"{side}_frame": tracks.frame[end], f"{side}_label": tracks.label[end]}
    table |= {"source": source, "target": target}
    return {column: np.asarray(values)[order] for column, values in table.items()}


@dataclass(frozen=True, slots=True)
class Families:
    """Which detections, tracks and families belong together.

    Parameters
    ----------
    tracklets : Tracklets
        From one division to the next; gaps do not end them.
    children : list of list of int
        Daughters of each.
    parents : array of int
        Mother of each, -1 for none.
    rows, offsets : array of int
        Detections of each tracklet in the order of time: ``rows[offsets[k] : offsets[k + 1]]``.
    frame : array of int
        Of each detection.
    """

    tracklets: Tracklets
    children: list[list[int]]
    parents: IntArray
    rows: IntArray
    offsets: IntArray
    frame: LabelArray


def find_families(tracks: Tracks) -> Families:
    """Return the families of tracks; who shares an object of another for a while has a gap."""
    tracks = tracks.unshared()
    tracklets = find_tracklets(tracks, cut=tracks.branches())
    rows = np.argsort(tracklets.of, kind="stable")  # detections are in the order of time
    return Families(
        tracklets,
        children_of(tracklets),
        tracklets.parents(),
        rows,
        np.searchsorted(tracklets.of[rows], np.arange(len(tracklets) + 1)),
        tracks.frame,
    )


def family_of(families: Families, row: int) -> list[dict[str, Any]]:
    """Return the family of a detection as a tree.

    Returns
    -------
    list of dict
        The tracks from one division to the next, mothers before daughters: ``parent`` (place in
        the list, -1 for the first), ``at`` (place across, leaves at 0, 1, 2 …), and the ``rows``
        of its detections with their ``frames``.
    """
    root = int(families.tracklets.of[row])
    while families.parents[root] >= 0:
        root = int(families.parents[root])
    tree = tree_rows(root, families.children)
    numbers = {one: number for number, one in enumerate(tree)}
    found = []
    for one, at in tree.items():
        own = families.rows[families.offsets[one] : families.offsets[one + 1]]
        parent = numbers[int(families.parents[one])] if one != root else -1
        frames = families.frame[own].tolist()
        found.append({"parent": parent, "at": at, "rows": own.tolist(), "frames": frames})
    return found


def _places(objects: Table) -> Places:
    count = len(objects["frame"])
    centre = np.stack([objects["y"], objects["x"]], axis=1) + 0.5
    half = np.maximum(_sides(objects, count), _SMALLEST_SIDE)[:, np.newaxis] / 2
    depth = np.full((count, 2), float(ALL))
    if "z" in objects:
        depth[:] = np.rint(objects["z"])[:, np.newaxis]
    return Places(
        image=np.zeros(count, np.int64),
        label=objects["track"].astype(np.int64),
        frame=objects["frame"].astype(np.int64),
        depth=depth,
        centre=centre,
        box=np.concatenate([centre - half, centre + half], axis=1),
    )


def _sides(objects: Table, count: int) -> DoubleArray:
    """Return how wide the detections are, in px, as far as that is known."""
    if "axis_major_length" in objects:
        return np.nan_to_num(objects["axis_major_length"].astype(np.float64))
    return np.zeros(count)


def _open_movie(
    record: dict[str, Any], masks: tuple[Path, ...], images: Path | None, tracks: Tracks
) -> Opened:
    axes = mask_axes(masks[0]) if masks else ""
    labels = frames_of(masks, lambda path: read_mask(path, axes)) if masks else None
    pixels = _pixels(record, images)
    if pixels is None:
        pixels = _blank(labels, tracks)
    elif labels is not None and (pixels.sizes["T"], *pixels.shape[-2:]) != (
        labels.shape[0], *labels.shape[-2:]
    ):  # fmt: skip
        raise FormatError(
            f"The movie has {_size(pixels.shape)} px (frames, …, rows, columns), its tracks have "
            f"{_size(labels.shape)}. Say where their movie is with --images."
        )
    if options_size := record["parameters"].get("pixel_size"):
        size = (pixels.pixel_size or (options_size,) * len(pixels.spatial_axes))[:-2]
        pixels = replace(pixels, pixel_size=(*size, options_size, options_size))
    place_axes = pixels.axes.replace("C", "")[:-2] if labels is None else "TZ"[: labels.ndim - 2]
    remarks = {changed_since(Path(one["path"]), record["inputs"]) for one in record["inputs"]}
    return Opened(Levels(pixels), labels, place_axes, " ".join(sorted(remarks)).strip())


def _pixels(record: dict[str, Any], images: Path | None) -> Image | None:
    """Return the movie, unless only labels or points are known of it."""
    given = record["parameters"].get("images")
    if images is None and given:
        images = Path(given)
    if images is None and record["model"] is None:
        return None
    axes = record["parameters"]["axes"]
    others = record["parameters"].get("hypotheses", ())
    paths = [Path(one["path"]) for one in record["inputs"]]
    paths = [path for path in paths if not any(path.is_relative_to(one) for one in others)]
    if images is not None:
        paths = list(open_timelapse(images, MovieOptions(axes)).paths)
    if len(paths) == 1:
        return read(paths[0], axes=axes)
    first = _frame(paths[0], axes)
    source = frames_of(tuple(paths), lambda path: _frame(path, axes).to_numpy())
    return replace(first, data=source, axes=f"T{first.axes}", name=paths[0].parent.name)


def _frame(path: Path, axes: str | None) -> Image:
    image = read(path, axes=axes)
    return image.region(T=0) if "T" in image.axes else image


def _blank(labels: PixelSource | None, tracks: Tracks) -> Image:
    """Return black frames for objects of which no pixels are known."""
    if labels is not None:
        shape = labels.shape
    else:
        extent = np.ceil(tracks.position.max(axis=0)) + 1 + 2 * _SMALLEST_SIDE
        shape = (tracks.frame_count, *extent.astype(int).tolist())
    axes = "TYX" if len(shape) == 3 else "TZYX"
    return Image(np.broadcast_to(np.uint8(0), shape), axes, pixel_size=tracks.pixel_size)


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def frames_of(paths: tuple[Path, ...], read_one: Callable[[Path], AnyArray]) -> Frames:
    """Return files of equal size as one source with a leading axis."""
    return Frames(paths, lru_cache(_FRAMES_HELD)(read_one))


class Frames:
    """One file for each index along the first axis, read when it is needed.

    Parameters
    ----------
    paths : tuple of Path
    read_one : callable
        Returns the pixels of a file.
    """

    def __init__(self, paths: tuple[Path, ...], read_one: Callable[[Path], AnyArray]) -> None:
        first = read_one(paths[0])
        self.shape = (len(paths), *first.shape)
        self.dtype = first.dtype
        self.ndim = len(self.shape)
        self._paths = paths
        self._read = read_one

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        frames = [self._frame(number)[box[1:]] for number in range(box[0].start, box[0].stop)]
        return np.asarray(np.stack(frames)[inside])

    def _frame(self, number: int) -> AnyArray:
        found = self._read(self._paths[number])
        if found.shape != self.shape[1:]:
            raise FormatError(
                f"'{self._paths[number]}' has {_size(found.shape)} px, the frames before it "
                f"have {_size(self.shape[1:])}."
            )
        return found
