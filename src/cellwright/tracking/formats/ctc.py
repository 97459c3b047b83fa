"""Folders of the Cell Tracking Challenge: one mask per frame, and a text file of tracks.

Every line ``L B E P`` of ``res_track.txt`` (``man_track.txt`` in truths) is a track: its label in
the masks, its first and last frame, and the label of its parent or 0.

References
----------
.. [1] M. Maška et al. (2014) A benchmark for comparison of cell tracking algorithms.
   Bioinformatics 30, 1609–1617.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError, InputError
from cellwright._files import write_text
from cellwright._types import AnyArray, IntArray, LabelArray
from cellwright.images.read import read_labels
from cellwright.images.write import write_labels
from cellwright.tracking.detections import find_detections
from cellwright.tracking.tracklets import find_tracklets, track_numbers
from cellwright.tracking.tracks import PARENT, Tracks

RESULT_FILE, TRUTH_FILE = "res_track.txt", "man_track.txt"


@dataclass(frozen=True, slots=True)
class CtcFolder:
    """The files of a tracked movie.

    Attributes
    ----------
    table_file : Path
        ``res_track.txt`` or ``man_track.txt``.
    table : array of int64, shape (K, 4)
        Rows L, B, E, P.
    masks : tuple of Path
        One label image per frame, in order.
    """

    table_file: Path
    table: IntArray
    masks: tuple[Path, ...]

    def frames(self) -> Iterator[LabelArray]:
        """Read the masks one after the other, shape ([Z,] Y, X)."""
        axes = mask_axes(self.masks[0])
        return (read_mask(path, axes) for path in self.masks)


def open_ctc(folder: Path) -> CtcFolder:
    """Find the files of a result folder, a truth folder (``01_GT``) or its ``TRA``.

    Raises
    ------
    FormatError
        If there is no table or no masks, a frame is missing, or the table is not one.
    """
    for home in (folder, folder / "TRA"):
        for name, prefix in ((RESULT_FILE, "mask"), (TRUTH_FILE, "man_track")):
            if (home / name).is_file():
                masks = numbered_files(home, prefix)
                _check_complete(home, prefix, masks)
                return CtcFolder(home / name, read_table(home / name), tuple(masks.values()))
    raise FormatError(
        f"'{folder}' is no folder of the Cell Tracking Challenge: it has neither "
        f"'{RESULT_FILE}' with mask*.tif nor '{TRUTH_FILE}' with man_track*.tif."
    )


def read_ctc(
    folder: Path,
    *,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Tracks:
    """Read tracks of the Cell Tracking Challenge, one frame at a time.

    A label that is missing in some frames of its track is linked across the gap.

    Parameters
    ----------
    folder : Path
        See `open_ctc`.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X); the format does not hold it.
    frame_interval : float, optional
        In s.

    Raises
    ------
    FormatError
        If table and masks contradict each other, or the lineage is impossible.
    """
    files = open_ctc(folder)
    detections = find_detections(
        files.frames(), pixel_size=pixel_size, frame_interval=frame_interval
    )
    return link_table(detections, files.table, files.table_file)


def write_ctc(folder: Path, tracks: Tracks, frames: Iterable[AnyArray]) -> None:
    """Write ``res_track.txt`` and one ``mask*.tif`` per frame.

    Labels become numbers of tracks; objects that are no detection of `tracks` are left out. A
    gap ends a track and begins a new one with it as parent, its only child. An object that holds
    two cells has the label of one of them, and the other cell has a gap there, so that a division
    is what has two children, and nothing else. Of the parents of another merger the format holds
    one, the first.

    Parameters
    ----------
    folder : Path
        Made when missing.
    tracks : Tracks
    frames : iterable of array of int, shape ([Z,] Y, X)
        The label image of every frame, read one at a time.

    Raises
    ------
    InputError
        If there are not as many frames as in `tracks`, or a frame lacks a detection.
    """
    tracklets = find_tracklets(tracks.unshared())
    numbers = track_numbers(tracks, tracklets)
    offsets = tracks.frame_offsets()
    digits = max(3, len(str(max(tracks.frame_count - 1, 0))))
    count = 0
    for count, labels in enumerate(frames, start=1):
        if count > tracks.frame_count:
            break
        own = slice(offsets[count - 1], offsets[count])
        mask = _renamed(labels, tracks.label[own], numbers[tracklets.of[own]], count - 1)
        target = folder / f"mask{count - 1:0{digits}}.tif"
        write_labels(target, mask, largest=int(numbers.max(initial=0)), overwrite=True)
    if count != tracks.frame_count:
        raise InputError(
            f"There are {count} label images{' or more' * (count > tracks.frame_count)} for "
            f"{tracks.frame_count} frames of tracks."
        )
    parents = np.append(numbers, 0)[tracklets.parents()]
    rows = np.column_stack([numbers, tracklets.begin, tracklets.end, parents])
    lines = [" ".join(map(str, row)) for row in rows[np.argsort(numbers)].tolist()]
    write_text(folder / RESULT_FILE, "\n".join([*lines, ""]))


def read_mask(path: Path, axes: str) -> LabelArray:
    """Read the label image of one frame; pages of a TIFF are planes.

    Parameters
    ----------
    path : Path
    axes : str
        ``"YX"`` or ``"ZYX"``; see `mask_axes`.
    """
    return read_labels(path, axes)[0]


def mask_axes(path: Path) -> str:
    """Return whether a mask is a plane (``"YX"``) or a volume (``"ZYX"``)."""
    from tifffile import TiffFile, TiffFileError

    try:
        with TiffFile(path) as file:
            return "YX" if file.series[0].ndim == 2 else "ZYX"
    except (TiffFileError, OSError, IndexError) as error:
        raise FormatError(f"Cannot read the mask '{path}': {error}.") from error


def read_table(path: Path) -> IntArray:
    """Read the rows L, B, E, P of a file of tracks, shape (K, 4).

    Raises
    ------
    FormatError
        If a line is not four whole numbers, a label is not unique or not above 0, a track ends
        before it begins, or a parent is unknown or still there when its child begins.
    """
    rows = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"Cannot read '{path}': {error}.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        row = line.split()
        if len(row) != 4 or not all(re.fullmatch(r"\d{1,18}", one) for one in row):
            raise FormatError(
                f"Line {number} of '{path}' is {line.strip()[:60]!r}; a track is four whole "
                "numbers: label, first frame, last frame, parent (or 0)."
            )
        rows.append([int(one) for one in row])
    table = np.array(rows, np.int64).reshape(-1, 4)
    _check_table(table, path)
    return table


def link_table(detections: Tracks, table: IntArray, source: Path) -> Tracks:
    """Link detections as a table of tracks says.

    Parameters
    ----------
    detections : Tracks
        Their labels are those of tracks.
    table : array of int64, shape (K, 4)
        From `read_table`.
    source : Path
        The file of the table, for messages.

    Raises
    ------
    FormatError
        If table and detections contradict each other.
    """
    order = np.lexsort((detections.frame, detections.label))
    label, frame = detections.label[order].astype(np.int64), detections.frame[order]
    rows = table[np.argsort(table[:, 0])]
    first = np.searchsorted(label, rows[:, 0])
    last = np.searchsorted(label, rows[:, 0], side="right") - 1
    _check_detections(label, frame, rows, first, last, source)
    follow = np.flatnonzero(np.diff(label) == 0)
    links = np.column_stack([order[follow], order[follow + 1]])
    children = np.flatnonzero(rows[:, 3])
    mothers = np.searchsorted(rows[:, 0], rows[children, 3])
    births = np.column_stack([order[last[mothers]], order[first[children]]])
    is_birth = np.repeat([False, True], [len(links), len(births)])
    return detections.with_edges(np.concatenate([links, births]), {PARENT: is_birth})


def numbered_files(folder: Path, prefix: str) -> dict[int, Path]:
    """Return the TIFF files ``PREFIX012.tif`` by their number, in its order."""
    pattern = re.compile(rf"{re.escape(prefix)}_?(\d+)\.tiff?", re.IGNORECASE)
    found = {
        int(match[1]): path
        for path in sorted(folder.iterdir())
        if (match := pattern.fullmatch(path.name))
    }
    return dict(sorted(found.items()))


def _check_complete(folder: Path, prefix: str, masks: dict[int, Path]) -> None:
    if not masks:
        raise FormatError(f"'{folder}' has a table of tracks, but no {prefix}000.tif and so on.")
    if missing := sorted(set(range(max(masks) + 1)) - set(masks)):
        raise FormatError(
            f"'{folder}' lacks the masks of {len(missing)} frames, the first of them "
            f"{prefix}{missing[0]:03}.tif. Frames count from 0 without a gap."
        )


def _renamed(labels: AnyArray, known: LabelArray, names: IntArray, frame: int) -> LabelArray:
    """Return a label image with `names` in place of `known` labels, and 0 for all others."""
    pixels = np.asarray(labels)
    highest = max(int(pixels.max(initial=0)), int(known.max(initial=0)))
    if highest > pixels.size + len(known):  # a table of all labels would be larger than the image
        order = np.argsort(known)
        values, new = np.append(known[order], -1), np.append(names[order], 0).astype(np.int32)
        place = np.searchsorted(values[:-1], pixels)
        mask = np.where(values[place] == pixels, new[place], np.int32(0))
    else:
        lookup = np.zeros(highest + 1, np.int32)
        lookup[known] = names
        mask = np.asarray(lookup[np.maximum(pixels, 0)])
    if len(missing := np.setdiff1d(names, mask)):
        lost = known[np.isin(names, missing)][0]
        raise InputError(f"The label image of frame {frame} has no object {lost}.")
    return mask


def _check_table(table: IntArray, path: Path) -> None:
    labels, begin, end, parent = table.T
    names, counts = np.unique(labels, return_counts=True)
    if (counts > 1).any():
        raise FormatError(
            f"'{path}' has two lines for track {names[counts > 1][0]}; a track has one line."
        )
    if (labels < 1).any():
        raise FormatError(f"'{path}' has a track of label 0; labels of tracks are above 0.")
    if (end < begin).any():
        track = labels[end < begin][0]
        raise FormatError(f"In '{path}' track {track} ends before it begins.")
    unknown = (parent > 0) & ~np.isin(parent, labels)
    if unknown.any():
        raise FormatError(
            f"In '{path}' the parent of track {labels[unknown][0]} is {parent[unknown][0]}, "
            "which has no line of its own."
        )
    ends = dict(zip(labels.tolist(), end.tolist(), strict=True))
    for track, start, _, mother in table.tolist():
        if mother and ends[mother] >= start:
            raise FormatError(
                f"In '{path}' track {track} begins in frame {start}, but its parent {mother} is "
                f"there until frame {ends[mother]}; parents end before their children begin."
            )


def _check_detections(
    label: IntArray,
    frame: LabelArray,
    rows: IntArray,
    first: IntArray,
    last: IntArray,
    source: Path,
) -> None:
    """Check detections, sorted by label and frame, against the rows of a table, by label."""
    strangers = ~np.isin(label, rows[:, 0])
    if strangers.any():
        raise FormatError(
            f"The mask of frame {frame[strangers][0]} has the label {label[strangers][0]}, "
            f"which has no line in '{source}'."
        )
    if len(absent := rows[first > last]):
        raise FormatError(f"No mask has the label {absent[0, 0]}, a track of '{source}'.")
    found = np.column_stack([frame[first], frame[last]])
    if (wrong := (found != rows[:, 1:3]).any(1)).any():
        track, begin, end, _ = rows[wrong][0].tolist()
        raise FormatError(
            f"By '{source}' track {track} is in frames {begin} to {end}; in the masks it is in "
            f"frames {found[wrong][0, 0]} to {found[wrong][0, 1]}."
        )
