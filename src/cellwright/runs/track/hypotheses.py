"""Movies with several segmentations: which objects are there is decided by tracking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._arguments import as_path, as_paths, check_flags
from cellwright._errors import InputError, UsageError
from cellwright._progress import progress
from cellwright._types import AnyArray
from cellwright._words import by_place
from cellwright.images.image import Image
from cellwright.images.read import read_labels
from cellwright.images.write import write_labels
from cellwright.measure.tables import read_parquet, write_parquet
from cellwright.models.instances import InstanceModel, Segmentation
from cellwright.runs.results.room import PARTS
from cellwright.runs.track.objects import measured_channels, refuse_mask
from cellwright.runs.track.timelapse import MovieOptions, TimeLapse, open_labels
from cellwright.tracking.coupled.hypotheses import find_hypotheses
from cellwright.tracking.coupled.windows import choose
from cellwright.tracking.detections import find_detections
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import Tracks

_CHOSEN = "chosen"
_LARGER = (1.02, 1.5)
"""Other diameters, in the larger one of what is found and of what the model knows well."""


@dataclass(frozen=True, slots=True)
class Segmentations:
    """Several segmentations of a movie: that of a model, or labels, and further ones.

    Parameters
    ----------
    model : str or Path, optional
        See `cellwright.runs.track.run.track_movie`.
    folders : tuple of Path
        Label images of the same movie, in any form that a movie may have; one may stand alone.
    scales : bool
        The model also looks at the frames as if objects were larger.

    Raises
    ------
    UsageError
        If an argument is none of these.
    """

    model: str | Path | None = None
    folders: tuple[Path, ...] = ()
    scales: bool = False

    def __post_init__(self) -> None:
        if self.model is not None:
            as_path(self.model, "model")
        folders = tuple(map(Path, as_paths(self.folders, "folders")))
        object.__setattr__(self, "folders", folders)  # one may stand alone
        check_flags(scales=self.scales)

    def __bool__(self) -> bool:
        return bool(self.folders) or self.scales


@dataclass(frozen=True, slots=True)
class Choice:
    """What objects are chosen from, and how they are to be linked.

    Attributes
    ----------
    segmenter : InstanceModel or None
        None for a movie of labels.
    scales : bool
    others : tuple of TimeLapse
        Further label images.
    options : LinkOptions
    """

    segmenter: InstanceModel | None
    scales: bool
    others: tuple[TimeLapse, ...]
    options: LinkOptions

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the further label images."""
        return tuple(f"'{one.name}': {said}" for one in self.others for said in one.warnings)


def open_choice(
    several: Segmentations,
    movie: TimeLapse,
    segmenter: InstanceModel | None,
    options: LinkOptions,
    axes: str | None,
) -> Choice:
    """Open several segmentations of a movie.

    Parameters
    ----------
    several : Segmentations
    movie : TimeLapse
        Raw, or one of the segmentations.
    segmenter : InstanceModel or None
        None for a movie of labels.
    options : LinkOptions
    axes : str, optional
        What the user says the axes of the movie are.

    Raises
    ------
    UsageError
        If there is no model that could look at other scales.
    InputError
        If one is no segmentation of this movie.
    FormatError
        If one is a mask that does not tell objects apart.
    """
    if several.scales and segmenter is None:
        raise UsageError(
            f"With {by_place('--alternatives', 'scales=True')} a model looks at other scales, but "
            "labels are tracked here. Give the raw movie, or other segmentations of it with "
            f"{by_place('--hypotheses', 'the argument folders')}."
        )
    if several.scales and segmenter and segmenter.card.input.diameter_range is None:
        raise UsageError(
            f"The model '{segmenter.card.name}' does not say which sizes of objects it knows, so "
            "it has no other scales to look at; leave out "
            f"{by_place('--alternatives', 'scales=True')}."
        )
    others = tuple(open_labels(folder, MovieOptions(axes)) for folder in several.folders)
    for folder, one in zip(several.folders, others, strict=True):
        if one.count != movie.count:
            raise InputError(
                f"'{folder}' has {one.count} frames and '{movie.name}' {movie.count}; give "
                "segmentations of the same movie."
            )
        if not one.holds_labels():
            given = by_place("--hypotheses", "folders")
            raise InputError(f"'{folder}' holds no label images; {given} are segmentations.")
        if one.size != movie.size:
            raise InputError(
                f"The frames of '{folder}' have the size {one.size} and those of '{movie.name}' "
                f"{movie.size}; give segmentations of the same movie."
            )
    for one in others if segmenter else (movie, *others):
        refuse_mask(one)
    return Choice(segmenter, several.scales, others, options)


def choose_objects(
    movie: TimeLapse, choice: Choice, run: Path
) -> tuple[Tracks, Callable[[], Iterator[AnyArray]]]:
    """Choose objects among those of several segmentations, by how well they can be linked.

    What a model finds is kept in the folder of the run until it is done, so that one that was
    stopped goes on where it was.

    Parameters
    ----------
    movie : TimeLapse
        Raw, or of labels.
    choice : Choice
    run : Path
        The result folder.

    Returns
    -------
    Tracks
        The objects that were chosen, without links.
    callable
        Reads the label images of what was chosen.
    """
    segmenter = choice.segmenter
    found: list[_Found] = []
    if segmenter is not None:
        found = [
            _Found(movie.count, run / PARTS, one) for one in range(1 + len(_LARGER) * choice.scales)
        ]
        for number in progress(range(movie.count), "Segmenting", unit="frame"):
            if not found[-1].table(number).exists():
                results = segment_scales(segmenter, movie.frame(number), movie.channel)
                for one, result in zip(found, results, strict=False):
                    one.keep(number, result)
    given = choice.others if segmenter else (movie, *choice.others)

    def labels() -> list[Iterator[AnyArray]]:
        return [*(one.labels() for one in found), *(one.labels() for one in given)]

    def images() -> Iterator[AnyArray] | None:
        frames = (measured_channels(movie, movie.frame(n))[0] for n in range(movie.count))
        return frames if segmenter else None

    confidence = [*(one.confidence() for one in found), *(None for _ in given)]
    size, interval = movie.scale
    hypotheses = find_hypotheses(
        labels(), images(), confidence=confidence, pixel_size=size, frame_interval=interval
    )
    chosen = choose(hypotheses, choice.options)
    painted = _Found(movie.count, run / PARTS, _CHOSEN)
    for number, frames in enumerate(zip(*labels(), strict=True)):
        picture = hypotheses.paint(chosen, number, frames)
        write_labels(painted.file(number), picture, overwrite=True)
    detections = find_detections(
        painted.labels(),
        images(),
        pixel_size=size,
        frame_interval=interval,
        channel_names=measured_channels(movie, movie.frame(0))[1],
    )
    return detections, painted.labels


@dataclass(frozen=True, slots=True)
class _Found:
    """A segmentation of all frames, in files."""

    count: int
    folder: Path
    name: int | str

    def file(self, number: int) -> Path:
        return self.folder / f"labels{number}-{self.name}.tif"

    def table(self, number: int) -> Path:
        return self.folder / f"labels{number}-{self.name}.parquet"

    def keep(self, number: int, result: Segmentation) -> None:
        assert result.labels is not None  # no sink was given
        write_labels(self.file(number), result.labels, overwrite=True)
        write_parquet(self.table(number), {"confidence": result.table["confidence"]})

    def labels(self) -> Iterator[AnyArray]:
        return (read_labels(self.file(number))[0] for number in range(self.count))

    def confidence(self) -> Iterator[AnyArray]:
        return (read_parquet(self.table(number))["confidence"] for number in range(self.count))


def segment_scales(
    segmenter: InstanceModel, image: Image, channel: tuple[str, ...] = ()
) -> Iterator[Segmentation]:
    """Segment a frame at the scale that suits the model, then as if objects were larger.

    Parameters
    ----------
    segmenter : InstanceModel
        One that says which sizes of objects it knows.
    image : Image
    channel : tuple of str
        Channels that it is given.
    """
    channels = channel or None
    first = segmenter.segment(image, channel=channels)
    yield first
    comfortable = segmenter.card.input.diameter_range or (0.0, 0.0)
    usual = float(np.fmax(first.diameter, comfortable[1]))
    for larger in _LARGER:
        yield segmenter.segment(image, channel=channels, diameter=usual * larger)
