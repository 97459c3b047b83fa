"""Time one augmented training patch, its targets, and the same warp with SciPy.

Run with ``OMP_NUM_THREADS=1 python benchmarks/bench_augment.py``; prints CPU milliseconds per
patch for each strength and for the targets of each method, the parts of one, and how many times
longer ``scipy.ndimage.map_coordinates`` takes for the same map.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.ndimage import map_coordinates

from cellwright.datasets.augment import augment, draw_warp, separate_parts
from cellwright.datasets.augmentation import STRENGTHS
from cellwright.datasets.intensity import change_intensity
from cellwright.datasets.warp import Warp
from cellwright.methods.registry import METHODS, find_method, new_readout
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

PATCH = (256, 256)
REPEATS = 100


def milliseconds(call: Callable[[int], object], repeats: int = REPEATS) -> float:
    """CPU time of a call in ms, compilation left out."""
    for seed in range(5):
        call(seed)
    start = time.process_time()
    for seed in range(repeats):
        call(seed)
    return (time.process_time() - start) / repeats * 1e3


def warp_with_scipy(warp: Warp, pixels: np.ndarray, labels: np.ndarray) -> None:
    y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in warp.shape[1:]), indexing="ij")
    points = np.tensordot(warp.matrix, np.stack([y, x]) + warp.bend, 1)
    points += np.array(warp.centre[1:])[:, None, None]
    map_coordinates(pixels, points, order=1, mode="reflect")
    map_coordinates(labels, points, order=0, mode="reflect")


def main() -> None:
    image, labels = simulate_field(NucleiSimulation(size=(512, 512)), seed=0)
    pixels = (image / image.max()).astype(np.float32)[None]

    print(f"{PATCH[0]} x {PATCH[1]} patches, CPU ms each")
    for channels in (1, 3):
        stack = np.repeat(pixels, channels, 0)
        for name, settings in STRENGTHS.items():
            taken = milliseconds(
                lambda seed, stack=stack, settings=settings: separate_parts(
                    augment(stack, labels, PATCH, settings, np.random.default_rng(seed))[1]
                )
            )
            print(f"  {channels} channel(s), {name:<9} {taken:6.2f}")

    print("targets of a patch")
    truth = np.ascontiguousarray(labels[: PATCH[0], : PATCH[1]])
    for name in METHODS:
        recipe = find_method(name).recipe_class()(new_readout(name, 2, 40.0))
        print(f"  {name:<15} {milliseconds(lambda _, own=recipe: own.targets(truth)):6.2f}")

    settings = replace(STRENGTHS["standard"], free=1.0, scale=(1.0, 1.0))
    source = (1, *labels.shape)
    rng = np.random.default_rng(0)
    warp = draw_warp(source, PATCH, settings, rng)
    patch, patch_labels = warp.apply(pixels[:, None], labels[None])
    ours = milliseconds(lambda _: warp.apply(pixels[:, None], labels[None]))
    scipys = milliseconds(lambda _: warp_with_scipy(warp, pixels[0], labels), 20)
    print("parts of a standard patch of 1 channel")
    print(f"  draw      {milliseconds(lambda _: draw_warp(source, PATCH, settings, rng)):6.2f}")
    print(f"  warp      {ours:6.2f}   (SciPy {scipys:.2f}, {scipys / ours:.1f} x)")
    print(f"  intensity {milliseconds(lambda _: change_intensity(patch, settings, rng)):6.2f}")
    print(f"  separate  {milliseconds(lambda _: separate_parts(patch_labels[0])):6.2f}")


if __name__ == "__main__":
    main()
