"""Cell Tracking Challenge: frames in ``01/``, labels in ``01_GT/SEG`` or ``01_ST/SEG``."""

from __future__ import annotations

import re
from pathlib import Path

from cellwright.datasets.layouts.files import check_pairs, image_files, subfolders
from cellwright.datasets.records import Dataset, Example


def open_ctc(root: Path) -> Dataset | None:
    """Recognise numbered movies with gold (``_GT``) or silver (``_ST``) segmentation.

    Frames that are not segmented are left out; gold labels go before silver ones. Each movie is
    a group, as its frames show the same cells.
    """
    inside = subfolders(root)
    movies = [name for name in inside if re.fullmatch(r"\d\d", name)]
    segmented = {movie: labels for movie in movies if (labels := _segmented(inside[movie]))}
    if not segmented:
        return None
    examples: list[Example] = []
    notes: list[str] = []
    for movie, labels in segmented.items():
        frames = {_number(stem): path for stem, path in image_files(inside[movie]).items()}
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
    found: dict[str, Path] = {}
    for kind in ("ST", "GT"):
        folder = movie.with_name(f"{movie.name}_{kind}") / "SEG"
        if folder.is_dir():
            found |= {_number(stem): path for stem, path in image_files(folder).items()}
    return found


def _number(stem: str) -> str:
    """Return the digits at the end of ``t012`` or ``man_seg012``."""
    digits = re.search(r"\d+$", stem)
    return digits.group().lstrip("0") or "0" if digits else stem
