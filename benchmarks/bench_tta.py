"""The model ``nuclei`` at one look beside its mean over mirror images: scores and CPU time.

    python benchmarks/bench_tta.py

Scores on the images that the training script sets aside, and on the split `val` of DSB 2018, on
one thread.
"""

from __future__ import annotations

import time

import numpy as np
from _common import data_folder, describe_machine
from bench_int8 import THRESHOLDS, parts_of, scores

from cellwright.datasets.dataset import open_dataset
from cellwright.images.ground import ground_level
from cellwright.images.read import read
from cellwright.models.load import load_model


def main() -> None:
    print(describe_machine(("onnxruntime",)))
    models = {
        "one look": load_model("nuclei", device="cpu", threads=1, tta=False),
        "mean of four": load_model("nuclei", device="cpu", threads=1, tta=True),
    }
    tell_grounds()
    parts = parts_of()
    others = parts.pop("val, tissue and brightfield")
    parts["val, stained tissue"] = [one for one in others if "stained" in str(one.kind)]
    parts["val, brightfield"] = [one for one in others if "stained" not in str(one.kind)]
    for part, examples in parts.items():
        print(f"\n{part}, {len(examples)} images; AP@{'/'.join(map(str, THRESHOLDS))}")
        for name, model in models.items():
            start = time.process_time()
            told = scores(model, examples)
            print(f"{name}: {told}; {time.process_time() - start:.1f} CPU s", flush=True)


def tell_grounds() -> None:
    """Print how bright the grounds of all images are, by which the model chooses."""
    levels: dict[bool, list[float]] = {True: [], False: []}
    for example in open_dataset(data_folder() / "dsb2018").examples:
        pixels = read(example.image).to_numpy()
        level = ground_level(pixels if pixels.ndim > 2 else pixels[np.newaxis])
        levels[str(example.kind).startswith("fluo")].append(level)
    for fluorescent, some in levels.items():
        name = "fluorescence" if fluorescent else "tissue and brightfield"
        print(f"ground of {name}, {len(some)} images: {min(some):.2f} to {max(some):.2f}")


if __name__ == "__main__":
    main()
