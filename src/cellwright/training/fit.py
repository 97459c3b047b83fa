"""The one training loop. It knows no task: networks, losses and batches are given to it."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from cellwright._errors import TrainingError
from cellwright._progress import progress_line
from cellwright._types import AnyArray
from cellwright.training.device import (
    arithmetic,
    choose_device,
    cpu_threads,
    place,
    to_tensors,
    warn_of_broken_torchvision,
)
from cellwright.training.history import CHECKPOINT, HISTORY, EventLog, Row, write_history
from cellwright.training.interrupts import interrupts_held
from cellwright.training.optimiser import set_learning_rate
from cellwright.training.settings import FitSettings
from cellwright.training.state import TrainingState, random_state_of_step

Batch: TypeAlias = dict[str, Tensor]
StepLoss: TypeAlias = Callable[[nn.Module, Batch], dict[str, Tensor]]
TrainBatches: TypeAlias = Callable[[int], Iterator[Mapping[str, AnyArray]]]
Validate: TypeAlias = Callable[[nn.Module], Mapping[str, float]]

MOST_SKIPPED_IN_A_ROW = 10


@dataclass(frozen=True)
class FitRecord:
    """What came of a training.

    Attributes
    ----------
    steps : int
        Optimiser steps taken, over all resumed parts.
    seconds : float
        Time taken, over all resumed parts, in s.
    skipped_steps : int
        Steps without effect because the loss or its gradient was not finite.
    best_step : int or None
        Step of the best validation; None when the monitored value never was a finite number.
    best_value : float or None
        The monitored value there.
    stopped_early : bool
        Whether patience ended before the budget.
    device : str
        'cpu' or 'cuda'.
    arithmetic : str
        What forward passes computed in: 'bfloat16' or 'float32'.
    history : tuple of dict
        One row a validation, as in ``history.csv``.
    """

    steps: int
    seconds: float
    skipped_steps: int
    best_step: int | None
    best_value: float | None
    stopped_early: bool
    device: str
    arithmetic: str
    history: tuple[Row, ...]


def fit(
    network: nn.Module,
    step_loss: StepLoss,
    train_batches: TrainBatches,
    validate: Validate,
    settings: FitSettings,
    folder: Path,
    *,
    start_over: bool = False,
    until: float = 1.0,
) -> FitRecord:
    """Train `network` until its budget is used up, or go on with a training that was cut short.

    A training that was killed at any moment and is called again goes on from its last checkpoint
    (one at each validation and at Ctrl-C). With a budget in steps, on a CPU, it ends with the very
    same weights as one that was never killed.

    Parameters
    ----------
    network : nn.Module
        Trained in place. In the end it holds the averaged weights that the settings keep, in
        evaluation mode, on the device of the training.
    step_loss : callable
        ``step_loss(network, batch)`` returns named scalars; 'loss' is the one that is minimised,
        the others are its parts, for the log.
    train_batches : callable
        ``train_batches(first_step)`` yields the batches of step `first_step` and all after it,
        without end, as dictionaries of arrays. The batch of a step must depend on nothing but the
        step for a resumed training to be exact.
    validate : callable
        ``validate(network)`` returns named values, given the averaged weights in evaluation mode;
        called without gradients.
    settings : FitSettings
        Budget, optimiser and all else.
    folder : Path
        Where ``checkpoint.safetensors``, ``history.csv`` and ``tensorboard/`` are written.
    start_over : bool
        Forget what is in `folder` instead of going on with it.
    until : float
        Share of the budget after which to stop for now. Called again with a larger one, the
        training goes on as if it had never stopped.

    Raises
    ------
    TrainingError
        If `folder` holds another training, if the device is missing, if the batches end, or if
        the loss stays without a finite value.
    OutputError
        If `folder` cannot be written.
    KeyboardInterrupt
        At Ctrl-C, once the checkpoint is written.
    """
    warn_of_broken_torchvision()
    device = choose_device(settings.device)
    computed_in = arithmetic(device, settings.mixed_precision)
    mixed = computed_in is not torch.float32
    precision = torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed)
    place(network, device)
    network.train()
    state = TrainingState(network, settings)
    checkpoint = folder / CHECKPOINT
    if start_over:
        checkpoint.unlink(missing_ok=True)
    if checkpoint.exists():
        state.restore(checkpoint)

    with (
        cpu_threads(settings.threads),
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        EventLog(folder / "tensorboard", state.numbers.step) as events,
        _progress(state) as show,
    ):
        try:
            batches = train_batches(state.numbers.step)
            while True:
                if state.validation_due(until):
                    _judge(state, validate, folder, events)
                if state.budget_used >= until or state.out_of_patience:
                    break
                batch = _next_batch(batches, state.numbers.step, device)
                _take_step(state, step_loss, batch, precision)
                show()
        except KeyboardInterrupt:
            state.save(checkpoint)
            raise

    network.load_state_dict(state.kept_weights())
    network.eval()
    return _record(state, device, computed_in)


def _next_batch(
    batches: Iterator[Mapping[str, AnyArray]], step: int, device: torch.device
) -> Batch:
    arrays = next(batches, None)
    if arrays is None:
        raise TrainingError(f"The training batches ended at step {step}; they must have no end.")
    return to_tensors(arrays, device)


def _judge(state: TrainingState, validate: Validate, folder: Path, events: EventLog) -> None:
    """Validate the averaged weights, and write down what came of it."""
    with torch.no_grad():
        metrics = validate(state.average.network)
    with interrupts_held():
        events.add(state.take_validation(metrics))
        write_history(folder / HISTORY, state.numbers.history)
        state.save(folder / CHECKPOINT)  # last: what is killed before is written again


def _take_step(
    state: TrainingState, step_loss: StepLoss, batch: Batch, precision: torch.autocast
) -> None:
    with interrupts_held():
        random_state_of_step(state.settings.seed, state.numbers.step)
        state.freeze_or_thaw()
        set_learning_rate(state.optimiser, state.next_learning_rate())
        state.take_step(_optimise(state, step_loss, batch, precision))
    _refuse_endless_skipping(state)


def _optimise(
    state: TrainingState, step_loss: StepLoss, batch: Batch, precision: torch.autocast
) -> dict[str, float] | None:
    """Take one step down the gradient and return the loss and its parts.

    Where the loss or its gradient is not finite the network stays as it was: None.
    """
    statistics = [buffer.clone() for buffer in state.network.buffers()]
    with precision:
        parts = step_loss(state.network, batch)
    state.optimiser.zero_grad()
    parts["loss"].backward()  # type: ignore[no-untyped-call]
    longest = state.settings.clip_norm or math.inf
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), longest)
    values = {name: part.item() for name, part in parts.items()}
    if math.isfinite(values["loss"]) and math.isfinite(norm):
        state.optimiser.step()
        return values
    for buffer, before in zip(state.network.buffers(), statistics, strict=True):
        buffer.copy_(before)  # batch norm has seen the bad batch
    return None


def _refuse_endless_skipping(state: TrainingState) -> None:
    if state.numbers.skipped_in_a_row < MOST_SKIPPED_IN_A_ROW:
        return
    raise TrainingError(
        f"The loss had no finite value in {MOST_SKIPPED_IN_A_ROW} steps in a row "
        f"(up to step {state.numbers.step}). Start over with a learning rate below "
        f"{state.settings.learning_rate:g}, and look for NaN or extreme values in the images."
    )


@contextmanager
def _progress(state: TrainingState) -> Iterator[Callable[[], None]]:
    """Show steps, or the time where that is the budget, with the loss and the rate."""
    settings, by_steps = state.settings, state.settings.steps is not None
    total = settings.steps or 60 * (settings.minutes or 0)

    def done() -> float:
        return state.numbers.step if by_steps else round(state.numbers.seconds, 1)

    with progress_line(
        "Training", total=total, done=done(), unit="step" if by_steps else "s"
    ) as line:

        def show() -> None:
            numbers = state.numbers
            loss = numbers.sums.get("loss", math.nan) / max(numbers.summed_steps, 1)
            rate = state.next_learning_rate()
            line(done(), f"step {numbers.step}, loss {loss:.4g}, learning rate {rate:.2g}")

        yield show


def _record(state: TrainingState, device: torch.device, computed_in: torch.dtype) -> FitRecord:
    numbers = state.numbers
    return FitRecord(
        steps=numbers.step,
        seconds=numbers.seconds,
        skipped_steps=numbers.skipped_steps,
        best_step=numbers.best_step,
        best_value=numbers.best_value,
        stopped_early=state.out_of_patience and state.budget_used < 1,
        device=device.type,
        arithmetic=str(computed_in).removeprefix("torch."),
        history=tuple(numbers.history),
    )
