"""Short trainings of several kinds with each optimiser, at its usual learning rate or another.

    python benchmarks/bench_optimisers.py [--only fields boxes] [--optimisers muon adamw]
        [--learning-rate 0.01] [--out FOLDER]

All with the settings of `cellwright train` but for smaller networks and a few hundred steps, on one
thread; the figure is that of the last validation. Nothing is chosen by it: the rates were chosen on
images of DSB 2018 that are set aside.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench_em
from _common import ROOT, data_folder, describe_machine
from train_nuclei_3d import write_index, write_parts

from cellwright._files import write_text
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train
from cellwright.training.settings import LEARNING_RATES

FEW = {"train": (1, 7, 13, 19, 25), "val": (4, 10, 16, 22, 28)}
"""Fields of cells that are learned when there are few, and those they are validated on."""


@dataclass(frozen=True)
class Case:
    """A kind of training: its images, the settings that differ, and what tells how good it is."""

    told: str
    figure: str
    dataset: Callable[[Path], Path]
    settings: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--optimisers", nargs="+", choices=LEARNING_RATES, default=["muon", "adamw"]
    )
    parser.add_argument("--learning-rate", type=float, help="in place of the usual one")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "optimisers")
    options = parser.parse_args()
    print(describe_machine(("torch",)))
    print(f"\n| | steps | figure | {' | '.join(options.optimisers)} |")
    print("|---" * (3 + len(options.optimisers)) + "|", flush=True)
    for name in options.only:
        case, cells = CASES[name], []
        dataset = case.dataset(options.out / "datasets" / name)
        for optimiser in options.optimisers:
            rate = options.learning_rate
            folder = options.out / f"{name}-{optimiser}{f'-{rate:g}' if rate else ''}"
            chosen = TrainOptions(**case.settings, optimiser=optimiser, learning_rate=rate)
            train(dataset, folder, chosen, threads=1, workers=0, device="cpu")
            cells.append(f"{last_validation(folder, case.figure):.3f}")
        told = f"{case.told} | {case.settings['steps']} | {case.figure}"
        print(f"| {told} | {' | '.join(cells)} |", flush=True)


def last_validation(model: Path, figure: str) -> float:
    """Return what the last validation of a training says."""
    rows = csv.DictReader((model / "training" / "history.csv").open(encoding="utf-8"))
    return float(list(rows)[-1][f"validation_{figure}"])


def few(folder: Path) -> Path:
    """Write a dataset of few fields of cells."""
    if not (folder / "index.csv").exists():
        rows = ["id,split"]
        for split, numbers in FEW.items():
            for name in (f"set{number:02}" for number in numbers):
                for part in ("images", "labels"):
                    (folder / part).mkdir(parents=True, exist_ok=True)
                    source = data_folder() / "usiigaci_phase" / part / f"{name}.tif"
                    shutil.copyfile(source, folder / part / source.name)
                rows.append(f"{name},{split}")
        write_text(folder / "index.csv", "\n".join(rows) + "\n")
    return folder


def slices(folder: Path) -> Path:
    """Write the slices of neural tissue."""
    bench_em.prepare(data_folder() / "em_sstem", folder)
    return folder


def volumes(folder: Path) -> Path:
    """Write the parts of the stacks of nuclei."""
    if not (folder / "index.csv").exists():
        write_index(folder, write_parts(data_folder() / "nuclei3d", folder))
    return folder


CASES = {
    "fields": Case(
        "phase-contrast cells, from nothing",
        "average_precision",
        lambda _: data_folder() / "usiigaci_phase",
        {"method": "offsets", "steps": 500, "network": {"width": 16, "depth": 4}},
    ),
    "few": Case(
        "five fields of them, from `nuclei`",
        "average_precision",
        few,
        {"method": "offsets", "steps": 300, "start_from": "nuclei", "stage_rate": 0.85},
    ),
    "boxes": Case("blood cells in boxes", "AP50", lambda _: data_folder() / "bccd", {"steps": 400}),
    "slices": Case(
        "membranes and mitochondria",
        "dice",
        slices,
        {"method": "classes", "steps": 400, "network": {"width": 16}},
    ),
    "volumes": Case(
        "nuclei in volumes, watershed",
        "average_precision",
        volumes,
        {"method": "watershed", "steps": 300, "network": {"width": 16}},
    ),
}


if __name__ == "__main__":
    main()
