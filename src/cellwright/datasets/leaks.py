"""Finding examples that are in two splits at once, so that a validation would flatter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import numpy as np

from cellwright._progress import progress
from cellwright._types import AnyArray, FloatArray
from cellwright._words import counted
from cellwright.datasets.examples import load_pixels
from cellwright.datasets.records import Dataset, Example

_THUMBNAIL = 24  # pixels a side
_ALIKE = 0.995  # correlation of thumbnails; neighbouring frames of a movie reach it too
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Leak:
    """Two examples in different splits that are not independent.

    Parameters
    ----------
    reason : str
        ``"same group"``, ``"same file"`` or ``"same picture"``.
    first, second : Example
    """

    reason: str
    first: Example
    second: Example

    def __str__(self) -> str:
        group = f" '{self.first.group}'" if self.reason == "same group" else ""
        return (
            f"{self.reason}{group}: '{self.first.image}' ({self.first.split}) and "
            f"'{self.second.image}' ({self.second.split})"
        )


def check_leaks(dataset: Dataset, look: bool = True) -> tuple[Leak, ...]:
    """Find pairs of examples in different splits that should be in one.

    Parameters
    ----------
    dataset : Dataset
    look : bool
        Whether to read all images and compare thumbnails in all eight orientations, which also
        finds pictures that were saved anew, turned or changed in brightness.

    Returns
    -------
    tuple of Leak
        One pair for each group and for each file or picture that occurs in several splits.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    assigned = [example for example in dataset.examples if example.split]
    if len({example.split for example in assigned}) < 2:
        return ()
    leaks = _same_groups(assigned) + _same_files(assigned)
    if look:
        known = {(leak.first.id, leak.second.id) for leak in leaks}
        leaks += [
            leak
            for leak in _same_pictures(assigned)
            if (leak.first.id, leak.second.id) not in known
        ]
    return tuple(leaks)


def leaks_in_words(leaks: Sequence[Leak]) -> str:
    """Return what is wrong with splits, as the beginning of a sentence that goes on."""
    return (
        f"Images in different splits are not independent: {counted(len(leaks), 'pair')} (first: "
        f"{leaks[0]})"
    )


def _same_groups(examples: Iterable[Example]) -> list[Leak]:
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.group:
            groups[example.group].append(example)
    return [leak for group in groups.values() for leak in _across("same group", group)[:1]]


def _same_files(examples: Iterable[Example]) -> list[Leak]:
    """Compare contents, but only of files of equal size: others cannot be the same."""
    sizes: dict[int, list[Example]] = defaultdict(list)
    for example in examples:
        if example.image.is_file():
            sizes[example.image.stat().st_size].append(example)
    contents: dict[bytes, list[Example]] = defaultdict(list)
    for same_size in sizes.values():
        if len({example.split for example in same_size}) > 1:
            for example in same_size:
                contents[_digest(example.image)].append(example)
    return [leak for same in contents.values() for leak in _across("same file", same)]


def _same_pictures(examples: Sequence[Example]) -> list[Leak]:
    splits: dict[str, list[Example]] = defaultdict(list)
    thumbnails: dict[str, list[FloatArray]] = defaultdict(list)
    for example in progress(examples, "Comparing images"):
        splits[example.split or ""].append(example)
        thumbnails[example.split or ""].append(_thumbnail(load_pixels(example)[0]))
    leaks = []
    for first, second in combinations(splits, 2):
        references = np.stack(thumbnails[second]).reshape(len(thumbnails[second]), -1).T
        for example, picture in zip(splits[first], thumbnails[first], strict=True):
            turned = np.stack([_oriented(picture, i).ravel() for i in range(8)])
            likeness = (turned @ references).max(axis=0)
            best = int(likeness.argmax())
            if likeness[best] > _ALIKE:
                leaks.append(Leak("same picture", example, splits[second][best]))
    return leaks


def _across(reason: str, examples: Sequence[Example]) -> list[Leak]:
    """Return one leak for each example that is in another split than the first."""
    first = examples[0]
    return [Leak(reason, first, other) for other in examples[1:] if other.split != first.split]


def _digest(path: Path) -> bytes:
    digest = blake2b(digest_size=16)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _thumbnail(pixels: AnyArray) -> FloatArray:
    """Return a small picture (Y, X) of mean 0 and length 1; 0 throughout where nothing varies."""
    flat = pixels.reshape(-1, *pixels.shape[-2:]).mean(axis=0, dtype=np.float32)
    rows, columns = (np.linspace(0, size, _THUMBNAIL + 1).astype(int)[:-1] for size in flat.shape)
    counts = np.add.reduceat(np.add.reduceat(np.ones_like(flat), rows, 0), columns, 1)
    small = np.add.reduceat(np.add.reduceat(flat, rows, 0), columns, 1) / counts
    small -= small.mean()
    length = float(np.linalg.norm(small))
    varies = length > 1e-6 * max(1.0, float(np.abs(flat).max()))
    return np.asarray(small / length if varies else 0 * small, np.float32)


def _oriented(picture: FloatArray, orientation: int) -> FloatArray:
    """Return one of the eight flips and quarter turns of a square picture."""
    turned = np.rot90(picture, orientation % 4)
    return np.asarray(turned.T if orientation > 3 else turned)
