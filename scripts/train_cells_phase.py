"""Train the shipped model ``cells-phase`` on the Usiigaci fields, and put it into the package.

    python scripts/train_cells_phase.py

It starts from the weights of ``nuclei``. Of the fields of the split ``train``, every fifth is set
aside for every choice (method, thresholds, confidence); those of ``val`` are only scored, at the
end. An interrupted training goes on with the same command.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from _shipping import DATA, SIGNED, asked_for, ship, test_scores, trained

from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.layouts.described import write_description
from cellwright.runs.train.options import TrainOptions

FIELDS = DATA / "usiigaci_phase"
SET_ASIDE = 5  # every so many fields: both magnifications are among them
OPTIONS = TrainOptions(method="offsets", optimiser="adamw", start_from="nuclei", name="cells-phase")
LIMITS = (
    "A starting point for fine-tuning: trained on 26 fields of one cell line (T98G) in phase "
    "contrast at two magnifications, cells about 40 and 70 px across. Fine-tune it on a few "
    "annotated fields of your own (cellwright train --from cells-phase), and check the outlines "
    "by eye."
)


def main() -> None:
    """Train, score and save."""
    making = asked_for("cells-phase", __doc__.split("\n", 1)[0], steps=4_500)
    dataset = write_division(FIELDS, making.work / "dataset.yaml")
    package = trained(dataset, OPTIONS, making)
    card = replace(
        package.card,
        **SIGNED,
        description="Whole cells in phase contrast.",
        training={**package.card.training, "data": "Usiigaci (MIT), T98G cells"},
        evaluation=figures(test_scores(dataset, making)),
        limits=LIMITS,
    )
    ship(making, card, package.files)


def figures(metrics: dict[str, Any]) -> dict[str, float | str]:
    """Return the figures of the card from the scores of the fields that were not learned."""
    fields = f"{metrics['images']} other fields, cells 40 px across: not learned, not chosen on"
    shown: dict[str, float | str] = {"of": fields}
    for how in ("per_image", "pooled"):
        for threshold in ("0.5", "0.75"):
            precision = metrics[how][threshold]["average_precision"]
            shown[f"AP@{threshold} {how.replace('_', ' ')}"] = round(precision, 4)
    return shown


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
