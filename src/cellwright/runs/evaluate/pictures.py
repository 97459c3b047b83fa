"""Pictures of annotated images with what a model found in them, whatever that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from cellwright._types import AnyArray, Table
from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.reports.annotated import ValidationExample, extremes
from cellwright.runs.evaluate.scoring import middle_plane


class Evaluated(Protocol):
    """Scores of a model of any kind, collected image by image."""

    def table(self) -> Table:
        """Return one row per image."""

    def drawn(self, scored: Any) -> tuple[AnyArray, AnyArray]:
        """Return what is annotated in an image, and what was found: labels to be outlined."""


def drawn_plane(evaluation: Evaluated, scored: Any) -> tuple[Image, AnyArray, AnyArray]:
    """Return a plane of an image, and what is annotated and found in it, to be outlined."""
    truth, found = evaluation.drawn(scored)
    image, true_plane = middle_plane(scored.image, truth)
    return image, true_plane, middle_plane(scored.image, found)[1]


def worst_and_best(
    evaluation: Evaluated,
    column: str,
    examples: Sequence[Example],
    score: Callable[[Sequence[Example]], Iterable[Any]],
    note: Callable[[Mapping[str, Any]], str],
) -> list[ValidationExample]:
    """Return the examples with the lowest and the highest scores.

    Parameters
    ----------
    evaluation : Evaluated
        Of all `examples`.
    column : str
        Which score of its table that is.
    examples : sequence of Example
    score : callable
        Looks at examples again, for nothing was kept of them.
    note : callable
        Says something about an example, given its row of the table.
    """
    table = evaluation.table()
    chosen = extremes(table[column].tolist())
    shown = []
    for index, scored in zip(chosen, score([examples[i] for i in chosen]), strict=True):
        told = note({name: values[index] for name, values in table.items()})
        shown.append(ValidationExample(scored.example.id, told, *drawn_plane(evaluation, scored)))
    return shown
