"""Clusters from embeddings, beside the sequential rule they stem from: CPU time, one thread.

    python benchmarks/bench_embeddings.py [--sides 256 512 1024] [--rounds 3]

The sequential rule takes the surest pixel that is left, gives it all pixels of the image whose
membership exceeds one half, and starts again (Neven et al., 2019), here with numpy; Cellwright
takes seeds in rounds and looks no farther than its reach. Both read the same noisy maps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from _common import MEGAPIXEL, Parts, describe_machine, in_turn, simulated_field
from scipy.ndimage import gaussian_filter

from cellwright._types import FloatArray, LabelArray
from cellwright.methods.embeddings.readout import EmbeddingsReadout
from cellwright.methods.embeddings.recipe import EmbeddingsRecipe
from cellwright.metrics.matching import match

READOUT = EmbeddingsReadout.suited_to(2, 40.0)
_STEP = 1.0  # px; errors of the offsets, smooth
_SPREAD = 0.2  # of the logarithms of bandwidths


def noisy_maps(labels: LabelArray) -> FloatArray:
    """Return the maps of labels as a trained network would write them, with smooth errors."""
    rng = np.random.default_rng(0)

    def noise(*shape: int) -> FloatArray:
        smooth = gaussian_filter(rng.standard_normal(shape), [0] * (len(shape) - 2) + [1, 1])
        return smooth / smooth.std()

    offsets = EmbeddingsRecipe(READOUT).targets(labels)["offsets"]
    radius = np.maximum(np.sqrt(np.bincount(labels.ravel()) / np.pi), 2)[labels]
    inside = 4 - 3 * (np.hypot(*offsets) / radius) ** 2
    seed = np.where(labels > 0, inside, -5) + 0.5 * noise(*labels.shape)
    width = np.log(0.6 * radius / READOUT.bandwidth) + _SPREAD * noise(2, *labels.shape)
    told = (offsets + _STEP * noise(2, *labels.shape)) / READOUT.unit
    return np.concatenate([seed[None], told, width]).astype(np.float32)


def sequential(maps: FloatArray) -> LabelArray:
    """Return clusters of the surest pixels that are left, one after the other."""
    probability = 1 / (1 + np.exp(-maps[0]))
    embedded = np.indices(maps.shape[1:]) + READOUT.unit * maps[1:3]
    scale = np.exp(-maps[3:5]) / READOUT.bandwidth
    free = probability > READOUT.threshold
    labels, count = np.zeros(maps.shape[1:], np.int32), 0
    while True:
        left = np.where(free, probability, 0)
        seed = np.unravel_index(left.argmax(), left.shape)
        if left[seed] < READOUT.certainty:
            return labels
        away = ((embedded - embedded[:, *seed, None, None]) * scale[:, *seed, None, None]) ** 2
        own = free & (away.sum(0) < 1)
        own[seed] = True
        free &= ~own
        if own.sum() >= READOUT.smallest:
            count += 1
            labels[own] = count


def ours(maps: FloatArray) -> LabelArray:
    """Return the labels of the readout."""
    return READOUT.decode(maps).labels


WAYS = {"Cellwright": ours, "one after the other": sequential}


def timed(call: Callable[[], object]) -> Parts:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    call()
    return {"seconds": time.process_time() - start}


def compare(labels: LabelArray, rounds: int) -> None:
    """Print a row for each way to read the maps of labels, and one for making the targets."""
    maps = noisy_maps(labels)
    cases = {name: (lambda way=way: timed(lambda: way(maps))) for name, way in WAYS.items()}
    cases["targets"] = lambda: timed(lambda: EmbeddingsRecipe(READOUT).targets(labels))
    _, usual = in_turn(cases, rounds)
    least = usual["Cellwright"]["seconds"]
    field = f"{labels.shape[0]} px, {labels.max()} objects"
    for name, parts in usual.items():
        score = f"{match(labels, WAYS[name](maps)).counts.f1:.3f}" if name in WAYS else ""
        cost = 1000 * parts["seconds"] / labels.size * MEGAPIXEL
        print(f"| {field} | {name} | {cost:.0f} | {parts['seconds'] / least:.1f} | {score} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(describe_machine(("numpy", "numba")))
    print("\n| field | | ms per Mpx | ratio | F1 at IoU 0.5 |\n|---|---|---|---|---|")
    for side in options.sides:
        for density in (0.2, 0.5):
            compare(simulated_field(side, density).labels, options.rounds)


if __name__ == "__main__":
    main()
