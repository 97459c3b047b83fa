"""``cellwright train``: from annotated images to a model package and a report about it."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellwright._errors import DatasetError, UsageError
from cellwright._files import write_text
from cellwright._progress import remark
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.pixel_classes import as_pixel_classes
from cellwright.datasets.records import Dataset
from cellwright.methods.registry import CLASS_METHODS
from cellwright.models.card import ModelCard
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.find import find_model
from cellwright.models.package import (
    CARD,
    FILES,
    NETWORK,
    WEIGHTS,
    Package,
    load_package,
    save_package,
)
from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict
from cellwright.networks.transfer import transfer_weights
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate import named
from cellwright.runs.folder import Plan, now, open_run
from cellwright.runs.learning import Learning
from cellwright.runs.options import TrainOptions
from cellwright.runs.prepare import divided_dataset, novelty_of, volume_size
from cellwright.runs.results import command_line
from cellwright.runs.scoring import files_of
from cellwright.runs.tasks import Task
from cellwright.runs.train_classes import ClassTask
from cellwright.runs.train_instances import InstanceTask
from cellwright.runs.train_report import model_report
from cellwright.training.fit import CHECKPOINT, HISTORY, FitRecord, fit
from cellwright.training.settings import FitSettings

REPORT_FILE = "report.html"
FIT_FOLDER = "training"
PLANE_PATCH = 256
VOLUME_PATCH = 64
DEPTH_STEP = 8
"""Depths of patches are multiples of this, in px."""
VOLUME_WIDTH, VOLUME_DEPTH = 16, 3
"""Of networks for volumes when nothing is said: what a CPU trains in minutes."""


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
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            package = load_package(out)
            headline = task.headline(package.card)
            return TrainResult(out, package, headline, tuple(finished["warnings"]))
        contract, problems = task.contract(divided, options.seed)
        for warning in (*notes, *problems):
            remark(f"Note: {warning}")
        patch = _patch(size, contract.anisotropy or 1.0, options)
        learning = task.learning(divided, contract, options, method, patch, workers)
        network = _network(learning, options, start)
        record = fit(
            network,
            learning.step_loss,
            learning.train_batches,
            task.validation(learning),
            _settings(task, options, device, threads),
            out / FIT_FOLDER,
        )
        files = export_network(network, contract.normalisation)
        description, limits = task.described(divided, contract)
        draft = ModelCard(
            name=options.name or _name_of(out),
            version="1.0.0",
            description=description,
            task=task.name,
            method=method,
            readout=asdict(learning.recipe.readout),
            network=network_facts(network, files[NETWORK]),
            input=contract,
            novelty=novelty_of(learning.train, options.seed),
            training=_training_facts(learning, record, options, start),
            limits=limits,
        )
        done = task.finished(draft, files, learning.validation, options.seed)
        package = save_package(out, done.card, files)
        warnings = (*notes, *problems)
        page = model_report(task, done, record, warnings, plan.parameters, run.command_line)
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


def _patch(
    volume: tuple[int, ...] | None, anisotropy: float, options: TrainOptions
) -> tuple[int, ...]:
    """Return the size of a patch; of volumes about as deep as wide, but no deeper than they are."""
    if volume is None:
        return (options.patch or PLANE_PATCH,) * 2
    side = options.patch or VOLUME_PATCH
    depth = min(side / anisotropy, volume[0])
    return (max(DEPTH_STEP, math.ceil(depth / DEPTH_STEP) * DEPTH_STEP), side, side)


def _network(learning: Learning, options: TrainOptions, start: Package | None) -> Network:
    """Return the network, with what fits of the weights that it starts from."""
    dimensions = len(learning.patch)
    if start and start.card.network.dimensions != dimensions:
        seen, given_here = ("planes", "volumes") if dimensions == 3 else ("volumes", "planes")
        raise UsageError(
            f"The model '{start.card.name}' sees {seen}, but the images are {given_here}: its "
            f"weights do not fit. Start from a model of {given_here}, or leave out --from."
        )
    given = {**(start.card.network.config if start else {"name": "unet"}), **options.network}
    if dimensions == 3 and not start:
        given = {"width": VOLUME_WIDTH, "depth": VOLUME_DEPTH, **given}
    description = {
        **given,
        "dimensions": dimensions,
        "in_channels": learning.channels,
        "out_channels": len(learning.recipe.readout.outputs),
    }
    network = network_from_dict(description, seed=options.seed)
    _check_patch(learning.patch, network)
    if start:
        source = restored_network(start.card.network, start.files[WEIGHTS])
        transfer_weights(source.state_dict(), network)
    return network


def _check_patch(patch: tuple[int, ...], network: Network) -> None:
    """Refuse a patch that the network cannot take, before anything is read."""
    if any(side % step for side, step in zip(patch, network.stride, strict=True)):
        raise UsageError(
            f"The network takes patches whose sides are multiples of "
            f"{' × '.join(map(str, network.stride))} px, not {' × '.join(map(str, patch))}. "
            "Choose another --patch or a lower --depth."
        )


def _settings(task: Task, options: TrainOptions, device: str, threads: int | None) -> FitSettings:
    return FitSettings(
        **options.budget,
        seed=options.seed,
        learning_rate=options.learning_rate,
        stage_rate=options.stage_rate,
        frozen_stages=options.frozen_stages,
        monitor=task.monitor,
        higher_is_better=True,
        device=device,
        threads=threads,
    )


def _training_facts(
    learning: Learning, record: FitRecord, options: TrainOptions, start: Package | None
) -> dict[str, Any]:
    return {
        **({"started from": named(start)} if start else {}),
        "images": len(learning.train),
        "validation images": len(learning.validation),
        "steps": record.steps,
        "best step": record.best_step,
        "seconds": round(record.seconds, 1),
        "device": record.device,
        "seed": options.seed,
        "batch size": learning.batch_size,
        "patch": list(learning.patch),
        "augmentation": options.strength,
        "finished": now(),
        "versions": versions(),
        "last validation": dict(record.history[-1]) if record.history else {},
    }


def _name_of(out: Path) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", out.resolve().stem.lower()).strip("-_")
    return plain[:64] or "model"
