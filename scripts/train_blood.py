"""Train the shipped model ``blood`` on the BCCD blood smears, and put it into the package.

    python scripts/train_blood.py

An interrupted training goes on with the same command. Images of the split ``train`` are learned
and those of ``val`` decide about every choice made here (weights, suppression, confidence); those
of ``test`` are only scored, at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from _shipping import DATA, SIGNED, asked_for, ship, trained

from cellwright.datasets.dataset import open_dataset
from cellwright.models.boxes import BoxModel
from cellwright.runs.evaluate.boxes import evaluate_boxes
from cellwright.runs.train.boxes import box_figures
from cellwright.runs.train.options import TrainOptions

FIELDS = DATA / "bccd"
OPTIONS = TrainOptions(optimiser="adamw", name="blood")
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
    making = asked_for("blood", __doc__.split("\n", 1)[0], steps=2_000)
    package = trained(FIELDS, OPTIONS, making)
    card = replace(
        package.card,
        **SIGNED,
        description="Red cells (RBC), white cells (WBC) and platelets in stained blood smears.",
        training={
            "data": "BCCD (MIT licence), official split",
            **package.card.training,
            "script": "scripts/train_blood.py",
        },
        evaluation=scores(BoxModel(package)),
        limits=LIMITS,
    )
    ship(making, card, package.files)


def scores(model: BoxModel) -> dict[str, Any]:
    """Return the figures of the card: of the test images, and those of the others beside."""
    dataset = open_dataset(FIELDS)
    test = box_figures(evaluate_boxes(model, dataset.part("test")))
    chosen_on = box_figures(evaluate_boxes(model, dataset.part("val")))
    return {
        "of": "the split 'test' of BCCD: not learned, nothing chosen on it",
        **test,
        **{f"{name}, val": chosen_on[name] for name in ("AP50", "AP75", "AP")},
    }


if __name__ == "__main__":
    main()
