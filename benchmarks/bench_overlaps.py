"""What is gained where overlapping objects are learned whole: AP of whole masks, simulated cells.

    python benchmarks/bench_overlaps.py [--methods stars masks embeddings] [--steps 300]

Translucent cells lie over each other. The same networks learn with the same budget, once from
whole cells (layers), once from label images in which each pixel is of one cell (the later one).
Both are asked for whole cells, of images that neither has seen, and these are compared with the
truth; so are their flat labels: what can be had without overlaps.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.layers import flattened
from cellwright.images.write import write, write_labels
from cellwright.metrics.matching import InstanceScores
from cellwright.metrics.overlap import layered_overlap_table
from cellwright.models.load import load_model
from cellwright.runs.evaluate.scoring import score
from cellwright.runs.segment.overlaps import write_layers
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.simulation.overlapping import simulate_overlapping

CELLS = NucleiSimulation(
    size=(128, 128), diameter=20, density=0.4, clustering=0.8, overlap=0.5, condensed=0
)
SPLITS = {"train": 24, "val": 6, "test": 24}
THRESHOLDS = (0.5, 0.75, 0.85)
TRUTHS = {"whole": "overlaps", "flat": "labels"}


def simulated(root: Path) -> dict[str, Path]:
    """Write the same images twice, with layers and with flat labels; return the folders."""
    folders = {name: root / name for name in TRUTHS}
    number = 0
    for split, count in SPLITS.items():
        for _ in range(count):
            image, layers = simulate_overlapping(CELLS, seed=number)
            for name, kind in TRUTHS.items():
                home = folders[name] / split
                for inside in ("images", kind):
                    (home / inside).mkdir(parents=True, exist_ok=True)
                write(home / f"images/{number}.tif", Image(image, "YX"), overwrite=True)
            whole = folders["whole"] / split / f"overlaps/{number}.tif"
            write_layers(whole, {(): layers}, Image(layers[0], "YX"))
            flat = folders["flat"] / split / f"labels/{number}.tif"
            write_labels(flat, flattened(layers), overwrite=True)
            number += 1
    return folders


def judged(model: Path, truth: Path) -> dict[str, InstanceScores]:
    """Return the scores of whole cells, and of the flat labels of the same model."""
    scores = {name: InstanceScores(THRESHOLDS) for name in TRUTHS}
    loaded = load_model(model, device="cpu", threads=1)
    for scored in score(loaded, open_dataset(truth).part("test")):
        scores["whole"].add_overlaps(scored.overlaps)
        scores["flat"].add_overlaps(layered_overlap_table(scored.truth, scored.labels[None]))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["stars", "masks", "embeddings"])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("runs/overlaps"))
    options = parser.parse_args()
    folders = simulated(options.out / "data")
    print("| method | learned | told | AP@0.5 | AP@0.75 | AP@0.85 |\n|---|---|---|---|---|---|")
    for method in options.methods:
        for learned in TRUTHS:
            chosen = TrainOptions(
                method=method,
                steps=options.steps,
                network={"width": 12, "depth": 3},
                batch_size=4,
                patch=96,
                optimiser="adamw",
                learning_rate=4e-3,
            )
            folder = options.out / f"{method}-{learned}-{options.steps}"
            train(folders[learned], folder, chosen, threads=1, device="cpu")
            for told, scores in judged(folder, folders["whole"]).items():
                row = (scores.pooled("average_precision", t) for t in THRESHOLDS)
                figures = " | ".join(f"{value:.3f}" for value in row)
                print(f"| {method} | {learned} | {told} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
