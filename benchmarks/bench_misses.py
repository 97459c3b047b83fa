"""What the model ``nuclei`` does not find in the fluorescence images of DSB 2018, by size.

    python benchmarks/bench_misses.py [--model nuclei]

Who annotated these images put discs of exactly 21 px (5 x 5 without the corners) on specks. They
are counted apart, and the average precision at IoU 0.5 is told without those of them that are
missed, too. Beside the images of `val`, those that were learned and those set aside tell how much
of that is a matter of images that the model does not know.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from _common import data_folder, describe_machine
from train_nuclei import set_aside

from cellwright._types import BoolArray, LabelArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Example
from cellwright.measure.objects import measure_objects
from cellwright.metrics.matching import match
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.runs.evaluate.scoring import load_image

THRESHOLD = 0.5
DISC, SIDE = 21, 5  # px; area of a stamped disc, and of the square that holds it
AREAS = (33, 110, 400)  # px


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    print(describe_machine(("onnxruntime",)))
    model = load_instance_model(options.model, device="cpu", threads=1)
    sizes = [*(f"below {area} px" for area in AREAS), "larger"]
    print(f"\n| images | AP@0.5 | without missed discs | discs | {' | '.join(sizes)} |")
    print(f"|---|---|---|---|{'---|' * len(sizes)}")
    for name, examples in parts().items():
        print(f"| {name} ({len(examples)}) | {found(model, examples)} |", flush=True)


def parts() -> dict[str, list[Example]]:
    """Return the fluorescence images that were learned, set aside, and of `val`."""
    examples = open_dataset(data_folder() / "dsb2018").examples
    learned, aside = set_aside([one for one in examples if one.split == "train"])
    held_out = [one for one in examples if one.split == "val"]
    return {
        name: [one for one in some if str(one.kind).startswith("fluo")]
        for name, some in (("learned", learned), ("set aside", aside), ("val", held_out))
    }


def found(model: InstanceModel, examples: Sequence[Example]) -> str:
    """Return average precisions, and of discs and of each size how many of how many are found."""
    precisions: list[tuple[float, float]] = []
    kinds, hits = [], []
    for example in examples:
        image, truth = load_image(example, 2)
        matched = match(truth, model.predict(image), THRESHOLD)
        counts = matched.counts
        labels, kind = kinds_of(truth)
        hit = np.isin(labels, matched.truth)
        missed = int(np.count_nonzero(~hit & (kind == 0)))
        right, wrong = counts.true_positives, counts.false_positives + counts.false_negatives
        precisions.append((ratio(right, right + wrong), ratio(right, right + wrong - missed)))
        kinds.append(kind)
        hits.append(hit)
    kind, hit = np.concatenate(kinds), np.concatenate(hits)
    cells = [f"{value:.3f}" for value in np.mean(precisions, axis=0)]
    for number in range(len(AREAS) + 2):
        cells.append(f"{np.count_nonzero(hit[kind == number])} of {np.sum(kind == number)}")
    return " | ".join(cells)


def kinds_of(truth: LabelArray) -> tuple[LabelArray, LabelArray]:
    """Return all labels, and of each 0 for a stamped disc, else the number of its size."""
    table = measure_objects(truth)
    height = table["bbox-2"] - table["bbox-0"]
    width = table["bbox-3"] - table["bbox-1"]
    area = table["area"]
    disc: BoolArray = (area == DISC) & (height == SIDE) & (width == SIDE)
    return table["label"], np.where(disc, 0, 1 + np.digitize(area, AREAS))


def ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


if __name__ == "__main__":
    main()
