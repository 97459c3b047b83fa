"""The classical pipeline, tuned on a few labelled images: how far one comes without a network.

    python benchmarks/bench_classical.py [--examples 12] [--seeds 2]

Its parameters are chosen on images drawn from `train` of DSB 2018, of one kind at a time; it is
scored on those of `val`, beside the shipped model `nuclei`, which learned from all of `train`. Each
seed draws other images and searches in another order. The times are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from _common import MEGAPIXEL, data_folder, describe_machine

from cellwright._types import AnyArray, LabelArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.images.image import Image
from cellwright.methods.classical.fit import fit_classical
from cellwright.metrics.matching import InstanceScores
from cellwright.models.card import RGB
from cellwright.models.load import load_instance_model

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
Labelled = Sequence[tuple[AnyArray, LabelArray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()

    examples = open_dataset(data_folder() / "dsb2018").examples
    nuclei = load_instance_model("nuclei", device="cpu", threads=1)
    print(describe_machine(("numpy", "numba", "scipy", "onnxruntime")))
    print(f"tuned on {options.examples} images of `train`\n")
    print(
        "| images of `val` | AP@0.5/0.6/0.7/0.8/0.9 per image | AP@0.5 pooled | tuning, s | s/Mpx |"
    )
    print("|---" * 5 + "|")
    for kind in sorted({str(e.kind) for e in examples}):
        of_kind = [e for e in examples if str(e.kind) == kind]
        held_out = [load_example(e) for e in of_kind if e.split == "val"]
        training = [e for e in of_kind if e.split == "train"]
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            count = min(options.examples, len(training))
            chosen = rng.choice(len(training), count, replace=False)
            images, labels = zip(*(load_example(training[i]) for i in chosen), strict=True)
            start = time.process_time()
            tuned, _ = fit_classical(images, labels, window=320, seed=seed)
            seconds = time.process_time() - start
            title = f"{kind} ({len(held_out)}): classical, seed {seed}"
            print(row(title, tuned.segment, seconds, held_out), flush=True)

        def by_network(pixels: AnyArray) -> LabelArray:
            return nuclei.predict(Image(pixels, "CYX", channel_names=RGB[: len(pixels)]))

        print(row(f"{kind}: `nuclei`", by_network, 0.0, held_out), flush=True)


def row(
    name: str, segment: Callable[[AnyArray], LabelArray], tuning: float, held_out: Labelled
) -> str:
    scores = InstanceScores(THRESHOLDS)
    seconds = 0.0
    for pixels, truth in held_out:
        start = time.process_time()
        found = segment(pixels)
        seconds += time.process_time() - start
        scores.add(truth, found)
    megapixels = sum(truth.size for _, truth in held_out) / MEGAPIXEL
    per_image = [scores.per_image("average_precision", t) for t in THRESHOLDS]
    pooled = scores.pooled("average_precision", 0.5)
    cells = " / ".join(f"{value:.3f}" for value in per_image)
    return f"| {name} | {cells} | {pooled:.3f} | {tuning:.0f} | {seconds / megapixels:.2f} |"


if __name__ == "__main__":
    main()
