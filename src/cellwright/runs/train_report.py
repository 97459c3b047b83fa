"""The page about a training: how it went, and what the model finds in validation images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellwright.datasets.records import Example
from cellwright.models.instances import InstanceModel
from cellwright.models.package import Package
from cellwright.runs.charts import Curve
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate import Evaluation
from cellwright.runs.learning import MONITOR
from cellwright.runs.report import Number, ValidationExample, training_report
from cellwright.runs.scoring import score
from cellwright.training.fit import FitRecord
from cellwright.training.verdict import verdict

_PICTURED = 4  # best and worst validation images, of each
_CALLED = {"strength": "augmentation"}  # as the program's option is


def model_report(
    package: Package,
    record: FitRecord,
    validation: Sequence[Example],
    evaluation: Evaluation,
    warnings: Sequence[str],
    options: Mapping[str, Any],
    command_line: str,
) -> str:
    """Return the page about a trained model.

    Parameters
    ----------
    package : Package
    record : FitRecord
        What came of the training.
    validation : sequence of Example
    evaluation : Evaluation
        Of the model on them, in their order.
    warnings : sequence of str
        What the user should know about the data.
    options : mapping
        What was asked for.
    command_line : str

    Returns
    -------
    str
        HTML.
    """
    card = package.card
    precision = card.evaluation
    return training_report(
        title=f"The model '{card.name}'",
        subtitle=f"Trained on {card.training['images']:,} images, checked on "
        f"{len(validation):,} others",
        overview=[
            Number("AP@0.5 per image", f"{precision['AP@0.5 per image']:.3f}"),
            Number("AP@0.5 pooled", f"{precision['AP@0.5 pooled']:.3f}"),
            Number("AP@0.75 per image", f"{precision['AP@0.75 per image']:.3f}"),
            Number("panoptic quality", f"{precision['panoptic quality']:.3f}"),
            Number("steps", f"{record.steps:,}"),
            Number("time", f"{record.seconds / 60:.1f}", "min"),
        ],
        verdict=[verdict(record.history).text, *warnings],
        curves=_curves(record),
        examples=_pictured(package, validation, evaluation),
        settings={
            "Training": {
                _CALLED.get(name, name): value
                for name, value in options.items()
                if name != "network" and value is not None
            },
            "Network": dict(card.network.config),
            "Model": {
                "objects": f"{card.input.diameter:g} px across",
                "least confidence": card.threshold,
                **card.readout,
            },
        },
        versions=versions(),
        command_line=command_line,
    )


def _curves(record: FitRecord) -> list[Curve]:
    def line(name: str) -> tuple[list[float], list[float]]:
        rows = [row for row in record.history if name in row]
        return [row["step"] for row in rows], [row[name] for row in rows]

    return [
        Curve(
            "Loss",
            "step",
            "loss",
            {"training": line("train_loss"), "validation": line("validation_loss")},
        ),
        Curve(
            "Objects found in validation patches",
            "step",
            "AP at IoU 0.5",
            {"validation": line(f"validation_{MONITOR}")},
        ),
    ]


def _pictured(
    package: Package, validation: Sequence[Example], evaluation: Evaluation
) -> list[ValidationExample]:
    """Return the worst and the best validation images with what was found in them."""
    table = evaluation.table()
    order = np.argsort(table["AP@0.5"], kind="stable")
    chosen = list(dict.fromkeys([*order[:_PICTURED], *order[-_PICTURED:]]))
    examples = [validation[index] for index in chosen]
    return [
        ValidationExample(
            name=scored.example.id,
            note=f"AP@0.5 {table['AP@0.5'][index]:.2f}, "
            f"{table['true_objects'][index]} objects annotated, "
            f"{table['predicted_objects'][index]} found",
            image=scored.image,
            truth=scored.truth,
            predicted=scored.labels,
        )
        for index, scored in zip(chosen, score(InstanceModel(package), examples), strict=True)
    ]
