"""The least confidence of a model, chosen on few objects: what is lost against the best one.

    python benchmarks/bench_least_confidence.py MODEL DATASET [MODEL DATASET ...]
        [--split val] [--objects 30 60 130 250] [--draws 60] [--earlier MODEL]

Everything that a model finds in the images of a split is matched once. Then images are drawn until
they hold so many objects; on these the confidence is calibrated and its least value chosen, as
`cellwright train` chooses it and by highest average precision alone. Both are scored on all other
images: average precision at IoU 0.5 per image, below that of the best value of all, in the mean and
in the worst of twenty draws. With ``--earlier``, precisions are printed instead: of confidences
calibrated on these objects alone, and beginning from those of the model from which all began.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
from _common import describe_machine

from cellwright._types import AnyArray, BoolArray
from cellwright.datasets.dataset import open_dataset
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import load_package
from cellwright.quality.calibration import Calibration, fit_calibration
from cellwright.runs.evaluate.scoring import score
from cellwright.runs.train import tuning

FEWEST_IMAGES = 4
"""On fewer, nothing is scored."""

NAMES = tuple(map(str, range(20)))

Found = tuple[AnyArray, BoolArray, int]
"""Of images: the evidence of what is found, whether it is right, how many objects are true."""
Draw = tuple[Found, list[Found]]
"""What there is to choose on, and the images to be judged by."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="MODEL DATASET")
    parser.add_argument("--split", default="val")
    parser.add_argument("--objects", type=int, nargs="+", default=[30, 60, 130, 250])
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--earlier", help="model from which all began, such as 'nuclei'")
    options = parser.parse_args()
    images = [
        matched(model, dataset, options.split)
        for model, dataset in zip(options.pairs[::2], options.pairs[1::2], strict=True)
    ]
    print(describe_machine(("onnxruntime",)))
    heads = ("highest precision alone", "as it is chosen")
    measured, worst = drawn_losses, 95
    if options.earlier:
        heads = ("calibrated on these alone", f"from those of {options.earlier}")
        measured, worst = partial(drawn_precisions, earlier=calibration_of(options.earlier)), 5
    print(f"\n| objects | draws | {' | '.join(heads)} |\n|---|---|---|---|")
    for objects in options.objects:
        values = [measured(draw) for one in images for draw in drawn(one, objects, options.draws)]
        cells = (f"{np.mean(x):.4f}, {np.percentile(x, worst):.3f}" for x in np.array(values).T)
        print(f"| {objects} | {len(values)} | {' | '.join(cells)} |")


def calibration_of(model: str) -> Calibration:
    """Return what evidence means to a model."""
    content = load_package(find_model(model)).card.calibration
    assert content, f"'{model}' has no calibration"
    return replace(Calibration.from_json(content), names=NAMES[: len(content["names"])])


def matched(model: str, dataset: str, split: str) -> list[Found]:
    """Return what a model finds in each image, however unsure it is."""
    package = load_package(find_model(model))
    unsure = replace(package, card=replace(package.card, threshold=0.0))
    seen = score(InstanceModel(unsure, device="cpu", threads=1), open_dataset(dataset).part(split))
    return [
        (one.found.evidence[one.known], one.correct[one.known], len(one.overlaps.truth_labels))
        for one in seen
    ]


def drawn(images: list[Found], objects: int, draws: int) -> Iterator[Draw]:
    """Yield, for each draw, what there is to choose on, and the other images."""
    random = np.random.default_rng(0)
    for _ in range(draws):
        order = random.permutation(len(images))
        held = np.cumsum([images[index][2] for index in order])
        count = int(np.searchsorted(held, objects)) + 1
        others = [images[index] for index in order[count:]]
        evidence, right = (
            np.concatenate([images[index][part] for index in order[:count]]) for part in (0, 1)
        )
        if len(others) >= FEWEST_IMAGES and len(right) >= tuning.FEWEST_OBJECTS:
            yield (evidence, right, int(held[count - 1])), others


def drawn_losses(draw: Draw) -> list[float]:
    """Return the precision lost: by the highest, and as chosen."""
    (evidence, right, true), others = draw
    calibration = fit_calibration(evidence, right, names_of(evidence))
    asked = calibration.confidence(evidence), right, true
    with patch.object(tuning, "PULL", 0):
        highest = tuning.best_confidence(*asked)
    precisions = {
        threshold: precision(others, calibration.confidence, threshold)
        for threshold in tuning.CONFIDENCE_THRESHOLDS
    }
    best = max(precisions.values())
    return [best - precisions[t] for t in (highest, tuning.best_confidence(*asked))]


def drawn_precisions(draw: Draw, earlier: Calibration) -> list[float]:
    """Return the precision reached: calibrated alone, and from an earlier calibration."""
    (evidence, right, true), others = draw
    reached = []
    for begun in (None, earlier):
        calibration = fit_calibration(evidence, right, names_of(evidence), earlier=begun)
        least = tuning.best_confidence(calibration.confidence(evidence), right, true)
        reached.append(precision(others, calibration.confidence, least))
    return reached


def names_of(evidence: AnyArray) -> tuple[str, ...]:
    return NAMES[: evidence.shape[1]]


def precision(
    images: list[Found], confidence: Callable[[AnyArray], AnyArray], threshold: float
) -> float:
    """Return the average precision at IoU 0.5 per image."""
    found = []
    for evidence, right, true in images:
        stay = confidence(evidence) >= threshold if len(evidence) else np.empty(0, bool)
        hits = np.count_nonzero(right & stay)
        union = np.count_nonzero(stay) + true - hits
        found.append(hits / union if union else 1.0)
    return float(np.mean(found))


if __name__ == "__main__":
    main()
