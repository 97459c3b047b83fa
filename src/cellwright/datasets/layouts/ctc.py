"""Cell Tracking Challenge: frames in ``01/``, labels in ``01_GT/SEG`` or ``01_ST/SEG``."""

from __future__ import annotations

import re
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright._words import counted
from cellwright.datasets.layouts.files import check_pairs, image_files, renamed, subfolders
from cellwright.datasets.records import Dataset, Example

_KINDS = ("ST", "GT")  # silver, gold
_PLANE = re.compile(r"\d_\d+$")  # man_seg_012_003: plane 3 of frame 12


def open_ctc(root: Path) -> Dataset | None:
    """Recognise numbered movies with gold (``_GT``) or silver (``_ST``) segmentation.

    Frames that are not segmented are left out, as are labels of single planes of volumes; gold
    labels go before silver ones. Each movie is a group, as its frames show the same cells.

    Raises
    ------
    DatasetError
        If frames and labels do not pair, or only single planes of volumes have labels.
    """
    inside = subfolders(root)
    movies = [name for name in inside if re.fullmatch(r"\d\d", name)]
    segmented = {movie: labels for movie in movies if (labels := _segmented(inside[movie]))}
    planes = [path for movie in movies for path in _of_planes(inside[movie])]
    if planes and not segmented:
        raise DatasetError(
            f"'{root}' has labels of single planes of volumes only, such as '{planes[0]}'. "
            "Segment whole volumes, or save these planes and their labels as images of their own."
        )
    if not segmented:
        return None
    examples: list[Example] = []
    notes = [f"Left out: {counted(len(planes), 'label image')} of single planes."] if planes else []
    for movie, labels in segmented.items():
        frames = renamed(image_files(inside[movie]), _number)
        check_pairs(frames, labels, f"Movie '{inside[movie]}'", complete=False)
        examples += [
            Example(f"{movie}/{frames[number].stem}", (frames[number],), path, group=movie)
            for number, path in sorted(labels.items())
        ]
        if len(labels) < len(frames):
            notes.append(
                f"Movie {movie}: {len(frames) - len(labels)} of {len(frames)} frames are not "
                "segmented and left out."
            )
    return Dataset(root, "Cell Tracking Challenge", "instances", tuple(examples), tuple(notes))


def _segmented(movie: Path) -> dict[str, Path]:
    """Return the label file of each segmented frame, by the frame's number."""
    silver, gold = (
        renamed(
            {s: p for s, p in _label_files(movie, kind).items() if not _PLANE.search(s)}, _number
        )
        for kind in _KINDS
    )
    return silver | gold


def _of_planes(movie: Path) -> list[Path]:
    """Return the label files of single planes of volumes."""
    files = [file for kind in _KINDS for file in _label_files(movie, kind).items()]
    return [path for stem, path in files if _PLANE.search(stem)]


def _label_files(movie: Path, kind: str) -> dict[str, Path]:
    folder = movie.with_name(f"{movie.name}_{kind}") / "SEG"
    return image_files(folder) if folder.is_dir() else {}


def _number(stem: str) -> str:
    """Return the digits at the end of ``t012`` or ``man_seg012``."""
    digits = re.search(r"\d+$", stem)
    return digits.group().lstrip("0") or "0" if digits else stem
