"""Options that several commands share, and how they print a result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

output_folder = click.option(
    "-o",
    "--output",
    "output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the results.",
)
overwrite = click.option(
    "--overwrite",
    is_flag=True,
    help="Replace the results of an earlier run in the output folder.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."
)
axes = click.option(
    "--axes",
    metavar="LETTERS",
    help="Axes of the images where the file does not say, such as ZYX or CYX.",
)
jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Images worked on at the same time.",
)


def say(as_json: bool, result: dict[str, Any], lines: list[str]) -> None:
    """Print `result` for a machine, or `lines` for a person."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))
