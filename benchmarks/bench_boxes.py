"""Boxes: their suppression beside the usual loop in NumPy, their decoding and targets.

    python benchmarks/bench_boxes.py [--side 1024] [--rounds 3]

CPU time, one thread. Both suppressions are greedy, are given the same boxes and must keep the
same. Decoding is timed on noisy right answers, and on noise, in which every pixel may propose a
box of any size, small ones or large ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from _common import MEGAPIXEL, Parts, describe_machine, in_turn, simulated_field

from cellwright._types import AnyArray, FloatArray, IntArray, LabelArray
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.boxes.recipe import BoxesRecipe
from cellwright.methods.boxes.suppression import rounds_of

_READOUT = BoxesReadout.suited_to(2, 40.0)
_PROPOSALS = 30  # a nucleus
_SPREAD = 1.5  # px; of the anchors of proposals


def maps_of(labels: LabelArray) -> FloatArray:
    """Return maps that are right but for smooth noise."""
    from scipy.ndimage import gaussian_filter

    targets = BoxesRecipe(_READOUT).targets(labels)
    sure = targets["centrality"].clip(1e-4, 1 - 1e-4)
    sides = np.log(np.maximum(targets["distances"], 0.5) / _READOUT.unit)
    right = np.concatenate([np.log(sure / (1 - sure))[None], sides, np.full_like(sure, 2)[None]])
    noise = np.random.default_rng(0).standard_normal(right.shape).astype(np.float32)
    return right + np.stack([gaussian_filter(plane, 1) for plane in noise])


def noise_maps(side: int, size: float | None) -> FloatArray:
    """Return noise; where `size` is given, all boxes are of about this size in px."""
    maps = np.random.default_rng(0).standard_normal((6, side, side)).astype(np.float32)
    if size is not None:
        maps[1:5] = 0.1 * maps[1:5] + np.float32(np.log(size / 2 / _READOUT.unit))
    return maps


def proposals(labels: LabelArray) -> tuple[IntArray, FloatArray]:
    """Return anchors and distances of several boxes around every object, in random order."""
    from cellwright.methods.boxes.geometry import boxes_around

    rng = np.random.default_rng(0)
    boxes = np.repeat(boxes_around(labels), _PROPOSALS, 0)
    half = np.tile((boxes[:, 2:] - boxes[:, :2]) / 2, 2)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + rng.normal(0, _SPREAD, (len(boxes), 2))
    order = rng.permutation(len(boxes))
    distances = (half * rng.uniform(0.9, 1.1, half.shape)).astype(np.float32)
    return np.maximum(middle, 0).astype(np.int64)[order], distances[order]


def by_numpy(anchors: IntArray, distances: FloatArray, threshold: float) -> list[int]:
    """Keep the best box, drop all that overlap it, and so on: one array operation a kept box."""
    corners = np.tile(anchors, 2) + 0.5 + distances * np.array([-1.0, -1, 1, 1])
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    left, kept = np.arange(len(corners)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        low = np.maximum(corners[best, :2], corners[left, :2])
        high = np.minimum(corners[best, 2:], corners[left, 2:])
        shared = (high - low).clip(0).prod(1)
        left = left[shared <= threshold * (areas[best] + areas[left] - shared)]
    return kept


def timed(name: str, call: Callable[[], object]) -> Parts:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    call()
    return {name: time.process_time() - start}


def usual(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of calls that take turns."""
    cases = {name: partial(timed, name, call) for name, call in calls.items()}
    return {name: parts[name] for name, parts in in_turn(cases, rounds)[1].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    field = simulated_field(options.side, density=0.2)
    print(describe_machine(), field, sep="\n")

    anchors, distances = proposals(field.labels)
    one_class = np.zeros(len(anchors), np.int64)
    ours = np.flatnonzero(rounds_of(anchors, distances, one_class, 0.5, 1.0) > 0)
    assert ours.tolist() == by_numpy(anchors, distances, 0.5)
    seconds = usual(
        {
            "Cellwright": lambda: rounds_of(anchors, distances, one_class, 0.5, 1.0),
            "NumPy": lambda: by_numpy(anchors, distances, 0.5),
        },
        options.rounds,
    )
    print(
        f"suppression of {len(anchors)} boxes, of which {len(ours)} are kept: "
        f"{1000 * seconds['Cellwright']:.1f} ms, NumPy {1000 * seconds['NumPy']:.0f} ms, "
        f"ratio {seconds['NumPy'] / seconds['Cellwright']:.0f}"
    )

    low = replace(_READOUT, threshold=0.05)
    maps: dict[str, AnyArray] = {
        "noisy right answer": maps_of(field.labels),
        "noise, boxes of any size": noise_maps(options.side, None),
        "noise, boxes of 4 px": noise_maps(options.side, 4.0),
        "noise, boxes of 64 px": noise_maps(options.side, 64.0),
    }
    seconds = usual({n: partial(low.decode, m) for n, m in maps.items()}, options.rounds)
    for name, value in seconds.items():
        milliseconds = 1000 * value * MEGAPIXEL / options.side**2
        print(f"decoding, {name}: {milliseconds:.0f} ms per Mpx, {len(low.decode(maps[name]))}")

    patch = np.ascontiguousarray(field.labels[:256, :256])
    recipe = BoxesRecipe(_READOUT)
    seconds = usual({"targets": lambda: recipe.targets(patch)}, options.rounds)
    print(f"targets of a patch of 256 px: {1000 * seconds['targets']:.1f} ms")


if __name__ == "__main__":
    main()
