"""Methods for whole cells: in phase contrast, and for bacteria.

    python benchmarks/bench_cells.py phase [--steps 1200] [--only flows offsets] [--out FOLDER]
    python benchmarks/bench_cells.py bacteria [--folds 1 2 3 4]

Of the 40 phase-contrast fields, 26 are learned, 6 are to choose thresholds on, and 8 are only
scored, at the end. The 19 fields of bacteria (whose labels are the output of another program) are
of many kinds, so each is cut: the upper six tenths are learned, the next two are to choose on, and
the rest is only scored; cells of which a cut leaves less than half are unknown. That is the fourth
of four folds: in each of them another fifth of the field is to choose on, the other three are
learned, and the rest is the same. Of several folds, means are printed, and for what is scored the
lowest and the highest, too. Everything is learned as `cellwright train` does. What is done is not
done again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _common import ROOT, data_folder, describe_machine
from _training import add_optimiser, with_optimiser
from train_cells_phase import OPTIONS, write_division
from train_nuclei_3d import part_of, write_index, write_pair

from cellwright._types import AnyArray
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
FIFTHS = 5
LAST = FIFTHS - 1
"""The fold of which the fourth fifth is to choose on; the last one is for none."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", choices=("phase", "bacteria"))
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--only", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--start", default=OPTIONS.start_from, help="model to start from")
    folds = range(1, FIFTHS)
    parser.add_argument(
        "--folds", nargs="+", type=int, choices=folds, default=[LAST], help="of bacteria"
    )
    add_optimiser(parser)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "bench-cells")
    options = parser.parse_args()
    out = options.out / options.cells
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
        if options.cells == "phase":
            found = [figures(phase(out), out / name, chosen)]
        else:
            found = [
                figures(bacteria(out, fold), out / (name + _of(fold)), chosen)
                for fold in options.folds
            ]
        print(_row(method, np.array(found)), flush=True)


def figures(dataset: Path, folder: Path, options: TrainOptions) -> list[float]:
    """Train and score: minutes, AP@0.5 to choose on and scored, per image and pooled, AP@0.75."""
    result = train(dataset, folder, options, threads=1, workers=1, device="cpu")
    known = [result.package.card.training["seconds"] / 60]
    for split in ("val", "test"):
        scores = folder.with_name(f"{folder.name}-scores-{split}")
        metrics = evaluate(folder, dataset, scores, split=split).metrics
        known += [metrics[how]["0.5"]["average_precision"] for how in ("per_image", "pooled")]
    return [*known, metrics["pooled"]["0.75"]["average_precision"]]


def _row(method: str, found: AnyArray) -> str:
    """Return a row of the table, of one fold in each row of `found`."""
    minutes, each, pooled, *scored = found.mean(axis=0)
    told = [f"{minutes:.0f}", f"{each:.3f} / {pooled:.3f}", *(f"{one:.3f}" for one in scored)]
    if len(found) > 1:
        for column in (3, 4, 5):
            low, high = found[:, column].min(), found[:, column].max()
            told[column - 1] += f" ({low:.3f} to {high:.3f})"
    return f"| {method} | {' | '.join(told)} |"


def _of(fold: int) -> str:
    return "" if fold == LAST else f"-fold-{fold}"


def bacteria(out: Path, fold: int) -> Path:
    """Write the parts of every field; return the folder."""
    source, target = data_folder() / "bacteria", out / f"dataset{_of(fold)}"
    if (target / "index.csv").exists():
        return target
    kinds = {}
    for path in sorted((source / "images").glob("*.tif")):
        pixels = read(path).to_numpy()
        labels, _ = read_labels(source / "labels" / path.name)
        for split, begin, end in parts(fold):
            rows = slice(*(round(one / FIFTHS * labels.shape[0]) for one in (begin, end)))
            name = f"{split}_{begin}_{path.name}"
            write_pair(target / split, name, "YX", pixels[rows], part_of(labels, rows))
            kinds[name] = path.name.split("_")[0]
    write_index(target, kinds)
    return target


def parts(fold: int) -> list[tuple[str, int, int]]:
    """Return what is for what, in fifths from the top."""
    learned = [("train", begin, end) for begin, end in ((0, fold - 1), (fold, LAST)) if begin < end]
    return [*learned, ("val", fold - 1, fold), ("test", LAST, FIFTHS)]


def phase(out: Path) -> Path:
    """Describe which fields are for what; return the description."""
    return write_division(data_folder() / "usiigaci_phase", out / "dataset.yaml")


if __name__ == "__main__":
    main()
