"""All methods for objects on the same images, with the same network, batches and budget.

    python benchmarks/bench_methods.py [--steps 4000] [--only stars flows] [--out FOLDER]
        [--optimiser muon] [--start nuclei] [--recipe relief=nearness]

Each method learns the images of DSB 2018 that `scripts/train_nuclei.py` learns, in the same order.
The parameters of its readout, its confidence and its least confidence are chosen on the images
set aside, as `cellwright train` chooses them; then it is scored on the fluorescence images of
`val`. With `--start`, the network begins from the weights of a model; with `--recipe`, settings of
how the methods are learned differ from their defaults. The times are CPU seconds of
one thread for these images, from decoded pixels to labels. What is done is not done again: an
interrupted run goes on with the same command.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from _common import MEGAPIXEL, ROOT, data_folder, describe_machine
from _training import add_optimiser, new_network, trained, with_optimiser
from peers.serve import Clock
from train_nuclei import INPUT, SEED, learning_of, set_aside

from cellwright._files import write_json
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Example
from cellwright.inference.runtime import OnnxNetwork
from cellwright.methods.recipe_settings import check_recipe, new_recipe
from cellwright.methods.registry import METHODS, new_readout
from cellwright.models.card import ModelCard
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import NETWORK as ONNX
from cellwright.models.package import Package, load_package, save_package
from cellwright.models.readouts import readout_of
from cellwright.networks.registry import network_from_dict
from cellwright.networks.transfer import transfer_weights
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.runs.evaluate.scoring import load_image
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.tuning import tuned_card

THRESHOLDS = ("0.5", "0.7", "0.8", "0.9")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "methods")
    add_optimiser(parser)
    parser.add_argument("--start", help="model from whose weights the network begins")
    parser.add_argument("--recipe", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--score-again", action="store_true", help="models that are there already")
    options = parser.parse_args()

    examples = open_dataset(data_folder() / "dsb2018").examples
    training, aside = set_aside([example for example in examples if example.split == "train"])
    held_out = [e for e in examples if e.split == "val" and str(e.kind).startswith("fluo")]
    learning = learning_of(training, aside, options.workers)
    results = {}
    for name in options.only:
        start = [Path(options.start).name] if options.start else []
        parts = [name, str(options.steps), *start, *options.recipe]
        folder = options.out / with_optimiser("-".join(parts), options.optimiser)
        if options.score_again or not (folder / "result.json").exists():
            recipe = dict(setting.split("=", 1) for setting in options.recipe)
            package = learned(
                name, recipe, learning, folder, options.steps, options.optimiser, options.start
            )
            write_json(folder / "result.json", scores(package, held_out))
        results[name] = json.loads((folder / "result.json").read_text())
    print(describe_machine(("torch", "onnxruntime", "numba")))
    begun = f" from the weights of '{options.start}'" if options.start else ""
    print(f"{len(held_out)} images of `val`, {options.steps:,} steps{begun}\n")
    print(table(results))


def learned(
    name: str,
    settings: dict[str, str],
    learning: Learning,
    folder: Path,
    steps: int,
    optimiser: str,
    start: str | None,
) -> Package:
    """Train a method, choose on the images set aside, and save the package; or open it."""
    if (folder / "model").is_dir():
        return load_package(folder / "model")
    recipe = new_recipe(
        name, new_readout(name, 2, INPUT.diameter_range[1]), check_recipe(name, settings)
    )
    learning = replace(learning, recipe=recipe)
    network = new_network(learning)
    if start:
        transfer_weights(restored_network(load_package(find_model(start))).state_dict(), network)
    record = trained(network, learning, folder / "training", steps, optimiser)
    files = export_network(network, INPUT.normalisation)
    card = ModelCard(
        name=name,
        version="1.0.0",
        description="One of several methods, trained alike to be compared.",
        task="instances",
        method=name,
        readout=asdict(recipe.readout),
        network=network_facts(network, files[ONNX]),
        input=INPUT,
        training={"steps": record.steps, "seconds": round(record.seconds)},
    )
    return save_package(folder / "model", tuned_card(card, files, learning.validation, SEED), files)


def scores(package: Package, examples: list[Example]) -> dict[str, Any]:
    """Return accuracy and CPU seconds of a model on images."""
    model = InstanceModel(package, device="cpu", threads=1)
    metrics = evaluate_examples(model, examples).to_json()
    clock = Clock()
    images = [load_image(example, 2)[0] for example in examples]
    pixels = 0
    decoder = type(readout_of(package.card))
    with (
        clock.counting(OnnxNetwork, "__call__", "network"),
        clock.counting(decoder, "decode", "decoding"),
    ):
        for image in images:
            with clock("whole"):
                model.segment(image)
            pixels += image.sizes["Y"] * image.sizes["X"]
    whole = clock.parts["whole"]
    facts = package.card.network.config
    network = network_from_dict(dict(facts), seed=SEED)
    return {
        "average_precision": {
            how: [metrics[how][threshold]["average_precision"] for threshold in THRESHOLDS]
            for how in ("per_image", "pooled")
        },
        "seconds_per_image": whole / len(images),
        "seconds_per_megapixel": whole / pixels * MEGAPIXEL,
        "share_of_network": clock.parts["network"] / whole,
        "share_of_decoding": clock.parts["decoding"] / whole,
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "training_seconds": package.card.training["seconds"],
        "readout": dict(package.card.readout),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return all results as a Markdown table; average precision per image / pooled."""
    columns = [f"AP@{threshold}" for threshold in THRESHOLDS]
    columns += ["s/image", "s/Mpx", "in the network", "decoding", "parameters", "training, min"]
    lines = [f"| method | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, one in results.items():
        precision = one["average_precision"]
        pairs = zip(precision["per_image"], precision["pooled"], strict=True)
        cells = [
            name,
            *(f"{per_image:.3f} / {pooled:.3f}" for per_image, pooled in pairs),
            f"{one['seconds_per_image']:.3f}",
            f"{one['seconds_per_megapixel']:.2f}",
            f"{one['share_of_network']:.0%}",
            f"{one['share_of_decoding']:.0%}",
            f"{one['parameters']:,}",
            f"{one['training_seconds'] / 60:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
