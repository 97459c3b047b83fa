"""The door to files of tracks: which format a path has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cellwright._arguments import as_path
from cellwright._errors import InputError, UsageError
from cellwright._words import missing
from cellwright.tracking.formats.ctc import RESULT_FILE, TRUTH_FILE, read_ctc
from cellwright.tracking.formats.geff import read_geff, write_geff
from cellwright.tracking.formats.table import read_table, write_table
from cellwright.tracking.formats.trackmate import read_trackmate, write_trackmate
from cellwright.tracking.tracks import Tracks, check_tracks

READERS: dict[str, Callable[[Path], Tracks]] = {
    ".geff": read_geff,
    ".zarr": read_geff,
    ".xml": read_trackmate,
    ".csv": read_table,
    ".parquet": read_table,
}
WRITERS: dict[str, Callable[[Path, Tracks], None]] = {
    ".geff": write_geff,
    ".zarr": write_geff,
    ".xml": write_trackmate,
    ".csv": write_table,
    ".parquet": write_table,
}


def read_tracks(path: str | Path) -> Tracks:
    """Read tracks.

    Parameters
    ----------
    path : str or Path
        A GEFF folder (``.geff``, ``.zarr``), a TrackMate XML, a CSV or Parquet table, or a folder
        of the Cell Tracking Challenge.

    Raises
    ------
    FormatError
        If the file is not what its name says.
    InputError
        If there is no such file, or its name tells no format.
    UsageError
        If `path` is none.
    """
    path = as_path(path, "path")
    if not path.exists():
        raise InputError(missing(path))
    if is_ctc(path):
        return read_ctc(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"'{path}' is no file of tracks: it ends in none of {', '.join(READERS)}, and is no "
            f"folder with {RESULT_FILE} or {TRUTH_FILE}."
        )
    return reader(path)


def write_tracks(path: str | Path, tracks: Tracks) -> None:
    """Write tracks in the format that the ending of `path` names; see `WRITERS`.

    Raises
    ------
    UsageError
        If the ending names none, or an argument is of a wrong kind.
    OutputError
        If the file cannot be written.
    """
    path = as_path(path, "path")
    check_tracks(tracks, "tracks")
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"'{path}' ends in none of {', '.join(WRITERS)}.")
    writer(path, tracks)


def is_ctc(path: Path) -> bool:
    """Return whether `path` is a folder of the Cell Tracking Challenge."""
    homes = (path, path / "TRA")
    return any((home / name).is_file() for home in homes for name in (RESULT_FILE, TRUTH_FILE))


def holds_tracks(path: Path) -> bool:
    """Return whether `path` is there and a file or folder that `read_tracks` takes."""
    return path.exists() and (is_ctc(path) or path.suffix.lower() in READERS)
