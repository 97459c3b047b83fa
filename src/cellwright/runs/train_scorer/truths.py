"""Tracked movies to learn from: folders of the Cell Tracking Challenge with their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright._errors import InputError
from cellwright.runs.track.timelapse import open_timelapse
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import link_table, open_ctc
from cellwright.tracking.formats.files import is_ctc
from cellwright.tracking.tracks import Tracks

_TRUTH = "_GT"


def truth_folders(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the tracked movies in some folders: these themselves, or what is in them.

    Raises
    ------
    InputError
        If there is none in one of them.
    """
    found: list[Path] = []
    for path in paths:
        inner = [path] if is_ctc(path) else [one for one in _folders(path) if is_ctc(one)]
        if not inner:
            raise InputError(
                f"'{path}' holds no tracked movie: neither man_track.txt nor res_track.txt, nor "
                "folders with one of them, such as 01_GT."
            )
        found += inner
    return tuple(dict.fromkeys(found))


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir()) if path.is_dir() else []


def truth_files(folder: Path) -> tuple[Path, ...]:
    """Return all files that `read_truth` reads."""
    files = open_ctc(folder)
    raw = raw_folder(folder)
    images = () if raw is None else open_timelapse(raw).paths
    return (files.table_file, *files.masks, *images)


def read_truth(folder: Path) -> Tracks:
    """Read the objects of a tracked movie and their links, with intensities where there are images.

    Raises
    ------
    InputError
        If masks, images and table do not fit each other.
    """
    files = open_ctc(folder)
    raw = raw_folder(folder)
    images = None
    if raw is not None:
        movie = open_timelapse(raw)
        images = (movie.frame(number).to_numpy() for number in range(movie.count))
    try:
        detections = find_detections(files.frames(), images)
    except InputError as error:
        raise InputError(f"'{folder}': {error}") from error
    return link_table(detections, files.table, files.table_file)


def raw_folder(truth: Path) -> Path | None:
    """Return the folder of the images of a truth: ``01`` beside ``01_GT``, where there is one."""
    home = truth.parent if truth.name == "TRA" else truth
    raw = home.with_name(home.name.removesuffix(_TRUTH))
    return raw if home.name.endswith(_TRUTH) and raw.is_dir() else None
