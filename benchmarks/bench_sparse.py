"""Sparse labels: what is lost where people annotate a tenth of the objects, not all.

    python benchmarks/bench_sparse.py [--steps 200] [--images 60] [--out FOLDER]

Networks are trained on images of fluorescence from `train` of DSB 2018, once with all objects
annotated, once with a tenth of them and the background around each; everything else is -1, not
known. Both are scored on the same fully annotated images of `val`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _common import ROOT, data_folder, describe_machine
from scipy.ndimage import distance_transform_edt
from tifffile import imwrite

from cellwright._types import LabelArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.datasets.records import Example
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

METHODS = ("offsets", "watershed")
_SHARE = 0.1
_AROUND = 10  # px of background that is annotated around an object


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--images", type=int, default=60, help="of each split, at most")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "sparse")
    options = parser.parse_args()

    examples = open_dataset(data_folder() / "dsb2018").examples
    fluorescence = [e for e in examples if str(e.kind).startswith("fluo")]
    print(describe_machine(("torch", "onnxruntime")))
    print(f"{options.steps} steps each, {options.images} images\n")
    print("| method | annotated | pixels known | AP@0.5 per image | training, s |")
    print("|---" * 5 + "|")
    for annotated in ("all", "a tenth"):
        dataset = options.out / annotated.replace(" ", "-")
        known = prepare(fluorescence, dataset, annotated != "all", options.images)
        for method in METHODS:
            chosen = TrainOptions(
                method=method,
                network={"width": 12, "depth": 4},
                steps=options.steps,
                patch=128,
                optimiser="adamw",
                learning_rate=4e-3,
            )
            folder = options.out / f"{dataset.name}-{method}-{options.steps}"
            card = train(dataset, folder, chosen, threads=1, device="cpu").package.card
            scores = evaluate(folder, dataset, folder / "scores", device="cpu", threads=1)
            precision = scores.metrics["per_image"]["0.5"]["average_precision"]
            seconds = card.training["seconds"]
            print(
                f"| {method} | {annotated} | {known:.0%} | {precision:.3f} | {seconds:.0f} |",
                flush=True,
            )


def prepare(examples: list[Example], target: Path, sparse: bool, most: int) -> float:
    """Write a dataset; return how much of its training images is annotated."""
    known = []
    for split in ("train", "val"):
        chosen = [e for e in examples if e.split == split]
        order = np.random.default_rng(0).permutation(len(chosen))[:most]
        for folder in ("images", "labels"):
            (target / split / folder).mkdir(parents=True, exist_ok=True)
        for number in order.tolist():
            pixels, labels = load_example(chosen[number])
            if split == "train":
                labels = sparsely(labels, seed=number) if sparse else labels
                known.append(np.mean(labels >= 0))
            imwrite(target / split / "images" / f"{number:03d}.tif", pixels[0])
            imwrite(target / split / "labels" / f"{number:03d}.tif", labels.astype(np.int16))
    return float(np.mean(known))


def sparsely(labels: LabelArray, seed: int) -> LabelArray:
    """Keep a tenth of the objects, at least one, and the background around them; -1 elsewhere."""
    numbers = np.unique(labels[labels > 0])
    count = max(1, round(_SHARE * len(numbers)))
    rng = np.random.default_rng(seed)
    kept = np.isin(labels, rng.choice(numbers, min(count, len(numbers)), replace=False))
    near = distance_transform_edt(~kept) <= _AROUND if kept.any() else np.ones(labels.shape, bool)
    return np.where(kept | (near & (labels == 0)), labels, -1).astype(np.int32)


if __name__ == "__main__":
    main()
