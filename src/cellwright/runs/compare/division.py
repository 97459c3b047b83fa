"""Dividing a dataset for a comparison: what is learned, what judges, and what is kept back.

A model that was chosen because it did best on some images looks better on these than it is. So
the images of a fold take no part in its training, not even in the choice of a threshold, and
where there are enough, some are kept back from the comparison as a whole: on these, the model that
was chosen is scored once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellwright._errors import DatasetError
from cellwright._words import option
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.splits import count_units, fold_dataset, split_dataset
from cellwright.runs.train.prepare import drawn, leak_notes

DEFAULT_FOLDS = 3
ENOUGH = 10
"""Images, or groups, from which on some are kept back."""


@dataclass(frozen=True, slots=True)
class Division:
    """What each part of a dataset is for.

    Parameters
    ----------
    folds : tuple of Dataset
        Each has images to learn (``"train"``), to choose thresholds by (``"val"``) and to be
        judged on (``"test"``).
    final : Dataset
        For the model that is chosen: its ``"test"`` images, if there are any, were kept back.
    notes : tuple of str
        What is to be said about it.
    """

    folds: tuple[Dataset, ...]
    final: Dataset
    notes: tuple[str, ...]


def divide(dataset: Dataset, folds: int | None, seed: int) -> Division:
    """Divide a dataset for a comparison.

    Images that it calls ``"test"`` are kept back; where there are none but enough images, a part
    is drawn. Where it says which images are for validation and no number of folds is asked for,
    candidates are judged on these; otherwise there are `folds` (or `DEFAULT_FOLDS`).

    Parameters
    ----------
    dataset : Dataset
        Images without annotation are left out.
    folds : int, optional
    seed : int
        Of every draw.

    Raises
    ------
    DatasetError
        If there are too few images.
    """
    annotated = tuple(example for example in dataset.examples if example.labels is not None)
    dataset = replace(dataset, examples=annotated)
    stated = folds is None and dataset.splits.get("val", 0) > 0
    if stated and dataset.splits.get("unassigned"):
        raise DatasetError(
            f"{dataset.splits['unassigned']} images of '{dataset.root}' belong to no split. "
            f"Assign them with 'cellwright data split', or give {option('folds')}."
        )
    notes = [*dataset.notes]
    if not dataset.splits.get("test"):
        dataset, note = _with_test_images(dataset, "val" if stated else None, seed)
        notes.append(note)
    divided: tuple[Dataset, ...]
    if stated:
        divided, final = (_stated_fold(dataset, seed),), dataset
    else:
        pool = tuple(replace(e, split=None) for e in _taking_part(dataset))
        divided = fold_dataset(replace(dataset, examples=pool), folds or DEFAULT_FOLDS, seed)
        final = _final(dataset, seed)
    return Division(divided, final, (*notes, *leak_notes(_as_folds(divided, final))))


def thinned(dataset: Dataset, most: int, seed: int) -> Dataset:
    """Return a dataset with at most `most` validation and test images each, drawn by chance."""
    stay = {
        example.id
        for split in ("val", "test")
        if split in dataset.splits
        for example in drawn(dataset.part(split), most, seed)
    }
    examples = (e for e in dataset.examples if e.split == "train" or e.id in stay)
    return replace(dataset, examples=tuple(examples))


def _taking_part(dataset: Dataset) -> tuple[Example, ...]:
    """Return the examples that take part in the comparison."""
    return tuple(example for example in dataset.examples if example.split != "test")


def _with_test_images(dataset: Dataset, split: str | None, seed: int) -> tuple[Dataset, str]:
    """Keep some images back: half of a stated split, or a fifth of all; none of too few."""
    source = [e for e in dataset.examples if split is None or e.split == split]
    if count_units(source) < ENOUGH:
        return dataset, (
            "No images are kept back, because there are too few: the score of the recommended "
            "model is that by which it was chosen, which flatters it."
        )
    free = tuple(replace(example, split=None) for example in source)
    share = 0.2 if split is None else 0.5
    parts = {"train": 1 - share, "test": share}
    chosen = split_dataset(replace(dataset, examples=free), parts, seed).part("test")
    tested = {example.id for example in chosen}
    examples = tuple(replace(e, split="test") if e.id in tested else e for e in dataset.examples)
    return replace(dataset, examples=examples), (
        f"{len(tested)} of {len(dataset)} images were kept back by chance, to score the "
        "recommended model on images that had no part in choosing it."
    )


def _stated_fold(dataset: Dataset, seed: int) -> Dataset:
    """Return the one fold in which candidates are judged on the stated validation images."""
    examples = tuple(
        replace(example, split="test" if example.split == "val" else None)
        for example in _taking_part(dataset)
    )
    return split_dataset(replace(dataset, examples=examples), seed=seed)


def _final(dataset: Dataset, seed: int) -> Dataset:
    """Return all images but those kept back as training and validation images."""
    examples = tuple(
        example if example.split == "test" else replace(example, split=None)
        for example in dataset.examples
    )
    return split_dataset(replace(dataset, examples=examples), seed=seed)


def _as_folds(folds: tuple[Dataset, ...], final: Dataset) -> Dataset:
    """Return the dataset in which every fold is a split, to look for images that are too alike."""
    if len(folds) == 1:
        return final
    number = {e.id: index for index, fold in enumerate(folds, 1) for e in fold.part("test")}
    examples = tuple(
        replace(e, split=f"fold {number[e.id]}" if e.id in number else e.split)
        for e in final.examples
    )
    return replace(final, examples=examples)
