"""Measuring the objects of a movie frame by frame, which are outlined first where it is raw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError
from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, LabelArray, Table
from cellwright._words import counted
from cellwright.images.image import Image
from cellwright.images.read import read_labels
from cellwright.images.write import write_labels
from cellwright.measure.tables import read_parquet, write_parquet
from cellwright.models.channels import channel_numbers
from cellwright.models.instances import InstanceModel
from cellwright.runs.results.room import PARTS
from cellwright.runs.track.timelapse import TimeLapse
from cellwright.tracking.detections import collect, measure_frame
from cellwright.tracking.tracks import Tracks

_MASK = 0.5  # share of frames with one object in pieces that makes labels a mask


def find_objects(
    movie: TimeLapse,
    segmenter: InstanceModel | None,
    run: Path,
    images: TimeLapse | None = None,
) -> tuple[Tracks, tuple[str, ...]]:
    """Measure the objects of all frames, one frame after the other.

    What is found in a frame is kept in the folder of the run until it is done, so that one that
    was stopped goes on where it was.

    Parameters
    ----------
    movie : TimeLapse
    segmenter : InstanceModel or None
        What outlines the objects of a raw movie; None for a movie of labels.
    run : Path
        The result folder.
    images : TimeLapse, optional
        The raw movie of labels, whose intensities are measured.

    Returns
    -------
    Tracks
        Objects without links; see `find_detections`.
    tuple of str
        What the user should know.

    Raises
    ------
    FormatError
        If the labels are a mask that does not tell objects apart.
    """
    tables: list[Table] = []
    pieces: list[BoolArray] = []
    what = "Measuring" if segmenter is None else "Segmenting"
    for number in progress(range(movie.count), what, unit="frame"):
        kept = run / PARTS / f"objects{number}.parquet"
        if not kept.exists():
            if segmenter is None:
                measured = _measured(movie.frame_labels(number), number, images)
            else:
                labels = _outlined(movie, number, segmenter, run)
                measured = _measured(labels, number, movie)
            write_parquet(kept, measured)
        table = read_parquet(kept)
        pieces.append(table.pop("euler_number") > 1)
        tables.append(table)
    detections = collect(tables, *_scale(movie, images))
    return detections, () if segmenter else _in_pieces(movie.name, tables, pieces)


def found_labels(
    movie: TimeLapse, segmenter: InstanceModel | None, run: Path
) -> Callable[[], Iterator[AnyArray]]:
    """Return what reads the label images of all frames, after `find_objects`."""
    if segmenter is None:
        return movie.labels
    return lambda: (read_labels(_labels(run, number))[0] for number in range(movie.count))


def refuse_mask(movie: TimeLapse) -> None:
    """Raise `FormatError` if labels are a mask that does not tell objects apart."""
    from scipy.ndimage import generate_binary_structure, label

    value = filled = split = 0
    for labels in movie.labels():
        present = labels[labels > 0]
        if not present.size:
            continue
        if present.min() != present.max() or present[0] != (value or present[0]):
            return
        value, filled = int(present[0]), filled + 1
        split += label(labels, generate_binary_structure(labels.ndim, labels.ndim))[1] > 1
    if split > _MASK * filled:
        raise _is_mask(movie.name, value)


def _is_mask(name: str, value: int) -> FormatError:
    return FormatError(
        f"'{name}' is a mask that does not tell objects apart: all of them have the value "
        f"{value}. Number them first, frame by frame, or give the raw movie."
    )


def _labels(run: Path, number: int) -> Path:
    return run / PARTS / f"labels{number}.tif"


def _scale(
    movie: TimeLapse, images: TimeLapse | None
) -> tuple[tuple[float, ...] | None, float | None]:
    """Return pixel size and frame interval of a movie or, where it has none, of its images."""
    size, interval = movie.scale
    if images is None:
        return size, interval
    other_size, other_interval = images.scale
    return size or other_size, interval or other_interval


def _outlined(movie: TimeLapse, number: int, segmenter: InstanceModel, run: Path) -> LabelArray:
    """Outline the objects of a frame of a raw movie, and keep the labels."""
    found = segmenter.segment(movie.frame(number), channel=movie.channel or None)
    assert found.labels is not None  # no sink was given
    write_labels(_labels(run, number), found.labels, overwrite=True)
    return found.labels


def _measured(labels: LabelArray, number: int, images: TimeLapse | None) -> Table:
    """Measure the objects of a frame, with their intensities where images are given."""
    pixels, names = (None, None)
    if images is not None:
        pixels, names = measured_channels(images, images.frame(number))
    return measure_frame(labels, number, pixels, names, also=("euler_number",))


def measured_channels(movie: TimeLapse, image: Image) -> tuple[AnyArray, tuple[str, ...] | None]:
    """Return the channels of a frame to measure, those that are looked at first, and their names.

    A scorer compares cells by the first of several channels (`tracking/learned/features.py`),
    which is to be the one that they were found in.
    """
    pixels, names = image.to_numpy(), image.channel_names
    if "C" not in image.axes:
        return pixels, names
    first = channel_numbers(image, movie.channel)
    order = [*first, *(one for one in range(len(pixels)) if one not in first)]
    names = names or tuple(map(str, range(len(pixels))))
    return pixels[order], tuple(names[one] for one in order)


def _in_pieces(name: str, tables: list[Table], pieces: list[BoolArray]) -> tuple[str, ...]:
    """Say where a label is on several objects, or refuse labels that are but a mask."""
    split = sum(int(np.count_nonzero(one)) for one in pieces)
    if not split:
        return ()
    filled = [one for one in pieces if len(one)]
    values = {int(value) for table in tables for value in table["label"]}
    if len(values) == 1 and sum(bool(one.any()) for one in filled) > _MASK * len(filled):
        raise _is_mask(name, values.pop())
    number = next(index for index, one in enumerate(pieces) if one.any())
    label = tables[number]["label"][pieces[number]][0]
    return (
        f"{counted(split, 'object')} lie in several pieces, such as label {label} of frame "
        f"{number}. A label is one object: numbers that are used twice in a frame make one cell "
        "of two.",
    )
