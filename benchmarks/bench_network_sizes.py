"""Accuracy against cost: the network of the shipped model in several sizes, all trained alike.

    python benchmarks/bench_network_sizes.py [--steps 4000] [--only 24/1.75] [--out FOLDER]
    python benchmarks/bench_network_sizes.py --steps 2000 --only 16/2 --patches mild
    python benchmarks/bench_network_sizes.py --floats

Each size learns the same batches of DSB 2018 in the same order as `scripts/train_nuclei.py` gives
them in its long first phase, or in the milder second one, and is scored at the annotated scale with
the readout's default settings, on the images set aside from `train` and on the fluorescence images
of `val`; so is the network that ships. `--floats` trains in float32 where the processor has
bfloat16, too. What is done is not done again: an interrupted run goes on with the same command. At
the end all networks take turns in ONNX Runtime on one thread.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _common import MEGAPIXEL, ROOT, Parts, data_folder, describe_machine, in_turn
from _training import add_optimiser, new_network, trained, with_optimiser
from peers.serve import Clock
from train_nuclei import AUGMENTATION, INPUT, SEED, SETTLED, learning_of, set_aside

from cellwright._files import write_json
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import fit_channels, load_example
from cellwright.datasets.records import Example
from cellwright.inference.apply import find_instances
from cellwright.inference.runtime import OnnxNetwork
from cellwright.inference.view import View
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.metrics.matching import InstanceScores
from cellwright.models.card import NetworkFacts
from cellwright.models.export import network_facts, to_onnx
from cellwright.models.find import find_model
from cellwright.models.package import NETWORK as ONNX
from cellwright.models.package import load_package
from cellwright.networks.cost import cost
from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict

SIZES: dict[str, dict[str, Any]] = {
    "8/2": {"width": 8, "growth": 2.0},
    "16/1.5": {"width": 16, "growth": 1.5},
    "16/2": {"width": 16, "growth": 2.0},
    "24/1.75": {"width": 24, "growth": 1.75},
    "32/1.5": {"width": 32, "growth": 1.5},
    "32/2": {"width": 32, "growth": 2.0},
}
"""Width of the finest level and growth per level."""
THRESHOLDS = (0.5, 0.8, 0.9)
PATCHES = {"varied": AUGMENTATION, "mild": SETTLED}
"""The augmentation of the long phase of the shipped model, and of the one after it."""
PARTS = {"set aside": "images set aside", "val": "`val` fluorescence"}
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--patches", choices=PATCHES, default="varied")
    parser.add_argument("--floats", action="store_true", help="train in float32 on any processor")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "network-sizes")
    add_optimiser(parser)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    examples = open_dataset(data_folder() / "dsb2018").examples
    training, aside = set_aside([example for example in examples if example.split == "train"])
    parts = {
        "set aside": [example for example in aside if _fluorescent(example)],
        "val": [e for e in examples if e.split == "val" and _fluorescent(e)],
    }
    learning = learning_of(training, aside, options.workers, PATCHES[options.patches])
    folders = {}
    for name in options.only:
        how = f"{options.patches}{'-float32' * options.floats}"
        run = f"{name.replace('/', '-')}-{options.steps}-{how}"
        folders[name] = options.out / with_optimiser(run, options.optimiser)
        if not (folders[name] / "result.json").exists():
            network = new_network(learning, **SIZES[name])
            trained(
                network,
                learning,
                folders[name],
                options.steps,
                options.optimiser,
                mixed_precision=not options.floats,
            )
            write_result(network, parts, folders[name])
    folders["as shipped"] = shipped(parts, options.out)
    print(describe_machine(("torch", "onnxruntime")))
    print(table(folders, {name: len(some) for name, some in parts.items()}))


def write_result(network: Network, parts: dict[str, list[Example]], folder: Path) -> None:
    """Write a trained network and ``result.json`` into its folder."""
    content = to_onnx(network)
    _write(folder, content, network_facts(network, content), asdict(cost(network)), parts)


def shipped(parts: dict[str, list[Example]], out: Path) -> Path:
    """Score the network that ships as the others are; return the folder of the result."""
    package = load_package(find_model("nuclei"))
    folder = out / f"shipped-{package.sha256[:12]}"
    if not (folder / "result.json").exists():
        facts = package.card.network
        costs = asdict(cost(network_from_dict(facts.config)))
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, package.files[ONNX], facts, costs, parts)
    return folder


def _write(
    folder: Path,
    content: bytes,
    facts: NetworkFacts,
    costs: dict[str, Any],
    parts: dict[str, list[Example]],
) -> None:
    """Score a network, and write it and ``result.json``."""
    runtime = OnnxNetwork(content, stride=facts.stride, halo=facts.halo, device="cpu", threads=1)
    result = costs | {
        "stride": facts.stride,
        "halo": facts.halo,
        "average_precision": {name: score(runtime, some) for name, some in parts.items()},
    }
    (folder / "network.onnx").write_bytes(content)
    write_json(folder / "result.json", result)  # last: it says that all is done


def score(network: OnnxNetwork, examples: Sequence[Example]) -> list[float]:
    """Return the mean over images of the average precision at each of `THRESHOLDS`."""
    scores = InstanceScores(THRESHOLDS)
    for example in examples:
        pixels, truth = load_example(example)
        source = fit_channels(pixels, len(INPUT.channels), example.id)
        found = np.zeros(truth.shape, np.int32)
        limits = INPUT.normalisation.limits(source)
        view = View.at_scales(source, None, INPUT.normalisation.apply, limits)
        find_instances(view, network, OffsetsReadout(), sink=found)
        scores.add(truth, found)
    return [scores.per_image("average_precision", threshold) for threshold in THRESHOLDS]


def table(folders: dict[str, Path], images: dict[str, int]) -> str:
    """Time all networks in turn, and return everything as a Markdown table."""
    results = {
        name: json.loads((folder / "result.json").read_text()) for name, folder in folders.items()
    }
    pixels = np.random.default_rng(SEED).random(
        (1, len(INPUT.channels), 1024, 1024), dtype=np.float32
    )
    cases = {
        name: partial(
            _timed,
            OnnxNetwork(
                folders[name] / "network.onnx",
                stride=result["stride"],
                halo=result["halo"],
                device="cpu",
                threads=1,
            ),
            pixels,
        )
        for name, result in results.items()
    }
    _, usual = in_turn(cases, ROUNDS)
    heads = [f"AP@{'/'.join(map(str, THRESHOLDS))}, {PARTS[n]} ({c})" for n, c in images.items()]
    lines = [
        f"| width/growth | parameters | GFLOP/Mpx | CPU s/Mpx | {' | '.join(heads)} |",
        "|---" * (4 + len(heads)) + "|",
    ]
    for name, result in results.items():
        cells = [
            name,
            f"{result['parameters']:,}",
            f"{result['gflop_per_megapixel'] * MEGAPIXEL / 1e6:.1f}",
            f"{usual[name]['network']:.3f}",
            *(_joined(result["average_precision"][part]) for part in images),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _timed(network: OnnxNetwork, pixels: Any) -> Parts:
    clock = Clock()
    with clock("network"):
        network(pixels)
    return {"network": clock.parts["network"] * MEGAPIXEL / pixels[0, 0].size}


def _fluorescent(example: Example) -> bool:
    return str(example.kind).startswith("fluo")


def _joined(values: list[float]) -> str:
    return " / ".join(f"{value:.3f}" for value in values)


if __name__ == "__main__":
    main()
