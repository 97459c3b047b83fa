"""Looking at a dataset before it is learned: what it holds and how it is to be divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellwright._errors import DatasetError
from cellwright._progress import progress
from cellwright.datasets.examples import load_pixels
from cellwright.datasets.leaks import check_leaks
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.splits import split_dataset
from cellwright.datasets.summary import Summary, summarise
from cellwright.images.normalise import Normalisation
from cellwright.models.card import RGB, InputContract
from cellwright.quality.novelty import fit_novelty, image_features

_LOOKED_AT = 200  # training images from which sizes and looks are learned
_LEAKS_LOOKED_FOR = 300  # images up to which pictures are compared, not only names and groups
_COMFORT = (0.6, 1.6)  # of the typical diameter: the least range that a network is trained for
_DIAMETERS = (12.0, 48.0)  # px; larger objects are reduced, smaller ones magnified
_FEWEST_OF_A_KIND = 3  # images that tell how images of their kind vary


def divided_dataset(dataset: Dataset, seed: int) -> tuple[Dataset, list[str]]:
    """Return the annotated examples, some of them for validation, and what is to be said.

    Raises
    ------
    DatasetError
        If the labels do not number objects, or there are too few images to set some aside.
    """
    if dataset.task != "instances":
        raise DatasetError(
            f"'{dataset.root}' is annotated with {dataset.task}; training needs numbered objects."
        )
    annotated = tuple(example for example in dataset.examples if example.labels is not None)
    dataset = replace(dataset, examples=annotated)
    notes = list(dataset.notes)
    if not dataset.splits.get("val"):
        # Test images stay what they are; the others are divided anew.
        free = tuple(replace(e, split=None) if e.split == "train" else e for e in annotated)
        dataset = split_dataset(replace(dataset, examples=free), seed=seed)
        notes.append(
            f"The dataset has no validation images: {dataset.splits['val']} of {len(annotated)} "
            "were set aside by chance."
        )
    elif dataset.splits.get("unassigned"):
        raise DatasetError(
            f"{dataset.splits['unassigned']} images of '{dataset.root}' belong to no split. "
            "Assign them with 'cellwright data split'."
        )
    leaks = check_leaks(dataset, look=len(dataset) <= _LEAKS_LOOKED_FOR)
    if leaks:
        notes.append(
            f"{len(leaks)} pairs of images in different splits are not independent (first: "
            f"{leaks[0]}); the scores flatter the model."
        )
    return dataset, notes


def input_contract(dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
    """Decide from the training images which channels and sizes of objects the network is to see.

    Parameters
    ----------
    dataset : Dataset
        With training images; of many, some are drawn.
    seed : int
        Of that draw.

    Returns
    -------
    contract : InputContract
    problems : tuple of str
        What was wrong with single images.

    Raises
    ------
    DatasetError
        If no training image has an object, all have a problem (such as masks in place of numbered
        objects), or they differ in their number of channels.
    """
    some = drawn(dataset.part("train"), _LOOKED_AT, seed)
    summary = summarise(replace(dataset, examples=tuple(some)))
    if not summary.diameters:
        first = f" ({summary.problems[0]})" if summary.problems else ""
        raise DatasetError(f"No training image of '{dataset.root}' has a usable object{first}.")
    if len(summary.problems) == len(some):
        raise DatasetError(
            f"Nothing can be learned from '{dataset.root}': every training image that was looked "
            f"at has a problem (first: {summary.problems[0]})"
        )
    names = _channel_names(summary)
    diameters = np.clip(summary.diameters, *_DIAMETERS)
    typical = float(np.median(diameters))
    low, high = np.percentile(diameters, [5, 95])
    contract = InputContract(
        channels=names,
        normalisation=Normalisation(joint=names == RGB),
        diameter=round(typical, 1),
        diameter_range=(
            round(min(float(low), _COMFORT[0] * typical), 1),
            round(max(float(high), _COMFORT[1] * typical), 1),
        ),
    )
    return contract, summary.problems


def novelty_of(examples: Sequence[Example], seed: int) -> dict[str, Any] | None:
    """Describe what training images look like; None where they are too few.

    Parameters
    ----------
    examples : sequence of Example
        Of many, some are drawn.
    seed : int
        Of that draw.
    """
    some = drawn(examples, _LOOKED_AT, seed)
    if len(some) < _FEWEST_OF_A_KIND:
        return None
    counts = Counter(example.kind or "" for example in some)
    if min(counts.values()) < _FEWEST_OF_A_KIND:
        kinds = ["all"] * len(some)
    else:
        kinds = [example.kind or "all" for example in some]
    features = [image_features(load_pixels(example)[0]) for example in progress(some, "Looking")]
    return fit_novelty(np.stack(features), kinds).to_json()


def drawn(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """Return all examples, or `most` of them drawn by chance, in their order."""
    if len(examples) <= most:
        return list(examples)
    chosen = np.random.default_rng(seed).choice(len(examples), most, replace=False)
    return [examples[index] for index in np.sort(chosen)]


def _channel_names(summary: Summary) -> tuple[str, ...]:
    counts = {int(channels) for channels in summary.channels}
    if 3 in counts and counts <= {1, 3}:
        return RGB
    if len(counts) > 1:
        raise DatasetError(
            "The training images differ in their number of channels "
            f"({', '.join(map(str, sorted(counts)))}). Train on images of one kind."
        )
    (count,) = counts
    return ("grey",) if count == 1 else tuple(f"channel {number}" for number in range(count))
