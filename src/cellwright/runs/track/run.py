"""``cellwright track``: from a movie to tracks, numbers and a report."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellwright._arguments import as_path, check_flags
from cellwright._errors import InputError, UsageError
from cellwright._files import write_text
from cellwright.inference.runtime import Device
from cellwright.measure.tables import write_csv, write_parquet_parts
from cellwright.models.find import find_model
from cellwright.models.scorer import load_scorer
from cellwright.models.spots import SpotSettings
from cellwright.runs.doctor import versions
from cellwright.runs.results.folder import RunFolder, open_run, refuse_inputs_inside
from cellwright.runs.results.plan import InputFile, Plan, named
from cellwright.runs.results.result import REPORT_FILE, command_line
from cellwright.runs.results.room import PARTS
from cellwright.runs.track.film import make_film
from cellwright.runs.track.hypotheses import Choice, Segmentations, choose_objects
from cellwright.runs.track.objects import find_objects, found_labels
from cellwright.runs.track.opening import Found, Opened, open_beside, open_source
from cellwright.runs.track.report import track_report
from cellwright.runs.track.spots import find_spots
from cellwright.runs.track.timelapse import (
    MovieOptions,
    TimeLapse,
    check_movie_options,
)
from cellwright.tracking.doubt import doubt_table, doubtful_links
from cellwright.tracking.formats.ctc import write_ctc
from cellwright.tracking.formats.files import write_tracks
from cellwright.tracking.formats.pins import read_pin_table, read_pins
from cellwright.tracking.formats.table import TrackTables
from cellwright.tracking.kalman import Motion
from cellwright.tracking.link import start_linking
from cellwright.tracking.options import LinkOptions, check_options, check_scorer
from cellwright.tracking.plain import NO_OUTLINES, Overlaps
from cellwright.tracking.summary import summarise
from cellwright.tracking.tracks import Tracks

CTC_FOLDER = "ctc"
DOUBTFUL_FILE = "tracks_doubtful.csv"
TRACKMATE_FILE = "tracks.xml"
MOTION_FILE = "tracks_motion.csv"
LAGS_FILE = "tracks_msd.csv"
_FILES = (
    "tracks.csv", "tracks_links.csv", DOUBTFUL_FILE, "tracks.parquet", "tracks.geff", MOTION_FILE,
    LAGS_FILE, REPORT_FILE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrackResult:
    """What a tracking run did.

    Parameters
    ----------
    folder : Path
        Where the results are.
    summary : dict
        Numbers of detections, tracks, divisions and so on; see `TrackSummary.to_json`.
    warnings : tuple of str
    seconds : float
        Duration of this run in s; 0 when everything was done before.
    """

    folder: Path
    summary: dict[str, Any]
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "output": str(self.folder),
            **self.summary,
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
            "table": str(self.folder / _FILES[0]),
            "report": str(self.folder / REPORT_FILE),
        }


def track_movie(
    source: str | Path,
    output: str | Path,
    options: LinkOptions | None = None,
    *,
    model: str | Path | SpotSettings | Segmentations | None = None,
    images: str | Path | None = None,
    movie: MovieOptions | None = None,
    pins: str | Path | None = None,
    scorer: str | Path | None = None,
    trackmate: bool = False,
    device: Device = "auto",
    overwrite: bool = False,
) -> TrackResult:
    """Track the objects of a movie, into a result folder.

    Parameters
    ----------
    source : str or Path
        Label images (a folder of frames, one file with a time axis, a folder of the Cell Tracking
        Challenge), a raw movie in the same forms, a table of points (``frame, y, x[, z]``), of
        objects or of boxes, or a result of ``cellwright detect``.
    output : str or Path
        The result folder.
    options : LinkOptions, optional
        Without them, spots do not divide.
    model : str, Path, SpotSettings or Segmentations, optional
        Segments a raw movie; by default the nuclei that come with Cellwright. When it is named,
        the movie is raw. `SpotSettings` find spots without a model; of several `Segmentations`
        those objects are taken that can be followed best.
    images : str or Path, optional
        The raw movie that label images were outlined in: its intensities are measured, and help
        to recognise cells.
    movie : MovieOptions, optional
        What is said of the movie in place of its files, and which channels are looked at.
    pins : str or Path, optional
        A CSV of links that are forced or forbidden; see `read_pins`.
    scorer : str or Path, optional
        A model that tells how probable links and divisions are, in place of what is estimated from
        the movie; see `cellwright.runs.train_scorer.run.train_scorer`.
    trackmate : bool
        Also write ``tracks.xml`` for TrackMate.
    device : {"auto", "cpu", "cuda"}
        Where the model runs.
    overwrite : bool
        Replace the results of an earlier run in `output`.

    Raises
    ------
    InputError
        If the movie cannot be used.
    ModelError
        If there is no such model, or its package is broken.
    OutputError
        If `output` holds other results, or `pins`, or cannot be written.
    UsageError
        If what is asked for does not go with the movie or the model.
    """
    source, output = as_path(source, "source"), as_path(output, "output")
    if options is None:
        options = LinkOptions(divisions=not isinstance(model, SpotSettings))
    check_options(options)
    check_scorer(options, scorer)
    movie = MovieOptions() if movie is None else movie
    check_movie_options(movie)
    check_flags(trackmate=trackmate, overwrite=overwrite)
    if pins is not None:
        # It may be a list of doubtful links that was filled in.
        refuse_inputs_inside(output, [as_path(pins, "pins")])
        read_pin_table(pins)  # what is wrong with it is told before anything is done
    if scorer is not None:
        refuse_inputs_inside(output, [find_model(scorer)])
    if images is None:
        opened = open_source(source, output, model, movie, options, device)
    else:
        opened = open_beside(source, output, model, as_path(images, "images"), movie)
    if options.by == "overlap" and (opened.movie is None or isinstance(model, SpotSettings)):
        raise UsageError(NO_OUTLINES)
    scores, scored_by = (None, None) if scorer is None else load_scorer(scorer)
    parameters = _parameters(model, pins, trackmate)
    if images is not None:
        parameters["images"] = Path(images).resolve().as_posix()
    if scored_by is not None:
        path = Path(scored_by.source).resolve().as_posix()
        parameters["scorer"] = named(scored_by) | {"path": path}
    plan = Plan(
        command="track",
        inputs=tuple(map(InputFile.of, opened.paths)),
        parameters=asdict(options) | asdict(movie) | parameters,
        files=_files(None if isinstance(model, SpotSettings) else opened.movie, trackmate),
        model=None if opened.segmenter is None else named(opened.segmenter),
        afterwards=(*asdict(options), "pins", "scorer"),
    )
    with open_run(output, plan, overwrite=overwrite, command_line=command_line()) as (
        run,
        finished,
    ):
        if finished is not None:
            warnings = tuple(finished["images"][0]["warnings"])
            return TrackResult(output, finished["tracking"], warnings)
        start = time.perf_counter()
        found = _find(opened, run)
        if options.by == "overlap" and found.frames is not None:
            overlaps = Overlaps.of(found.frames())
            scores = overlaps.scorer(found.detections, divisions=options.divisions)
        linking = start_linking(found.detections, options, scorer=scores)
        if pins is not None:
            wanted = read_pins(pins, found.detections)
            linking = linking.pinned(wanted.forced, wanted.forbidden)
        tracks, motion = linking.tracks(), linking.model.motion
        del linking  # which holds more than the tracks; writing needs memory of its own
        return _finish(run, opened, found, tracks, motion, start)


def _parameters(
    model: str | Path | SpotSettings | Segmentations | None,
    pins: str | Path | None,
    trackmate: bool,
) -> dict[str, Any]:
    """Return what results depend on besides options, the movie and a model."""
    several = model if isinstance(model, Segmentations) else Segmentations()
    return {
        "trackmate": trackmate,
        "pins": None if pins is None else asdict(InputFile.of(Path(pins))),
        "spots": asdict(model) if isinstance(model, SpotSettings) else None,
        "hypotheses": [folder.resolve().as_posix() for folder in several.folders],
        "alternatives": several.scales,
    }


def _find(opened: Opened, run: RunFolder) -> Found:
    """Find what is in the frames of a movie; points are found already."""
    if opened.movie is None:
        assert opened.points is not None
        return opened.points
    movie, finder = opened.movie, opened.finder
    try:
        if isinstance(finder, SpotSettings):
            found, remarks = find_spots(movie, finder, run.path)
            frames = None
        elif isinstance(finder, Choice):
            found, frames = choose_objects(movie, finder, run.path)
            remarks = finder.warnings
        else:
            found, remarks = find_objects(movie, finder, run.path, opened.images)
            frames = found_labels(movie, finder, run.path)
        if not len(found):
            raise InputError(
                f"'{movie.name}' holds no object in any frame; there is nothing to track."
            )
    except InputError:  # what was kept would be in the way of the movie once it is mended
        shutil.rmtree(run.path / PARTS, ignore_errors=True)
        raise
    beside = opened.images.warnings if opened.images else ()
    return Found(found, (*movie.warnings, *beside, *remarks), frames)


def _files(movie: TimeLapse | None, trackmate: bool) -> tuple[str, ...]:
    files = (*_FILES, TRACKMATE_FILE) if trackmate else _FILES
    if movie is None:
        return files
    digits = max(3, len(str(movie.count - 1)))
    masks = (f"{CTC_FOLDER}/mask{number:0{digits}}.tif" for number in range(movie.count))
    return (*files, f"{CTC_FOLDER}/res_track.txt", *masks)


def _finish(
    run: RunFolder,
    opened: Opened,
    found: Found,
    tracks: Tracks,
    motion: Motion | None,
    start: float,
) -> TrackResult:
    """Write all results."""
    if found.frames is not None:
        write_ctc(run.path / CTC_FOLDER, tracks, found.frames())
    write_tracks(run.path / "tracks.csv", tracks)
    write_tracks(run.path / "tracks.geff", tracks)
    if TRACKMATE_FILE in run.plan.files:
        write_tracks(run.path / TRACKMATE_FILE, tracks)
    write_parquet_parts(run.path / "tracks.parquet", TrackTables(tracks).parts())
    write_csv(run.path / DOUBTFUL_FILE, doubt_table(tracks, doubtful_links(tracks)))
    summary = summarise(tracks)
    by_track, by_lag = summary.tables()
    write_csv(run.path / MOTION_FILE, by_track)
    write_csv(run.path / LAGS_FILE, by_lag)
    warnings = (*found.remarks, *summary.warnings())
    seen = opened.images or opened.movie
    film = make_film(tracks, seen, labels=opened.holds_labels and opened.images is None)
    seconds = time.perf_counter() - start
    record = {
        "failed": 0,
        "tracking": summary.to_json(),
        "motion": None if motion is None else motion._asdict(),
        "versions": versions(),
        "timings": {"wall_s": round(seconds, 3)},
        "images": [{"files": list(run.plan.files), "warnings": list(warnings)}],
    }
    page = run.plan.to_json() | record
    page |= {"command_line": run.command_line, "started": run.started}
    write_text(run.path / REPORT_FILE, track_report(page, tracks, summary, film, warnings))
    run.finish(**record)
    return TrackResult(run.path, summary.to_json(), warnings, seconds)
