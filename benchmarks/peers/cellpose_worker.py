"""Cellpose 3 by its own code: random weights time the network, flows of the truth its dynamics.

Runs in an environment of its own, see `workers.CELLPOSE`. Images are taken as they are: Cellpose
also enlarges those whose objects are smaller than its models expect, which costs it more.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from cellpose.core import check_mkl, run_net
from cellpose.dynamics import labels_to_flows, masks_to_flows, resize_and_compute_masks
from cellpose.resnet_torch import CPnet
from cellpose.train import _loss_fn_seg
from cellpose.transforms import normalize_img
from serve import Clock, serve

CHANNELS = [2, 32, 64, 128, 256]  # of the input and of each level of its published models
FLOW_SCALE = 5.0  # its network learns flows five times as long as unit vectors
PATCHES_PER_BATCH = 8  # its default for prediction


@cache
def model() -> Any:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return CPnet(CHANNELS, 3, sz=3, mkldnn=check_mkl(True), max_pool=True).eval()


@cache
def arrays(field: str) -> tuple[Any, Any]:
    loaded = np.load(field)
    return loaded["image"], loaded["labels"]


@cache
def true_flows(field: str) -> Any:
    """Return object numbers, foreground, row flow and column flow, shape (4, Y, X)."""
    _, labels = arrays(field)
    return labels_to_flows([labels.copy()], device=torch.device("cpu"))[0]


def normalised(image: Any) -> Any:
    """Return nuclei and an empty second channel, shape (1, Y, X, 2)."""
    stack = np.stack([image, np.zeros_like(image)], axis=-1).astype(np.float32)
    return normalize_img(stack, axis=-1)[None]


def segment(clock: Clock, field: str) -> int:
    image, network = arrays(field)[0], model()
    with clock("normalise"):
        pixels = normalised(image)
    with clock("network"), torch.no_grad():
        run_net(network, pixels, batch_size=PATCHES_PER_BATCH)
    return decode(clock, field)


def decode(clock: Clock, field: str) -> int:
    _, foreground, *flows = true_flows(field)
    with clock("decode"):
        labels = resize_and_compute_masks(
            FLOW_SCALE * np.stack(flows), np.where(foreground > 0, 6.0, -6.0)
        )
    return int(labels.max())


def follow(clock: Clock, maps: str, out: str) -> int:
    """Read maps (1 + D, Y, X) of logits and flows; write the labels."""
    logits, *flows = np.load(maps)
    with clock("decode"):
        labels = resize_and_compute_masks(np.stack(flows), logits)
    np.save(out, labels.astype(np.int32))
    return int(labels.max())


def targets(clock: Clock, field: str, out: str) -> int:
    """Write the flows (D, Y, X) of the labels."""
    labels = arrays(field)[1].copy()
    with clock("targets"):
        flows = masks_to_flows(labels, device=torch.device("cpu"))
    np.save(out, flows.astype(np.float32))
    return int(labels.max())


@cache
def training(field: str, batch: int, side: int) -> tuple[Any, Any, Any, Any]:
    pixels = normalised(arrays(field)[0])[0].transpose(2, 0, 1)
    flows = true_flows(field)[1:]
    per_row = pixels.shape[-1] // side
    cut = []
    for place in range(batch):
        row, column = (side * step for step in divmod(place, per_row))
        cut.append(np.s_[:, row : row + side, column : column + side])
    patches = np.stack([pixels[part] for part in cut])
    targets = np.stack([flows[part] for part in cut])
    network = CPnet(CHANNELS, 3, sz=3, mkldnn=False, max_pool=True).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-5)
    return network, optimiser, patches, targets


def train(clock: Clock, field: str, steps: int, batch: int, side: int) -> int:
    torch.set_num_threads(1)
    network, optimiser, patches, targets = training(field, batch, side)
    with clock("steps"):
        for _ in range(steps):
            outputs = network(torch.from_numpy(patches))[0]
            loss = _loss_fn_seg(targets, outputs, torch.device("cpu"))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return steps


if __name__ == "__main__":
    tasks = {"segment": segment, "decode": decode, "train": train}
    serve(tasks | {"follow": follow, "targets": targets})
