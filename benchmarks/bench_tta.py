"""The model ``nuclei`` as it is beside its mean over mirror images: scores and CPU time.

    python benchmarks/bench_tta.py

Scores on the images that the training script sets aside, and on the split `val` of DSB 2018, on
one thread.
"""

from __future__ import annotations

import time

from _common import describe_machine
from bench_int8 import THRESHOLDS, parts_of, scores

from cellwright.models.load import load_model


def main() -> None:
    print(describe_machine(("onnxruntime",)))
    models = {
        "as it is": load_model("nuclei", device="cpu", threads=1),
        "mean of four": load_model("nuclei", device="cpu", threads=1, tta=True),
    }
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


if __name__ == "__main__":
    main()
