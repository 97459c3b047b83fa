"""``cellwright train``."""

from pathlib import Path
from typing import Any

import click

from cellwright.cli import options


@click.command(short_help="Train a model on annotated images.")
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@options.output_folder
@click.option(
    "--method",
    default="offsets",
    show_default=True,
    help="How objects are learned: boundary, flows, flows-distance, offsets or watershed.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Length of the training (2000).")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Or its time.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--batch-size", type=click.IntRange(min=1), default=4, show_default=True)
@click.option(
    "--patch", type=click.IntRange(min=64), default=256, show_default=True, help="Side in pixels."
)
@click.option(
    "--augmentation",
    "strength",
    type=click.Choice(["none", "light", "standard", "strong"]),
    default="standard",
    show_default=True,
    help="How much patches are varied.",
)
@click.option("--width", type=click.IntRange(min=8), help="Channels of the network (32).")
@click.option("--depth", type=click.IntRange(min=1), help="Levels of the network (4).")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), default=2e-3)
@click.option(
    "--from",
    "start_from",
    metavar="MODEL",
    help="Start from the weights of a model (and its network): 'nuclei', or a package.",
)
@click.option(
    "--stage-rate",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=1.0,
    show_default=True,
    help="Each stage nearer to the pixels learns by this factor more slowly.",
)
@click.option(
    "--frozen-stages",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="So many stages, from the pixels on, learn only in the second half.",
)
@click.option("--name", help="Name of the model; that of the output folder by default.")
@options.axes
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Processes that prepare images."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of the network.")
@options.overwrite
@options.as_json
def train(
    dataset: Path,
    output: Path,
    as_json: bool,
    width: int | None,
    depth: int | None,
    device: str,
    workers: int,
    threads: int | None,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Train a model on the images and labels in DATASET.

    The output folder becomes a model package with a report about the training. Run the same
    command again to go on after an interruption.
    """
    from cellwright._errors import UsageError

    try:
        from cellwright.runs.train import TrainOptions
        from cellwright.runs.train import train as run
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "tensorboardX"):
            raise
        raise UsageError(
            f"Training needs the package '{error.name}': pip install 'cellwright[train]'."
        ) from error

    given = {"width": width, "depth": depth}
    network = {name: value for name, value in given.items() if value is not None}
    result = run(
        dataset,
        output,
        TrainOptions(network=network, **choices),
        device=device,
        workers=workers,
        threads=threads,
        overwrite=overwrite,
    )
    card = result.package.card
    figures = card.evaluation
    lines = [
        *(f"Note: {warning}" for warning in result.warnings),
        f"Model '{card.name}': AP@0.5 {figures['AP@0.5 per image']:.3f} per image, "
        f"{figures['AP@0.5 pooled']:.3f} pooled, on {figures['images']:,} validation images.",
        f"Report: {output / 'report.html'}",
        f"Use it: cellwright segment IMAGES -o RESULTS --model {output}",
    ]
    summary = {"output": str(output), "model": card.name, "evaluation": dict(figures)}
    options.say(as_json, summary | {"warnings": list(result.warnings)}, lines)
