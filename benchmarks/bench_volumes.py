"""Methods for volumes on the parts of real stacks that they have not seen.

    python benchmarks/bench_volumes.py [--steps 600] [--only watershed flows] [--out FOLDER]

Each of the three stacks (nuclei of an ovule, an embryo and a worm) is cut along Y: the first half
is learned with `cellwright train`'s settings, the next fifth is for validation, and the rest is
only scored, at the end. Objects that the cuts go through count as what is left of them where that
is at least half, and are otherwise unknown: neither learned nor scored.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from _common import ROOT, data_folder, describe_machine

from cellwright._types import LabelArray
from cellwright.images.image import Image
from cellwright.images.read import IGNORE, read, read_labels
from cellwright.images.write import write
from cellwright.runs.evaluate import evaluate
from cellwright.runs.options import TrainOptions
from cellwright.runs.train import train

METHODS = ("watershed", "flows", "stars")
SPLITS = {"train": (0.0, 0.5), "val": (0.5, 0.7), "test": (0.7, 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "volumes")
    options = parser.parse_args()
    dataset = options.out / "dataset"
    prepare(data_folder() / "nuclei3d", dataset)
    print(describe_machine(("torch", "onnxruntime", "numba")))
    print(f"\n{options.steps:,} steps\n")
    print(f"| method | min | F1@0.5 | AP@0.5 | F1@0.5 per stack |\n|{'---|' * 5}", flush=True)
    for method in options.only:
        name = f"{method}-{options.steps}"
        chosen = TrainOptions(method=method, steps=options.steps)
        result = train(dataset, options.out / name, chosen, threads=1, workers=1, device="cpu")
        scores = evaluate(
            options.out / name, dataset, options.out / f"{name}-scores", split="test"
        ).metrics
        half = scores["pooled"]["0.5"]
        each = ", ".join(
            f"{kind} {one['pooled']['0.5']['f1']:.2f}" for kind, one in scores["per_kind"].items()
        )
        minutes = result.package.card.training["seconds"] / 60
        print(
            f"| {method} | {minutes:.0f} | {half['f1']:.3f} | {half['average_precision']:.3f} "
            f"| {each} |",
            flush=True,
        )


def prepare(source: Path, target: Path) -> None:
    """Write the parts of every stack, with the number of every object that is in them."""
    lines = ["image,kind"]
    with (source / "index.csv").open(newline="", encoding="utf-8") as file:
        stated = {row["id"]: row["spacing_zyx_um"] for row in csv.DictReader(file)}
    for path in sorted((source / "images").glob("*.tif")):
        pixels = read(path, axes="ZYX").to_numpy()
        labels, _ = read_labels(source / "labels" / path.name, axes="ZYX")
        spacing = tuple(map(float, filter(None, stated[path.stem].split("/")))) or None
        for split, shares in SPLITS.items():
            first, last = (round(share * labels.shape[1]) for share in shares)
            name = f"{split}_{path.name}"
            lines.append(f"{name},{path.stem}")
            for folder, array in (
                ("images", pixels[:, first:last]),
                ("labels", part_of(labels, first, last)),
            ):
                (target / split / folder).mkdir(parents=True, exist_ok=True)
                image = Image(np.ascontiguousarray(array), "ZYX", pixel_size=spacing)
                write(target / split / folder / name, image, overwrite=True)
    (target / "index.csv").write_text("\n".join(lines) + "\n")


def part_of(labels: LabelArray, first: int, last: int) -> LabelArray:
    """Return rows of labels; objects of which less than half is there are unknown."""
    part = labels[:, first:last].copy()
    whole = np.bincount(labels.ravel())
    left = np.bincount(part.ravel(), minlength=len(whole))
    part[(left < whole / 2)[part]] = IGNORE
    return part


if __name__ == "__main__":
    main()
