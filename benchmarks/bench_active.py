"""Choosing what to annotate: how many objects it spares beside choosing by chance.

    python benchmarks/bench_active.py [--rounds 6] [--objects 30] [--steps 300] [--repeats 8]
    python benchmarks/bench_active.py --kinds fluorescence

A simulated annotator annotates parts of 256 × 256 px of images of `train` of DSB 2018, of all its
kinds or of fluorescence alone, one part of each, all objects in it at a time. It begins with the
same few, drawn by chance; after each round of training, which starts from the weights of the round
before, it takes the next ones, until so many objects more are annotated: by `next_to_annotate`
among some that are drawn, or by chance. Both learn as long after as many objects. The networks are
small and begin from nothing, for the shipped model has seen these images. All are scored on the
same images of `val`. Told is how many objects it takes to reach a given AP@0.5, between the rounds
by straight lines, and the share that is spared, with an interval from resampling the repeats. What
is done is not done again: an interrupted run goes on by the same command.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _common import ROOT, data_folder, describe_machine

import cellwright as cw
from cellwright._files import write_json
from cellwright._types import DoubleArray, IntArray
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_labels, load_pixels
from cellwright.datasets.records import Dataset, Example
from cellwright.models.doubting import doubted
from cellwright.models.load import load_instance_model
from cellwright.quality.novelty import image_features
from cellwright.quality.selection import next_to_annotate
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.runs.evaluate.scoring import image_of
from cellwright.runs.train.instances import InstanceTask
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.run import train_divided

WAYS = ("active", "random")
FIRST = 3  # parts
ASIDE = 5  # of so many, one is set aside
SIDE = 256  # px
KINDS = {"all": "", "fluorescence": "fluo"}
"""What the names of the kinds of images begin with."""
SEED = 200  # other draws than those on which the ways were tried
TARGETS = (0.5, 0.6, 0.7)
NETWORK = {"width": 12, "depth": 4}


@dataclass(frozen=True)
class Choices:
    """How long and among how many.

    Parameters
    ----------
    rounds, objects, steps, pool, candidates, judged : int
        Rounds; objects annotated after each, at least; steps of training; parts there are; parts of
        them that are looked at; images that judge.
    """

    rounds: int
    objects: int
    steps: int
    pool: int
    candidates: int
    judged: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in vars(Choices(6, 30, 300, 140, 40, 57)).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--kinds", choices=KINDS, default="all")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "active")
    given = vars(parser.parse_args())
    repeats, kinds, out = (given.pop(name) for name in ("repeats", "kinds", "out"))
    choices = Choices(**given)
    dataset = open_dataset(data_folder() / "dsb2018")
    examples = [e for e in dataset.examples if str(e.kind).startswith(KINDS[kinds])]
    judges = _some([e for e in examples if e.split == "val"], choices.judged, seed=0)
    print(describe_machine(("torch", "onnxruntime")))
    print(f"{kinds}, {choices}\n\n| repeat | way | objects annotated and AP@0.5 |\n|---|---|---|")
    curves: dict[str, list[DoubleArray]] = {way: [] for way in WAYS}
    for repeat in range(repeats):
        pool = _some([e for e in examples if e.split == "train"], choices.pool, SEED + repeat)
        pool = [_part(example, out / "parts") for example in pool]
        for way in WAYS:
            series = f"{kinds}-{choices.steps}-{choices.objects}-{choices.pool}"
            folder = out / series / f"{repeat}-{way}"
            curve = annotated_and_learned(dataset, pool, judges, way, choices, folder, repeat)
            curves[way].append(curve)
            told = ", ".join(f"{int(objects):,}: {score:.3f}" for objects, score in curve)
            print(f"| {repeat} | {way} | {told} |", flush=True)
    print("\n| AP@0.5 | objects, active | by chance | spared | 95 % |\n|---|---|---|---|---|")
    for target in TARGETS:
        print(_spared(curves, target))


def annotated_and_learned(
    dataset: Dataset,
    pool: list[Example],
    judges: list[Example],
    way: str,
    choices: Choices,
    folder: Path,
    seed: int,
) -> DoubleArray:
    """Return objects annotated and AP@0.5 after each round, shape (rounds, 2)."""
    features = np.stack([image_features(_pixels(example)) for example in pool])
    chosen = list(range(FIRST))  # the pool is in random order
    rows = []
    for number in range(choices.rounds):
        place = folder / f"{number:02d}"
        result = _read(place / "result.json")
        if result is None:
            start = str(folder / f"{number - 1:02d}" / "model") if number else None
            result = _round(dataset, pool, judges, chosen, place, choices.steps, start, seed)
            result["next"] = _next(place / "model", pool, features, chosen, way, choices, seed)
            write_json(place / "result.json", result)
        rows.append((result["objects"], result["precision"]))
        chosen += result["next"]
    return np.array(rows, np.float64)


def _round(
    dataset: Dataset,
    pool: list[Example],
    judges: list[Example],
    chosen: list[int],
    folder: Path,
    steps: int,
    start: str | None,
    seed: int,
) -> dict[str, object]:
    """Learn the chosen images, every fifth of which is set aside, and judge what was learned."""
    examples = tuple(
        replace(pool[index], split="val" if place % ASIDE == 0 else "train")
        for place, index in enumerate(chosen)
    )
    options = TrainOptions(
        steps=steps,
        patch=128,
        optimiser="adamw",
        learning_rate=4e-3,
        seed=seed,
        network={} if start else NETWORK,
        start_from=start,
        name="active",
    )
    divided = replace(dataset, examples=examples)
    machine = Machine("cpu", threads=1)
    train_divided(InstanceTask(), divided, folder / "model", options, machine)
    model = load_instance_model(folder / "model", device="cpu", threads=1)
    scores = evaluate_examples(model, judges).to_json()["per_image"]["0.5"]
    objects = sum(_objects(example) for example in examples)
    return {"objects": objects, "precision": scores["average_precision"]}


def _next(
    package: Path,
    pool: list[Example],
    features: DoubleArray,
    chosen: list[int],
    way: str,
    choices: Choices,
    seed: int,
) -> list[int]:
    """Choose the images to annotate next, among some that are drawn."""
    rng = np.random.default_rng([seed, len(chosen)])
    free = np.setdiff1d(np.arange(len(pool)), chosen)
    drawn = rng.permutation(free)[: choices.candidates]
    order = drawn if way == "random" else drawn[_ranked(package, pool, features, drawn, chosen)]
    objects = np.cumsum([_objects(pool[index]) for index in order])
    enough = int(np.searchsorted(objects, choices.objects)) + 1
    return [int(index) for index in order[:enough]]


def _ranked(
    package: Path, pool: list[Example], features: DoubleArray, drawn: IntArray, chosen: list[int]
) -> IntArray:
    """Return the order in which the model of this round would have parts annotated."""
    model = load_instance_model(package, device="cpu", threads=1)
    seen = [model.seen(image_of(pool[index], 2), None) for index in drawn]
    return next_to_annotate(
        [doubted(model, one) for one in seen],
        features[drawn],
        features[chosen],
        np.array([model.distance(one.source) for one in seen]),
        count=len(drawn),
    )


def _spared(curves: dict[str, list[DoubleArray]], target: float) -> str:
    """Return a row of the table: objects that are needed, and the share that is spared."""
    needed = np.array([[_needed(curve, target) for curve in curves[way]] for way in WAYS])
    both = needed[:, np.isfinite(needed).all(axis=0)]
    if not both.size:
        return f"| {target} | not reached | | | |"
    rng = np.random.default_rng(0)
    draws = rng.integers(0, both.shape[1], (2000, both.shape[1]))
    shares = 1 - both[0][draws].mean(axis=1) / both[1][draws].mean(axis=1)
    low, high = np.percentile(shares, [2.5, 97.5])
    means = both.mean(axis=1)
    share = 1 - means[0] / means[1]
    return f"| {target} | {means[0]:.0f} | {means[1]:.0f} | {share:.0%} | {low:.0%} to {high:.0%} |"


def _needed(curve: DoubleArray, target: float) -> float:
    """Return after how many objects a precision is reached first; infinite where it never is."""
    reached = np.maximum.accumulate(curve[:, 1])
    if reached[-1] < target:
        return float("inf")
    after = int(np.argmax(reached >= target))
    if after == 0:
        return float(curve[0, 0])
    (x0, x1), (y0, y1) = curve[after - 1 : after + 1, 0], reached[after - 1 : after + 1]
    return float(x0 + (x1 - x0) * (target - y0) / (y1 - y0))


def _some(examples: list[Example], most: int, seed: int) -> list[Example]:
    order = np.random.default_rng(seed).permutation(len(examples))[:most]
    return [examples[index] for index in order]


def _part(example: Example, folder: Path) -> Example:
    """Return an example of the part of an image in which most pixels are objects, of some drawn."""
    name = hashlib.sha256(example.id.encode()).hexdigest()[:16]
    image, truth = (folder / what / f"{name}.tif" for what in ("images", "labels"))
    if not truth.exists():
        pixels, colour = load_pixels(example)
        labels = load_labels(example, pixels.shape[1:])
        rng = np.random.default_rng(int(name, 16))
        corners = rng.integers(0, np.maximum(1, np.array(labels.shape) - SIDE + 1), (8, 2))
        boxes = [np.s_[y : y + SIDE, x : x + SIDE] for y, x in corners]
        box = max(boxes, key=lambda box: np.count_nonzero(labels[box]))
        names = ("red", "green", "blue") if colour else None
        part = cw.Image(pixels[(slice(None), *box)], "CYX", channel_names=names)
        cw.write(image, part, overwrite=True)
        cw.write_labels(truth, labels[box])
    return replace(example, images=(image,), labels=truth)


def _pixels(example: Example) -> DoubleArray:
    return load_pixels(example)[0]


def _objects(example: Example) -> int:
    labels = load_labels(example, load_pixels(example)[0].shape[1:])
    return int(np.count_nonzero(np.unique(labels) > 0))


def _read(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


if __name__ == "__main__":
    main()
