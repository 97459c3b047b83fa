"""What the scripts that make the shipped models have in common: options, and how models ship."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cellwright._workers import usual_workers
from cellwright.models.card import ModelCard
from cellwright.models.find import SHIPPED
from cellwright.models.package import Package, load_package, save_package
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

DATA = Path(os.environ.get("CELLWRIGHT_DATA", "../shared/data"))
SIGNED: dict[str, Any] = {
    "version": "0.1.0",
    "licence": "BSD-3-Clause",
    "authors": ("The Cellwright developers",),
}
"""What every shipped model's card says."""


@dataclass(frozen=True, slots=True)
class Making:
    """How and where a model is made.

    Parameters
    ----------
    work : Path
        Takes checkpoints and all else that is not shipped.
    out : Path
        The shipped package.
    steps : int
        Of the (first) training.
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that prepare images.
    threads : int, optional
        CPU threads of the network.
    """

    work: Path
    out: Path
    steps: int
    device: str
    workers: int
    threads: int | None

    @property
    def model(self) -> Path:
        """Where the model is trained."""
        return self.work / "model"


def asked_for(name: str, summary: str, *, steps: int) -> Making:
    """Return what the command line says about making the model called `name`."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--work", type=Path, default=Path(f"runs/train-{name}"))
    parser.add_argument("--out", type=Path, default=SHIPPED / name)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--workers", type=int, default=usual_workers())
    parser.add_argument("--threads", type=int, default=None)
    return Making(**vars(parser.parse_args()))


def trained(dataset: Path, options: TrainOptions, making: Making) -> Package:
    """Train a model for as many steps as were asked for, or go on with it."""
    train(
        dataset,
        making.model,
        replace(options, steps=making.steps),
        device=making.device,
        workers=making.workers,
        threads=making.threads,
    )
    return load_package(making.model)


def test_scores(dataset: Path, making: Making) -> dict[str, Any]:
    """Return the scores of the trained model on the split ``test``."""
    return evaluate(making.model, dataset, making.work / "scores", split="test").metrics


def ship(making: Making, card: ModelCard, files: Mapping[str, bytes]) -> None:
    """Write the package, and print the figures on its card."""
    save_package(making.out, card, files)
    for name, value in card.evaluation.items():
        print(f"{name}: {value}")
