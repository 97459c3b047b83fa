"""Opening a result folder, whatever it holds."""

from __future__ import annotations

from pathlib import Path

from cellwright._errors import InputError, UsageError
from cellwright._words import missing
from cellwright.runs.results.folder import read_record
from cellwright.runs.results.result import CLASSES
from cellwright.studio.review_objects import open_objects
from cellwright.studio.review_results import Result
from cellwright.studio.review_tracks import open_tracks


def open_result(folder: Path, images: Path | None = None) -> Result:
    """Open the result folder of ``segment``, ``detect`` or ``track``.

    Parameters
    ----------
    folder : Path
    images : Path, optional
        Where the images are now, if not where they were; for tracks of labels, the raw movie.

    Raises
    ------
    InputError
        If it is no result folder, or its run is not complete.
    UsageError
        If there are no objects in it to look at.
    """
    if not folder.exists():
        raise InputError(missing(folder, "folder"))
    record = read_record(folder)
    if record is None:
        raise InputError(
            f"'{folder}' is no result folder: it holds no run.json. Name the folder that "
            "'cellwright segment', 'detect' or 'track' wrote."
        )
    if "finished" not in record:
        raise InputError(
            f"The run in '{folder}' is not complete. Run its command again: it goes on where it "
            "was stopped."
        )
    if record["command"] == "track":
        return open_tracks(folder, record, images)
    if record["command"] not in ("segment", "detect") or CLASSES.csv in record["files"]:
        raise UsageError(
            f"'{folder}' holds no objects to review one by one; open '{folder / 'report.html'}' "
            "instead."
        )
    return open_objects(folder, record, images)
