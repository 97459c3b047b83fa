"""Methods for whole cells: in phase contrast, and for bacteria.

    python benchmarks/bench_cells.py phase [--steps 1200] [--only flows offsets] [--out FOLDER]
    python benchmarks/bench_cells.py bacteria

Of the 40 phase-contrast fields, 26 are learned, 6 are to choose thresholds on, and 8 are only
scored, at the end. The 19 fields of bacteria (whose labels are the output of another program) are
of many kinds, so each is cut: the upper six tenths are learned, the next two are to choose on, and
the rest is only scored; cells of which a cut leaves less than half are unknown. Everything is
learned as `cellwright train` does. What is done is not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, with_optimiser
from train_cells_phase import OPTIONS, write_division
from train_nuclei_3d import part_of, write_index, write_pair

from cellwright.images.read import read, read_labels
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

METHODS = (
    "watershed",
    "offsets",
    "flows",
    "flows-distance",
    "embeddings",
    "boundary",
    "masks",
    "stars",
)
SPLITS = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", choices=DATASETS)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--start", default=OPTIONS.start_from, help="model to start from")
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench-cells")
    options = parser.parse_args()
    out = options.out / options.cells
    dataset = DATASETS[options.cells](out)
    print(describe_machine(("torch", "onnxruntime", "numba")))
    start = options.start
    print(f"\n{options.cells}, {options.steps:,} steps from the weights of '{start}'\n")
    print(
        "| method | min | to choose on, AP@0.5 per image / pooled | AP@0.5 per image | pooled "
        f"| AP@0.75 pooled |\n|{'---|' * 6}",
        flush=True,
    )
    for method in options.only:
        begun = "" if start == OPTIONS.start_from else f"-{start}"
        name = with_optimiser(f"{method}-{options.steps}{begun}", options.optimiser)
        chosen = TrainOptions(
            method=method, steps=options.steps, start_from=start, optimiser=options.optimiser
        )
        result = train(dataset, out / name, chosen, threads=1, workers=1, device="cpu")
        each, pooled = {}, {}
        for split in ("val", "test"):
            scored = evaluate(out / name, dataset, out / f"{name}-scores-{split}", split=split)
            each[split], pooled[split] = (scored.metrics[how] for how in ("per_image", "pooled"))
        minutes = result.package.card.training["seconds"] / 60
        print(
            f"| {method} | {minutes:.0f} | {_ap(each['val'])} / {_ap(pooled['val'])} | "
            f"{_ap(each['test'])} | {_ap(pooled['test'])} | {_ap(pooled['test'], '0.75')} |",
            flush=True,
        )


def _ap(scores: dict[str, Any], iou: str = "0.5") -> str:
    return f"{scores[iou]['average_precision']:.3f}"


def bacteria(out: Path) -> Path:
    """Write the parts of every field; return the folder."""
    source, target = data_folder() / "bacteria", out / "dataset"
    if (target / "index.csv").exists():
        return target
    kinds = {}
    for path in sorted((source / "images").glob("*.tif")):
        pixels = read(path).to_numpy()
        labels, _ = read_labels(source / "labels" / path.name)
        for split, shares in SPLITS.items():
            rows = slice(*(round(share * labels.shape[0]) for share in shares))
            name = f"{split}_{path.name}"
            write_pair(target / split, name, "YX", pixels[rows], part_of(labels, rows))
            kinds[name] = path.name.split("_")[0]
    write_index(target, kinds)
    return target


def phase(out: Path) -> Path:
    """Describe which fields are for what; return the description."""
    return write_division(data_folder() / "usiigaci_phase", out / "dataset.yaml")


DATASETS: dict[str, Callable[[Path], Path]] = {"phase": phase, "bacteria": bacteria}


if __name__ == "__main__":
    main()
