"""The model ``nuclei`` in 8-bit integers beside the same in floats: scores and CPU time.

    python benchmarks/bench_int8.py [--rounds 5]

Scores on the images that the training script sets aside, on which the choice is made, and on the
split `val` of DSB 2018. The networks take turns on a field of simulated nuclei, on one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from _common import MEGAPIXEL, Parts, data_folder, describe_machine, in_turn
from peers.serve import Clock
from train_nuclei import SEED, set_aside

from cellwright._types import AnyArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Example
from cellwright.models.engines import INT8
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import Package, load_package
from cellwright.runs.evaluate.instances import evaluate_examples

WAYS = {"floats": "network", "8-bit integers": INT8}
"""What computes the maps, and its engine."""
THRESHOLDS = (0.5, 0.8, 0.9)
SIDE = 1024  # px


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    package = load_package(find_model("nuclei"))
    models = {name: model_of(package, engine) for name, engine in WAYS.items()}
    print(describe_machine(("onnxruntime",)))
    pixels = np.random.default_rng(SEED).random((1, 3, SIDE, SIDE), dtype=np.float32)
    _, usual = in_turn(
        {name: partial(timed, model, pixels) for name, model in models.items()}, options.rounds
    )
    for name, parts in usual.items():
        print(f"{name}: {parts['network']:.3f} CPU s/Mpx of the network")
    for part, examples in parts_of().items():
        print(f"\n{part}, {len(examples)} images; AP@{'/'.join(map(str, THRESHOLDS))}")
        for name, model in models.items():
            print(f"{name}: {scores(model, examples)}")


def model_of(package: Package, engine: str) -> InstanceModel:
    network = replace(package.card.network, engine=engine)
    changed = replace(package, card=replace(package.card, network=network))
    return InstanceModel(changed, device="cpu", threads=1)


def timed(model: InstanceModel, pixels: AnyArray) -> Parts:
    clock = Clock()
    with clock("network"):
        model.network(pixels)
    return {"network": clock.parts["network"] * MEGAPIXEL / SIDE**2}


def parts_of() -> dict[str, list[Example]]:
    """Return fluorescence and other images, of those set aside and of `val`."""
    examples = open_dataset(data_folder() / "dsb2018").examples
    _, aside = set_aside([example for example in examples if example.split == "train"])
    held_out = [example for example in examples if example.split == "val"]
    parts = {}
    for where, some in (("set aside", aside), ("val", held_out)):
        for what, fluorescent in (("fluorescence", True), ("tissue and brightfield", False)):
            parts[f"{where}, {what}"] = [
                one for one in some if str(one.kind).startswith("fluo") == fluorescent
            ]
    return parts


def scores(model: InstanceModel, examples: Sequence[Example]) -> str:
    """Return average precisions per image and pooled, and the calibration error."""
    found = evaluate_examples(model, examples).to_json()
    told = [
        f"{how.replace('_', ' ')} "
        + " / ".join(f"{found[how][str(at)]['average_precision']:.4f}" for at in THRESHOLDS)
        for how in ("per_image", "pooled")
    ]
    error = found["calibration"]["expected_calibration_error"]
    return f"{'; '.join(told)}; calibration error {error:.3f}"


if __name__ == "__main__":
    main()
