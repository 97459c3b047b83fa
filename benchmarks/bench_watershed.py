"""The deep watershed beside scikit-image's on the same maps, and its targets: CPU time, one thread.

    python benchmarks/bench_watershed.py [--side 1024] [--rounds 3]

scikit-image reads the same maps in the two ways that are usual: markers at local maxima that are a
few pixels apart, and markers at maxima that rise by the same height (`h_maxima`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from _common import MEGAPIXEL, Parts, describe_machine, in_turn, simulated_field

from cellwright._types import FloatArray, LabelArray
from cellwright.methods.watershed.readout import WatershedReadout
from cellwright.methods.watershed.recipe import WatershedRecipe
from cellwright.metrics.matching import match
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume

_APART = 4  # px; between the maxima that are markers
_NOISE = 0.03  # of the relief; as far off as a trained network is


def noisy_maps(labels: LabelArray) -> FloatArray:
    """Return the foreground logit and the relief of labels, with smooth errors."""
    from scipy.ndimage import gaussian_filter

    targets = WatershedRecipe().targets(labels)
    noise = gaussian_filter(np.random.default_rng(0).standard_normal(labels.shape), 1)
    relief = targets["relief"] + _NOISE * noise / noise.std()
    return np.stack([np.where(labels > 0, 6.0, -6.0), relief]).astype(np.float32)


def by_peaks(maps: FloatArray) -> LabelArray:
    """Watershed from local maxima, with scikit-image."""
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    mask = maps[0] > 0
    peaks = peak_local_max(
        maps[1], min_distance=_APART, threshold_abs=0.2, labels=mask.astype(np.int32)
    )
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-maps[1], markers, mask=mask)


def by_heights(maps: FloatArray) -> LabelArray:
    """Watershed from maxima that rise by the same height, with scikit-image."""
    from scipy.ndimage import label
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    mask = maps[0] > 0
    markers, _ = label(h_maxima(np.where(mask, maps[1], 0), WatershedReadout().persistence))
    return watershed(-maps[1], markers, mask=mask)


def ours(maps: FloatArray) -> LabelArray:
    """Return the labels of the readout."""
    return WatershedReadout().decode(maps).labels


WAYS = {"Cellwright": ours, "scikit-image, peaks": by_peaks, "scikit-image, h-maxima": by_heights}


def timed(call: Callable[[], object]) -> Parts:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    call()
    return {"seconds": time.process_time() - start}


def compare(labels: LabelArray, rounds: int) -> None:
    """Print a row for each way to read the maps of labels, and one for making the targets."""
    maps = noisy_maps(labels)
    megapixels = labels.size / MEGAPIXEL
    cases = {name: (lambda way=way: timed(lambda: way(maps))) for name, way in WAYS.items()}
    cases["targets"] = lambda: timed(lambda: WatershedRecipe().targets(labels))
    _, usual = in_turn(cases, rounds)
    size = " x ".join(map(str, labels.shape))
    print(f"\n{size} px, {len(np.unique(labels)) - 1} objects on {(labels > 0).mean():.0%}\n")
    print("| | ms per Mpx | ratio | F1 at IoU 0.5 |\n|---|---|---|---|")
    least = usual["Cellwright"]["seconds"]
    for name, parts in usual.items():
        score = f"{match(labels, WAYS[name](maps)).counts.f1:.3f}" if name in WAYS else ""
        cost = 1000 * parts["seconds"] / megapixels
        print(f"| {name} | {cost:.0f} | {parts['seconds'] / least:.1f} | {score} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(describe_machine(("numpy", "numba", "scikit-image")))
    for density in (0.2, 0.5):
        compare(simulated_field(options.side, density).labels, options.rounds)
    settings = NucleiSimulation(size=(32, 128, 128), diameter=16.0, density=0.3)
    compare(simulate_volume(settings, seed=0)[1], options.rounds)


if __name__ == "__main__":
    main()
