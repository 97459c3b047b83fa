"""The page about a training: how it went, and what the model finds in validation images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellwright._words import counted
from cellwright.models.card import ModelCard
from cellwright.models.learned import has_learned
from cellwright.reports.annotated import FOUND_AND_ANNOTATED, example_card
from cellwright.reports.charts import Curve, curve_chart
from cellwright.reports.meanings import DRAWN, MEANINGS
from cellwright.reports.page import Number, in_words, render_page
from cellwright.runs.doctor import versions
from cellwright.runs.train.tasks import Finished, Task
from cellwright.training.history import Row
from cellwright.training.verdict import verdict

_CALLED = {"strength": "augmentation"}  # as the program's option is


def model_report(
    task: Task,
    finished: Finished,
    history: Sequence[Row],
    warnings: Sequence[str],
    options: Mapping[str, Any],
    command_line: str,
) -> str:
    """Return the page about a model that was trained.

    Parameters
    ----------
    task : Task
        What was learned.
    finished : Finished
        The model and what it does on validation images.
    history : sequence of Row
        What the validations said; empty where nothing was learned step by step.
    warnings : sequence of str
        What the user should know about the data, and that nothing was learned where that is so:
        the curves are not judged then.
    options : mapping
        What was asked for.
    command_line : str

    Returns
    -------
    str
        HTML.
    """
    card = finished.card
    learned = has_learned(card)
    settings = {
        "Training": {
            _CALLED.get(name, name): value
            for name, value in options.items()
            if name != "network" and value is not None and value != {}
        },
        **({"Start": _start(card.training)} if "weights" in card.training else {}),
        "Network": card.network.config,
        "Model": _model_facts(card),
    }
    return render_page(
        "training.html",
        title=f"The model '{card.name}'",
        subtitle=f"Trained on {counted(card.training['images'], 'image')}, checked on "
        f"{counted(card.training['validation images'], 'other')}",
        overview=[*finished.overview, *_effort(card.training)],
        meaning=MEANINGS[card.task],
        learned=learned,
        verdict=[*([verdict(history).text] if history and learned else []), *warnings],
        confusion=finished.confusion,
        charts=[curve_chart(curve) for curve in _curves(task, history)] if history else [],
        cards=[example_card(example) for example in finished.pictures],
        drawn=DRAWN[card.task],
        legend=FOUND_AND_ANNOTATED,
        settings={title: in_words(rows) for title, rows in settings.items()},
        versions=versions(),
        command_line=command_line,
    )


def _start(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return which model the training started from, and what it took of it."""
    return {"model": training["started from"]["name"], "weights": training["weights"]}


def _model_facts(card: ModelCard) -> dict[str, Any]:
    if card.input.diameter is None:
        return dict(card.readout)
    return {
        "objects": f"{card.input.diameter:g} px across",
        "least confidence": card.threshold,
        **{f"least confidence, {name}": least for name, least in card.class_thresholds.items()},
        **card.readout,
    }


def _effort(training: Mapping[str, Any]) -> list[Number]:
    seconds = training["seconds"]
    if "steps" not in training:
        return [Number("time", f"{seconds:.0f}", "s")]
    return [
        Number("steps", f"{training['steps']:,}"),
        Number("time", f"{seconds / 60:.1f}", "min"),
    ]


def _curves(task: Task, history: Sequence[Row]) -> list[Curve]:
    def line(name: str) -> tuple[list[float], list[float]]:
        rows = [row for row in history if name in row]
        return [row["step"] for row in rows], [row[name] for row in rows]

    title, _, axis = task.monitored.partition(": ")
    return [
        Curve(
            "Loss",
            "step",
            "loss",
            {"training": line("train_loss"), "validation": line("validation_loss")},
        ),
        Curve(
            title.capitalize(),
            "step",
            axis,
            {"validation": line(f"validation_{task.monitor}")},
        ),
    ]
