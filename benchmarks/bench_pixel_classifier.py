"""Pixel classes from scribbles: speed of the features and the forest, and Dice on real images.

    python benchmarks/bench_pixel_classifier.py [--rounds 3] [--strokes 60] [--out FOLDER]

The features are those of scikit-image's `multiscale_basic_features` (intensity, edges, texture at
the same scales), with difference of Gaussians and Laplacian on top of them; in the second column
also with the structure tensor. They take turns; CPU seconds of one thread.

Scribbles are random strokes within the true classes of one image; Dice is that of another image,
pixel by pixel.

Last, `cellwright train --method pixels` on the first ten slices of electron microscopy, as divided
by `bench_em.py`: from all pixels, and from strokes alone; Dice of the last four slices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from _common import MEGAPIXEL, ROOT, Parts, data_folder, describe_machine, in_turn
from bench_em import prepare
from tifffile import imwrite

from cellwright._types import AnyArray, FloatArray, IntArray
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.methods.pixels.classifier import (
    PixelClassifier,
    fit_pixel_classifier,
    fit_samples,
    samples_of,
)
from cellwright.methods.pixels.features import FilterBank
from cellwright.metrics.semantic import confusion_matrix, dice
from cellwright.models.load import load_model
from cellwright.runs.evaluate.run import evaluate
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train

SCALES = {(1024, 1024): (0.5, 1, 2, 4, 8, 16), (32, 128, 128): (1, 2, 4)}
_STROKE = 60  # px
Task = tuple[str, FloatArray, IntArray, FloatArray, IntArray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--strokes", type=int, default=60, help="per class")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "pixels")
    options = parser.parse_args()

    print(describe_machine(("numpy", "numba", "scikit-image")))
    print("\n| features of | Cellwright, s | with structure tensor, s | scikit-image, s | ratios |")
    print("|---" * 5 + "|")
    for shape, scales in SCALES.items():
        print(features_row(shape, scales, options.rounds), flush=True)
    print("\n| task | pixels annotated | fit, s | again, s | predict, s | Dice of each class |")
    print("|---" * 6 + "|")
    for task in tasks(data_folder()):
        print(learning_row(*task, options.strokes), flush=True)
    print("\n| trained on | pixels annotated | training, s | membranes | mitochondria | s/Mpx |")
    print("|---" * 6 + "|")
    for title, strokes in (("all pixels", None), (f"{options.strokes} strokes", options.strokes)):
        print(trained_row(title, strokes, options.out), flush=True)


def features_row(shape: tuple[int, ...], scales: tuple[float, ...], rounds: int) -> str:
    from skimage.feature import multiscale_basic_features

    image = np.random.default_rng(0).random(shape, np.float32)
    bank, whole = FilterBank(scales, structure=False), FilterBank(scales)
    theirs = {"sigma_min": scales[0], "sigma_max": scales[-1], "workers": 1}
    cases: dict[str, Callable[[], Parts]] = {
        "ours": lambda: {"all": timed(lambda: bank.apply(image[None]))},
        "whole": lambda: {"all": timed(lambda: whole.apply(image[None]))},
        "theirs": lambda: {"all": timed(lambda: multiscale_basic_features(image, **theirs))},
    }
    _, usual = in_turn(cases, rounds)
    ours, more, peer = (usual[name]["all"] for name in ("ours", "whole", "theirs"))
    size = " x ".join(map(str, shape))
    return (
        f"| {size} px, {len(scales)} scales | {ours:.2f} | {more:.2f} | {peer:.2f} "
        f"| {peer / ours:.1f}, {peer / more:.1f} |"
    )


def learning_row(
    name: str,
    pixels: FloatArray,
    truth: IntArray,
    unseen: FloatArray,
    unseen_truth: IntArray,
    strokes: int,
) -> str:
    scribbles = scribbled(truth, strokes, seed=0)
    fit_pixel_classifier([pixels], [scribbles]).probabilities(pixels[:, :32, :32])  # compiles
    fit = timed(lambda: fit_pixel_classifier([pixels], [scribbles]))
    kept = samples_of(pixels, scribbles, FilterBank())
    learned: list[PixelClassifier] = []
    again = timed(
        lambda: learned.append(fit_samples([kept], FilterBank(), len(pixels), pixels.ndim - 1))
    )
    maps: list[FloatArray] = []
    predict = timed(lambda: maps.append(learned[0].probabilities(unseen)))
    found = maps[0].argmax(0)
    scores = dice(confusion_matrix(unseen_truth, found, int(truth.max()) + 1))
    cells = " / ".join(f"{score:.3f}" for score in scores)
    return (
        f"| {name} | {len(kept.classes):,} | {fit:.2f} | {again:.2f} "
        f"| {predict:.2f} ({' x '.join(map(str, unseen.shape[1:]))}) | {cells} |"
    )


def trained_row(title: str, strokes: int | None, out: Path) -> str:
    """Train and evaluate as the program does."""
    dataset = out / title.replace(" ", "-")
    if not dataset.exists():
        prepare(data_folder() / "em_sstem", dataset)
        for mask in sorted((dataset / "train" / "masks").iterdir()) if strokes else ():
            truth = read(mask).to_numpy().astype(np.int64)
            some = scribbled(truth, strokes, seed=int(mask.stem))
            imwrite(mask, some.astype(np.int16))
    model = out / f"{dataset.name}-model"
    card = train(dataset, model, TrainOptions(method="pixels"), overwrite=True).package.card
    results = out / f"{dataset.name}-scores"
    metrics = evaluate(model, dataset, results, split="test", overwrite=True).metrics
    image = Image(np.ascontiguousarray(read_slice(dataset)), "YX")
    loaded = load_model(model)
    seconds = min(timed(lambda: loaded.segment(image)) for _ in range(3))
    return (
        f"| {title} | {card.training['annotated pixels']:,} | {card.training['seconds']:.0f} "
        f"| {metrics['dice']['class 1']:.3f} | {metrics['dice']['class 2']:.3f} "
        f"| {seconds * MEGAPIXEL / image.to_numpy().size:.2f} |"
    )


def read_slice(dataset: Path) -> AnyArray:
    return read(min((dataset / "test" / "images").iterdir())).to_numpy()


def timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def scribbled(truth: IntArray, strokes: int, seed: int) -> IntArray:
    """Draw wandering strokes that stay within their class, as many in each; -1 elsewhere."""
    rng = np.random.default_rng(seed)
    scribbles = np.full(truth.shape, -1)
    for number in np.unique(truth[truth >= 0]):
        starts = np.argwhere(truth == number)
        for start in starts[rng.integers(len(starts), size=strokes)]:
            place, angle = start.astype(float), rng.uniform(0, 2 * np.pi)
            for _ in range(_STROKE):
                scribbles[tuple(place.round().astype(int))] = number
                angle += rng.normal(0, 0.2)
                step = place + np.array((np.sin(angle), np.cos(angle)))
                y, x = step.round().astype(int)
                inside = 0 <= y < truth.shape[0] and 0 <= x < truth.shape[1]
                if inside and truth[y, x] == number:
                    place = step
                else:
                    angle = rng.uniform(0, 2 * np.pi)
    return scribbles


def tasks(data: Path) -> Iterator[Task]:
    """Yield name, annotated image and truth, unseen image and truth, where the data are there."""
    sets = {
        "EM membranes": ("em_sstem", "raw", "membranes", (0, 12)),
        "EM mitochondria": ("em_sstem", "raw", "mitochondria", (0, 12)),
        "cells in phase contrast": ("usiigaci_phase", "images", "labels", (0, 35)),
        "bacteria": ("bacteria", "images", "labels", (0, 1)),
    }
    for name, (folder, images, labels, numbers) in sets.items():
        if (data / folder).is_dir():
            pair = [loaded(data / folder, images, labels, number) for number in numbers]
            yield name, *pair[0], *pair[1]


def loaded(folder: Path, images: str, labels: str, number: int) -> tuple[FloatArray, IntArray]:
    image, truth = (
        read(sorted((folder / part).iterdir())[number]).to_numpy().astype(np.float32)
        for part in (images, labels)
    )
    pixels: AnyArray = image[None] if image.ndim == 2 else image
    low, high = np.percentile(pixels, (1, 99.8))
    return (pixels - low) / (high - low), (truth > 0).astype(np.int64)


if __name__ == "__main__":
    main()
