"""The classical pipeline, tuned on a few labelled images: how far one comes without a network.

    python benchmarks/bench_classical.py [--examples 10] [--seeds 3]

Its parameters are chosen on images drawn from the fluorescence images of `train` of DSB 2018; it is
scored on those of `val`. Each seed draws other images and searches in another order. The times are
CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from _common import MEGAPIXEL, data_folder, describe_machine

from cellwright._types import AnyArray, LabelArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.methods.classical.fit import fit_classical
from cellwright.methods.classical.pipeline import ClassicalPipeline
from cellwright.metrics.matching import InstanceScores

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
Labelled = Sequence[tuple[AnyArray, LabelArray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()

    examples = open_dataset(data_folder() / "dsb2018").examples
    fluorescence = [e for e in examples if str(e.kind).startswith("fluo")]
    held_out = [load_example(e) for e in fluorescence if e.split == "val"]
    training = [e for e in fluorescence if e.split == "train"]
    print(describe_machine(("numpy", "numba", "scipy", "scikit-image")))
    print(f"{len(held_out)} images of `val`, tuned on {options.examples} of `train`\n")
    print("| pipeline | AP@0.5/0.6/0.7/0.8/0.9 per image | AP@0.5 pooled | tuning, s | s/Mpx |")
    print("|---" * 5 + "|")
    for seed in range(options.seeds):
        chosen = np.random.default_rng(seed).choice(len(training), options.examples, replace=False)
        images, labels = zip(*(load_example(training[i]) for i in chosen), strict=True)
        start = time.process_time()
        tuned = fit_classical(images, labels, seed=seed)
        seconds = time.process_time() - start
        print(row(f"tuned, seed {seed}", tuned, seconds, held_out), flush=True)
        print(row("not tuned", ClassicalPipeline(tuned.diameter), 0.0, held_out), flush=True)
        print(f"\n{tuned}\n")


def row(name: str, pipeline: ClassicalPipeline, tuning: float, held_out: Labelled) -> str:
    scores = InstanceScores(THRESHOLDS)
    seconds = 0.0
    for pixels, truth in held_out:
        start = time.process_time()
        found = pipeline.segment(pixels)
        seconds += time.process_time() - start
        scores.add(truth, found)
    megapixels = sum(truth.size for _, truth in held_out) / MEGAPIXEL
    per_image = [scores.per_image("average_precision", t) for t in THRESHOLDS]
    pooled = scores.pooled("average_precision", 0.5)
    cells = " / ".join(f"{value:.3f}" for value in per_image)
    return f"| {name} | {cells} | {pooled:.3f} | {tuning:.0f} | {seconds / megapixels:.2f} |"


if __name__ == "__main__":
    main()
