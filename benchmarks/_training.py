"""Training a network the same way in every benchmark that does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from train_nuclei import NETWORK, SEED

from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.tasks import AVERAGE_PRECISION
from cellwright.runs.train.validation import InstanceValidation
from cellwright.training.fit import FitRecord, fit
from cellwright.training.settings import LEARNING_RATES, FitSettings


def add_optimiser(parser: argparse.ArgumentParser) -> None:
    """Let the optimiser be chosen; its learning rate is the usual one."""
    parser.add_argument(
        "--optimiser", choices=LEARNING_RATES, default=FitSettings(steps=1).optimiser
    )


def with_optimiser(folder: str, optimiser: str) -> str:
    """Return the name of the folder of a training; the usual optimiser is not named."""
    return folder if optimiser == FitSettings(steps=1).optimiser else f"{folder}-{optimiser}"


def new_network(learning: Learning, **changes: Any) -> Network:
    """Return the network of the shipped model, without its weights, for another task."""
    description = {**NETWORK, **changes, "in_channels": learning.patches.channels}
    outputs = len(learning.recipe.readout.outputs)
    return network_from_dict({**description, "out_channels": outputs}, seed=SEED)


def trained(
    network: Network,
    learning: Learning,
    folder: Path,
    steps: int,
    optimiser: str,
    **changes: Any,
) -> FitRecord:
    """Train for so many steps on one thread, going on where an interrupted run was."""
    settings = FitSettings(
        steps=steps,
        optimiser=optimiser,
        learning_rate=LEARNING_RATES[optimiser],
        validate_every=max(1, steps // 4),
        keep="last",
        monitor=AVERAGE_PRECISION,
        higher_is_better=True,
        seed=SEED,
        threads=1,
        device="cpu",
        **changes,
    )
    return fit(
        network,
        learning.step_loss,
        learning.train_batches,
        InstanceValidation(learning, learning.recipe.readout),
        settings,
        folder,
    )
