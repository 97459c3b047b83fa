"""``cellwright train``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cellwright.cli import options
from cellwright.methods.registry import (
    BOX_METHODS,
    CLASS_METHODS,
    LEARNERS,
    METHODS,
    POINT_METHODS,
)
from cellwright.networks.registry import (
    ENCODERS,
    NETWORKS,
    network_description,
    network_summaries,
)


def _listed(title: str, summaries: Mapping[str, str]) -> str:
    """Return names with what they are good at, in lines that click leaves as they are."""
    width = max(map(len, summaries))
    lines = [f"  {name:{width}}  {summary}" for name, summary in summaries.items()]
    return "\n".join(["\b", f"{title}:", *lines])


LEARNED = METHODS | CLASS_METHODS | BOX_METHODS | POINT_METHODS
CHOICES = "\n\n".join(
    (
        _listed("Methods", {name: one.summary for name, one in LEARNED.items()}),
        _listed("Methods without a network", {n: one.summary for n, one in LEARNERS.items()}),
        _listed("Networks", network_summaries()),
        _listed("Encoders", {name: summary for name, (summary, _) in ENCODERS.items()}),
    )
)


@click.command(short_help="Train a model on annotated images.", epilog=CHOICES)
@click.argument("dataset", type=options.Existing())
@options.output_folder
@click.option(
    "--method",
    type=options.OneOf([*LEARNED, *LEARNERS]),
    help="How objects or classes are learned; see below.  [default: that of --from; offsets; for "
    "volumes watershed; classes where pixel classes are annotated; boxes, points where those are]",
)
@click.option(
    "--steps",
    type=options.Whole(min=1),
    help="Length of the training.  [default: 2000, unless --minutes is given]",
)
@click.option(
    "--minutes",
    type=options.Real(min=0, min_open=True),
    help="Length of the training in time; choosing thresholds and the report come on top.",
)
@options.seed
@click.option(
    "--batch-size",
    type=options.Whole(min=1),
    help="Patches of images in one step.  [default: 4, of small images more; of volumes 2]",
)
@click.option(
    "--patch",
    type=options.Whole(min=16),
    help="Side of a patch, in pixels.  [default: that of the images, 256 at most; of volumes 64]",
)
@options.augmentation("How much patches are varied.")
@click.option(
    "--network",
    type=options.OneOf(list(NETWORKS)),
    help="Kind of network.  [default: unet, or that of --from]",
)
@click.option(
    "--encoder",
    type=options.OneOf(list(ENCODERS)),
    help="Kind of its layers.  [default: the network's own]",
)
@click.option(
    "--width",
    type=options.Whole(min=1),
    help="Channels of its finest level (32 for unet); without levels, of each layer.",
)
@click.option(
    "--depth",
    type=options.Whole(min=1),
    help="Its levels (4 for unet); without levels, its layers.",
)
@click.option(
    "--recipe",
    type=options.Setting(),
    multiple=True,
    help="How objects or classes are learned, such as gap_weight=10 for boundary or "
    "class_weights=balanced for classes; docs/python.md lists what each method has. Several may be "
    "given.",
)
@click.option(
    "--balance",
    type=options.OneOf(["kind", "group"]),
    help="Draw images of each kind, or group, equally often.  [default: all images]",
)
@click.option(
    "--optimiser",
    type=options.OneOf(["muon", "adamw", "sgd"]),
    default="muon",
    show_default=True,
    help="Muon learns most in few steps; AdamW, or stochastic gradient descent with Nesterov "
    "momentum.",
)
@click.option(
    "--learning-rate",
    type=options.Real(min=0, min_open=True),
    help="How far one step goes.  [default: 0.01; of adamw 0.002, of sgd 0.1]",
)
@click.option(
    "--weight-decay",
    type=options.Real(min=0),
    default=1e-2,
    show_default=True,
    help="How strongly weights are pulled to 0.",
)
@click.option(
    "--patience",
    type=options.Whole(min=1),
    help="End after so many validations in a row that were no better.  [default: never]",
)
@click.option(
    "--from",
    "start_from",
    metavar="MODEL",
    help="Start from the weights of a model (and its network): 'nuclei', or a package.",
)
@click.option(
    "--stage-rate",
    type=options.Real(min=0, max=1, min_open=True),
    default=1.0,
    show_default=True,
    help="Each stage nearer to the pixels learns by this factor more slowly.",
)
@click.option(
    "--frozen-stages",
    type=options.Whole(min=0),
    default=0,
    show_default=True,
    help="So many stages, counted from the pixels, learn only in the second half of the training.",
)
@click.option("--name", help="Name of the model.  [default: that of the output folder]")
@click.option(
    "--diameter",
    type=options.Real(min=0, min_open=True),
    help="Of what points mark, in pixels, for the method points: a point is right within a quarter "
    "of it.  [default: that of the annotated objects; 12 for points alone]",
)
@options.axes
@options.device
@options.workers
@options.threads
@options.overwrite
@options.as_json
def train(
    dataset: Path,
    output: Path,
    as_json: bool,
    overwrite: bool,
    **choices: Any,
) -> None:
    """Train a model on the images and labels in DATASET.

    DATASET is a folder in a layout that 'cellwright data inspect' knows. The output folder
    becomes a model package with a report about the training. Ctrl-C stops; the same command
    again goes on from there.
    """
    from cellwright import TrainOptions
    from cellwright import train as run

    machine = {name: choices.pop(name) for name in ("device", "workers", "threads")}
    network = _network(**{name: choices.pop(name) for name in _OF_NETWORK})
    result = run(
        dataset,
        output,
        TrainOptions(network=network, recipe=dict(choices.pop("recipe")), **choices),
        **machine,
        overwrite=overwrite,
    )
    card = result.package.card
    command = "detect" if card.task in ("boxes", "points") else "segment"
    lines = [
        *(f"Note: {warning}" for warning in result.warnings),
        f"Model '{card.name}': {result.headline}.",
        f"Report: {output / 'report.html'}",
    ]
    if result.learned:
        lines.append(f"Use it: cellwright {command} IMAGES -o RESULTS --model {output}")
    summary = {"output": str(output), "model": card.name, "evaluation": dict(card.evaluation)}
    options.say(as_json, summary | {"warnings": list(result.warnings)}, lines)


_OF_NETWORK = ("network", "encoder", "width", "depth")


def _network(network: str | None, **sizes: Any) -> dict[str, Any]:
    """Describe the network that is asked for."""
    described = network_description(network or "unet", **sizes)
    if network is None:
        described.pop("name")  # that of the model to start from, if there is one
    return described
