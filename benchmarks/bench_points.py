"""Spots between the pixels: accuracy and CPU time, beside scikit-image, on simulated images.

    python benchmarks/bench_points.py [--side 512] [--count 400] [--seeds 3] [--steps 600]

All see the same images, of which every position is known exactly. Cellwright's classical detection
keeps its one threshold, in standard deviations of the noise. scikit-image's `blob_log` has a
threshold in grey values, for which the best of many is taken at each noise level: more than a
user could know. The learned points come from a small network trained here for a few minutes on
simulated images of all these noise levels (`--steps 0` leaves them out).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from _common import MEGAPIXEL, describe_machine

from cellwright._types import AnyArray, DoubleArray, FloatArray
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.datasets.points import Points
from cellwright.methods.points.readout import PointsReadout
from cellwright.methods.points.spots import detect_spots
from cellwright.metrics.points import PointScores
from cellwright.simulation.spots import SpotSimulation, simulate_spots

_PHOTONS = (10, 15, 25, 50, 150)
_BLUR = 1.4  # px
_DIAMETER = 2 * np.sqrt(2) * _BLUR
_APART = 6.0  # px; closer spots are one to all of them
_RADIUS = 2.0  # px; of a match
_THRESHOLDS = np.geomspace(0.005, 0.5, 25)  # of `blob_log`, over the range of the image
_PATCH, _BATCH = 64, 8

Detector = Callable[[AnyArray], FloatArray]


@dataclass(frozen=True)
class Case:
    """Images of one noise level, and the truth."""

    snr: float
    images: Sequence[tuple[AnyArray, DoubleArray]]


def simulation(side: int, count: int, photons: float) -> SpotSimulation:
    """Return how spots of this peak brightness look."""
    plain = SpotSimulation(size=(side, side), count=count, apart=_APART)
    return replace(plain, optics=replace(plain.optics, photons=photons, blur=_BLUR))


def case(side: int, count: int, photons: float, seeds: int) -> Case:
    """Simulate images; their signal-to-noise ratio is the peak over the noise of the ground."""
    settings = simulation(side, count, photons)
    noise = np.sqrt(settings.optics.background + settings.optics.read_noise**2)
    return Case(photons / noise, [simulate_spots(settings, seed) for seed in range(seeds)])


def classical(fit: str) -> Detector:
    """Return Cellwright's detection."""

    def detect(image: AnyArray) -> FloatArray:
        table = detect_spots(image, _DIAMETER, fit=fit)
        return np.stack([table["y"], table["x"]], 1)

    return detect


def blob_log(threshold: float) -> Detector:
    """Return scikit-image's detection at the scale of the spots."""
    from skimage.feature import blob_log as detect_blobs

    def detect(image: AnyArray) -> FloatArray:
        low, high = float(image.min()), float(image.max())
        stretched = (image - low) / (high - low)
        found = detect_blobs(
            stretched, min_sigma=_BLUR, max_sigma=_BLUR, num_sigma=1, threshold=threshold
        )
        return found[:, :2].astype(np.float32)

    return detect


def best_blob_log(one: Case) -> Detector:
    """Return `blob_log` with the threshold that suits the first image best."""
    image, truth = one.images[0]
    scores = []
    for threshold in _THRESHOLDS:
        score = PointScores(_RADIUS)
        score.add(truth, blob_log(threshold)(image))
        scores.append(score.counts.f1)
    return blob_log(float(_THRESHOLDS[int(np.argmax(scores))]))


def learned(steps: int) -> Detector:
    """Train a small network on simulated patches of all noise levels; return its detection."""
    import torch

    from cellwright.methods.points.recipe import PointsRecipe
    from cellwright.networks.registry import network_from_dict

    recipe = PointsRecipe(PointsReadout())
    outputs = len(recipe.readout.outputs)
    facts = {"name": "unet", "in_channels": 1, "out_channels": outputs, "width": 8, "depth": 3}
    network = network_from_dict(facts)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, max(steps, 1))
    rng = np.random.default_rng(1)
    for step in range(steps):
        pixels, targets = [], []
        for place in range(_BATCH):
            photons = float(np.exp(rng.uniform(np.log(_PHOTONS[0]), np.log(_PHOTONS[-1]))))
            settings = simulation(_PATCH, int(rng.integers(0, 16)), photons)
            image, truth = simulate_spots(settings, 10_000 + step * _BATCH + place)
            pixels.append(_normalised(image))
            known = np.ones((_PATCH, _PATCH), bool)
            points = Points(truth, np.full(len(truth), ONE_CLASS), known)
            targets.append(recipe.targets(points))
        batch = {
            name: torch.from_numpy(np.stack([t[name] for t in targets])) for name in targets[0]
        }
        loss = recipe.loss(network(torch.from_numpy(np.stack(pixels))[:, None]), batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    network.eval()

    def detect(image: AnyArray) -> FloatArray:
        with torch.no_grad():
            maps = network(torch.from_numpy(_normalised(image))[None, None])[0].numpy()
        return recipe.readout.decode(maps).positions

    return detect


def _normalised(image: AnyArray) -> FloatArray:
    """Return an image with its ground at 0 and its noise at 1."""
    pixels = image.astype(np.float32)
    base = np.median(pixels)
    return (pixels - base) / (1.4826 * np.median(np.abs(pixels - base)))


def row(name: str, detect: Detector, one: Case) -> str:
    """Return accuracy and time of a detector as a row of the table."""
    detect(one.images[0][0])  # compiles
    scores, seconds = PointScores(_RADIUS), []
    for image, truth in one.images:
        start = time.process_time()
        found = detect(image)
        seconds.append((time.process_time() - start) / image.size * MEGAPIXEL)
        scores.add(truth, found)
    counts = scores.counts
    cells = [f"{ratio:.3f}" for ratio in (counts.precision, counts.recall, counts.f1, scores.rmse)]
    return f"| {one.snr:.1f} | {name} | {' | '.join(cells)} | {1000 * median(seconds):.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    print(describe_machine(("numpy", "numba", "scikit-image")))
    print(f"\n{options.seeds} images of {options.side} px with {options.count} spots each\n")
    print(
        "| SNR | | precision | recall | F1 | RMSE, px | ms per Mpx |\n|---|---|---|---|---|---|---|"
    )
    network = learned(options.steps) if options.steps else None
    for photons in _PHOTONS:
        one = case(options.side, options.count, photons, options.seeds)
        print(row("Cellwright, quadratic", classical("quadratic"), one), flush=True)
        print(row("Cellwright, Gaussian", classical("gaussian"), one), flush=True)
        if network is not None:
            print(row("Cellwright, learned", network, one), flush=True)
        print(row("scikit-image, best threshold", best_blob_log(one), one), flush=True)


if __name__ == "__main__":
    main()
