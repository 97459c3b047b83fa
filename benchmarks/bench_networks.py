"""What U-Nets of several sizes cost: arithmetic, a training step, a prediction.

Run ``python benchmarks/bench_networks.py`` with the ``train`` extra installed. All times are CPU
seconds on one thread, the best of `REPEATS`; compare rows of one run only.
"""

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from cellwright.methods.losses import smooth_l1
from cellwright.networks.cost import cost
from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict
from cellwright.training.device import place

REPEATS = 4
NETWORKS = [
    {"width": 8},
    {"width": 16},
    {"width": 24},
    {"width": 32},
    {"width": 48},
    {"width": 32, "skip": "concat"},
    {"width": 32, "growth": 2.0},
    {"width": 32, "block": "residual"},
    {"width": 32, "block": "dense"},
    {"width": 32, "block": "separable"},
    {"width": 32, "block": "dilated"},
    {"width": 32, "stem": 1},
]


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
        smooth_l1(network(pixels), target).backward()
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
    torch.set_num_threads(1)
    print("| network | parameters | GFLOP/Mpx | halo, px | step 4×256², s | 1024² in ORT, s |")
    print("|---|---|---|---|---|---|")
    for options in NETWORKS:
        base = {"name": "unet", "in_channels": 1, "out_channels": 3}
        network = network_from_dict(base | options)
        counted = cost(network)
        predicted = prediction_seconds(network)
        step = training_step_seconds(network)
        label = ", ".join(f"{name} {value}" for name, value in options.items())
        print(
            f"| {label} | {counted.parameters:,} | {counted.gflop_per_megapixel:.1f} "
            f"| {network.halo[0]} | {step:.3f} | {predicted:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
