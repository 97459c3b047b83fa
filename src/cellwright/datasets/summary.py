"""What a dataset holds: sizes, types, objects, and everything that would go wrong later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import CellwrightError, DatasetError
from cellwright._progress import progress
from cellwright._words import option
from cellwright.datasets.boxes import check_boxes, load_boxes
from cellwright.datasets.examples import (
    binary_labels_warning,
    load_layers,
    load_pixels,
    whole_object_facts,
)
from cellwright.datasets.objects import count_classes
from cellwright.datasets.points import load_points
from cellwright.datasets.records import (
    BoxLabels,
    CentreLabels,
    CocoLabels,
    Dataset,
    Example,
    PointLabels,
    Task,
)
from cellwright.datasets.repair import Flaws, find_flaws
from cellwright.images.layers import flattened, overlapping

_EVERYWHERE = 3  # label images, at least, in which the same values are no chance
_MOST_CLASSES = 20


@dataclass(frozen=True, slots=True)
class ExampleFacts:
    """What reading one example told.

    Parameters
    ----------
    id : str
    channels : int
    shape : tuple of int
        Size ([Z,] Y, X) in pixels.
    dtype : str
    objects : int or None
        Number of objects; None without labels of objects.
    diameter : float or None
        Median diameter of its objects in pixels.
    flaws : Flaws
        Objects in several parts, or with holes.
    classes : mapping of str to int
        How many of its numbered objects are of which class, as far as that is said.
    overlapping : int
        How many of its numbered objects share more than a rim with another one.
    repairable : bool
        Whether ``cellwright data repair`` takes its labels: files of one layer.
    values : frozenset of int
        Numbers of the objects in its label file; empty where they are not given by a file.
    """

    id: str
    channels: int
    shape: tuple[int, ...]
    dtype: str
    objects: int | None
    diameter: float | None
    flaws: Flaws
    classes: Mapping[str, int]
    overlapping: int = 0
    repairable: bool = False
    values: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts about all readable examples, and one message for each that has a problem."""

    examples: tuple[ExampleFacts, ...]
    problems: tuple[str, ...]

    @property
    def shapes(self) -> dict[str, int]:
        """Number of examples of each size, the most frequent first."""
        return _tally(" × ".join(map(str, facts.shape)) for facts in self.examples)

    @property
    def dtypes(self) -> dict[str, int]:
        """Number of examples of each type of pixel."""
        return _tally(facts.dtype for facts in self.examples)

    @property
    def channels(self) -> dict[str, int]:
        """Number of examples of each number of channels."""
        return _tally(str(facts.channels) for facts in self.examples)

    @property
    def objects(self) -> list[int]:
        """Number of objects in each example that has labels of objects."""
        return [facts.objects for facts in self.examples if facts.objects is not None]

    @property
    def diameters(self) -> list[float]:
        """Median diameter in pixels of the objects of each example that has any."""
        return [facts.diameter for facts in self.examples if facts.diameter is not None]

    @property
    def classes(self) -> dict[str, int]:
        """Number of objects of each class, the most frequent first."""
        return _tally(name for facts in self.examples for name in Counter(facts.classes).elements())

    @property
    def flaws(self) -> Flaws:
        """Objects of all examples in several parts, or with holes."""
        return sum((facts.flaws for facts in self.examples), Flaws())

    @property
    def doubts(self) -> tuple[str, ...]:
        """What may be meant, but is often a slip of the pen."""
        flaws, overlapping = self.flaws, sum(facts.overlapping for facts in self.examples)
        doubts = []
        if values := _class_like([facts.values for facts in self.examples if facts.values]):
            doubts.append(
                f"The label images have no other values than {', '.join(map(str, values))}: are "
                "these classes of pixels, such as nucleus and cytoplasm, in place of numbers of "
                f"objects? Then learn them with {option(method='classes')}."
            )
        if flaws.scattered or flaws.holed:
            advice = (
                "'cellwright data repair' writes copies of the labels without."
                if all(facts.repairable for facts in self.examples if facts.flaws != Flaws())
                else "correct them where they were drawn."
            )
            doubts.append(
                f"Objects in several parts: {flaws.scattered:,}; with holes: {flaws.holed:,}. If "
                f"that is not meant, {advice}"
            )
        if overlapping:
            doubts.append(
                f"Objects that overlap: {overlapping:,}. The methods stars, masks and embeddings "
                "learn them whole; for all others, the one listed last (with the highest number) "
                "has the pixel."
            )
        return tuple(doubts)


def summarise(dataset: Dataset) -> Summary:
    """Read every example once and say what is there; files that cannot be read are problems.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    Summary
    """
    facts: list[ExampleFacts] = []
    problems: list[str] = []
    for example in progress(dataset.examples, "Reading"):
        try:
            found, warning = _examine(example, dataset.task)
        except CellwrightError as error:
            problems.append(str(error))
            continue
        facts.append(found)
        if warning:
            problems.append(warning)
    return Summary(tuple(facts), tuple(problems))


def _examine(example: Example, task: Task) -> tuple[ExampleFacts, str | None]:
    pixels, _ = load_pixels(example)
    count, diameter, warning, flaws = None, None, None, Flaws()
    classes: Mapping[str, int] = {}
    shared, repairable = 0, False
    values = frozenset[int]()
    if isinstance(example.labels, BoxLabels):
        boxes = load_boxes(example)
        check_boxes(boxes, pixels.shape[1:], example)
        count, diameter = len(boxes), boxes.diameter
    elif isinstance(example.labels, PointLabels | CentreLabels):
        count = len(load_points(example, pixels.shape[1:]))
    elif example.labels is not None:
        layers = load_layers(example, pixels.shape[1:])
        if task == "instances":
            objects = whole_object_facts(layers)
            count, diameter = len(objects.points), objects.diameter
            warning = binary_labels_warning(example, flattened(layers))
            flaws = Flaws() if warning else sum(map(find_flaws, layers), Flaws())
            shared = overlapping(layers)
            repairable = len(layers) == 1 and not isinstance(example.labels, CocoLabels)
            if isinstance(example.labels, Path):
                values = frozenset(np.unique(layers[layers > 0]).tolist())
            try:
                classes = count_classes(example, layers)
            except DatasetError as error:  # what is said about the objects, not the image
                warning = warning or str(error)
    channels, shape = pixels.shape[0], pixels.shape[1:]
    return (
        ExampleFacts(
            example.id,
            channels,
            shape,
            np.dtype(pixels.dtype).name,
            count,
            diameter,
            flaws,
            classes,
            shared,
            repairable,
            values,
        ),
        warning,
    )


def _class_like(examples: Sequence[frozenset[int]]) -> list[int]:
    """Return the values of all examples if they look like those of classes; nothing otherwise.

    They are few, the same everywhere, and do not count from 1 as objects mostly do.
    """
    values = sorted(frozenset[int]().union(*examples))
    everywhere = len(examples) >= _EVERYWHERE and set(values) in examples
    counted = values == list(range(1, len(values) + 1))
    return values if everywhere and not counted and 2 <= len(values) <= _MOST_CLASSES else []


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
