"""``cellwright evaluate``."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import click
from click.core import ParameterSource

from cellwright._errors import UsageError
from cellwright._words import counted
from cellwright.cli import options
from cellwright.reports.meanings import MEANINGS

_WIDTH = 100  # characters of a line of explanation


@click.command(short_help="Score a model on annotated images, or tracks against true ones.")
@click.argument("model", metavar="MODEL|TRACKS")
@click.argument("dataset", metavar="DATASET|TRUTH", type=click.Path(path_type=Path))
@options.output_folder
@click.option(
    "--split",
    type=options.OneOf(["train", "val", "test", "all"]),
    default="val",
    show_default=True,
    help="Which images of the dataset.",
)
@click.option(
    "--threshold",
    type=options.Real(0, 1),
    help="Least confidence of an object; the model's own when not given.",
)
@options.axes
@options.device
@options.threads
@options.tta
@click.option(
    "--radius",
    type=options.Real(min=0, min_open=True),
    help="Of tracks: match positions at most so many pixels apart, instead of masks or labels.",
)
@options.overwrite
@options.as_json
def evaluate(
    model: str,
    dataset: Path,
    output: Path,
    radius: float | None,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Score MODEL (a name or a package) on the annotated images in DATASET.

    Writes metrics.json and one row per image to images.csv.

    Or score TRACKS (what 'cellwright track' made, a folder with res_track.txt, a GEFF folder, a
    TrackMate XML or a table) against those in TRUTH (such as 01_GT of the Cell Tracking Challenge).
    Writes metrics.json.
    """
    from cellwright.tracking.formats.files import holds_tracks

    places = (Path(model) / "ctc", Path(model) / "tracks.csv", Path(model))
    tracks = next(filter(holds_tracks, places), None)
    if tracks is not None:
        _refuse_given(choices, "tracks are")
        from cellwright.runs.evaluate.tracks import evaluate_tracks

        result = evaluate_tracks(tracks, dataset, output, radius=radius, overwrite=overwrite)
        scores = result.metrics
        options.say(as_json, scores, [*_tracks(scores), f"Results: {output}"])
        return
    _refuse_given({"radius": radius}, "a model is")
    from cellwright.runs.evaluate.run import evaluate as run

    metrics = run(model, dataset, output, overwrite=overwrite, **choices).metrics
    task = next((task for key, task in _TELLING.items() if key in metrics), "instances")
    notes = [f"Note: {warning}" for warning in metrics["warnings"]]
    meaning = wrap(MEANINGS[task], _WIDTH)
    lines = [*notes, *_TOLD[task](metrics), *meaning, f"Results: {output}"]
    options.say(as_json, metrics, lines)


def _refuse_given(choices: Mapping[str, Any], what: str) -> None:
    """Raise `UsageError` where an option was given that plays no role."""
    context = click.get_current_context()
    for name in choices:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UsageError(f"--{name} means nothing when {what} scored; leave it out.")


def _tracks(scores: dict[str, Any]) -> list[str]:
    def row(*names: str) -> str:
        return ", ".join(f"{name} {scores[name]:.4f}" for name in names if scores[name] is not None)

    divisions = scores["divisions"][0]
    errors = scores["errors"]
    lines = [
        f"{errors['detections']:,} detections and {errors['links']:,} links in the truth:",
        f"  {row('SEG', 'DET', 'TRA', 'LNK')}",
        f"  {row('CT', 'TF', 'BC(0)', 'CCA', 'BIO(0)', 'OP_CTB', 'OP_CLB(0)')}",
        f"  {row('HOTA', 'CHOTA', 'IDF1', 'MOTA')}",
        f"  divisions: {divisions['right']} right, {divisions['wrong_daughters']} with other "
        f"daughters, {divisions['surplus']} invented, {divisions['missed']} missed",
    ]
    if "particles" in scores:
        known = {name: one for name, one in scores["particles"].items() if one is not None}
        lines.append("  " + ", ".join(f"{name} {one:.4f}" for name, one in known.items()))
    return lines


def _classes(metrics: dict[str, Any]) -> list[str]:
    lines = [f"{counted(metrics['images'], 'image')}:"]
    for name, value in metrics["dice"].items():
        if name not in ("background", "mean") and value is not None:
            lines.append(
                f"  {name}: Dice {value:.3f}, Jaccard {metrics['jaccard'][name]:.3f}, "
                f"boundary F {metrics['boundary_f'][name]:.3f}"
            )
    return lines


def _boxes(metrics: dict[str, Any]) -> list[str]:
    lines = [f"{metrics['true_objects']:,} boxes in {counted(metrics['images'], 'image')}:"]
    several = len(metrics["per_class"]) > 1
    rows = [("all classes", metrics)] if several else []
    for kind, scores in [*rows, *metrics["per_class"].items()]:
        if scores["AP50"] is not None:
            lines.append(
                f"  {kind}: AP50 {scores['AP50']:.3f}, AP75 {scores['AP75']:.3f}, AP "
                f"{scores['AP']:.3f}, precision {scores['precision']:.3f}, recall "
                f"{scores['recall']:.3f}"
            )
    return lines


def _points(metrics: dict[str, Any]) -> list[str]:
    if not metrics["images"]:
        return [_NOTHING_KNOWN]
    error = "" if metrics["rmse"] is None else f", off by {metrics['rmse']:.2f} px (RMSE)"
    return [
        f"{counted(metrics['true_points'], 'point')} in {counted(metrics['images'], 'image')}:",
        f"  F1 {metrics['f1']:.3f} within {metrics['radius']:.3g} px, precision "
        f"{metrics['precision']:.3f}, recall {metrics['recall']:.3f}{error}",
        f"  counts off by {metrics['mean_absolute_count_error']:.1f} per image",
    ]


def _objects(metrics: dict[str, Any]) -> list[str]:
    if not metrics["images"]:
        return [_NOTHING_KNOWN]
    half, pooled = metrics["per_image"]["0.5"], metrics["pooled"]["0.5"]
    calibration = metrics["calibration"]["expected_calibration_error"]
    lines = [
        f"{counted(metrics['true_objects'], 'object')} in {counted(metrics['images'], 'image')}:",
        f"  AP@0.5 per image {half['average_precision']:.3f}, "
        f"pooled {pooled['average_precision']:.3f}",
        f"  precision {pooled['precision']:.3f}, recall {pooled['recall']:.3f}, "
        f"panoptic quality {pooled['panoptic_quality']:.3f}",
    ]
    if metrics.get("class_accuracy") is not None:
        lines.append(f"  class accuracy, of objects found: {metrics['class_accuracy']:.3f}")
    for name, scores in metrics.get("per_class", {}).items():
        own = scores["pooled"]["0.5"]
        lines.append(
            f"  {name}: F1@0.5 {own['f1']:.3f}, precision {own['precision']:.3f}, recall "
            f"{own['recall']:.3f}, panoptic quality {own['panoptic_quality']:.3f}"
        )
    if calibration is not None:
        lines.append(f"  expected calibration error {calibration:.3f}")
    return lines


_NOTHING_KNOWN = "No image of which anything is known."
_TELLING = {"dice": "classes", "AP50": "boxes", "true_points": "points"}
"""What models find whose scores have such a key; those of objects have none of these."""
_TOLD = {"instances": _objects, "classes": _classes, "boxes": _boxes, "points": _points}
