"""What all networks cost: arithmetic, a training step, a prediction.

Run ``python benchmarks/bench_networks.py`` with the ``train`` extra installed. All times are CPU
seconds on one thread, the best of `REPEATS`; compare rows of one run only.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.nn import functional

from cellwright.networks.cost import cost
from cellwright.networks.network import Network
from cellwright.networks.registry import (
    ENCODERS,
    NETWORKS,
    network_description,
    network_from_dict,
)
from cellwright.training.device import place

REPEATS = 4
MEGAPIXELS = 1024**2 / 1e6  # of the image that is predicted
CHANNELS = {"in_channels": 1, "out_channels": 3}
UNETS: list[dict[str, Any]] = [
    {"width": 8},
    {"width": 16},
    {"width": 24},
    {"width": 48},
    {"skip": "concat"},
    {"growth": 2.0},
    {"block": "residual"},
    {"block": "dense"},
    {"block": "separable"},
    {"block": "dilated"},
    {"stem": 1},
]
"""What of the usual U-Net is changed."""


def descriptions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every network by name, every encoder, and variants of the U-Net, with a label each."""
    for name in NETWORKS:
        yield name, network_description(name)
    for name in ("unet", "fpn"):
        for encoder in ENCODERS:
            yield f"{name}, encoder {encoder}", network_description(name, encoder=encoder)
    for options in UNETS:
        label = ", ".join(f"{option} {value}" for option, value in options.items())
        yield f"unet, {label}", {"name": "unet", **options}


def best_seconds(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS + 1):  # the first one warms up
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times[1:])


def training_step_seconds(network: Network) -> float:
    """Time one AdamW step on a batch of 4 × 256²."""
    place(network.train(), torch.device("cpu"))
    optimiser = torch.optim.AdamW(network.parameters())
    pixels, target = torch.rand(4, 1, 256, 256), torch.rand(4, 3, 256, 256)

    def step() -> None:
        optimiser.zero_grad()
        functional.smooth_l1_loss(network(pixels), target).backward()
        optimiser.step()

    return best_seconds(step)


def prediction_seconds(network: Network) -> float:
    """Time ONNX Runtime on one 1024² image."""
    pixels = np.random.default_rng(0).random((1, 1, 1024, 1024), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch on its own exporter
        path = Path(folder) / "network.onnx"
        axes = {0: "n", 2: "y", 3: "x"}
        torch.onnx.export(
            network.eval(),
            (torch.from_numpy(pixels[..., :64, :64]),),
            str(path),
            input_names=["pixels"],
            output_names=["maps"],
            dynamic_axes={"pixels": axes, "maps": axes},
            opset_version=17,
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    return best_seconds(lambda: session.run(None, {"pixels": pixels}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose label starts so")
    parser.add_argument("--no-training", action="store_true", help="leave training steps out")
    choices = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | parameters | GFLOP/Mpx | halo, px | ORT, CPU s/Mpx | step 4×256², s |")
    print("|---|---|---|---|---|---|")
    for label, description in descriptions():
        if not label.startswith(choices.only):
            continue
        network = network_from_dict(description | CHANNELS)
        counted = cost(network)
        predicted = prediction_seconds(network) / MEGAPIXELS
        step = "" if choices.no_training else f"{training_step_seconds(network):.3f}"
        print(
            f"| {label} | {counted.parameters:,} | {counted.gflop_per_megapixel:.1f} "
            f"| {network.halo[0]} | {predicted:.3f} | {step} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
