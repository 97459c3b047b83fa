"""Looking at a dataset before it is learned: what it holds and how it is to be divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellwright._errors import DatasetError
from cellwright._progress import progress
from cellwright._types import DoubleArray
from cellwright.datasets.examples import load_pixels
from cellwright.datasets.leaks import check_leaks, leaks_in_words
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.splits import split_dataset
from cellwright.datasets.summary import Summary, summarise
from cellwright.images.normalise import Normalisation
from cellwright.images.read import read
from cellwright.images.tint import several_dyes
from cellwright.inference.diameter import choose_scale
from cellwright.models.card import RGB, InputContract
from cellwright.models.model import anisotropy
from cellwright.quality.novelty import fit_novelty, image_features

_LOOKED_AT = 200  # training images from which sizes and looks are learned
_LEAKS_LOOKED_FOR = 300  # images up to which pictures are compared, not only names and groups
_COMFORT = (0.6, 1.6)  # of the typical diameter: the least range that a network is trained for
# px, by dimensions; larger objects are reduced, smaller ones magnified
_DIAMETERS = {2: (12.0, 48.0), 3: (10.0, 24.0)}
_SIZED = 20  # training images whose size is looked at
_FEWEST_OF_A_KIND = 3  # images that tell how images of their kind vary


def divided_dataset(dataset: Dataset, seed: int) -> tuple[Dataset, list[str]]:
    """Return the annotated examples, some of them for validation, and what is to be said.

    Raises
    ------
    DatasetError
        If there are too few images to set some aside.
    """
    annotated = tuple(example for example in dataset.examples if example.labels is not None)
    dataset = replace(dataset, examples=annotated)
    notes = list(dataset.notes)
    if not dataset.splits.get("val"):
        # Test images stay what they are; the others are divided anew.
        free = tuple(replace(e, split=None) if e.split == "train" else e for e in annotated)
        dataset = split_dataset(replace(dataset, examples=free), seed=seed)
        notes.append(
            f"The dataset has no validation images: {dataset.splits['val']} of {len(annotated)} "
            "were set aside by chance. To score the model on them later, divide the dataset first "
            "with 'cellwright data split'."
        )
    elif dataset.splits.get("unassigned"):
        raise DatasetError(
            f"{dataset.splits['unassigned']} images of '{dataset.root}' belong to no split. "
            "Assign them with 'cellwright data split'."
        )
    notes += leak_notes(dataset)
    return dataset, notes


def leak_notes(dataset: Dataset) -> list[str]:
    """Say so when examples in different splits are not independent."""
    leaks = check_leaks(dataset, look=len(dataset) <= _LEAKS_LOOKED_FOR)
    if not leaks:
        return []
    return [f"{leaks_in_words(leaks)}; the scores flatter the model."]


def object_contract(dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
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
    _refuse_if_all_have_problems(dataset, summary, len(some))
    names = _channel_names(summary)
    diameters = np.clip(summary.diameters, *_DIAMETERS[dimensions_of(summary)])
    typical = round(float(np.median(diameters)), 1)
    low, high = np.percentile(diameters, [5, 95])
    comfortable = (
        round(min(float(low), _COMFORT[0] * typical), 1),
        round(max(float(high), _COMFORT[1] * typical), 1),
    )
    contract = InputContract(
        channels=names,
        normalisation=Normalisation(joint=names == RGB),
        diameter=typical,
        diameter_range=comfortable,
        anisotropy=_anisotropy(some),
        scale=_common_scale(summary.diameters, typical, comfortable),
    )
    return contract, (*summary.problems, *summary.doubts)


def _common_scale(
    diameters: Sequence[float], reference: float, comfortable: tuple[float, float]
) -> float | None:
    """Return the scale that suits nearly all training images; None where they differ too much.

    At it the objects of all but one in twenty images at either end are comfortably large.
    """
    low, high = np.percentile(diameters, [5, 95])
    if high / low > _COMFORT[1] / _COMFORT[0]:
        return None
    scale = choose_scale(float(np.median(diameters)), reference, comfortable)
    return round(float(np.clip(scale, comfortable[0] / low, comfortable[1] / high)), 4)


def class_contract(dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
    """Decide from the training images which channels the network is to see, at their own scale.

    Parameters, Returns, Raises
    ---------------------------
    As `object_contract`, but for objects.
    """
    some = drawn(dataset.part("train"), _LOOKED_AT, seed)
    summary = summarise(replace(dataset, examples=tuple(some)))
    _refuse_if_all_have_problems(dataset, summary, len(some))
    names = _channel_names(summary)
    contract = InputContract(
        channels=names,
        normalisation=Normalisation(joint=names == RGB),
        anisotropy=_anisotropy(some),
    )
    return contract, summary.problems


def image_size(dataset: Dataset) -> tuple[int, ...]:
    """Return the size (Z, Y, X) of the smallest training volume, or (Y, X) of typical planes.

    Raises
    ------
    DatasetError
        If some are volumes and others planes.
    """
    sizes = [load_pixels(example)[0].shape[1:] for example in dataset.part("train")[:_SIZED]]
    dimensions = {len(size) for size in sizes}
    if len(dimensions) > 1:
        raise DatasetError(
            f"Some images of '{dataset.root}' are volumes, others single planes. Train on either."
        )
    if dimensions == {2}:
        return tuple(int(length) for length in np.median(sizes, axis=0))
    return min(sizes, key=np.prod)


def dimensions_of(summary: Summary) -> int:
    """Return 2 where images are planes, 3 where they are volumes."""
    return max(len(facts.shape) for facts in summary.examples)


def _refuse_if_all_have_problems(dataset: Dataset, summary: Summary, looked_at: int) -> None:
    if len(summary.problems) == looked_at:
        raise DatasetError(
            f"Nothing can be learned from '{dataset.root}': every training image that was looked "
            f"at has a problem (first: {summary.problems[0]})"
        )


def _anisotropy(examples: Sequence[Example]) -> float | None:
    """Return the typical distance of planes over that of pixels, where the files say it."""
    images = (read(example.image, axes=example.axes) for example in examples)
    known = [ratio for ratio in map(anisotropy, images) if ratio > 0]
    return round(float(np.median(known)), 3) if known else None


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
    looks = [_look(example) for example in progress(some, "Looking")]
    if not looks:
        return None
    # An image that is there several times, to be learned more often, tells of itself alone.
    features, first = np.unique(
        np.stack([features for features, _ in looks]), axis=0, return_index=True
    )
    if len(first) < _FEWEST_OF_A_KIND:
        return None
    kinds = [some[index].kind or "all" for index in first]
    if min(Counter(kinds).values()) < _FEWEST_OF_A_KIND:
        kinds = ["all"] * len(kinds)
    novelty = fit_novelty(features, kinds)
    return replace(novelty, several_dyes=any(dyes for _, dyes in looks)).to_json()


def _look(example: Example) -> tuple[DoubleArray, bool]:
    """Return the features of an example, and whether it is a picture of several dyes."""
    pixels, rgb = load_pixels(example)
    flat = pixels if pixels.ndim == 3 else pixels[:, pixels.shape[1] // 2]
    return image_features(flat), rgb and several_dyes(flat)


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
