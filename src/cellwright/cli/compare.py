"""``cellwright compare``."""

from pathlib import Path
from typing import Any

import click

from cellwright.cli import options
from cellwright.cli.exits import EXIT_SOME_FAILED
from cellwright.methods.registry import BOX_METHODS, CLASS_METHODS, LEARNERS, METHODS, POINT_METHODS
from cellwright.networks.registry import NETWORKS
from cellwright.runs.compare.options import DEFAULT_MINUTES

_METHODS = (*METHODS, *CLASS_METHODS, *BOX_METHODS, *POINT_METHODS, *LEARNERS)


def _names(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Return the names in a list with commas."""
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@click.command(short_help="Train several methods on annotated images and recommend one.")
@click.argument("dataset", type=options.Existing())
@options.output_folder
@click.option(
    "--minutes",
    type=options.Real(min=0, min_open=True),
    default=DEFAULT_MINUTES,
    show_default=True,
    help="For all of it: candidates, judging them, and the final model.",
)
@click.option(
    "--methods",
    metavar="A,B",
    callback=_names,
    help=f"Some of: {', '.join(_METHODS)}.  [default: by the shapes of the objects, and one "
    "without a network]",
)
@click.option(
    "--networks",
    metavar="A,B",
    callback=_names,
    help=f"Some of: {', '.join(NETWORKS)}.  [default: unet; where there is one method, two]",
)
@click.option(
    "--folds",
    type=options.Whole(min=2),
    help="Parts of the images for cross-validation, groups undivided.  [default: the validation "
    "images of the dataset, or 3]",
)
@click.option(
    "--search",
    is_flag=True,
    help="Spend half of the time on better settings for the best candidate (learning rate, weight "
    "decay, size of the network, augmentation, patches). Needs Optuna.",
)
@options.seed
@options.axes
@options.device
@options.workers
@options.threads
@options.overwrite
@options.as_json
def compare(
    dataset: Path,
    output: Path,
    as_json: bool,
    device: str,
    workers: int,
    threads: int | None,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Train several methods on the images and labels in DATASET and recommend one.

    All candidates learn for the same time, in rounds of which each leaves out the worse half. What
    fits into the minutes (folds, images to judge by, candidates) is tried first, and said. The best
    one is trained once more, on all images, and is ready for 'cellwright segment'. Ctrl-C stops;
    the same command again goes on from there.
    """
    from cellwright import CompareOptions
    from cellwright import compare as run

    result = run(
        dataset,
        output,
        CompareOptions(**choices),
        device=device,
        workers=workers,
        threads=threads,
        overwrite=overwrite,
    )
    metrics = result.metrics
    for name, reason in metrics["failed"].items():
        click.echo(f"Failed: {name}: {reason}", err=True)
    for name, reason in metrics["left_out"].items():
        click.echo(f"Left out: {name}: {reason}", err=True)
    command = "detect" if metrics["task"] in ("boxes", "points") else "segment"
    lines = [
        *metrics["said"],
        f"Report: {output / 'report.html'}",
        f"Use it: cellwright {command} IMAGES -o RESULTS --model {output / 'model'}",
    ]
    options.say(as_json, {"output": str(output), **metrics}, lines)
    if metrics["failed"]:
        raise SystemExit(EXIT_SOME_FAILED)
