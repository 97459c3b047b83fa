"""What is tracked: points, label images or a raw movie, opened before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray
from cellwright._words import option
from cellwright.inference.runtime import Device
from cellwright.models.channels import channel_numbers, channels_for
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_model
from cellwright.models.spots import SpotSettings
from cellwright.runs.results.folder import refuse_inputs_inside
from cellwright.runs.track.boxes import found_objects
from cellwright.runs.track.hypotheses import Choice, Segmentations, open_choice
from cellwright.runs.track.points import read_points
from cellwright.runs.track.timelapse import MovieOptions, TimeLapse, open_labels, open_timelapse
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import Tracks

_TABLES = (".csv", ".parquet")
_DEFAULT_MODEL = "nuclei"


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be linked, the labels where there are some, and what the user should know."""

    detections: Tracks
    remarks: tuple[str, ...] = ()
    frames: Callable[[], Iterator[AnyArray]] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What is tracked: points, or a movie and what finds things in it.

    Attributes
    ----------
    paths : tuple of Path
        All files that are read.
    points : Found or None
    movie : TimeLapse or None
    finder : SpotSettings, Choice, InstanceModel or None
        None for points and for labels.
    images : TimeLapse or None
        The raw movie of labels.
    """

    paths: tuple[Path, ...]
    points: Found | None = None
    movie: TimeLapse | None = None
    finder: SpotSettings | Choice | InstanceModel | None = None
    images: TimeLapse | None = None

    @property
    def segmenter(self) -> InstanceModel | None:
        """The model that outlines objects, if one does."""
        finder = self.finder.segmenter if isinstance(self.finder, Choice) else self.finder
        return finder if isinstance(finder, InstanceModel) else None

    @property
    def holds_labels(self) -> bool:
        """Whether the frames of the movie are label images."""
        return self.segmenter is None and not isinstance(self.finder, SpotSettings)


def open_source(
    source: Path,
    output: Path,
    model: str | Path | SpotSettings | Segmentations | None,
    given: MovieOptions,
    options: LinkOptions,
    device: Device,
) -> Opened:
    """Open points, or a movie and what finds things in it."""
    source, images = found_objects(source)
    if source.suffix.lower() in _TABLES:
        if model is not None:
            raise UsageError(
                f"'{source}' is a table of points: there is nothing to segment or find."
            )
        return Opened((source,), points=Found(*read_points(source, given, images)))
    movie = open_timelapse(source, given, output=output)
    if isinstance(model, SpotSettings):
        return Opened(movie.paths, movie=movie, finder=model)
    several = model if isinstance(model, Segmentations) else Segmentations(model)
    segmenter = _segmenter(movie, several.model, device, output)
    if not several:
        return Opened(movie.paths, movie=movie, finder=segmenter)
    choice = open_choice(several, movie, segmenter, options, given.axes)
    others = (path for one in choice.others for path in one.paths)
    return Opened((*movie.paths, *others), movie=movie, finder=choice)


def open_beside(
    source: Path,
    output: Path,
    model: str | Path | SpotSettings | Segmentations | None,
    images: Path,
    given: MovieOptions,
) -> Opened:
    """Open label images and the raw movie that they were outlined in."""
    raw, (source, _) = option("images"), found_objects(source)
    if model is not None or source.suffix.lower() in _TABLES:
        raise UsageError(
            f"{raw} is for label images alone: the raw movie that they were outlined in. A movie "
            "in which a model or spots find objects is the input, and is measured; tables of "
            f"points and further segmentations are not measured. Leave out {raw}."
        )
    labels = open_labels(source, given, output=output)
    if not labels.holds_labels():
        raise UsageError(
            f"'{source}' holds no label images, which {raw} is for; a raw movie alone is segmented "
            "and measured."
        )
    movie = open_timelapse(images, given, output=output)
    if (movie.count, movie.size) != (labels.count, labels.size):
        raise InputError(
            f"'{images}' has {movie.count} frames of {movie.size} px, but '{source}' "
            f"{labels.count} of {labels.size}; give the movie that was labelled."
        )
    channel_numbers(movie.frame(0), movie.channel)  # told before anything is written
    return Opened((*labels.paths, *movie.paths), movie=labels, images=movie)


def _segmenter(
    movie: TimeLapse, model: str | Path | None, device: Device, output: Path
) -> InstanceModel | None:
    """Return the model that segments a movie; None for one of labels."""
    if model is None and movie.holds_labels():
        if movie.channel:
            raise UsageError(
                f"'{movie.name}' holds labels, which have no channels: leave out "
                f"{option('channel')} or, if it is a raw movie, name a model with "
                f"{option('model')}."
            )
        return None
    package = find_model(model or _DEFAULT_MODEL)
    refuse_inputs_inside(output, [package])  # where it was trained, it would be replaced
    opened = load_model(package, device=device)
    if not isinstance(opened, InstanceModel):
        raise UsageError(
            f"The model '{opened.card.name}' does not outline objects, so there is nothing to "
            "track; name one that does."
        )
    # Channels and axes that it does not take are told before anything is written.
    card, channel = opened.card, movie.channel or None
    channels_for(movie.frame(0), card.input.channels, channel, card.network.dimensions)
    return opened
