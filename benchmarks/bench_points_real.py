"""Points on data of others: crowded emitters with and without learning, and nuclei counted.

    python benchmarks/bench_points_real.py OUT [--steps 600] [--nuclei-steps 350]

`smlm_random` holds 20 simulated frames of 64² px with 250 emitters each, two px apart on average.
Filters find spots 2 px across with their usual threshold, and with the one that their warning about
crowds names. The learned points come from the first ten frames (two of them watched), and all are
scored on the last ten. Nuclei are those of the fluorescence images of `dsb2018`: trained on a third
of the training images, scored on the validation images.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from _common import data_folder, describe_machine

from cellwright._types import AnyArray, DoubleArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.layouts.described import write_description
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write
from cellwright.metrics.points import PointScores
from cellwright.models.spots import SpotSettings, detect_spots_in
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

_NANOMETRES = 100.0  # per px
_WATCHED, _TESTED = 8, 10  # first frames of these parts
_RADIUS = 2.0  # px; of a match
_DIAMETER = 2.0  # px; of spots that crowd, less than their own


def emitters() -> tuple[AnyArray, list[DoubleArray]]:
    """Return the frames (T, Y, X) and, of each, the positions of its emitters in px."""
    folder = data_folder() / "smlm_random"
    frames = read(folder / "ArtificialDataset_demo1.tif", axes="TYX").to_numpy()
    with (folder / "positions_demo1.csv").open(encoding="utf-8") as stream:
        rows = [
            (int(float(row["frame"])), float(row["y [nm]"]), float(row["x [nm]"]))
            for row in csv.DictReader(stream)
        ]
    size = np.array(frames.shape[1:])
    positions = [
        np.clip(
            np.array([row[1:] for row in rows if row[0] == number]) / _NANOMETRES - 0.5,
            -0.5,
            size - 0.501,
        )
        for number in range(1, len(frames) + 1)
    ]
    return frames, positions


def classical_row(name: str, factor: float, frames: AnyArray, truth: list[DoubleArray]) -> str:
    """Return the scores of filters as a row of the table."""
    scores = PointScores(_RADIUS)
    for frame, positions in zip(frames, truth, strict=True):
        settings = SpotSettings(_DIAMETER, noise_factor=factor)
        table = detect_spots_in(Image(frame, "YX"), settings).table
        scores.add(positions, np.stack([table["centroid-0"], table["centroid-1"]], 1))
    return row(name, scores.as_dict(), None)


def row(name: str, figures: dict[str, float], counted: float | None) -> str:
    """Return scores as a row of the table."""
    cells = [f"{figures[what]:.3f}" for what in ("jaccard", "f1", "precision", "recall", "rmse")]
    true_points, images = figures["true_points"], figures["images"]
    errors = [figures["mean_absolute_count_error"], counted]
    shares = ["" if e is None else f"{100 * e * images / true_points:.1f} %" for e in errors]
    return f"| {name} | {' | '.join([*cells, *shares])} |"


def crowded(out: Path, steps: int) -> None:
    """Print the table of crowded emitters."""
    frames, truth = emitters()
    tested = frames[_TESTED:], truth[_TESTED:]
    first = detect_spots_in(Image(frames[0], "YX"), SpotSettings(_DIAMETER))
    advised = 4.5 * first.noise.share
    print(classical_row("filters, usual threshold", 4.5, *tested), flush=True)
    print(classical_row(f"filters, advised threshold {advised:.1f}", advised, *tested), flush=True)
    dataset = out / "emitters"
    dataset.mkdir(parents=True, exist_ok=True)
    lines = ["image,y,x,split"]
    for number, (frame, positions) in enumerate(zip(frames, truth, strict=True)):
        name = f"{number:02}.tif"
        write(dataset / name, Image(frame, "YX"), overwrite=True)
        split = "train" if number < _WATCHED else "val" if number < _TESTED else "test"
        lines += [f"{name},{y:.4f},{x:.4f},{split}" for y, x in positions]
    (dataset / "points.csv").write_text("\n".join(lines), encoding="utf-8")
    options = TrainOptions(
        steps=steps,
        patch=64,
        diameter=8.0,
        network={"width": 16, "depth": 2},
        strength="light",
        optimiser="adamw",
        learning_rate=3e-3,
    )
    model = train(dataset, out / "emitters_model", options, threads=1).folder
    metrics = evaluate(model, dataset, out / "emitters_scores", split="test", threads=1).metrics
    print(row("learned", metrics, metrics["density"]["mean_absolute_count_error"]), flush=True)


def nuclei(out: Path, steps: int) -> None:
    """Print the scores of counted nuclei."""
    dataset = open_dataset(data_folder() / "dsb2018")
    shown = [e for e in dataset.examples if (e.kind or "").startswith("fluo")]
    some = tuple(e for i, e in enumerate(shown) if e.split == "val" or i % 3 == 0)
    description = out / "nuclei.yaml"
    write_description(replace(dataset, examples=some), description)
    options = TrainOptions(
        method="points",
        steps=steps,
        patch=160,
        network={"width": 16, "depth": 4},
        optimiser="adamw",
        learning_rate=3e-3,
    )
    model = train(description, out / "nuclei_model", options, threads=1).folder
    metrics = evaluate(model, description, out / "nuclei_scores", threads=1).metrics
    counted = metrics["density"]["mean_absolute_count_error"]
    print(row(f"nuclei, within {metrics['radius']:g} px", metrics, counted), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--nuclei-steps", type=int, default=350)
    options = parser.parse_args()
    print(describe_machine(("numpy", "numba", "torch")))
    print("\n| | Jaccard | F1 | precision | recall | RMSE, px | counts off | by density off |")
    print("|---|---|---|---|---|---|---|---|")
    crowded(options.out, options.steps)
    nuclei(options.out, options.nuclei_steps)


if __name__ == "__main__":
    main()
