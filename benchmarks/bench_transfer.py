"""Learning from few images: from scratch, and from the weights of the shipped model.

    python benchmarks/bench_transfer.py [--images 1 2 5 10 32] [--steps 600] [--out FOLDER]

Phase-contrast fields of whole cells (`usiigaci_phase`), which the shipped model never saw. Both
ways learn the same batches for the same number of steps with the default settings of the readout;
nothing is chosen. They are scored on the validation fields, the typical size of the training
objects being told. What is done is not done again: an interrupted run goes on by the same command.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from _common import ROOT, data_folder, describe_machine
from _training import new_network, trained
from train_nuclei import SEED

from cellwright._files import write_json
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Dataset
from cellwright.methods.registry import find_method, new_readout
from cellwright.metrics.matching import InstanceScores
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import NETWORK as ONNX
from cellwright.models.package import Package, load_package
from cellwright.networks.transfer import transfer_weights
from cellwright.runs.learning import Learning
from cellwright.runs.prepare import object_contract
from cellwright.runs.scoring import load_image

THRESHOLDS = (0.5, 0.75)
METHOD = "offsets"
WAYS: dict[str, dict[str, Any]] = {
    "from scratch": {},
    "from `nuclei`": {"stage_rate": 0.85},
}
"""Settings of the fit that differ."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1, 2, 5, 10, 32])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "transfer")
    options = parser.parse_args()

    dataset = open_dataset(data_folder() / "usiigaci_phase")
    results: dict[int, dict[str, Any]] = {}
    for count in options.images:
        for way in WAYS:
            folder = options.out / f"{count}-{options.steps}-{way.replace(' ', '-').strip('`')}"
            if not (folder / "result.json").exists():
                write_json(folder / "result.json", run(dataset, count, way, folder, options.steps))
            content = json.loads((folder / "result.json").read_text())
            results.setdefault(count, {})[way] = content["average_precision"]
    print(describe_machine(("torch", "onnxruntime")))
    print(f"{options.steps:,} steps; AP@{'/'.join(map(str, THRESHOLDS))} per image\n")
    print(f"| images | {' | '.join(WAYS)} |\n{'|---' * (1 + len(WAYS))}|")
    for count, row in results.items():
        cells = (" / ".join(f"{value:.3f}" for value in row[way]) for way in WAYS)
        print(f"| {count} | {' | '.join(cells)} |")


def run(dataset: Dataset, count: int, way: str, folder: Path, steps: int) -> dict[str, Any]:
    """Train on the first `count` training images; return the scores."""
    training = dataset.part("train")
    some = replace(dataset, examples=training[:count])
    contract, _ = object_contract(some, SEED)
    recipe = find_method(METHOD).recipe_class()(new_readout(METHOD, 2, contract.diameter_range[1]))
    learning = Learning(
        recipe=recipe,
        train=some.examples,
        validation=some.examples[:1],  # only watched
        normalisation=contract.normalisation,
        augmentation=replace(augmentation("standard"), diameter_range=contract.diameter_range),
        channels=len(contract.channels),
        patch=(256, 256),
        batch_size=4,
        seed=SEED,
        workers=0,
    )
    network = new_network(learning)
    if way != "from scratch":
        shipped = load_package(find_model("nuclei"))
        source = restored_network(shipped)
        transfer_weights(source.state_dict(), network)
    trained(network, learning, folder, steps, **WAYS[way])
    files = export_network(network, contract.normalisation)
    card = ModelCard(
        name="few",
        version="1.0.0",
        description="Trained on few images.",
        task="instances",
        method=METHOD,
        readout=asdict(recipe.readout),
        network=network_facts(network, files[ONNX]),
        input=contract,
    )
    model = InstanceModel(Package(card, files, sha256="", source=way), device="cpu", threads=1)
    return {"average_precision": score(model, dataset, contract)}


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
