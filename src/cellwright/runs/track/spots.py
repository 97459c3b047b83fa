"""Finding the spots of a movie, frame by frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cellwright._files import write_json
from cellwright._progress import progress
from cellwright._types import Table
from cellwright.measure.tables import read_parquet, write_parquet
from cellwright.models.spots import SpotSettings, detect_spots_in
from cellwright.runs.results.room import PARTS
from cellwright.runs.results.warnings import one_of_each_kind
from cellwright.runs.track.timelapse import TimeLapse
from cellwright.tracking.detections import collect
from cellwright.tracking.tracks import Tracks

_KEPT = ("intensity", "sigma", "snr", "score")
"""What is known of each spot beside its place."""


def find_spots(
    movie: TimeLapse, settings: SpotSettings, run: Path
) -> tuple[Tracks, tuple[str, ...]]:
    """Find the spots of all frames.

    The spots of each frame are kept in the folder of the run until it is done, so that one that
    was stopped goes on where it was.

    Parameters
    ----------
    movie : TimeLapse
    settings : SpotSettings
    run : Path
        The result folder.

    Returns
    -------
    Tracks
        Spots without links; ``intensity``, ``sigma``, ``snr`` and ``score`` are those of
        `detect_spots_in`.
    tuple of str
        What the user should know.
    """
    tables: list[Table] = []
    warnings: list[str] = []
    for number in progress(range(movie.count), "Finding spots", unit="frame"):
        kept = run / PARTS / f"spots{number}.parquet"
        remarks = kept.with_suffix(".json")
        if not kept.exists():
            found = detect_spots_in(movie.frame(number), settings, channel=movie.channel or None)
            write_json(remarks, list(found.warnings))
            write_parquet(kept, found.table)
        spots = read_parquet(kept)
        warnings += json.loads(remarks.read_text(encoding="utf-8"))
        places = {name: column for name, column in spots.items() if name.startswith("centroid-")}
        facts = {name: spots[name] for name in ("label", *_KEPT)}
        tables.append({"frame": np.full(len(spots["label"]), number), **facts, **places})
    return collect(tables, *movie.scale), one_of_each_kind(warnings)
