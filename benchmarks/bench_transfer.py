"""Learning from few images: from scratch, and from the weights of the shipped model.

    python benchmarks/bench_transfer.py [--images 1 2 5 10 32] [--steps 600] [--draws 1]

Phase-contrast fields of whole cells (`usiigaci_phase`), of a kind that the shipped model never saw.
Both ways learn the same batches of the same images in the same network, for the same number of
steps and with the default settings of the readout; nothing is chosen, and the last weights count.
They are scored on the validation fields, the typical size of the training objects being told. The
images of a draw are nested: those of 2 contain that of 1. It runs on one thread, about two hours
where others keep the machine busy. What is done is not done again: an interrupted run goes on by
the same command.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, new_network, trained, with_optimiser
from train_nuclei import SEED

from cellwright._files import write_json
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Dataset
from cellwright.metrics.matching import InstanceScores
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import NETWORK as ONNX
from cellwright.models.package import Package, load_package
from cellwright.networks.transfer import transfer_weights
from cellwright.runs.evaluate.scoring import load_image
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.options import TrainOptions

THRESHOLDS = (0.5, 0.75)
METHOD = "offsets"
PATCH = (256, 256)
START = "nuclei"
WAYS: dict[str, dict[str, Any]] = {"scratch": {}, START: {"stage_rate": 0.85}}
"""What a training starts from, and how its fit differs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1, 2, 5, 10, 32])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--draws", type=int, default=1, help="how often images are drawn")
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "transfer")
    options = parser.parse_args()

    dataset = open_dataset(data_folder() / "usiigaci_phase")
    results: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for draw in range(options.draws):
        for count in options.images:
            for way in WAYS:
                name = f"{way}-{count}-images-{options.steps}-steps-draw-{draw}"
                folder = options.out / with_optimiser(name, options.optimiser)
                fit = {"steps": options.steps, "optimiser": options.optimiser, **WAYS[way]}
                result = finished(dataset, count, way, draw, fit, folder)
                results.setdefault((count, way), []).append(result)
    print(describe_machine(("torch", "onnxruntime")))
    print(f"{options.steps:,} steps, {options.draws} draw(s); mean AP@0.5 / AP@0.75 per image\n")
    print(f"| images | {' | '.join(f'from {way}' for way in WAYS)} |\n{'|---' * (1 + len(WAYS))}|")
    for count in options.images:
        cells = (told(results[count, way]) for way in WAYS)
        print(f"| {count} | {' | '.join(cells)} |")
    minutes = sum(one["seconds"] for each in results.values() for one in each) / 60
    print(f"\n{minutes:.0f} minutes of training; {results[options.images[0], START][0]['weights']}")


def told(results: list[Mapping[str, Any]]) -> str:
    """Return the means over the draws at each threshold, and the range of the first."""
    columns = list(zip(*(one["average_precision"] for one in results), strict=True))
    means = " / ".join(f"{fmean(column):.3f}" for column in columns)
    spread = f" ({min(columns[0]):.3f}–{max(columns[0]):.3f})" if len(results) > 1 else ""
    return means + spread


def finished(
    dataset: Dataset, count: int, way: str, draw: int, fit: Mapping[str, Any], folder: Path
) -> Mapping[str, Any]:
    """Return the result of one training, from its file where it was done before."""
    path = folder / "result.json"
    if not path.exists():
        write_json(path, run(dataset, count, way, draw, fit, folder))
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def run(
    dataset: Dataset, count: int, way: str, draw: int, fit: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Train on some of the training images; return scores, time and what was taken over."""
    training = dataset.part("train")
    order = np.random.default_rng(draw).permutation(len(training))[:count]
    chosen = [training[i] for i in order]
    watched = replace(chosen[0], split="val")  # nothing is chosen by it
    some = replace(dataset, examples=(*chosen, watched))
    task, settings = InstanceTask(), TrainOptions(seed=SEED + draw)
    contract, _ = task.contract(some, settings.seed)
    lesson = Lesson(task, some, contract, METHOD, settings, size=PATCH)
    learning = task.learning(lesson, lesson.plan(), workers=0)
    network = new_network(learning)
    taken = ""
    if way != "scratch":
        source = restored_network(load_package(find_model(way)))
        taken = transfer_weights(source.state_dict(), network).summary
    record = trained(network, learning, folder, **fit)
    files = export_network(network, contract.normalisation)
    card = ModelCard(
        name="few",
        version="1.0.0",
        description="Trained on few images.",
        task=task.name,
        method=METHOD,
        readout=asdict(learning.recipe.readout),
        network=network_facts(network, files[ONNX]),
        input=contract,
    )
    model = InstanceModel(Package(card, files, sha256="", source=way), device="cpu", threads=1)
    scores = score(model, dataset, contract)
    return {"average_precision": scores, "seconds": record.seconds, "weights": taken}


def score(model: InstanceModel, dataset: Dataset, contract: InputContract) -> list[float]:
    """Return the mean over the validation fields of the average precision at each threshold."""
    scores = InstanceScores(THRESHOLDS)
    for example in dataset.part("val"):
        image, truth = load_image(example, 2)
        found = model.segment(image, diameter=contract.diameter, threshold=0.0)
        assert found.labels is not None  # no sink was given
        scores.add(truth, found.labels)
    return [scores.per_image("average_precision", threshold) for threshold in THRESHOLDS]


if __name__ == "__main__":
    main()
