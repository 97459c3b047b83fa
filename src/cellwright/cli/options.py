"""Options that several commands share, and how they print a result."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cellwright._arguments import LEAST_TILE, PIXEL_SIZES
from cellwright._errors import InputError
from cellwright._words import counted, did_you_mean, missing
from cellwright._workers import usual_workers
from cellwright.cli.exits import EXIT_SOME_FAILED, EXIT_WRONG_INPUT

if TYPE_CHECKING:
    from cellwright.runs.results.result import RunResult

Options = TypeVar("Options")
Command = TypeVar("Command", bound=Callable[..., Any])


class Whole(click.IntRange):
    """A whole number within bounds, called N in the help."""

    name = "n"


class Real(click.FloatRange):
    """A finite number within bounds, called NUMBER in the help."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number that is meant."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


class OneOf(click.Choice):  # type: ignore[type-arg]  # not generic before click 8.2
    """One of several words; the nearest one is suggested for a mistyped one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word that is meant."""
        try:
            return str(super().convert(value, param, ctx))
        except click.BadParameter as error:
            near = did_you_mean(str(value), self.choices)
            raise click.BadParameter(f"{error.message}{near}", ctx, param) from error


class Setting(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.2
    """A name and its value, called NAME=VALUE in the help; both as they are written."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return the name and the value."""
        if isinstance(value, tuple):
            return value
        name, equals, meant = (part.strip() for part in str(value).partition("="))
        if not name or not equals or not meant:
            self.fail(f"'{value}' must be a name and a value, such as gap_weight=10.", param, ctx)
        return name, meant


class Existing(click.Path):
    """A path of what is there; what is not is refused in the words of all commands."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(exists=True, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if not Path(value).exists():
            raise InputError(missing(value))
        super().convert(value, param, ctx)  # refuses what is of another kind
        return Path(value)


def output(what: str) -> Callable[[Command], Command]:
    """Return the option that says where results go, with what is written there for its help."""
    return click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help=what)


def overwriting(what: str) -> Callable[[Command], Command]:
    """Return the option that lets results replace others, with what is replaced for its help."""
    return click.option("--overwrite", is_flag=True, help=what)


def augmentation(what: str) -> Callable[[Command], Command]:
    """Return the option that says how much patches are varied, in words for its help."""
    return click.option(
        "--augmentation",
        "strength",
        type=OneOf(["none", "light", "standard", "strong"]),
        default="standard",
        show_default=True,
        help=what,
    )


output_folder = output("Folder for the results.")
port = click.option(
    "--port",
    type=Whole(0, 65535),
    default=0,
    help="Port of this computer to listen on.  [default: any free one]",
)
no_browser = click.option("--no-browser", is_flag=True, help="Print the address; open no page.")
overwrite = overwriting("Replace the results of an earlier run in the output folder.")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."
)
axes = click.option(
    "--axes",
    metavar="LETTERS",
    help="Axes of the images where the file does not say, such as ZYX or CYX.",
)
seed = click.option(
    "--seed",
    type=Whole(min=0),
    default=0,
    show_default=True,
    help="Seed of every random choice.",
)
device = click.option(
    "--device",
    type=OneOf(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where networks run and learn.",
)
workers = click.option(
    "--workers",
    type=Whole(min=0),
    callback=lambda _context, _option, count: usual_workers() if count is None else count,
    help="Processes that prepare images.  [default: 2 for 5 cores, at most 4]",
)
threads = click.option(
    "--threads",
    type=Whole(min=1),
    help="CPU threads of the network.  [default: all free cores]",
)
jobs = click.option(
    "--jobs",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="Images worked on at the same time.",
)


diameter = click.option(
    "--diameter",
    type=Real(min=1),
    help="Typical diameter of the objects, in pixels.  [default: estimated]",
)
pixel_size = click.option(
    "--pixel-size",
    type=Real(*PIXEL_SIZES),
    help="Distance between pixels in µm, in place of what the files say.",
)
tta = click.option(
    "--tta/--no-tta",
    default=None,
    help="Test-time augmentation: average what the network says of every image and its mirror "
    "images, or of none. Often better on hard images, and 4 times as slow (volumes 8 times).  "
    "[default: where the model's card says so]",
)


_FINDING = (
    click.argument("inputs", nargs=-1, required=True, metavar="INPUT..."),
    output_folder,
    click.option(
        "--model",
        default="nuclei",
        show_default=True,
        metavar="NAME|PATH",
        help="Name of a model, or the path of a model package.",
    ),
    axes,
    click.option(
        "--z",
        type=OneOf(["max", "mean", "each"]),
        help="What to do with Z planes: their maximum, their mean, or each on its own.",
    ),
    click.option(
        "--channel",
        multiple=True,
        metavar="NAME|NUMBER",
        help="Channel that the model is given, by name or by number from 0; several times for a "
        "model of several channels.",
    ),
    click.option("--tile", type=Whole(min=LEAST_TILE), help="Side of a tile, in pixels."),
    device,
    jobs,
    click.option(
        "--threshold",
        type=Real(0, 1),
        help="Least confidence of an object.  [default: the model's own]",
    ),
    click.option("--exclude-border", is_flag=True, help="Leave out objects cut off by the border."),
    diameter,
    pixel_size,
    tta,
    overwrite,
    as_json,
)


def finding(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the inputs and options that all have which look for objects in images."""
    for option in reversed(_FINDING):
        command = option(command)
    return command


def take(kind: type[Options], choices: dict[str, Any]) -> Options:
    """Make a dataclass of options from choices of the user, which are removed from `choices`."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: choices.pop(name) for name in names})


def say(as_json: bool, result: dict[str, Any], lines: list[str]) -> None:
    """Print `result` for a machine, or `lines` for a person."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))


def finish(result: "RunResult", as_json: bool) -> None:
    """Print what a run did and end the program with the exit code for it."""
    for note in result.notes:
        click.echo(f"Note: {note}", err=True)
    for warning, images in result.warnings.items():
        click.echo(f"Warning: {_some(images)}: {warning}", err=True)
    for image, reason in result.failures.items():
        click.echo(f"Failed: {image}: {reason}", err=True)
    for traceback in result.bugs:
        click.echo(traceback, err=True)
    again = "" if result.seconds else " (done before, nothing to do)"
    objects = result.kind.rows == "objects"
    found = f"{counted(result.objects, 'object')} in" if objects else "Pixel classes of"
    lines = [
        f"{found} {counted(result.images, 'image')}{again}",
        f"table   {result.folder / result.kind.csv}",
        f"report  {result.folder / 'report.html'}",
    ]
    if result.warnings:
        lines.insert(1, f"warnings for {counted(len(result.warned), 'image')}: see the report")
    say(as_json, result.to_json(), lines)
    if result.failures:
        total = result.images + len(result.failures)
        click.echo(f"{len(result.failures)} of {counted(total, 'image')} failed.", err=True)
        raise SystemExit(EXIT_SOME_FAILED if result.images else EXIT_WRONG_INPUT)


def _some(images: Sequence[str]) -> str:
    """Return the name of the image that a sentence is about, and how many more are like it."""
    more = len(images) - 1
    return images[0] + (f", and likewise {counted(more, 'more image')}" if more else "")
