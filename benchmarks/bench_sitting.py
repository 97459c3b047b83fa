"""One sitting: from no labels to a usable model, by correcting what a model proposes.

    python benchmarks/bench_sitting.py [--areas 2 3 4 8] [--steps 600 900 1400 5600]

A simulated annotator annotates areas of phase-contrast fields of whole cells (`usiigaci_phase`,
split ``train``, of the magnification of the fields that judge): one of each field, then another of
each. The model at hand, at first `nuclei`, which never saw such images, proposes; the annotator
corrects what is wrong, adds what is missing, and every few areas trains on all so far, going on
from the model at hand. Corrected are cells that no proposal matched at IoU >= 0.7; the first area
that would bring them above `--corrections` is not opened, nor any after it. A cell counts in every
area that it reaches into; proposals without a cell are deleted, and counted apart. As in the
studio, a fifth is set aside to choose thresholds on; nothing else is chosen. Each model is judged
on the fields of ``val``.
What is done is not done again: an interrupted run goes on by the same command.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, with_optimiser

import cellwright as cw
from cellwright._files import write_json
from cellwright._types import LabelArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_labels, load_pixels, object_facts
from cellwright.datasets.records import Dataset, Example
from cellwright.metrics.matching import match
from cellwright.models.load import load_instance_model
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.runs.evaluate.scoring import load_image
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train_divided
from cellwright.studio.lessons import known_labels
from cellwright.studio.parts import Box, Part, divided

START = "nuclei"
MAGNIFIED = 50.0  # px; larger median diameters are of another magnification
RIGHT = 0.7  # IoU from which a proposal is left as it is
SPLITS = ("train", "val")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--areas", type=int, nargs="+", default=[2, 3, 4, 8], help="per round")
    parser.add_argument("--steps", type=int, nargs="+", default=[600, 900, 1400, 5600])
    parser.add_argument("--corrections", type=int, default=300)
    parser.add_argument("--side", type=int, default=512, help="of an area, in px")
    parser.add_argument("--seed", type=int, default=0)
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "sitting")
    options = parser.parse_args()

    dataset = open_dataset(data_folder() / "usiigaci_phase")
    areas = in_order(dataset, options.side, options.seed)
    rounds = list(zip(options.areas, options.steps, strict=True))
    told = "-".join(f"{count}x{steps}" for count, steps in rounds)
    folder = options.out / f"{options.seed}-{options.side}-{options.corrections}-{told}"
    folder = folder.with_name(with_optimiser(folder.name, options.optimiser))
    print(describe_machine(("torch", "onnxruntime")))
    print("| areas | cells | corrected | deleted | CPU min | AP@0.5 per image / pooled |")
    print("|---|---|---|---|---|---|")
    parts: list[Part] = []
    start, total = START, {"areas": 0, "cells": 0, "corrected": 0, "deleted": 0, "minutes": 0.0}
    for number, (count, steps) in enumerate(rounds):
        place = folder / f"{number:02d}"
        place.mkdir(parents=True, exist_ok=True)
        done = int(total["areas"])
        new, left = areas[done : done + count], options.corrections - total["corrected"]
        counts = kept(place / "counts.json", partial(proposed, dataset, new, start, left))
        parts = divided(areas[: done + counts["areas"]], parts)
        chosen = TrainOptions(
            steps=steps,
            seed=options.seed,
            start_from=start,
            optimiser=options.optimiser,
            name="sitting",
        )
        learning = partial(learned, dataset, parts, chosen, place)
        result = counts | kept(place / "result.json", learning)
        total = {name: total[name] + result[name] for name in total}
        start = str(place / "model")
        told = " / ".join(f"{score:.3f}" for score in result["precision"])
        print(
            f"| {total['areas']} | {total['cells']} | {total['corrected']} | {total['deleted']} "
            f"| {total['minutes']:.1f} | {told} |",
            flush=True,
        )


def kept(path: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what work gives, from its file where it was done before."""
    if not path.exists():
        write_json(path, work())
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def in_order(dataset: Dataset, side: int, seed: int) -> list[Part]:
    """Return all areas, in the order in which they are opened."""
    rng = np.random.default_rng(seed)
    fields = [field for field in dataset.part("train") if is_like_the_judges(truth_of(field))]
    fields = [fields[index] for index in rng.permutation(len(fields))]
    grids = [rng.permutation(boxes_of(truth_of(field).shape, side)) for field in fields]
    chosen: list[Part] = []
    for turn in range(max(map(len, grids))):
        for field, boxes in zip(fields, grids, strict=True):
            if turn < len(boxes):
                y0, x0, y1, x1 = boxes[turn].tolist()
                chosen.append(Part(field.id, (), (y0, x0, y1, x1)))
    return chosen


def is_like_the_judges(labels: LabelArray) -> bool:
    diameter = object_facts(labels).diameter
    return diameter is not None and diameter <= MAGNIFIED


def boxes_of(shape: tuple[int, ...], side: int) -> list[Box]:
    """Return areas of about a side that cover a field."""
    rows, columns = (
        np.linspace(0, size, max(1, round(size / side)) + 1).round().astype(int).tolist()
        for size in shape
    )
    return [(y0, x0, y1, x1) for (y0, y1), (x0, x1) in product(pairwise(rows), pairwise(columns))]


def proposed(dataset: Dataset, areas: Sequence[Part], model: str, most: int) -> dict[str, Any]:
    """Return how many areas `most` corrections suffice for, and what is done to cells there."""
    by_id = {example.id: example for example in dataset.examples}
    opened_model = load_instance_model(model, device="cpu", threads=1)
    result = dict.fromkeys(("areas", "cells", "corrected", "deleted"), 0)
    for area in areas:
        image, truth = load_image(by_id[area.image], 2)
        y0, x0, y1, x1 = area.box
        found = opened_model.predict(image)[y0:y1, x0:x1]
        here = truth[y0:y1, x0:x1]
        counts = match(here, found, RIGHT).counts
        if result["corrected"] + counts.false_negatives > most:
            break
        result["areas"] += 1
        result["cells"] += counted(here)
        result["corrected"] += counts.false_negatives
        result["deleted"] += counts.false_positives
    return result


def learned(
    dataset: Dataset, parts: list[Part], chosen: TrainOptions, folder: Path
) -> dict[str, Any]:
    """Train on pieces of fields, what is not of a split being unknown to it, and judge."""
    began = time.process_time()
    by_id = {example.id: example for example in dataset.examples}
    examples = []
    for name in dict.fromkeys(part.image for part in parts):
        truth = truth_of(by_id[name])
        own = [part for part in parts if part.image == name]
        boxes = {split: [part.box for part in own if part.split == split] for split in SPLITS}
        for split in SPLITS:
            if boxes[split]:
                others = boxes["train"] if split == "val" else ()
                labels = known_labels(truth, (), (0, 0, *truth.shape), boxes[split], others)
                path = folder / split / f"{name}.tif"
                if not path.exists():  # a file as new as it is now would be another training
                    cw.write_labels(path, labels, partly_known=True)
                piece = replace(by_id[name], labels=path, split=split, id=f"{split}/{name}")
                examples.append(piece)
    train_divided(
        InstanceTask(),
        replace(dataset, examples=tuple(examples)),
        folder / "model",
        chosen,
        Machine("cpu", workers=0, threads=1),
    )
    minutes = (time.process_time() - began) / 60
    return {"minutes": minutes, "precision": judged(dataset, folder / "model")}


def judged(dataset: Dataset, package: Path) -> list[float]:
    """Return the average precision at IoU 0.5 on the fields of ``val``, per image and pooled."""
    model = load_instance_model(package, device="cpu", threads=1)
    scores = evaluate_examples(model, dataset.part("val")).to_json()
    return [scores[how]["0.5"]["average_precision"] for how in ("per_image", "pooled")]


def counted(labels: LabelArray) -> int:
    return len(np.unique(labels[labels > 0]))


def truth_of(field: Example) -> LabelArray:
    return load_labels(field, load_pixels(field)[0].shape[1:])


if __name__ == "__main__":
    main()
