"""Train the shipped model ``nuclei-3d``, and put it into the package.

    python scripts/train_nuclei_3d.py

It learns from simulated volumes and from the first half, along Y, of three real stacks (nuclei of
an ovule, an embryo and a worm). Thresholds and confidence are chosen on other simulated volumes and
on the next fifth of the stacks; the rest of the stacks is only scored, at the end. An interrupted
training goes on with the same command.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _shipping import DATA, SIGNED, asked_for, ship, test_scores, trained

from cellwright._types import AnyArray, LabelArray
from cellwright.images.image import Image
from cellwright.images.read import IGNORE, read, read_labels
from cellwright.images.write import write
from cellwright.runs.train.options import TrainOptions
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume
from cellwright.simulation.optics import Optics

STACKS = DATA / "nuclei3d"
SPLITS = {"train": (0.0, 0.5), "val": (0.5, 0.7), "test": (0.7, 1.0)}
SIMULATED = {"train": 9, "val": 2}
REPEATS = 3  # of the real parts that are learned, to be seen as often as simulated ones
SIZE = (40, 112, 112)
SEED = 0
OPTIONS = TrainOptions(
    method="watershed",
    seed=SEED,
    # Planes are farther apart than pixels and nuclei few planes deep: only the plane is coarsened.
    network={"stem": (1, 2, 2), "pooling": (), "kernel": 3},
    patch=64,
    name="nuclei-3d",
)
LIMITS = (
    "A starting point: trained on simulated volumes and parts of three real stacks (Arabidopsis "
    "ovule, mouse embryo, worm), scored on other parts of the same stacks. Fine-tune it on a few "
    "annotated volumes of your own (cellwright train --from nuclei-3d), and check results by eye."
)


def main() -> None:
    """Train, score and save."""
    making = asked_for("nuclei-3d", __doc__.split("\n", 1)[0], steps=8_000)
    dataset = making.work / "dataset"
    if not (dataset / "index.csv").exists():
        kinds = write_parts(STACKS, dataset, REPEATS) | write_simulated(dataset)
        write_index(dataset, kinds)
    package = trained(dataset, OPTIONS, making)
    card = replace(
        package.card,
        **SIGNED,
        description="Nuclei in fluorescence volumes.",
        training={**package.card.training, "data": "simulated volumes; nuclei3d (see limits)"},
        evaluation=figures(test_scores(dataset, making)),
        limits=LIMITS,
    )
    ship(making, card, package.files)


def figures(metrics: dict[str, Any]) -> dict[str, float | str]:
    """Return the figures of the card from the scores of the parts that were not learned."""
    shown: dict[str, float | str] = {
        "of": "the last three tenths, along Y, of three stacks: not learned, not chosen on"
    }
    for name, scores in {"all": metrics, **metrics["per_kind"]}.items():
        for threshold in ("0.5", "0.75"):
            shown[f"F1@{threshold}, {name}"] = round(scores["pooled"][threshold]["f1"], 4)
    return shown


def write_index(folder: Path, kinds: dict[str, str]) -> None:
    """Write which kind each image is of."""
    lines = ["image,kind", *(f"{name},{kind}" for name, kind in kinds.items())]
    (folder / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_parts(source: Path, target: Path, repeats: int = 1) -> dict[str, str]:
    """Write the parts of every real stack, and return the kind of each.

    Parts to be learned are written `repeats` times. Objects of which a cut leaves less than half
    are unknown in that part, all others keep their number.
    """
    with (source / "index.csv").open(newline="", encoding="utf-8") as file:
        stated = {row["id"]: row["spacing_zyx_um"] for row in csv.DictReader(file)}
    kinds = {}
    for path in sorted((source / "images").glob("*.tif")):
        pixels = read(path, axes="ZYX").to_numpy()
        labels, _ = read_labels(source / "labels" / path.name, axes="ZYX")
        spacing = tuple(map(float, filter(None, stated[path.stem].split("/")))) or None
        for split, shares in SPLITS.items():
            rows = slice(*(round(share * labels.shape[1]) for share in shares))
            part = pixels[:, rows], part_of(labels, rows)
            for number in range(repeats if split == "train" else 1):
                name = f"{split}_{path.stem}_{number}.tif"
                write_pair(target / split, name, "ZYX", *part, pixel_size=spacing)
                kinds[name] = path.stem
    return kinds


def part_of(labels: LabelArray, rows: slice) -> LabelArray:
    """Return rows of labels ([Z,] Y, X); objects of which less than half is there are unknown."""
    part = labels[..., rows, :].copy()
    whole = np.bincount(labels.ravel())
    left = np.bincount(part.ravel(), minlength=len(whole))
    part[(left < whole / 2)[part]] = IGNORE
    return part


def write_simulated(target: Path) -> dict[str, str]:
    """Write simulated volumes of many looks; return the kind of each."""
    rng = np.random.default_rng(SEED)
    kinds = {}
    for split, count in SIMULATED.items():
        for number in range(count):
            spacing = float(rng.uniform(1.2, 3.0))
            optics = Optics(
                blur=float(rng.uniform(0.7, 1.8)),
                axial_blur=float(rng.uniform(2.0, 5.0)),
                haze=float(rng.uniform(0.05, 0.3)),
                photons=float(np.exp(rng.uniform(np.log(20), np.log(400)))),
            )
            settings = NucleiSimulation(
                size=SIZE,
                diameter=float(rng.uniform(10, 26)),
                density=float(rng.uniform(0.1, 0.4)),
                clustering=float(rng.uniform(0.3, 0.9)),
                overlap=0.2,
                texture=float(rng.uniform(0.05, 0.3)),
                brightness_variation=float(rng.uniform(0.2, 0.6)),
                plane_spacing=spacing,
                optics=optics,
            )
            image, labels = simulate_volume(settings, int(rng.integers(1 << 31)))
            name = f"{split}_simulated_{number}.tif"
            size = (0.2 * spacing, 0.2, 0.2)
            write_pair(target / split, name, "ZYX", image, labels, pixel_size=size)
            kinds[name] = "simulated"
    return kinds


def write_pair(
    folder: Path,
    name: str,
    axes: str,
    image: AnyArray,
    labels: LabelArray,
    *,
    pixel_size: tuple[float, ...] | None = None,
) -> None:
    """Write an image and its labels into the sub-folders for them."""
    for kind, array in (("images", image), ("labels", labels)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = Image(np.ascontiguousarray(array), axes, pixel_size=pixel_size)
        write(folder / kind / name, pixels, overwrite=True)


if __name__ == "__main__":
    main()
