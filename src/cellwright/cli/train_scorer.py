"""``cellwright train-scorer``."""

from pathlib import Path
from typing import Any

import click

from cellwright.cli import options


@click.command(name="train-scorer", short_help="Train what tells links of tracks apart.")
@click.argument("movies", nargs=-1, metavar="[TRACKED]...", type=options.Existing())
@options.output_folder
@click.option(
    "--simulated",
    type=options.Whole(min=0),
    default=40,
    show_default=True,
    help="Simulated movies to learn from besides.",
)
@click.option(
    "--steps",
    type=options.Whole(min=1),
    default=600,
    show_default=True,
    help="Length of the training.",
)
@options.seed
@click.option("--name", help="Name of the scorer.  [default: that of the output folder]")
@options.overwrite
@options.as_json
def train_scorer(
    movies: tuple[Path, ...], output: Path, overwrite: bool, as_json: bool, **choices: Any
) -> None:
    """Train a scorer of links and divisions, for 'cellwright track --scorer'.

    TRACKED are folders of the Cell Tracking Challenge with true tracks and whole outlines, such as
    01_GT (images in 01 beside it are looked at), or folders of such folders; simulated movies come
    besides. A fifth of the movies (one at least) is set aside and tracked, whole and in parts, with
    the scorer and without, to see whether it is of use.
    """
    from cellwright.runs.train_scorer.run import ScorerOptions
    from cellwright.runs.train_scorer.run import train_scorer as run

    result = run(movies, output, ScorerOptions(**choices), overwrite=overwrite)
    card = result.package.card
    lines = [f"F1 of {card.evaluation['of']}, with the scorer (and what it gains):"]
    lines += [f"  {what:<10} {score:.4f} ({gain:+.4f})" for what, score, gain in result.table()]
    if not result.better:
        lines.append("Note: links or divisions are no more right with it there than without it.")
    lines.append(f"scorer  {result.folder}")
    options.say(
        as_json,
        {"scorer": str(result.folder), "better": result.better, "evaluation": card.evaluation},
        lines,
    )
