"""One sitting: from no labels to a usable model, by correcting what a model proposes.

    python benchmarks/bench_sitting.py [--steps 800 1000 1500 4500] [--cells 300] [--seed 0]

A simulated annotator opens phase-contrast fields of whole cells (`usiigaci_phase`, split ``train``,
of the magnification of the fields that judge) one after the other. The model at hand, at first
`nuclei`, which never saw such images, proposes; the annotator corrects what is wrong, adds what is
missing and trains on all fields so far, going on from the model at hand. A field that would bring
more than `--cells` annotated cells in all is not opened. As in the studio, a field is cut into
pieces and a fifth of these are set aside to choose thresholds on; nothing else is chosen. Each
model is judged on the fields of ``val``. Told is what was corrected, too: cells that no proposal
matched at IoU >= 0.7, and proposals without a cell. What is done is not done again: an interrupted
run goes on by the same command.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _common import ROOT, data_folder, describe_machine

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
from cellwright.studio.parts import Part, divided

START = "nuclei"
MAGNIFIED = 50.0  # px; larger median diameters are of another magnification
RIGHT = 0.7  # IoU from which a proposal is left as it is
SPLITS = ("train", "val")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[800, 1000, 1500, 4500])
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "sitting")
    options = parser.parse_args()

    dataset = open_dataset(data_folder() / "usiigaci_phase")
    fields = opened(dataset, len(options.steps), options.cells, options.seed)
    folder = options.out / f"{options.seed}-{'-'.join(map(str, options.steps))}"
    print(describe_machine(("torch", "onnxruntime")))
    print("| fields | cells | corrected | deleted | CPU min | AP@0.5 per image / pooled |")
    print("|---|---|---|---|---|---|")
    parts: list[Part] = []
    start, total = START, {"cells": 0, "corrected": 0, "deleted": 0, "minutes": 0.0}
    for number, steps in enumerate(options.steps):
        place = folder / f"{number:02d}"
        parts = divided([*(whole(field) for field in fields[: number + 1])])
        result = finished(dataset, fields[number], parts, start, steps, options.seed, place)
        total = {name: total[name] + result[name] for name in total}
        start = str(place / "model")
        told = " / ".join(f"{score:.3f}" for score in result["precision"])
        print(
            f"| {number + 1} | {total['cells']} | {total['corrected']} | {total['deleted']} "
            f"| {total['minutes']:.1f} | {told} |",
            flush=True,
        )


def opened(dataset: Dataset, count: int, cells: int, seed: int) -> list[Example]:
    """Return the fields that are annotated, in the order in which they are opened."""
    some = dataset.part("train")
    chosen: list[Example] = []
    for index in np.random.default_rng(seed).permutation(len(some)):
        labels = truth_of(some[index])
        diameter = object_facts(labels).diameter
        present = len(np.unique(labels[labels > 0]))
        if diameter is None or diameter > MAGNIFIED or present > cells or len(chosen) == count:
            continue
        chosen.append(some[index])
        cells -= present
    return chosen


def finished(
    dataset: Dataset,
    field: Example,
    parts: list[Part],
    start: str,
    steps: int,
    seed: int,
    folder: Path,
) -> Mapping[str, Any]:
    """Return what came of a round, from its file where it was done before."""
    path = folder / "result.json"
    if not path.exists():
        result = proposed(field, start)
        began = time.process_time()
        learned(dataset, parts, start, steps, seed, folder)
        result["minutes"] = (time.process_time() - began) / 60
        result["precision"] = judged(dataset, folder / "model")
        write_json(path, result)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def proposed(field: Example, model: str) -> dict[str, Any]:
    """Return how many cells there are, how many are corrected and how much is deleted."""
    image, truth = load_image(field, 2)
    found = load_instance_model(model, device="cpu", threads=1).predict(image)
    counts = match(truth, found, RIGHT).counts
    return {
        "cells": len(np.unique(truth[truth > 0])),
        "corrected": counts.false_negatives,
        "deleted": counts.false_positives,
    }


def learned(
    dataset: Dataset, parts: list[Part], start: str, steps: int, seed: int, folder: Path
) -> None:
    """Train on pieces of fields; what is not of a split is unknown to it."""
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
                cw.write_labels(path, labels, overwrite=True, partly_known=True)
                piece = replace(by_id[name], labels=path, split=split, id=f"{split}/{name}")
                examples.append(piece)
    train_divided(
        InstanceTask(),
        replace(dataset, examples=tuple(examples)),
        folder / "model",
        TrainOptions(steps=steps, seed=seed, start_from=start, name="sitting"),
        Machine("cpu", workers=0, threads=1),
    )


def judged(dataset: Dataset, package: Path) -> list[float]:
    """Return the average precision at IoU 0.5 on the fields of ``val``, per image and pooled."""
    model = load_instance_model(package, device="cpu", threads=1)
    scores = evaluate_examples(model, dataset.part("val")).to_json()
    return [scores[how]["0.5"]["average_precision"] for how in ("per_image", "pooled")]


def whole(field: Example) -> Part:
    """Return a field as one annotated part."""
    height, width = truth_of(field).shape
    return Part(field.id, (), (0, 0, height, width))


def truth_of(field: Example) -> LabelArray:
    return load_labels(field, load_pixels(field)[0].shape[1:])


if __name__ == "__main__":
    main()
