"""Train the shipped model ``blood`` on the BCCD blood smears, and put it into the package.

    python scripts/train_blood.py

An interrupted training goes on with the same command. Images of the split ``train`` are learned
and those of ``val`` decide about every choice made here (weights, suppression, confidence); those
of ``test`` are only scored, at the end.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellwright.datasets.dataset import open_dataset
from cellwright.models.boxes import BoxModel
from cellwright.models.find import SHIPPED
from cellwright.models.package import save_package
from cellwright.runs.evaluate_boxes import evaluate_boxes
from cellwright.runs.options import TrainOptions
from cellwright.runs.train import train
from cellwright.runs.train_boxes import box_figures

DATA = Path(os.environ.get("CELLWRIGHT_DATA", "../shared/data")) / "bccd"
STEPS = 2_000
LIMITS = (
    "A starting point: trained on 105 fields of one collection of stained smears (BCCD) that look "
    "alike, and chosen on 35 others; its annotations lack some of the red cells. Made for their "
    "magnification, red cells of about 100 px; of other images say the diameter. White cells are "
    "one class, whatever their kind. Platelets are few in the data, and red cells often overlap: "
    "both are missed or invented now and then. For smears of another stain or camera, annotate "
    "some fields and train with --from blood. Not for diagnosis."
)


def main() -> None:
    """Train, score and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--work", type=Path, default=Path("runs/train-blood"))
    parser.add_argument("--out", type=Path, default=SHIPPED / "blood")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    options = parser.parse_args()

    trained = train(
        DATA,
        options.work,
        TrainOptions(steps=options.steps, name="blood"),
        device=options.device,
        workers=options.workers,
        threads=options.threads,
    )
    package = trained.package
    figures = scores(BoxModel(package))
    card = replace(
        package.card,
        version="0.1.0",
        description="Red cells (RBC), white cells (WBC) and platelets in stained blood smears.",
        training={
            "data": "BCCD (MIT licence), official split",
            **package.card.training,
            "script": "scripts/train_blood.py",
        },
        evaluation=figures,
        limits=LIMITS,
        licence="BSD-3-Clause",
        authors=("The Cellwright developers",),
    )
    save_package(options.out, card, package.files)
    for name, value in figures.items():
        print(f"{name}: {value}")


def scores(model: BoxModel) -> dict[str, Any]:
    """Return the figures of the card: of the test images, and those of the others beside."""
    dataset = open_dataset(DATA)
    test = box_figures(evaluate_boxes(model, dataset.part("test")))
    chosen_on = box_figures(evaluate_boxes(model, dataset.part("val")))
    return {
        "of": "the split 'test' of BCCD: not learned, nothing chosen on it",
        **test,
        **{f"{name}, val": chosen_on[name] for name in ("AP50", "AP75", "AP")},
    }


if __name__ == "__main__":
    main()
