"""A result folder against a truth folder of the Cell Tracking Challenge, frame by frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._progress import progress
from cellwright.metrics.overlap import overlap_table
from cellwright.tracking.detections import collect, measure_frame
from cellwright.tracking.formats.ctc import (
    CtcFolder,
    link_table,
    mask_axes,
    open_ctc,
    read_mask,
)
from cellwright.tracking.metrics.matching import MatchedTracks, covering, match_labels
from cellwright.tracking.metrics.scores import TOLERANCE, track_scores

_ANNOTATED = re.compile(r"man_seg_?(\d+)(?:_(\d+))?\.tiff?", re.IGNORECASE)


def score_folders(
    result: str | Path, truth: str | Path, *, tolerance: int = TOLERANCE
) -> dict[str, Any]:
    """Score tracks as the Cell Tracking Challenge does, and some more.

    Parameters
    ----------
    result : str or Path
        A folder with ``res_track.txt`` and ``mask*.tif``.
    truth : str or Path
        A folder such as ``01_GT``, with ``TRA`` and, for SEG, ``SEG``.
    tolerance : int
        Greatest tolerance of divisions, in frames.

    Returns
    -------
    dict
        See `cellwright.tracking.metrics.scores.track_scores`.

    Raises
    ------
    InputError
        If a folder cannot be read, or the two are not of the same movie.
    """
    true, found = open_ctc(Path(truth)), open_ctc(Path(result))
    if len(true.masks) != len(found.masks):
        raise InputError(
            f"'{truth}' has {len(true.masks)} frames and '{result}' {len(found.masks)}; "
            "score the tracks of the same movie."
        )
    matched = match_folders(true, found)
    home = true.table_file.parent.with_name("SEG")
    seg = segmentation_score(home, found) if home.is_dir() else None
    return track_scores(matched, seg=seg, tolerance=tolerance)


def match_folders(truth: CtcFolder, result: CtcFolder) -> MatchedTracks:
    """Read every frame of both sides once, and match their detections."""
    true_tables, found_tables = [], []
    pairs = []
    frames = zip(truth.frames(), result.frames(), strict=True)
    for number, (true, found) in enumerate(
        progress(frames, "Comparing", total=len(truth.masks), unit="frame")
    ):
        if true.shape != found.shape:
            raise InputError(
                f"Frame {number}: '{truth.masks[number]}' has the shape {true.shape} and "
                f"'{result.masks[number]}' {found.shape}; compare the same movie."
            )
        true_labels, found_labels, _ = covering(overlap_table(true, found))
        pairs.append(
            np.column_stack([np.full(len(true_labels), number), true_labels, found_labels])
        )
        true_tables.append(measure_frame(true, number))
        found_tables.append(measure_frame(found, number))
    return match_labels(
        link_table(collect(true_tables), truth.table, truth.table_file),
        link_table(collect(found_tables), result.table, result.table_file),
        *np.concatenate(pairs).T,
    )


def segmentation_score(folder: Path, result: CtcFolder) -> float | None:
    """Return SEG: the mean Jaccard index of all annotated objects, 0 where one is not found.

    Parameters
    ----------
    folder : Path
        With ``man_seg012.tif`` for frame 12 or, in volumes, ``man_seg_012_004.tif`` for plane 4
        of it. Not every frame or plane has to be there.
    result : CtcFolder

    Returns
    -------
    float or None
        None where nothing is annotated.
    """
    jaccard, count = 0.0, 0
    for path in sorted(folder.iterdir()):
        match = _ANNOTATED.fullmatch(path.name)
        if match is None:
            continue
        frame, plane = int(match[1]), match[2]
        if frame >= len(result.masks):
            raise InputError(f"'{path}' is of frame {frame}, which '{result.table_file}' lacks.")
        true = read_mask(path, mask_axes(path))
        found = read_mask(result.masks[frame], mask_axes(result.masks[frame]))
        if plane is not None and int(plane) < len(found):
            found = found[int(plane)]
        if true.shape != found.shape:
            raise InputError(f"'{path}' has the shape {true.shape}, the result {found.shape}.")
        table = overlap_table(true, found)
        jaccard += covering(table)[2].sum()
        count += len(table.truth_labels)
    return jaccard / count if count else None
