"""How a network learns a dataset, and becomes the files of a package."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from cellwright._errors import TrainingError, UsageError
from cellwright._progress import remark
from cellwright._words import option, percent
from cellwright.methods.object_classes.readout import readout_parameters
from cellwright.models.engines import trainable
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.package import NETWORK, Package
from cellwright.models.readouts import map_reader_of
from cellwright.networks.network import Network
from cellwright.networks.plan import NetworkPlan
from cellwright.networks.registry import network_from_dict, planned_options, registered_name
from cellwright.networks.transfer import Transferred, transfer_weights
from cellwright.runs.results.plan import named
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Learned, Lesson, Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.tasks import Task
from cellwright.training.device import cores_left
from cellwright.training.fit import FitRecord, fit
from cellwright.training.settings import FitSettings

_MOSTLY = 0.5  # share of the weights from which on a network starts from another model


def learn_network(
    lesson: Lesson,
    folder: Path,
    machine: Machine,
    *,
    start: Package | None = None,
    until: float = 1.0,
) -> Learned:
    """Train a network; called again after an interruption, it goes on where it was.

    Parameters
    ----------
    lesson : Lesson
        What is to be learned.
    folder : Path
        Takes the checkpoint and the history.
    machine : Machine
        What trains it.
    start : Package, optional
        The model whose weights to start from.
    until : float
        Share of the budget after which to stop for now; see `fit`.

    Raises
    ------
    TrainingError
        If the training cannot go on.
    UsageError
        If the network cannot take the images, or the weights to start from.
    """
    contract, options, task = lesson.contract, lesson.options, lesson.task
    plan = lesson.plan()
    remark(f"Note: {plan.in_words}.")
    learning = task.learning(lesson, plan, machine.workers)
    network, transferred = _network(learning, plan, options, start)
    with _memory_told():
        record = fit(
            network,
            learning.step_loss,
            learning.train_batches,
            task.validation(learning),
            _settings(task, options, machine),
            folder,
            until=until,
        )
    files = export_network(network, contract.normalisation)
    return Learned(
        contract=contract,
        facts=network_facts(network, files[NETWORK]),
        files=files,
        readout=readout_parameters(learning.recipe.readout),
        training=_training_facts(learning, record, options, start, transferred),
        history=record.history,
        warnings=_little_taken(transferred),
        calibration=start.card.calibration
        if start and start.card.method == lesson.method
        else None,
    )


@contextmanager
def _memory_told() -> Iterator[None]:
    """Say what to do where a GPU has too little memory."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise TrainingError(
            "The GPU has too little memory for this training. Choose smaller values for "
            f"{option('patch', 'batch_size')}, a smaller network, or {option(device='cpu')}."
        ) from error


def _network(
    learning: Learning, plan: NetworkPlan, options: TrainOptions, start: Package | None
) -> tuple[Network, Transferred | None]:
    """Return the network, with what fits of the weights that it starts from."""
    dimensions = len(learning.patches.shape)
    if start and not trainable(start.card.network):
        raise UsageError(
            f"The model '{start.card.name}' has no network to start from: it was made by the "
            f"method '{start.card.method}'. Leave out {option('start_from')}."
        )
    if start and start.card.network.dimensions != dimensions:
        seen, given_here = ("planes", "volumes") if dimensions == 3 else ("volumes", "planes")
        raise UsageError(
            f"The model '{start.card.name}' sees {seen}, but the images are {given_here}: its "
            f"weights do not fit. Start from a model of {given_here}, or leave out "
            f"{option('start_from')}."
        )
    source = restored_network(start) if start else None
    description = {
        **_description(learning, plan, options, start),
        "dimensions": dimensions,
        "in_channels": learning.patches.channels,
        "out_channels": len(learning.recipe.readout.outputs),
    }
    network = network_from_dict(description, seed=options.seed)
    _check_patch(learning.patches.shape, network)
    if source is None:
        return network, None
    more = _more_maps(start, learning)
    transferred = transfer_weights(source.state_dict(), network, more=more)
    remark(f"Note: {transferred.summary}.")
    return network, transferred


def _description(
    learning: Learning, plan: NetworkPlan, options: TrainOptions, start: Package | None
) -> dict[str, Any]:
    """Return the network that is asked for; where no other kind is, that of the model to start."""
    asked = options.network
    if start:
        known = start.card.network.config
        name = registered_name(known)
        if asked.get("name", name) == name:
            return {**known, **asked, "name": known["name"]}
    given = {**asked} if "name" in asked else {**learning.network, **asked}
    return {**planned_options(given["name"], plan), **given}


def _little_taken(transferred: Transferred | None) -> tuple[str, ...]:
    """Return a warning where most of a network did not start from the other model."""
    if transferred is None or transferred.share >= _MOSTLY:
        return ()
    return (
        f"Only {percent(transferred.share)} of the network's weights could be taken from the "
        "model to start from, so that it learned nearly as from scratch. Leave out "
        f"{option('network')} and its sizes to take the network of that model.",
    )


def _more_maps(start: Package | None, learning: Learning) -> int:
    """Return how many maps come to those of the model to start from, which mean the same."""
    if start is None or start.card.task != "instances":
        return 0
    known, wanted = map_reader_of(start.card).outputs, learning.recipe.readout.outputs
    return len(wanted) - len(known) if wanted[: len(known)] == known else 0


def _check_patch(patch: tuple[int, ...], network: Network) -> None:
    """Refuse a patch that the network cannot take, before anything is read."""
    if any(side % step for side, step in zip(patch, network.stride, strict=True)):
        raise UsageError(
            f"The network takes patches whose sides are multiples of "
            f"{' × '.join(map(str, network.stride))} px, not {' × '.join(map(str, patch))}. "
            f"Choose another value for {option('patch')}, or a network of lower depth."
        )


def _settings(task: Task, options: TrainOptions, machine: Machine) -> FitSettings:
    return FitSettings(
        **options.budget,
        seed=options.seed,
        optimiser=options.optimiser,
        learning_rate=options.rate,
        weight_decay=options.weight_decay,
        stage_rate=options.stage_rate,
        frozen_stages=options.frozen_stages,
        patience=options.patience,
        monitor=task.monitor,
        higher_is_better=True,
        device=machine.device,
        threads=machine.threads or cores_left(machine.workers),
    )


def _training_facts(
    learning: Learning,
    record: FitRecord,
    options: TrainOptions,
    start: Package | None,
    transferred: Transferred | None,
) -> dict[str, Any]:
    return {
        **({"started from": named(start)} if start else {}),
        **({"weights": transferred.summary} if transferred else {}),
        "steps": record.steps,
        "best step": record.best_step,
        "seconds": record.seconds,
        "device": record.device,
        "arithmetic": record.arithmetic,
        "batch size": learning.patches.batch_size,
        "patch": list(learning.patches.shape),
        "augmentation": options.strength,
        **({"recipe": dict(options.recipe)} if options.recipe else {}),
        **({"balanced by": options.balance} if options.balance else {}),
        "optimiser": options.optimiser,
        "last validation": _known(record.history[-1]) if record.history else {},
    }


def _known(figures: Mapping[str, float]) -> dict[str, float]:
    """Return figures without those that nothing could be told of: validation may hold no object."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}
