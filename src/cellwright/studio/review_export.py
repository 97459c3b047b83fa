"""What a review leaves to others: a table with what was excluded and why, and labels without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._files import atomic_folder, write_json
from cellwright._types import AnyArray, BoolArray, LabelArray
from cellwright.images.image import PixelSource
from cellwright.images.write import write_labels
from cellwright.measure.tables import write_csv
from cellwright.runs.apply.like import labels_like
from cellwright.studio.review_desk import ENDS, LINKS, OBJECTS, ReviewDesk
from cellwright.tracking.formats.ctc import write_ctc
from cellwright.tracking.formats.table import tracks_from_tables

SUMMARY = "review.json"
_LONGEST_NAME = 200  # bytes


def export(desk: ReviewDesk, name: str, rows: Sequence[int], where: str) -> dict[str, Any]:
    """Write objects of a result to a new folder beside it.

    The table has all of `rows`, with columns that say what was excluded or flagged, by whom, when
    and why. Label images hold those of them that are not excluded; of tracks, what is left is
    linked as before.

    Parameters
    ----------
    desk : ReviewDesk
    name : str
        Of the new folder.
    rows : sequence of int
        Of the table of objects, in the order in which they are to be written.
    where : str
        The condition that chose them, for the record.

    Returns
    -------
    dict
        ``folder``, ``objects`` and ``excluded`` (numbers of those written).

    Raises
    ------
    UsageError
        If the name is none for a folder or taken, or there are no rows.
    OutputError
        If it cannot be written.
    """
    if not _is_name(name):
        raise UsageError(f"'{name[:60]}' is no name for a folder; give one without '/' and '\\'.")
    if not len(rows):
        raise UsageError("Nothing is shown, so there is nothing to export.")
    desk.check_rows(rows)
    result = desk.result
    target = result.folder.resolve().parent / name
    if target.exists():
        raise UsageError(f"'{target}' is there already; give another name.")
    marks = desk.journal.columns()
    chosen = np.asarray(rows)
    kept = np.zeros(len(result.places.label), bool)
    kept[chosen] = ~marks["excluded"][chosen]
    table = {column: values[chosen] for column, values in (desk.tables[OBJECTS] | marks).items()}
    with atomic_folder(target) as folder:
        if result.links is not None:
            write_csv(folder / "tracks.csv", table)
            _write_tracks(desk, folder, kept)
            if pins := desk.pin_table():
                write_csv(folder / "pins.csv", pins)
        else:
            write_csv(folder / "objects.csv", table)
            _write_labels(desk, folder, kept)
        numbers = {"objects": len(rows), "excluded": int(np.count_nonzero(table["excluded"]))}
        about = {
            "result": str(result.folder.resolve()),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": desk.who,
            "where": where,
            **numbers,
        }
        write_json(folder / SUMMARY, about)
    return {"folder": str(target), **numbers}


def _is_name(name: str) -> bool:
    """Return whether a folder can be called so."""
    plain = name.strip() and name == Path(name).name and not name.startswith(".")
    return bool(plain and name.isprintable() and len(name.encode()) <= _LONGEST_NAME)


class Kept:
    """Labels, of which only some objects are left.

    Parameters
    ----------
    labels : PixelSource
    kept : array of int
        Labels of the objects that stay.
    """

    def __init__(self, labels: PixelSource, kept: AnyArray) -> None:
        self.shape, self.dtype = labels.shape, np.dtype(np.int32)
        self._labels = labels
        self._kept = np.zeros(int(kept.max(initial=0)) + 2, np.int32)
        self._kept[kept] = kept

    def __getitem__(self, key: Any) -> LabelArray:
        found = np.asarray(self._labels[key])
        taken: LabelArray = self._kept[np.minimum(found, len(self._kept) - 1)]
        return taken


def _write_labels(desk: ReviewDesk, folder: Path, kept: BoolArray) -> None:
    """Write the label images of `segment`, under the names that they have."""
    places, record = desk.result.places, desk.result.record
    files = {one["image"]: one["files"] for one in record["images"]}
    for number, image in enumerate(desk.result.images):
        for name in files[image.name][:1]:
            plate = desk.plate(number)
            assert plate.canvas is not None  # there is a file of labels
            labels = places.label[(places.image == number) & kept]
            like = labels_like(plate.levels.image, f"{plate.place_axes}YX", None)
            write_labels(
                folder / name,
                Kept(plate.canvas, labels),
                like=like,
                largest=int(labels.max(initial=0)),
            )


def _write_tracks(desk: ReviewDesk, folder: Path, kept: BoolArray) -> None:
    """Write the masks of tracks, and the tracks that are left, as `track` does."""
    result = desk.result
    canvas = desk.plate(0).canvas
    if canvas is None or not kept.any():
        return
    number = np.cumsum(kept) - 1
    source, target = (desk.tables[LINKS][end] for end in ENDS)
    both = kept[source] & kept[target]
    places = result.places
    detections = {
        "frame": places.frame[kept],
        "label": places.label[kept],  # in the masks, objects have the number of their track
        **{axis: result.objects[axis][kept] for axis in "zyx" if axis in result.objects},
    }
    ends = {"source": number[source[both]], "target": number[target[both]]}
    links = {
        f"{side}_{what}": detections[what][end]
        for side, end in ends.items()
        for what in ("frame", "label")
    }
    count = canvas.shape[0]
    frames: Iterator[AnyArray] = (canvas[(t,)] for t in range(count))
    tracks = replace(tracks_from_tables(detections, links), frame_count=count)
    write_ctc(folder / "ctc", tracks, frames)
