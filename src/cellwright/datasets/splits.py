"""Dividing a dataset into train, validation and test examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cellwright._errors import DatasetError, UsageError
from cellwright.datasets.records import SPLITS, Dataset, Example

Unit: TypeAlias = tuple[Example, ...]
"""Examples that stay together: a group, or a single one that has no group."""


def split_dataset(
    dataset: Dataset, fractions: Mapping[str, float] | None = None, seed: int = 0
) -> Dataset:
    """Give every example without a split one, by chance.

    Groups are never divided, and every kind (or category) is spread over the splits in the same
    fractions. Splits that are there already are kept; other examples of their groups join them.

    Parameters
    ----------
    dataset : Dataset
    fractions : mapping of str to float, optional
        Share of each split in the examples that have none; 0.8 ``"train"`` and 0.2 ``"val"`` by
        default. They need not sum to 1.
    seed : int
        Seed of the choice.

    Returns
    -------
    Dataset
        The same examples in the same order, each with a split.

    Raises
    ------
    UsageError
        If a split is not train, val or test, or a fraction is not positive.
    DatasetError
        If there are fewer groups than splits, or a group is in two splits already.
    """
    fractions = _checked(fractions or {"train": 0.8, "val": 0.2})
    settled = _settled_groups(dataset)
    units = [unit for unit in _units(dataset.examples) if unit[0].group not in settled]
    chosen = _assign(units, fractions, seed)
    examples = tuple(
        replace(e, split=e.split or settled.get(e.group or "") or chosen[e.id])
        for e in dataset.examples
    )
    return replace(dataset, examples=examples)


def fold_dataset(dataset: Dataset, count: int, seed: int = 0) -> tuple[Dataset, ...]:
    """Divide a dataset `count` times, such that every example is in the split ``"test"`` once.

    Groups are never divided, and every kind is spread over the folds. What a fold is not tested
    on is divided into ``"train"`` and ``"val"`` as `split_dataset` does; splits that are there
    already are forgotten.

    Parameters
    ----------
    dataset : Dataset
    count : int
        Number of folds, at least 2.
    seed : int
        Seed of the choice.

    Raises
    ------
    UsageError
        If there is only one fold.
    DatasetError
        If there are too few groups.
    """
    if count < 2:
        raise UsageError(f"Cross-validation needs at least 2 folds, not {count}.")
    free = tuple(replace(example, split=None) for example in dataset.examples)
    shares = {f"fold {number}": 1 / count for number in range(1, count + 1)}
    units = _units(free)
    if len(units) < count:
        raise DatasetError(f"{_too_few(count, 'folds', units)}. Add data, or ask for fewer folds.")
    chosen = _assign(units, shares, seed)

    def tested_on(fold: str) -> Dataset:
        examples = (replace(e, split="test" if chosen[e.id] == fold else None) for e in free)
        return split_dataset(replace(dataset, examples=tuple(examples)), seed=seed)

    return tuple(tested_on(fold) for fold in shares)


def count_units(examples: Iterable[Example]) -> int:
    """Return how many independent parts there are: groups, and examples without one."""
    return len(_units(replace(example, split=None) for example in examples))


def _checked(fractions: Mapping[str, float]) -> dict[str, float]:
    """Return the fractions in the order of `SPLITS`, summing to 1."""
    wrong = sorted(set(fractions) - set(SPLITS))
    if wrong or not all(fraction > 0 for fraction in fractions.values()):
        raise UsageError(
            f"Fractions are positive numbers for {', '.join(SPLITS)}, not {dict(fractions)}."
        )
    total = sum(fractions.values())
    return {name: fractions[name] / total for name in SPLITS if name in fractions}


def _settled_groups(dataset: Dataset) -> dict[str, str]:
    """Return the split of each group that is in one already."""
    settled: dict[str, str] = {}
    for example in dataset.examples:
        if example.group and example.split:
            other = settled.setdefault(example.group, example.split)
            if other != example.split:
                raise DatasetError(
                    f"The group '{example.group}' is in the splits '{other}' and "
                    f"'{example.split}' already; put all of it into one."
                )
    return settled


def _units(examples: Iterable[Example]) -> list[Unit]:
    """Return what has no split yet, as units."""
    units: dict[tuple[bool, str], list[Example]] = defaultdict(list)
    for example in examples:
        if example.split is None:
            grouped = example.group is not None
            units[grouped, example.group or example.id].append(example)
    return [tuple(unit) for unit in units.values()]


def _assign(units: list[Unit], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return the split of each example of `units` by its id.

    Units come in random order within their stratum, larger ones first. Each adds to what every
    split is owed and goes to the one that is owed most, so that fractions hold within each
    stratum and overall, to within a unit.
    """
    if units and len(units) < len(fractions):
        raise DatasetError(
            f"{_too_few(len(fractions), 'splits', units)}. Add data, or state the split of each "
            "image in an index.csv."
        )
    rng = np.random.default_rng(seed)
    shuffled = [units[i] for i in rng.permutation(len(units))]
    shuffled.sort(key=lambda unit: (unit[0].kind or unit[0].category or "", -len(unit)))
    owed = dict.fromkeys(fractions, 0.0)
    parts: dict[str, list[Unit]] = {name: [] for name in fractions}
    for unit in shuffled:
        for name, fraction in fractions.items():
            owed[name] += fraction * len(unit)
        neediest = max(owed, key=owed.__getitem__)
        owed[neediest] -= len(unit)
        parts[neediest].append(unit)
    _fill_empty(parts)
    return {example.id: name for name, part in parts.items() for unit in part for example in unit}


def _too_few(parts: int, called: str, units: list[Unit]) -> str:
    return (
        f"{parts} {called} need as many groups of images, but there "
        f"{'is' if len(units) == 1 else 'are'} {len(units)}: what belongs together, such as the "
        "frames of a movie or the fields of a plate, is not divided"
    )


def _fill_empty(parts: dict[str, list[Unit]]) -> None:
    """Give every split that got nothing the smallest unit of the fullest one."""
    for part in parts.values():
        if not part and any(parts.values()):
            fullest = max(parts.values(), key=len)
            smallest = min(fullest, key=len)
            fullest.remove(smallest)
            part.append(smallest)
