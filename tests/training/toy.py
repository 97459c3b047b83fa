"""A training that takes a second: find the bright pixels of noise."""

from collections.abc import Iterator

import numpy as np
import torch

from cellwright.methods.losses import binary_cross_entropy
from cellwright.networks.registry import network_from_dict
from cellwright.training.settings import FitSettings

SETTINGS = FitSettings(
    steps=12, validate_every=4, learning_rate=1e-2, warmup_steps=2, device="cpu", threads=1
)


def network(seed: int = 0):
    return network_from_dict(
        {"name": "unet", "in_channels": 1, "out_channels": 1, "width": 8, "depth": 2, "stem": 1}
        | {"dropout": 0.2},  # so that the random state matters
        seed=seed,
    )


def batch(step: int) -> dict[str, np.ndarray]:
    pixels = np.random.default_rng(step).normal(size=(2, 1, 16, 16)).astype(np.float32)
    return {"image": pixels, "target": (pixels > 0.5).astype(np.float32)}


def batches(first_step: int) -> Iterator[dict[str, np.ndarray]]:
    step = first_step
    while True:
        yield batch(step)
        step += 1


def step_loss(network, batch):
    loss = binary_cross_entropy(network(batch["image"]), batch["target"])
    return {"loss": loss, "bce": loss.detach()}


def validate(network) -> dict[str, float]:
    assert not network.training
    held_out = {name: torch.from_numpy(array) for name, array in batch(10**6).items()}
    return {"loss": step_loss(network, held_out)["loss"].item()}
