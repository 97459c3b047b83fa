"""All that changes while a network is trained, and its way to disk and back."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cellwright._errors import TrainingError
from cellwright.networks.transfer import freeze
from cellwright.training.checkpoint import load_checkpoint, save_checkpoint
from cellwright.training.ema import WeightAverage
from cellwright.training.history import Row
from cellwright.training.optimiser import make_optimiser, optimiser_tensors, restore_optimiser
from cellwright.training.schedule import learning_rate, progress_made
from cellwright.training.settings import FitSettings


@dataclass
class Progress:
    """The numbers among the state; times in s."""

    step: int = 0
    seconds: float = 0.0
    skipped_steps: int = 0
    skipped_in_a_row: int = 0
    best_step: int | None = None
    best_value: float | None = None
    history: list[Row] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    """Of the loss and its parts over the steps since the last validation …"""
    summed_steps: int = 0
    """… and their number."""


_FEWEST_VALIDATIONS = 8  # in a budget of time, however slow the machine


class TrainingState:
    """Network, averaged weights, best weights, optimiser and numbers of one training.

    Parameters
    ----------
    network : nn.Module
        Already on its device.
    settings : FitSettings
        Of the training.
    """

    def __init__(self, network: nn.Module, settings: FitSettings) -> None:
        self.network = network
        self.settings = settings
        if settings.frozen_stages:
            freeze(network, 0)  # those that an earlier part of the training left frozen learn, too
        self.average = WeightAverage(network, settings.ema_decay)
        self.optimiser = make_optimiser(network, settings)
        self.best: dict[str, Tensor] = {}
        self.numbers = Progress()
        self._clock = time.monotonic()

    @property
    def budget_used(self) -> float:
        """Share of the budget that is used up, 0 to 1."""
        return progress_made(self.settings, self.numbers.step, self.numbers.seconds)

    @property
    def out_of_patience(self) -> bool:
        """Whether training stops early."""
        if self.settings.patience is None or self.numbers.best_step is None:
            return False
        best = self.numbers.best_step
        since_best = [row for row in self.numbers.history if row["step"] > best]
        return len(since_best) >= self.settings.patience

    def validation_due(self, until: float) -> bool:
        """Whether these weights are to be validated before anything else.

        They are at the latest when the share `until` of the budget is used up.
        """
        step, history = self.numbers.step, self.numbers.history
        validated = history[-1]["step"] if history else 0
        on_time = step % self.settings.validate_every == 0 or self.budget_used >= until
        return step > validated and (on_time or self._long_ago())

    def _long_ago(self) -> bool:
        """Whether a good part of a budget of time has gone by since the last validation."""
        if self.settings.minutes is None:
            return False
        last = self.numbers.history[-1]["seconds"] if self.numbers.history else 0.0
        return self.numbers.seconds - last >= 60 * self.settings.minutes / _FEWEST_VALIDATIONS

    def next_learning_rate(self) -> float:
        """Return the rate of the coming step."""
        return learning_rate(self.settings, self.numbers.step, self.numbers.seconds)

    def freeze_or_thaw(self) -> None:
        """Let those stages learn in the coming step that are to."""
        settings = self.settings
        if settings.frozen_stages:
            early = self.budget_used < settings.frozen_share
            freeze(self.network, settings.frozen_stages if early else 0)

    def take_step(self, parts: Mapping[str, float] | None) -> None:
        """Count a step and average its weights; None is a step that was skipped."""
        numbers = self.numbers
        numbers.step += 1
        self.average.update(numbers.step)
        self._take_time()
        if parts is None:
            numbers.skipped_steps += 1
            numbers.skipped_in_a_row += 1
            return
        numbers.skipped_in_a_row = 0
        numbers.summed_steps += 1
        for name, value in parts.items():
            numbers.sums[name] = numbers.sums.get(name, 0.0) + value

    def take_validation(self, metrics: Mapping[str, float]) -> Row:
        """Add a row to the history, and keep the weights if they are the best so far.

        Raises
        ------
        TrainingError
            If the monitored value is not among the metrics.
        """
        if self.settings.monitor not in metrics:
            raise TrainingError(
                f"There is no '{self.settings.monitor}' to monitor. "
                f"The validation gives: {', '.join(metrics)}."
            )
        self._take_time()
        numbers = self.numbers
        row: Row = {
            "step": numbers.step,
            "seconds": numbers.seconds,
            "learning_rate": self.next_learning_rate(),
        }
        for name, total in numbers.sums.items():
            row[f"train_{name}"] = total / numbers.summed_steps
        for name, value in metrics.items():
            row[f"validation_{name}"] = float(value)
        numbers.sums, numbers.summed_steps = {}, 0
        numbers.history.append(row)
        self._keep_if_best(float(metrics[self.settings.monitor]))
        return row

    def _keep_if_best(self, value: float) -> None:
        best = self.numbers.best_value
        sign = 1 if self.settings.higher_is_better else -1
        if math.isfinite(value) and (best is None or sign * value > sign * best):
            self.numbers.best_value, self.numbers.best_step = value, self.numbers.step
            weights = self.average.network.state_dict()
            self.best = {name: tensor.clone() for name, tensor in weights.items()}

    def _take_time(self) -> None:
        now = time.monotonic()
        self.numbers.seconds += now - self._clock
        self._clock = now

    def save(self, path: Path) -> None:
        """Write everything to one file, atomically."""
        groups = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "best": self.best,
            "optimiser": optimiser_tensors(self.optimiser),
        }
        facts = {
            "settings": self.settings.that_matter(),
            "network": str(self.network),
            "numbers": asdict(self.numbers),
        }
        save_checkpoint(path, groups, facts)

    def restore(self, path: Path) -> None:
        """Take up where `save` left off.

        Raises
        ------
        TrainingError
            If the file is damaged, or of other settings or another network.
        """
        groups, facts = load_checkpoint(path)
        self._refuse_other_settings(path, facts["settings"])
        if facts["network"] != str(self.network):
            raise TrainingError(
                f"'{path}' holds the training of another network. "
                "Start over, or choose another folder."
            )
        self.network.load_state_dict(groups["network"])
        self.average.network.load_state_dict(groups["average"])
        device = next(self.network.parameters()).device
        self.best = {name: value.to(device) for name, value in groups.get("best", {}).items()}
        restore_optimiser(self.optimiser, groups.get("optimiser", {}))
        self.numbers = Progress(**facts["numbers"])

    def _refuse_other_settings(self, path: Path, before: dict[str, Any]) -> None:
        now = json.loads(json.dumps(self.settings.that_matter()))
        before = asdict(FitSettings(steps=1)) | before  # what was not known yet had its default
        changes = [
            f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
            for name in now
            if before.get(name) != now.get(name)
        ]
        if changes:
            raise TrainingError(
                f"'{path}' holds a training with other settings ({'; '.join(sorted(changes))}). "
                "Use the same settings to resume it, start over, or choose another folder."
            )

    def kept_weights(self) -> dict[str, Tensor]:
        """Return the weights that the settings want in the end."""
        if self.settings.keep == "best" and self.best:
            return self.best
        weights: dict[str, Tensor] = self.average.network.state_dict()
        return weights


def random_state_of_step(seed: int, step: int) -> None:
    """Seed torch for one step: what is random in it depends on the seed and the step alone.

    So a resumed training needs no stored random state to be the same.
    """
    torch.manual_seed((seed * 2**32 + step) % 2**63)
