"""Models on simulated fields that are hard, each for one reason.

    python benchmarks/bench_hard_cases.py [--model nuclei] [--fields 5]

AP is TP / (TP + FP + FN) over all fields of a kind, 1 where there is nothing and nothing is found.
Volumes are of the same nuclei with planes that lie farther and farther apart, seen by `nuclei-3d`.
Tiles are as small as they can be; what is counted are pixels whose label differs from that of the
whole field. Labels are spoiled as people spoil them, told about as `cellwright data inspect` does,
and repaired.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from _common import describe_machine
from skimage.measure import label

from cellwright._types import LabelArray
from cellwright.datasets.repair import Flaws, find_flaws, repaired
from cellwright.images.image import Image
from cellwright.metrics.matching import InstanceScores
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.simulation.hard_cases import HARD_CASES
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume

HEAD = "| fields | what is hard | objects | found | AP@0.5 | AP@0.8 |"
SPACINGS = (1, 2, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--fields", type=int, default=5)
    options = parser.parse_args()
    model = load_instance_model(options.model)
    print(describe_machine(("onnxruntime", "numba")))
    print(f"\n{HEAD}\n|{'---|' * 6}")
    for name, case in HARD_CASES.items():
        images = (case.make(seed) for seed in range(options.fields))
        report(name, case.why, model, [(Image(image, "YX"), truth) for image, truth in images])
    solid = load_instance_model("nuclei-3d")
    for spacing in SPACINGS:
        report(
            "volume",
            f"planes {spacing} times as far apart as pixels",
            solid,
            [volume(spacing, seed) for seed in range(options.fields)],
        )
    tile = max(model.card.network.stride)
    differing = pixels = 0
    for seed in range(options.fields):
        image, _ = HARD_CASES["crowded"].make(seed)
        whole, cut = (model.segment(Image(image, "YX"), tile=t).labels for t in (None, tile))
        differing += np.count_nonzero(whole != cut)
        pixels += image.size
    print(f"\nTiles of {tile} px: {differing} of {pixels:,} px differ in the crowded fields")
    report_spoiled_labels(options.fields)


def report(
    name: str, why: str, model: InstanceModel, pairs: Sequence[tuple[Image, LabelArray]]
) -> None:
    """Print one row of the table."""
    scores = InstanceScores(thresholds=(0.5, 0.8))
    for image, truth in pairs:
        scores.add(truth, model.predict(image))
    sums = scores.as_dict()
    half, fine = (scores.pooled("average_precision", t) for t in scores.thresholds)
    print(
        f"| {name} | {why} | {sums['true_objects']} | {sums['predicted_objects']} "
        f"| {half:.3f} | {fine:.3f} |",
        flush=True,
    )


def volume(spacing: int, seed: int) -> tuple[Image, LabelArray]:
    """Return a volume whose planes lie so many px apart, and its labels."""
    settings = NucleiSimulation(size=(96 // spacing, 96, 96), diameter=22, plane_spacing=spacing)
    pixels, labels = simulate_volume(settings, seed)
    return Image(pixels, "ZYX", pixel_size=(0.3 * spacing, 0.3, 0.3)), labels


def report_spoiled_labels(fields: int) -> None:
    """Print what is found of holes, and of objects that have the number of another one."""
    found, left, holes, shared = Flaws(), Flaws(), 0, 0
    for seed in range(fields):
        labels, new_holes, new_shared = spoiled(HARD_CASES["elongated"].make(seed)[1])
        holes, shared = holes + new_holes, shared + new_shared
        found += find_flaws(labels)
        left += find_flaws(repaired(labels))
    print(
        f"Spoiled labels: of {holes} objects with a hole and {shared} in two parts, {found.holed} "
        f"and {found.scattered} are told about; {left.holed} and {left.scattered} are left once "
        "repaired"
    )


def spoiled(labels: LabelArray) -> tuple[LabelArray, int, int]:
    """Return labels in which every third object has a hole, and every third the number before.

    Nuclei that touch become one by that, which nothing can tell from one nucleus; the others are
    counted.
    """
    result, holes, shared = labels.copy(), 0, 0
    for number in range(3, int(labels.max()) + 1, 3):
        rows, columns = np.nonzero(labels == number)
        inner = [
            (y, x)
            for y, x in zip(rows, columns, strict=True)
            if (labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] == number).sum() == 9
        ]
        if inner:
            result[inner[len(inner) // 2]] = 0
            holes += 1
        pair = np.isin(labels, (number - 1, number - 2))
        result[labels == number - 1] = number - 2
        shared += int(label(pair, connectivity=2).max()) > 1
    return result, holes, shared


if __name__ == "__main__":
    main()
