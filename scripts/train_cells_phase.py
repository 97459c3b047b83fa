"""Train the shipped model ``cells-phase`` on the Usiigaci fields, and put it into the package.

    python scripts/train_cells_phase.py

It starts from the weights of ``nuclei``. Of the fields of the split ``train``, every fifth is set
aside for every choice (method, thresholds, confidence); those of ``val`` are only scored, at the
end. An interrupted training goes on with the same command.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.layouts.described import write_description
from cellwright.models.find import SHIPPED
from cellwright.models.package import load_package, save_package
from cellwright.runs.evaluate import evaluate
from cellwright.runs.options import TrainOptions
from cellwright.runs.train import train

DATA = Path(os.environ.get("CELLWRIGHT_DATA", "../shared/data")) / "usiigaci_phase"
SET_ASIDE = 5  # every so many fields: both magnifications are among them
START = "nuclei"
OPTIONS = TrainOptions(method="flows", steps=3500, start_from=START, name="cells-phase")
LIMITS = (
    "A starting point for fine-tuning: trained on 26 fields of one cell line (T98G) in phase "
    "contrast at two magnifications, cells about 40 and 70 px across. Fine-tune it on a few "
    "annotated fields of your own (cellwright train --from cells-phase), and check the outlines "
    "by eye."
)


def main() -> None:
    """Train, score and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", type=Path, default=Path("runs/train-cells-phase"))
    parser.add_argument("--out", type=Path, default=SHIPPED / "cells-phase")
    parser.add_argument("--steps", type=int, default=OPTIONS.steps)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    options = parser.parse_args()

    dataset = write_division(DATA, options.work / "dataset.yaml")
    train(
        dataset,
        options.work / "model",
        replace(OPTIONS, steps=options.steps),
        device=options.device,
        workers=options.workers,
        threads=options.threads,
    )
    metrics = evaluate(
        options.work / "model", dataset, options.work / "scores", split="test"
    ).metrics
    figures: dict[str, float | str] = {
        "of": f"{metrics['images']} other fields, cells 40 px across: not learned, not chosen on"
    }
    for how in ("per_image", "pooled"):
        for threshold in ("0.5", "0.75"):
            precision = metrics[how][threshold]["average_precision"]
            figures[f"AP@{threshold} {how.replace('_', ' ')}"] = round(precision, 4)
    package = load_package(options.work / "model")
    card = replace(
        package.card,
        version="0.1.0",
        description="Whole cells in phase contrast.",
        training={**package.card.training, "data": "Usiigaci (MIT), T98G cells"},
        evaluation=figures,
        limits=LIMITS,
        licence="BSD-3-Clause",
        authors=("The Cellwright developers",),
    )
    save_package(options.out, card, package.files)
    for name, value in figures.items():
        print(f"{name}: {value}")


def write_division(data: Path, target: Path) -> Path:
    """Describe which fields are learned, chosen on (``val``) and only scored (``test``)."""
    dataset = open_dataset(data)
    given = sorted(e.id for e in dataset.examples if e.split == "train")
    aside = given[SET_ASIDE - 1 :: SET_ASIDE]
    examples = tuple(
        replace(e, split="test" if e.split == "val" else "val" if e.id in aside else "train")
        for e in dataset.examples
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_description(replace(dataset, examples=examples), target)
    return target


if __name__ == "__main__":
    main()
