"""What is lost where small nuclei are enlarged less: average precision of the model ``nuclei``.

    python benchmarks/bench_enlarging.py [--fields 3]

On the fluorescence images that the training script sets aside and whose nuclei the model enlarges,
and on simulated fields of nuclei 9 to 15 px across. Differences from what the model does (20 px),
with their standard errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from _common import data_folder

from cellwright._types import AnyArray, DoubleArray, LabelArray
from cellwright.images.image import Image
from cellwright.metrics.matching import InstanceScores
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

WAYS = ((20.0, 16.0), (18.0, 16.0), (16.0, 14.0), (14.0, 12.0))
"""What nuclei are enlarged to, and below which diameter, in px. The first is the model's way."""
THRESHOLDS = (0.5, 0.7, 0.8, 0.9)

Pair = tuple[AnyArray, LabelArray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=3, help="of each diameter and density")
    options = parser.parse_args()
    model = load_instance_model("nuclei", device="cpu", threads=1)
    print(f"AP at IoU {', '.join(map(str, THRESHOLDS))}; difference from the first row ± its error")
    if data_folder().is_dir():
        report(
            "images set aside", [pair for pair in set_aside() if enlarged(model, pair[0])], model
        )
    report("simulated fields", list(simulated(options.fields)), model)


def report(what: str, pairs: Sequence[Pair], model: InstanceModel) -> None:
    scores = np.array([[precision(model, way, *pair) for way in WAYS] for pair in pairs])
    print(f"\n{len(pairs)} {what}")
    for (to, below), ours in zip(WAYS, scores.swapaxes(0, 1), strict=True):
        gained = ours - scores[:, 0]
        errors = gained.std(0) / np.sqrt(len(pairs))
        cells = [f"{d:+.3f} ± {e:.3f}" for d, e in zip(gained.mean(0), errors, strict=True)]
        print(f"to {to:g} px below {below:g} px: {ours.mean(0).round(3)}  {', '.join(cells)}")


def precision(
    model: InstanceModel, way: tuple[float, float], pixels: AnyArray, truth: LabelArray
) -> DoubleArray:
    """Return the average precision on one image, at each threshold."""
    card, (to, below) = model.card, way
    assert card.input.diameter_range is not None
    comfortable = (below, card.input.diameter_range[1])
    model.card = replace(card, input=replace(card.input, diameter=to, diameter_range=comfortable))
    found = model.segment(Image(pixels, "YX")).labels
    model.card = card
    assert found is not None
    scores = InstanceScores(thresholds=THRESHOLDS)
    scores.add(truth, found)
    return np.array([scores.pooled("average_precision", at) for at in THRESHOLDS])


def enlarged(model: InstanceModel, pixels: AnyArray) -> bool:
    return model.segment(Image(pixels, "YX")).scale > 1


def set_aside() -> Iterator[Pair]:
    """Yield the fluorescence images that no weight was learned from."""
    import train_nuclei

    from cellwright.datasets.dataset import open_dataset
    from cellwright.datasets.examples import load_example

    for example in train_nuclei.set_aside(open_dataset(data_folder() / "dsb2018").part("train"))[1]:
        if (example.kind or "").startswith("fluo"):
            pixels, labels = load_example(example)
            yield pixels[0], labels


def simulated(fields: int) -> Iterator[Pair]:
    for diameter in (9.0, 10.5, 12.0, 13.5, 15.0):
        for density in (0.1, 0.25, 0.4):
            settings = NucleiSimulation(size=(320, 320), diameter=diameter, density=density)
            for seed in range(100, 100 + fields):
                yield simulate_field(settings, seed)


if __name__ == "__main__":
    main()
