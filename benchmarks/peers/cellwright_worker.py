"""Cellwright as the peers are timed: one process, one thread, the same fields."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from serve import Clock, serve

from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.inference.runtime import OnnxNetwork
from cellwright.methods.offsets.geometry import centres, offsets_to_centres
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model

PARTS: tuple[tuple[type, str, str], ...] = (
    (Normalisation, "limits", "normalise"),
    (Normalisation, "apply", "normalise"),
    (OnnxNetwork, "__call__", "network"),
    (OffsetsReadout, "decode", "decode"),
)


@cache
def arrays(field: str) -> tuple[AnyArray, LabelArray]:
    loaded = np.load(field)
    return loaded["image"], loaded["labels"]


@cache
def model(name: str) -> InstanceModel:
    return load_instance_model(name, device="cpu", threads=1)


def segment(clock: Clock, field: str, name: str, diameter: float | None = None) -> int:
    """Time what `Model.segment` does; what is in none of `PARTS` is ``rest``."""
    ready, image = model(name), Image(arrays(field)[0], "YX")
    with ExitStack() as stack:
        for owner, method, part in PARTS:
            stack.enter_context(clock.counting(owner, method, part))
        with clock("whole"):
            found = ready.segment(image, diameter=diameter)
    whole = clock.parts.pop("whole")
    clock.parts["rest"] = whole - sum(clock.parts.values())
    return len(found.table["label"])


def decode(clock: Clock, field: str) -> int:
    maps = noisy_maps(field)
    with clock("decode"):
        found = OffsetsReadout().decode(maps)
    return len(found.anchors)


@cache
def noisy_maps(field: str) -> FloatArray:
    """Return maps (3, Y, X) of the true objects as a network of middling quality gives them.

    The foreground is uncertain around the edge, the offsets are wrong by about 1 px; both errors
    are smooth, as those of networks are.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    _, labels = arrays(field)
    white = np.random.default_rng(0).normal(size=(3, *labels.shape)).astype(np.float32)
    error = gaussian_filter(white, (0, 2, 2))
    error /= error.std()
    foreground = uniform_filter((labels > 0).astype(np.float32), 3)
    centre, _ = centres(labels, int(labels.max()))
    maps = np.concatenate([8 * (foreground[None] - 0.5), offsets_to_centres(labels, centre)])
    maps += error
    maps[1:] /= OffsetsReadout().unit
    return maps


@cache
def training_batch(field: str, batch: int, side: int) -> dict[str, AnyArray]:
    from cellwright.methods.offsets.recipe import OffsetsRecipe

    image, labels = arrays(field)
    pixels = Normalisation().apply(image[None], Normalisation().limits(image[None]))
    per_row = image.shape[1] // side
    samples = []
    for place in range(batch):
        row, column = (side * step for step in divmod(place, per_row))
        part = np.s_[row : row + side, column : column + side]
        targets = OffsetsRecipe().targets(np.ascontiguousarray(labels[part]))
        samples.append({"pixels": np.repeat(pixels[:, *part], 3, axis=0), **targets})
    return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}


def train(
    clock: Clock, field: str, network: dict[str, Any], steps: int, batch: int, side: int
) -> int:
    """Time whole fits: loss, gradients, clipping, averaging, log and the final checkpoint."""
    from cellwright.methods.offsets.recipe import OffsetsRecipe
    from cellwright.networks.registry import network_from_dict
    from cellwright.training.fit import fit
    from cellwright.training.settings import FitSettings

    recipe, fresh = OffsetsRecipe(), network_from_dict(network)
    patches = training_batch(field, batch, side)
    settings = FitSettings(steps=steps, validate_every=steps, keep="last", threads=1, device="cpu")
    with tempfile.TemporaryDirectory() as folder, clock("steps"):
        fit(
            fresh,
            lambda net, arrays: recipe.loss(net(arrays["pixels"]), arrays),
            lambda first_step: repeat(patches),
            lambda net: {"loss": 0.0},
            settings,
            Path(folder),
        )
    return steps


if __name__ == "__main__":
    serve({"segment": segment, "decode": decode, "train": train})
