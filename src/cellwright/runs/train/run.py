"""``cellwright train``: from annotated images to a model package and a report about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cellwright._arguments import as_path, check_flags, check_made
from cellwright._errors import DatasetError, UsageError, training_extra
from cellwright._files import write_text
from cellwright._progress import remark
from cellwright._words import by_place, option
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.pixel_classes import holds_classes
from cellwright.datasets.records import Dataset
from cellwright.methods.recipe_settings import check_recipe
from cellwright.methods.registry import BOX_METHODS, CLASS_METHODS, LEARNERS, POINT_METHODS
from cellwright.models.card import ModelCard
from cellwright.models.engines import trainable
from cellwright.models.find import find_model
from cellwright.models.learned import has_learned
from cellwright.models.package import CARD, FILES, Package, load_package, save_package
from cellwright.networks.registry import check_options
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate.scoring import LEARNED, files_of, image_paths
from cellwright.runs.results.folder import (
    RunFolder,
    now,
    open_run,
    refuse_inputs_inside,
    tell_again,
)
from cellwright.runs.results.plan import Plan, named
from cellwright.runs.results.result import command_line
from cellwright.runs.train.boxes import BoxTask
from cellwright.runs.train.classes import ClassTask
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.learner import learn_without_network
from cellwright.runs.train.lesson import Learned, Lesson, Machine
from cellwright.runs.train.object_classes import without_classes
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.points import PointTask
from cellwright.runs.train.prepare import divided_dataset, image_size, novelty_of
from cellwright.runs.train.report import model_report
from cellwright.runs.train.tasks import Finished, Task
from cellwright.training.history import CHECKPOINT, HISTORY
from cellwright.training.waiting import let_waiting_threads_sleep

REPORT_FILE = "report.html"
FIT_FOLDER = "training"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came of a training.

    Parameters
    ----------
    folder : Path
        The model package, with the report beside it.
    package : Package
    headline : str
        How good it is, in one sentence.
    learned : bool
        Whether it finds more than next to nothing.
    warnings : tuple of str
        What the user should know about data and training.
    """

    folder: Path
    package: Package
    headline: str
    learned: bool
    warnings: tuple[str, ...] = ()


def train(
    dataset: str | Path,
    out: str | Path,
    options: TrainOptions | None = None,
    *,
    device: str = "auto",
    workers: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
) -> TrainResult:
    """Train a model on annotated images.

    Called again after an interruption, it goes on where it was.

    Parameters
    ----------
    dataset : str or Path
        A folder of images with numbered objects, boxes, points or pixel classes. Without
        validation images, a fifth of the images is set aside, groups undivided.
    out : str or Path
        The model package to be made; ``report.html`` in it tells how the training went.
    options : TrainOptions, optional
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that prepare images; 0 prepares them in this one. Scripts that use workers
        must keep their code under ``if __name__ == "__main__"``.
    threads : int, optional
        CPU threads of the network; None takes the cores that the workers leave.
    overwrite : bool
        Replace the results of another run in `out`.

    Returns
    -------
    TrainResult

    Raises
    ------
    DatasetError
        If images or labels cannot be used, or are too few to be divided.
    OutputError
        If `out` holds something else.
    TrainingError
        If the training cannot go on.
    UsageError
        If the options do not fit the dataset, or an argument is of a wrong kind or out of range.
    """
    options = TrainOptions() if options is None else options
    check_made(options, TrainOptions, "options")
    out, dataset = as_path(out, "out"), as_path(dataset, "dataset")
    machine = Machine(device, workers, threads)
    check_flags(overwrite=overwrite)
    _check_known(options)
    task, opened = open_task(dataset, options)
    divided, notes = divided_dataset(opened, options.seed)
    return train_divided(task, divided, out, options, machine, notes, overwrite=overwrite)


def train_divided(
    task: Task,
    divided: Dataset,
    out: Path,
    options: TrainOptions,
    machine: Machine,
    notes: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> TrainResult:
    """Train a model on the training images of a dataset, chosen by its validation images.

    Parameters
    ----------
    task : Task
    divided : Dataset
    out : Path
    options : TrainOptions
    machine : Machine
    notes : sequence of str
        What is to be said about the data.
    overwrite : bool
        Replace the results of another run in `out`.

    Raises
    ------
    DatasetError, OutputError, TrainingError
        As `train`.
    """
    learner = learner_for(options.method)
    origin = find_model(options.start_from) if options.start_from else None
    if origin is not None:
        refuse_inputs_inside(out, [origin])
    start = load_package(origin) if origin else None
    size = image_size(divided)
    method = options.method or _usual_method(task, start, len(size))
    _check_fitting(options, method, divided, start)
    plan = Plan(
        command="train",
        inputs=files_of(divided.examples),
        parameters={
            **asdict(options),
            "method": method,
            "network": dict(options.network),
            "learning_rate": options.rate,
            # Of one kind, however they were written: "2" and 2 are the same training.
            "recipe": check_recipe(method, options.recipe) if method not in LEARNERS else {},
        },
        files=(CARD, *FILES, REPORT_FILE, f"{FIT_FOLDER}/{CHECKPOINT}", f"{FIT_FOLDER}/{HISTORY}"),
        model=named(start) if start else None,
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            tell_again(out)
            package = load_package(out)
            return _result(out, task, package, finished["warnings"])
        contract, problems = task.contract(divided, options.seed)
        warnings = [*notes, *problems]
        for warning in warnings:
            remark(f"Note: {warning}")
        lesson = Lesson(task, divided, contract, method, options, size)
        learned = learner(lesson, out / FIT_FOLDER, machine, start=start)
        done = finished_model(lesson, learned, options.name or model_name(out))
        warnings += learned.warnings
        if not has_learned(done.card):
            warnings.append(_nothing_learned(started=start is not None))
        package = _completed(run, lesson, learned, done, warnings)
    return _result(out, task, package, warnings)


def _check_known(options: TrainOptions) -> None:
    """Refuse what is not installed, or is in no network or recipe, before anything is read."""
    learner_for(options.method)
    if options.method in LEARNERS:
        return
    if options.method is not None:
        check_recipe(options.method, options.recipe)
    if options.network:
        check_options(options.network.get("name"), set(options.network) - {"name"})


def _check_fitting(
    options: TrainOptions, method: str, divided: Dataset, start: Package | None
) -> None:
    """Refuse what the method, or the dataset, does not have, before anything is made."""
    if method not in LEARNERS:
        check_recipe(method, options.recipe)
    elif start is not None or options.network or options.recipe or options.balance:
        raise UsageError(
            f"The method '{method}' has no network: leave out "
            + by_place(
                "--from, --network, --encoder, --width, --depth, --recipe and --balance.",
                "the arguments start_from, network, recipe and balance.",
            )
        )
    by = options.balance
    if by is not None and len({getattr(one, by) for one in divided.part("train")}) < 2:
        raise DatasetError(
            f"The training images of '{divided.root}' are not of several {by}s, by which to "
            f"balance them. Say in its index.csv, in a column '{by}', which is of which {by}, or "
            f"leave out {option('balance')}."
        )


def _nothing_learned(*, started: bool) -> str:
    """Return what is said of a model that finds nothing."""
    start = f", or start from the weights of another model ({option('start_from')})"
    return (
        "The model has not learned: it finds next to nothing right in the validation images. Look "
        "at what it was shown (cellwright data preview) and whether the labels fit the images "
        f"(cellwright data inspect); if they do, train longer{'' if started else start}."
    )


def _completed(
    run: RunFolder, lesson: Lesson, learned: Learned, done: Finished, warnings: Sequence[str]
) -> Package:
    """Write the package and the report, and drop what was kept to go on with the training."""
    package = save_package(run.path, done.card, learned.files)
    parameters = run.plan.parameters
    page = model_report(lesson.task, done, learned.history, warnings, parameters, run.command_line)
    write_text(run.path / REPORT_FILE, page)
    written = [{"image": done.card.name, "files": [CARD, *learned.files, REPORT_FILE]}]
    results = {LEARNED: image_paths(lesson.dataset.part("train")), "images": written}
    run.finish(versions=versions(), warnings=list(warnings), **results)
    # Last of all: without it, a run that is killed before it is finished would begin anew.
    (run.path / FIT_FOLDER / CHECKPOINT).unlink(missing_ok=True)
    return package


def _result(out: Path, task: Task, package: Package, warnings: Sequence[str]) -> TrainResult:
    card = package.card
    return TrainResult(out, package, task.headline(card), has_learned(card), tuple(warnings))


def open_task(path: Path, options: TrainOptions) -> tuple[Task, Dataset]:
    """Open a dataset, and return what is to be learned from it.

    Raises
    ------
    DatasetError
        If it has no annotation that a model is trained on.
    """
    dataset = open_dataset(path, options.axes)
    task = _task(dataset, options)
    taken = task.taken(dataset)
    return task, without_classes(taken) if options.method in LEARNERS else taken


def _task(dataset: Dataset, options: TrainOptions) -> Task:
    """Return what is to be learned: classes where that is asked for, or all that there is."""
    if options.method in POINT_METHODS or (dataset.task == "points" and options.method is None):
        return PointTask()
    if options.diameter is not None:
        raise UsageError("The diameter is for points alone: leave it out, or choose 'points'.")
    if options.method in CLASS_METHODS:
        return ClassTask()
    if options.method == "pixels" and holds_classes(dataset):
        return ClassTask()
    if options.method in BOX_METHODS or (dataset.task == "boxes" and options.method is None):
        return BoxTask()
    if dataset.task == "instances":
        return InstanceTask()
    if dataset.task == "pixel classes" and options.method is None:
        return ClassTask()
    if dataset.task == "pixel classes":
        raise DatasetError(
            f"'{dataset.root}' is annotated with pixel classes, but the method '{options.method}' "
            f"needs numbered objects. Leave out {option('method')}."
        )
    raise DatasetError(
        f"'{dataset.root}' {dataset.annotation}, which the method "
        f"'{options.method}' does not learn. Leave out {option('method')}."
        if options.method and dataset.task != "classes of whole images"
        else f"'{dataset.root}' {dataset.annotation}; training needs numbered "
        "objects, boxes, points or classes of pixels."
    )


def _usual_method(task: Task, start: Package | None, dimensions: int) -> str:
    """Return the method of the model to start from, where it can go on, or that of the task."""
    if start and start.card.task == task.name:
        facts = start.card.network
        if trainable(facts) and facts.dimensions == dimensions:
            return start.card.method
    return task.methods[dimensions]


def learner_for(method: str | None) -> Callable[..., Learned]:
    """Return what learns by a method; that of networks where none is named.

    Raises
    ------
    UsageError
        If what it needs is not installed.
    """
    return learn_without_network if method in LEARNERS else network_learner()


def network_learner() -> Callable[..., Learned]:
    """Return what trains networks.

    Raises
    ------
    UsageError
        If what training needs is not installed.
    """
    let_waiting_threads_sleep()
    with training_extra():
        from cellwright.runs.train.network import learn_network
    return learn_network


def tuned_model(lesson: Lesson, learned: Learned, name: str) -> ModelCard:
    """Choose what is left to choose on validation images, and do not score the model.

    Nor look at the training images once more, to tell novel ones later.
    """
    draft = _draft(lesson, learned, name)
    validation = lesson.dataset.part("val")
    return lesson.task.tuned(draft, learned.files, validation, lesson.options.seed)


def finished_model(lesson: Lesson, learned: Learned, name: str) -> Finished:
    """Choose what is left to choose on validation images, and score the model on them."""
    novelty = novelty_of(lesson.dataset.part("train"), lesson.options.seed)
    draft = replace(_draft(lesson, learned, name), novelty=novelty)
    validation = lesson.dataset.part("val")
    return lesson.task.finished(draft, learned.files, validation, lesson.options.seed)


def _draft(lesson: Lesson, learned: Learned, name: str) -> ModelCard:
    """Return the card before anything is chosen on validation images."""
    dataset, task = lesson.dataset, lesson.task
    description, limits = task.described(dataset, learned.contract)
    return ModelCard(
        name=name,
        version="1.0.0",
        description=description,
        task=task.name,
        method=lesson.method,
        readout=learned.readout,
        network=learned.facts,
        input=learned.contract,
        calibration=learned.calibration,
        training={
            "images": len(dataset.part("train")),
            "validation images": len(dataset.part("val")),
            **learned.training,
            "seconds": round(learned.training["seconds"], 1),
            "seed": lesson.options.seed,
            "finished": now(),
            "versions": versions(),
        },
        limits=limits,
    )


def model_name(out: Path) -> str:
    """Return the name of a model that is made in the folder `out`."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", out.resolve().stem.lower()).strip("-_")
    return plain[:64] or "model"
