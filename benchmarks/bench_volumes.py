"""Methods for volumes on the parts of real stacks that they have not seen.

    python benchmarks/bench_volumes.py [--steps 600] [--only stars] [--rays 32] [--out FOLDER]

Each of the three stacks (nuclei of an ovule, an embryo and a worm) is cut along Y: the first half
is learned with `cellwright train`'s settings, the next fifth is for validation, and the rest is
only scored, at the end. Objects that the cuts go through count as what is left of them where that
is at least half, and are otherwise unknown: neither learned nor scored.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, with_optimiser
from train_nuclei_3d import OPTIONS, write_index, write_parts

from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.run import train

METHODS = ("watershed", "flows", "stars")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--rays", type=int, help="of stars, instead of as many as usual")
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "volumes")
    options = parser.parse_args()
    dataset = options.out / "dataset"
    if not (dataset / "index.csv").exists():
        write_index(dataset, write_parts(data_folder() / "nuclei3d", dataset))
    print(describe_machine(("torch", "onnxruntime", "numba")))
    print(f"\n{options.steps:,} steps\n")
    print(f"| method | min | F1@0.5 | AP@0.5 | F1@0.5 per stack |\n|{'---|' * 5}", flush=True)
    for method in options.only:
        told = {"rays": options.rays} if method == "stars" and options.rays else {}
        name = "-".join(map(str, (method, *told.values(), options.steps)))
        name = with_optimiser(name, options.optimiser)
        chosen = replace(
            OPTIONS, method=method, steps=options.steps, optimiser=options.optimiser, name=None,
            recipe=told,
        )  # fmt: skip
        result = train(dataset, options.out / name, chosen, threads=1, workers=1, device="cpu")
        scores = evaluate(
            options.out / name, dataset, options.out / f"{name}-scores", split="test"
        ).metrics
        half = scores["pooled"]["0.5"]
        each = ", ".join(
            f"{kind} {one['pooled']['0.5']['f1']:.2f}" for kind, one in scores["per_kind"].items()
        )
        minutes = result.package.card.training["seconds"] / 60
        print(
            f"| {method} | {minutes:.0f} | {half['f1']:.3f} | {half['average_precision']:.3f} "
            f"| {each} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
