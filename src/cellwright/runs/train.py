"""``cellwright train``: from annotated images to a model package and a report about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from cellwright._errors import DatasetError, training_extra
from cellwright._files import write_text
from cellwright._progress import remark
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.pixel_classes import as_pixel_classes
from cellwright.datasets.records import Dataset
from cellwright.methods.registry import CLASS_METHODS
from cellwright.models.card import ModelCard
from cellwright.models.find import find_model
from cellwright.models.package import CARD, FILES, Package, load_package, save_package
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate import named
from cellwright.runs.folder import Plan, now, open_run
from cellwright.runs.lesson import Learned, Lesson
from cellwright.runs.options import TrainOptions
from cellwright.runs.prepare import divided_dataset, novelty_of, volume_size
from cellwright.runs.results import command_line
from cellwright.runs.scoring import files_of
from cellwright.runs.tasks import Task
from cellwright.runs.train_classes import ClassTask
from cellwright.runs.train_instances import InstanceTask
from cellwright.runs.train_report import model_report
from cellwright.training.history import CHECKPOINT, HISTORY

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
    warnings : tuple of str
        What the user should know about data and training.
    """

    folder: Path
    package: Package
    headline: str
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
        A folder of images with numbered objects or pixel classes. Without validation images, a
        fifth of the images is set aside, groups undivided.
    out : str or Path
        The model package to be made; ``report.html`` in it tells how the training went.
    options : TrainOptions, optional
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that prepare images.
    threads : int, optional
        CPU threads of the network.
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
    """
    out = Path(out)
    options = options or TrainOptions()
    learner = _network_learner()
    dataset_read = open_dataset(Path(dataset), options.axes)
    task = _task(dataset_read, options)
    if task.name == "classes":
        dataset_read = as_pixel_classes(dataset_read)
    divided, notes = divided_dataset(dataset_read, options.seed)
    start = load_package(find_model(options.start_from)) if options.start_from else None
    size = volume_size(divided)
    method = options.method or task.methods[2 if size is None else 3]
    plan = Plan(
        command="train",
        inputs=files_of(divided.examples),
        parameters={
            **asdict(options),
            "method": method,
            "network": dict(options.network),
        },
        files=(CARD, *FILES, REPORT_FILE, f"{FIT_FOLDER}/{CHECKPOINT}", f"{FIT_FOLDER}/{HISTORY}"),
        model=named(start) if start else None,
    )
    learn = partial(
        learner,
        folder=out / FIT_FOLDER,
        start=start,
        device=device,
        workers=workers,
        threads=threads,
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            package = load_package(out)
            headline = task.headline(package.card)
            return TrainResult(out, package, headline, tuple(finished["warnings"]))
        contract, problems = task.contract(divided, options.seed)
        warnings = (*notes, *problems)
        for warning in warnings:
            remark(f"Note: {warning}")
        learned = learn(Lesson(task, divided, contract, method, options, size))
        draft = _draft(task, divided, method, learned, options, out)
        done = task.finished(draft, learned.files, divided.part("val"), options.seed)
        package = save_package(out, done.card, learned.files)
        page = model_report(
            task, done, learned.history, warnings, plan.parameters, run.command_line
        )
        write_text(out / REPORT_FILE, page)
        (out / FIT_FOLDER / CHECKPOINT).unlink(missing_ok=True)
        written = [{"image": draft.name, "files": [CARD, *FILES, REPORT_FILE]}]
        run.finish(versions=versions(), warnings=warnings, images=written)
    return TrainResult(out, package, task.headline(package.card), warnings)


def _task(dataset: Dataset, options: TrainOptions) -> Task:
    """Return what is to be learned: classes where that is asked for, or all that there is."""
    if options.method in CLASS_METHODS:
        return ClassTask()
    if dataset.task == "instances":
        return InstanceTask()
    if dataset.task == "pixel classes" and options.method is None:
        return ClassTask()
    if dataset.task == "pixel classes":
        raise DatasetError(
            f"'{dataset.root}' is annotated with pixel classes, but the method '{options.method}' "
            "needs numbered objects. Leave out --method."
        )
    raise DatasetError(
        f"'{dataset.root}' is annotated with {dataset.task}; training needs numbered objects or "
        "classes of pixels."
    )


def _network_learner() -> Callable[..., Learned]:
    """Return what trains networks.

    Raises
    ------
    UsageError
        If what training needs is not installed.
    """
    with training_extra():
        from cellwright.runs.train_network import learn_network
    return learn_network


def _draft(
    task: Task,
    dataset: Dataset,
    method: str,
    learned: Learned,
    options: TrainOptions,
    out: Path,
) -> ModelCard:
    """Return the card before anything is chosen on validation images."""
    description, limits = task.described(dataset, learned.contract)
    train_part = dataset.part("train")
    return ModelCard(
        name=options.name or _name_of(out),
        version="1.0.0",
        description=description,
        task=task.name,
        method=method,
        readout=learned.readout,
        network=learned.facts,
        input=learned.contract,
        novelty=novelty_of(train_part, options.seed),
        training={
            "images": len(train_part),
            "validation images": len(dataset.part("val")),
            **learned.training,
            "seed": options.seed,
            "finished": now(),
            "versions": versions(),
        },
        limits=limits,
    )


def _name_of(out: Path) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", out.resolve().stem.lower()).strip("-_")
    return plain[:64] or "model"
