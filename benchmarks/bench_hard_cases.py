"""A model on simulated fields that are hard, each for one reason.

    python benchmarks/bench_hard_cases.py [--model nuclei] [--fields 5]

AP is TP / (TP + FP + FN) over all fields of a kind, 1 where there is nothing and nothing is found.
"""

from __future__ import annotations

import argparse

from _common import describe_machine

from cellwright.images.image import Image
from cellwright.metrics.matching import InstanceScores
from cellwright.models.load import load_instance_model
from cellwright.simulation.hard_cases import HARD_CASES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--fields", type=int, default=5)
    options = parser.parse_args()
    model = load_instance_model(options.model)
    print(describe_machine(("onnxruntime", "numba")))
    print(f"\n| fields | what is hard | objects | found | AP@0.5 | AP@0.8 |\n|{'---|' * 6}")
    for name, case in HARD_CASES.items():
        scores = InstanceScores(thresholds=(0.5, 0.8))
        for seed in range(options.fields):
            image, truth = case.make(seed)
            scores.add(truth, model.predict(Image(image, "YX")))
        sums = scores.as_dict()
        half, fine = (scores.pooled("average_precision", t) for t in scores.thresholds)
        print(
            f"| {name} | {case.why} | {sums['true_objects']} | {sums['predicted_objects']} "
            f"| {half:.3f} | {fine:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
