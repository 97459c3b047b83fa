"""One round of training, in a process of its own: ``python -m cellwright.studio.learner FOLDER``.

It ends when the program that started it does, however that ends: then its standard input is closed.
What was learned until then is kept, and the same command goes on from there.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellwright._errors import CellwrightError, UsageError, was_interrupted
from cellwright._progress import hide_progress
from cellwright._workers import available_cores
from cellwright.datasets.records import Example
from cellwright.models.engines import trainable
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.load import load_instance_model
from cellwright.models.package import load_package
from cellwright.runs.evaluate.instances import Evaluation, evaluate_examples
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train_divided
from cellwright.studio.lessons import open_lesson
from cellwright.studio.parts import Part
from cellwright.studio.rounds import Judged, Order, Round, Verdict, model_name, start_model
from cellwright.studio.verdicts import sentences
from cellwright.studio.watch import Watch

if TYPE_CHECKING:
    from torch import nn

INTERRUPTED = 130
_PATIENCE_S = 30.0
_STAGE_RATE = 0.85  # what is learned from a few images should change the first stages little
_WORST = 3
_NICER = 5


@dataclass(frozen=True, slots=True)
class WatchedTask(InstanceTask):
    """Objects, with a look at what somebody is looking at after each validation."""

    watch: Watch = field(kw_only=True)

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""
        judge = InstanceTask.validation(self, learning)

        def judge_and_look(network: Any) -> Mapping[str, float]:
            scores = judge(network)
            self.watch.look(network, learning)
            return scores

        return judge_and_look


def learn(one: Round, threads: int | None = None) -> None:
    """Train the model of a round, or go on with it, and judge it.

    Raises
    ------
    DatasetError, ModelError, OutputError, TrainingError, UsageError
        See `cellwright.runs.train.run.train`.
    """
    dataset, order, start = open_lesson(one.folder), one.order, start_model(one)
    task = WatchedTask(watch=Watch(one.folder))
    options = _options(one, order, start)
    train_divided(task, dataset, one.model, options, Machine(threads=threads))
    aside = dataset.part("val")
    evaluation = _evaluated(one.model, aside, threads)
    before = _judged(_evaluated(Path(find_model(start)), aside, threads)) if start else None
    worst = _worst(evaluation, order.parts)
    after = _judged(evaluation)
    before = before or Judged(0.0, 0, after.true)
    said = sentences(before, after, one.history(), worst[0].image)
    one.judge(Verdict(before, after, said, tuple(worst)))


def main(folder: str) -> int:
    """Train until it is done, or nobody waits for it any more."""
    hide_progress()
    if hasattr(os, "nice"):
        os.nice(_NICER)  # annotating goes on meanwhile
    one = Round(Path(folder))
    try:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        learn(one, threads=max(1, available_cores() - 1))
    except CellwrightError as error:
        one.fail(str(error))
        return 1
    except BaseException as error:
        if was_interrupted(error):
            return INTERRUPTED
        one.fail("The training failed; the terminal says more.")
        raise
    return 0


def _options(one: Round, order: Order, start: str) -> TrainOptions:
    if not start:
        return TrainOptions(minutes=order.minutes, name=model_name(one))
    card = load_package(find_model(start)).card
    if not trainable(card.network):
        raise UsageError(f"'{start}' cannot be trained further: start from another model.")
    return TrainOptions(
        method=card.method,
        minutes=order.minutes,
        start_from=start,
        stage_rate=_STAGE_RATE,
        name=model_name(one),
    )


def _evaluated(package: Path, examples: Sequence[Example], threads: int | None) -> Evaluation:
    model: InstanceModel = load_instance_model(package, threads=threads)
    return evaluate_examples(model, examples)


def _judged(evaluation: Evaluation) -> Judged:
    scores = evaluation.to_json()
    counts = scores["pooled"]["0.5"]
    return Judged(
        precision=round(scores["per_image"]["0.5"]["average_precision"], 4),
        found=counts["true_positives"] + counts["false_positives"],
        true=counts["true_positives"] + counts["false_negatives"],
    )


def _worst(evaluation: Evaluation, parts: Sequence[Part]) -> list[Part]:
    """Return the parts that were set aside of the planes on which the model is least right."""
    table = evaluation.table()
    ranked = sorted(zip(table["AP@0.5"].tolist(), table["image"].tolist(), strict=True))
    planes = [example.rpartition("/")[2] for _, example in ranked[:_WORST]]
    aside = [part for part in parts if part.split == "val"]
    return [next(part for part in aside if part.plane == plane) for plane in planes]


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    _thread.interrupt_main()  # the checkpoint is written
    time.sleep(_PATIENCE_S)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
