"""``cellwright evaluate``."""

from pathlib import Path
from typing import Any

import click

from cellwright.cli import options


@click.command(short_help="Score a model on annotated images.")
@click.argument("model")
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@options.output_folder
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    default="val",
    show_default=True,
    help="Which images of the dataset.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Least confidence of an object; the model's own when not given.",
)
@options.axes
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores by default.")
@options.overwrite
@options.as_json
def evaluate(model: str, dataset: Path, output: Path, as_json: bool, **choices: Any) -> None:
    """Score MODEL (a name or a package) on the annotated images in DATASET.

    Writes metrics.json and one row per image to images.csv.
    """
    from cellwright.runs.evaluate import evaluate as run

    metrics = run(model, dataset, output, **choices).metrics
    told = next((tell for key, tell in _TOLD.items() if key in metrics), _objects)
    lines = told(metrics)
    notes = [f"Note: {warning}" for warning in metrics["warnings"]]
    options.say(as_json, metrics, [*notes, *lines, f"Results: {output}"])


def _classes(metrics: dict[str, Any]) -> list[str]:
    lines = [f"{metrics['images']:,} images:"]
    for name, value in metrics["dice"].items():
        if name not in ("background", "mean") and value is not None:
            lines.append(
                f"  {name}: Dice {value:.3f}, Jaccard {metrics['jaccard'][name]:.3f}, "
                f"boundary F {metrics['boundary_f'][name]:.3f}"
            )
    return lines


def _boxes(metrics: dict[str, Any]) -> list[str]:
    lines = [f"{metrics['true_objects']:,} boxes in {metrics['images']:,} images:"]
    for kind, scores in [("all classes", metrics), *metrics["per_class"].items()]:
        if scores["AP50"] is not None:
            lines.append(
                f"  {kind}: AP50 {scores['AP50']:.3f}, AP75 {scores['AP75']:.3f}, AP "
                f"{scores['AP']:.3f}, precision {scores['precision']:.3f}, recall "
                f"{scores['recall']:.3f}"
            )
    return lines


def _points(metrics: dict[str, Any]) -> list[str]:
    error = "" if metrics["rmse"] is None else f", off by {metrics['rmse']:.2f} px (RMSE)"
    return [
        f"{metrics['true_points']:,} points in {metrics['images']:,} images:",
        f"  F1 {metrics['f1']:.3f} within {metrics['radius']:g} px, precision "
        f"{metrics['precision']:.3f}, recall {metrics['recall']:.3f}{error}",
        f"  counts off by {metrics['mean_absolute_count_error']:.1f} per image",
    ]


def _objects(metrics: dict[str, Any]) -> list[str]:
    half, pooled = metrics["per_image"]["0.5"], metrics["pooled"]["0.5"]
    calibration = metrics["calibration"]["expected_calibration_error"]
    lines = [
        f"{metrics['true_objects']:,} objects in {metrics['images']:,} images:",
        f"  AP@0.5 per image {half['average_precision']:.3f}, "
        f"pooled {pooled['average_precision']:.3f}",
        f"  precision {pooled['precision']:.3f}, recall {pooled['recall']:.3f}, "
        f"panoptic quality {pooled['panoptic_quality']:.3f}",
    ]
    if calibration is not None:
        lines.append(f"  expected calibration error {calibration:.3f}")
    return lines


_TOLD = {"dice": _classes, "AP50": _boxes, "true_points": _points}
"""How the scores are told that have such a key; those of objects have none of these."""
