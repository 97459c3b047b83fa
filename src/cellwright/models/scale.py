"""At what scale a model is to see an image whose objects nobody measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

from cellwright._errors import ModelError, UsageError
from cellwright._types import Table
from cellwright.inference.diameter import Sample, choose_scale, find_scale
from cellwright.models.card import ModelCard
from cellwright.models.model import Seen
from cellwright.models.sampling import richest_window

SAMPLE_SIDES = {2: 512, 3: 96}
"""Side of the part of a large image in which the size of objects is estimated, in network px, by
number of dimensions."""
WHOLE_PIXELS = 2048 * 2048
"""Images up to this size are first tried whole, and done if their objects need no scaling."""

_Extra = TypeVar("_Extra")


class ScaleChoice(Generic[_Extra]):
    """Tries scales on a part of an image, and keeps what was found where the part is all of it.

    Parameters
    ----------
    card : ModelCard
        Says which sizes of objects the network knows.
    seen : Seen
        The image.
    find : callable
        Finds the objects of an image or a part of it at a scale: a table with ``area`` (px of the
        image) and ``confidence``, and whatever else is to be kept.

    Raises
    ------
    ModelError
        If the card says nothing about sizes.
    """

    def __init__(
        self, card: ModelCard, seen: Seen, find: Callable[[Seen, float], tuple[Table, _Extra]]
    ) -> None:
        self._reference, self._comfortable = _sizes(card)
        self._seen = seen
        self._find = find
        self._found: dict[float, tuple[Table, _Extra]] = {}

    def scale(self, diameter: float | None) -> float:
        """Return the network pixels per (lateral) pixel of the image.

        Parameters
        ----------
        diameter : float, optional
            Of the objects, in px of the image; estimated when not given.

        Raises
        ------
        UsageError
            If the diameter is none.
        """
        if diameter is None:
            return find_scale(
                self._sample, reference=self._reference, comfortable=self._comfortable
            )
        if not 0 < diameter < math.inf:
            raise UsageError(f"The diameter must be a positive number of pixels, not {diameter}.")
        return choose_scale(diameter, self._reference, self._comfortable)

    def whole(self, scale: float) -> tuple[Table, _Extra] | None:
        """Return what was found in the whole image, where that scale was tried on all of it."""
        return self._found.get(scale)

    def _sample(self, scale: float) -> Sample:
        """Return the objects of a sample at one scale."""
        size = self._seen.shape
        whole = scale == 1 and math.prod(size) <= WHOLE_PIXELS
        side = max(size) if whole else math.ceil(SAMPLE_SIDES[len(size)] / scale)
        part = self._seen.part(richest_window(self._seen.source, side))
        table, extra = self._find(part, scale)
        if part.shape == size:
            self._found[scale] = table, extra
        return Sample(table["area"], table["confidence"], math.prod(part.shape), len(size))


def _sizes(card: ModelCard) -> tuple[float, tuple[float, float]]:
    """Return the diameter that the network knows best, and the range that it handles."""
    if card.input.diameter is None or card.input.diameter_range is None:
        raise ModelError(f"The model '{card.name}' does not say how large its objects are.")
    return card.input.diameter, card.input.diameter_range
