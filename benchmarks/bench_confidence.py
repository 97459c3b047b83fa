"""The least confidence, chosen on few images: as training chooses it, and where AP is highest.

    python benchmarks/bench_confidence.py [--draws 40]

Of images that the models did not learn from, 1 to 16 are drawn; confidences are calibrated and the
least one is chosen on them, and the pooled AP@0.5 is told of all others.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from _common import data_folder, describe_machine
from bench_int8 import parts_of

from cellwright._types import BoolArray, FloatArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Example
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.models.readouts import readout_of
from cellwright.quality.calibration import Calibration, fit_calibration
from cellwright.runs.evaluate.scoring import score
from cellwright.runs.train.tuning import CONFIDENCE_THRESHOLDS, FEWEST_OBJECTS, best_confidence

COUNTS = (1, 2, 4, 8, 16)
SEED = 0
Found = tuple[FloatArray, BoolArray, int]
"""Of one image: evidence of the objects found, whether they are right, and how many are true."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    parts = parts_of()
    phase = open_dataset(data_folder() / "usiigaci_phase").part("val")
    sets = {
        "fluorescence, `nuclei`": ("nuclei", [*both(parts, "fluorescence")]),
        "tissue and brightfield, `nuclei`": ("nuclei", [*both(parts, "tissue and brightfield")]),
        "phase contrast, `cells-phase`": ("cells-phase", phase),
    }
    print(describe_machine(("onnxruntime",)))
    print(f"| images | drawn | as chosen | highest on those drawn | possible |\n|{'---|' * 5}")
    for name, (model, examples) in sets.items():
        loaded = load_instance_model(model, device="cpu", threads=1)
        images = found_in(loaded, examples)
        names = readout_of(loaded.card).evidence_names
        for count in COUNTS:
            if count <= len(images) / 2:
                told = " | ".join(
                    f"{one:.3f}" for one in means(images, names, count, options.draws)
                )
                print(f"| {name} | {count} | {told} |", flush=True)


def both(parts: dict[str, list[Example]], kind: str) -> list[Example]:
    return [*parts[f"set aside, {kind}"], *parts[f"val, {kind}"]]


def found_in(model: InstanceModel, examples: Sequence[Example]) -> list[Found]:
    return [
        (
            scored.found.evidence[scored.known],
            scored.correct[scored.known].astype(bool),
            len(scored.overlaps.truth_labels),
        )
        for scored in score(model, examples, threshold=0.0, tell_size=True)
    ]


def means(images: Sequence[Found], names: Sequence[str], count: int, draws: int) -> list[float]:
    """Return the mean AP, on the other images, of each way to choose, and the best possible."""
    rng = np.random.default_rng(SEED)
    scores = []
    for _ in range(draws):
        order = rng.permutation(len(images))
        drawn, others = (joined([images[i] for i in part]) for part in np.split(order, [count]))
        if len(drawn[1]) >= FEWEST_OBJECTS:
            calibration = fit_calibration(drawn[0], drawn[1], tuple(names))
            here, there = (precisions(calibration, part) for part in (drawn, others))
            chosen = best_confidence(calibration.confidence(drawn[0]), drawn[1], drawn[2])
            ways = (CONFIDENCE_THRESHOLDS.index(chosen), int(np.argmax(here)))
            scores.append([*(there[way] for way in ways), max(there)])
    return [float(mean) for mean in np.mean(scores, axis=0)]


def joined(images: Sequence[Found]) -> Found:
    evidence, right, true = zip(*images, strict=True)
    return np.concatenate(evidence), np.concatenate(right), sum(true)


def precisions(calibration: Calibration, found: Found) -> list[float]:
    """Return the AP at each threshold."""
    evidence, right, true = found
    confidence = calibration.confidence(evidence)
    kept = [confidence >= least for least in CONFIDENCE_THRESHOLDS]
    return [float(np.sum(right & k) / (np.sum(k) + true - np.sum(right & k))) for k in kept]


if __name__ == "__main__":
    main()
