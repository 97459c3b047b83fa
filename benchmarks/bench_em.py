"""Pixel classes on electron microscopy: membranes and mitochondria in slices not seen.

    python benchmarks/bench_em.py [--method classes|pixels] [--steps 1500]
        [--recipes terms=focal+dice class_weights=balanced] [--out FOLDER]

Of the 14 ssTEM slices (Gerhard et al. 2013), the first eight are learned with `cellwright train`'s
settings, or with other recipes, the next two are its validation images, and the last four are only
scored, at the end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, with_optimiser
from imagecodecs import imread

from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.images.write import write, write_labels
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

SPLITS = {"train": range(8), "val": range(8, 10), "test": range(10, 14)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=("classes", "pixels"), default="classes")
    parser.add_argument("--steps", type=int, default=1500, help="of a network")
    parser.add_argument(
        "--recipes",
        nargs="+",
        default=[""],
        help="of a network, in place of the usual one: settings joined by ';'",
    )
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "em")
    options = parser.parse_args()
    dataset = options.out / "dataset"
    prepare(data_folder() / "em_sstem", dataset)
    network = options.method == "classes"
    print(describe_machine(("torch", "onnxruntime")))
    print(
        "\n| recipe | min | class | Dice | Jaccard | boundary F (2 px) |\n|---|---|---|---|---|---|"
    )
    for recipe in options.recipes:
        chosen = TrainOptions(
            method=options.method,
            optimiser=options.optimiser,
            steps=options.steps if network else None,
            recipe=dict(setting.split("=") for setting in recipe.split(";") if setting),
        )
        name = f"{options.steps}{recipe and '-'}{recipe}" if network else options.method
        name = with_optimiser(name, options.optimiser)
        model = options.out / f"model-{name}"
        result = train(dataset, model, chosen, threads=1, workers=1, device="cpu")
        minutes = result.package.card.training["seconds"] / 60
        scores = evaluate(model, dataset, options.out / f"scores-{name}", split="test")
        for number, name in ((1, "membrane"), (2, "mitochondrion")):
            kinds = ("dice", "jaccard", "boundary_f")
            values = (scores.metrics[kind][f"class {number}"] for kind in kinds)
            told = " | ".join(f"{value:.3f}" for value in values)
            print(f"| {recipe or 'usual'} | {minutes:.0f} | {name} | {told} |", flush=True)


def prepare(source: Path, target: Path) -> None:
    """Write slices with their classes: 1 membrane, 2 mitochondrion."""
    for split, slices in SPLITS.items():
        for folder in ("images", "masks"):
            (target / split / folder).mkdir(parents=True, exist_ok=True)
        for number in slices:
            name = f"{number:02d}"
            membrane, mitochondrion = (
                imread(source / kind / f"{name}.png") > 127
                for kind in ("membranes", "mitochondria")
            )
            classes = np.where(mitochondrion, 2, membrane).astype(np.uint8)
            pixels = read(source / "raw" / f"{name}.tif").to_numpy()
            image = target / split / "images" / f"{name}.tif"
            if not image.exists():
                write(image, Image(pixels, "YX"))
                write_labels(target / split / "masks" / f"{name}.tif", classes)


if __name__ == "__main__":
    main()
