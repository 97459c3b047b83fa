"""``cellwright track``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cellwright._words import counted
from cellwright.cli import options, spot_options

if TYPE_CHECKING:
    from cellwright.runs.track.run import TrackResult


@click.command(short_help="Follow objects over time.")
@click.argument("source", metavar="INPUT", type=options.Existing())
@options.output_folder
@click.option(
    "--model",
    metavar="NAME|PATH",
    help="Model that segments a raw movie; with this option INPUT is taken for one.  "
    "[default: nuclei where INPUT holds no labels]",
)
@click.option(
    "--spots",
    type=options.Real(min=0, min_open=True),
    metavar="DIAMETER",
    help="Follow bright spots of this diameter in pixels through a raw movie, without a model.",
)
@click.option(
    "--images",
    type=options.Existing(),
    help="The raw movie of the label images in INPUT: intensities are measured in it, and help to "
    "recognise cells.",
)
@spot_options.dark
@spot_options.noise_factor
@options.axes
@click.option(
    "--channel",
    multiple=True,
    metavar="NAME|NUMBER",
    help="Channel that is looked at, by name or by number from 0.",
)
@click.option(
    "--divisions/--no-divisions",
    default=None,
    help="Whether objects divide.  [default: all but spots do]",
)
@click.option(
    "--merges/--no-merges",
    default=True,
    help="Whether two objects may be seen as one for some frames.",
)
@click.option(
    "--motion",
    type=options.OneOf(["auto", "brownian", "directed", "switching"]),
    default="auto",
    show_default=True,
    help="How objects go on: at random, with a velocity that they keep, or by turns; 'auto' is "
    "what the movie speaks for.",
)
@click.option(
    "--min-cycle",
    type=options.Whole(min=1),
    default=1,
    show_default=True,
    help="Fewest frames that a cell lives from its birth to its division.",
)
@click.option(
    "--max-gap",
    type=options.Whole(min=0),
    default=2,
    show_default=True,
    help="Frames in a row that a cell may be missing from.",
)
@click.option(
    "--max-distance",
    type=options.Real(min=0, min_open=True),
    help="Longest way between two frames, in µm (px where the pixel size is not known).  "
    "[default: estimated]",
)
@options.pixel_size
@click.option(
    "--plane-distance",
    type=options.Real(1e-6, 1e6),
    help="Distance between planes in µm, with --pixel-size, in place of what the files say.  "
    "[default for tables of points: the pixel size]",
)
@click.option(
    "--frame-interval",
    type=options.Real(min=0, min_open=True),
    help="Time between frames in s, in place of what the files say.",
)
@options.device
@click.option(
    "--hypotheses",
    multiple=True,
    type=options.Existing(),
    metavar="LABELS",
    help="Another segmentation of the same movie, as label images; repeatable. Of objects that "
    "overlap, those are chosen that can be followed best.",
)
@click.option(
    "--alternatives",
    is_flag=True,
    help="The model also looks at a raw movie as if objects were larger, and of objects that "
    "overlap those are chosen that can be followed best.",
)
@click.option(
    "--pins",
    type=options.Existing(dir_okay=False),
    metavar="FILE.csv",
    help="Links that are forced or forbidden: rows of tracks_links.csv or tracks_doubtful.csv with "
    "a column 'pin', which says 'forced' or 'forbidden'.",
)
@click.option(
    "--by",
    type=options.OneOf(["model", "overlap", "distance"]),
    default="model",
    show_default=True,
    help="What tells links of frames that follow each other: how the objects of this movie move, "
    "change and divide; the pixels that outlines share; or nearness alone. Gaps, and daughters "
    "seen late, are told by the first always.",
)
@click.option(
    "--scorer",
    metavar="NAME|PATH",
    help="Model that tells how probable links and divisions are ('cellwright train-scorer'), in "
    "place of what is estimated from the movie.",
)
@click.option("--trackmate", is_flag=True, help="Also write tracks.xml for TrackMate.")
@options.overwrite
@options.as_json
def track(
    source: Path,
    output: Path,
    model: str | None,
    spots: float | None,
    dark: bool,
    noise_factor: float,
    divisions: bool | None,
    hypotheses: tuple[Path, ...],
    alternatives: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Follow the objects of a movie over time, with their divisions.

    INPUT is a folder with one label image per frame, a file with a time axis, a folder of the
    Cell Tracking Challenge, a table of points (CSV or Parquet with frame, y, x and maybe z) or of
    boxes, what 'cellwright detect' found, or a raw movie, which is segmented first; with --spots
    its spots are found instead. How far objects move and how often they divide is estimated from
    the movie. The same command goes on where it was stopped.
    """
    spot_options.check_choices(spots is not None)
    from cellwright.models.spots import SpotSettings
    from cellwright.runs.track.hypotheses import Segmentations
    from cellwright.runs.track.run import track_movie
    from cellwright.runs.track.timelapse import MovieOptions
    from cellwright.tracking.options import LinkOptions

    several = Segmentations(model, hypotheses, alternatives)
    if spots is not None and several:
        raise click.UsageError("Only segmentations compete; --spots has none to choose from.")
    finder = several if several else model
    choices["divisions"] = spots is None if divisions is None else divisions
    linking, movie = options.take(LinkOptions, choices), options.take(MovieOptions, choices)
    result = track_movie(
        source,
        output,
        linking,
        model=finder if spots is None else SpotSettings(spots, dark, noise_factor),
        movie=movie,
        **choices,
    )
    _tell(result, as_json)


def _tell(result: "TrackResult", as_json: bool) -> None:
    """Print what was found."""
    numbers = result.summary
    again = "" if result.seconds else " (done before, nothing to do)"
    options.say(
        as_json,
        result.to_json(),
        [
            f"{counted(numbers['tracks'], 'track')} with "
            f"{counted(numbers['divisions'], 'division')}, from "
            f"{counted(numbers['detections'], 'object')} in "
            f"{counted(numbers['frames'], 'frame')}{again}",
            *(f"Note: {warning}" for warning in result.warnings),
            *_motion(numbers),
            f"table   {result.folder / 'tracks.csv'}",
            f"report  {result.folder / 'report.html'}",
        ],
    )


def _motion(numbers: dict[str, Any]) -> list[str]:
    """Say how the objects move, as far as it is known."""
    length, time = numbers["length_unit"], numbers["time_unit"]
    low, high = numbers.get("diffusion_interval", (None, None))
    interval = "" if high is None else f" ({low:.3g} to {high:.3g})"
    said = (
        ("median_speed", "median speed", f" {length}/{time}"),
        ("diffusion", "diffusion coefficient", f" {length}²/{time}{interval}"),
        ("msd_exponent", "squared displacements grow with time to the power of", ""),
    )
    known = [
        f"{words} {numbers[name]:.3g}{unit}"
        for name, words, unit in said
        if numbers[name] is not None
    ]
    return [", ".join(known)] if known else []
