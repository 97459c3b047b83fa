"""At what scale a model is to see an image whose objects nobody measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

from cellwright._arguments import check_sizes
from cellwright._errors import UsageError
from cellwright._types import Table
from cellwright._words import by_place, option
from cellwright.inference.diameter import Sample, choose_scale, find_scale
from cellwright.models.card import ModelCard
from cellwright.models.model import Seen
from cellwright.models.sampling import richest_window

SAMPLE_SIDES = {2: 512, 3: 96}
"""Side of the part of a large image in which the size of objects is estimated, in network px, by
number of dimensions."""
WHOLE_PIXELS = 2048 * 2048
"""Images up to this size are first tried whole, and done if their objects need no scaling."""
_MOST_OF_SIDE = 2.0  # a crop may show a part of an object only

_MAGNIFIED = 4.0  # times as much as usual: twice what is tried where the diameter is estimated

_Extra = TypeVar("_Extra")


def told_scale(
    card: ModelCard, diameter: float, size: tuple[int, ...], *, usual: float = 1.0
) -> float:
    """Return the network pixels per (lateral) pixel of an image with objects of a known size.

    Parameters
    ----------
    card : ModelCard
        Says which sizes of objects the network knows.
    diameter : float
        Of the objects, in px of the image.
    size : tuple of int
        Of the image, ([Z,] Y, X) in px.
    usual : float
        What is kept where objects of that size need nothing else.

    Raises
    ------
    UsageError
        If the diameter is less than a pixel or far more than the image, or the model can do
        nothing with it.
    """
    check_sizes(1, diameter=diameter)
    if diameter > _MOST_OF_SIDE * max(size[-2:]):
        raise UsageError(
            f"Objects {diameter:g} px across do not fit into an image of "
            f"{' × '.join(map(str, size))} px. {option('diameter').capitalize()} is that of a "
            "typical object, in pixels of the image."
        )
    contract = card.input
    if contract.diameter is None or contract.diameter_range is None:
        raise UsageError(
            f"The model '{card.name}' does not say which sizes of objects it knows, and sees every "
            f"image at its own scale. Leave out {option('diameter')}, and resize the images where "
            "they differ from those of its training."
        )
    return choose_scale(diameter, contract.diameter, contract.diameter_range, usual=usual)


def magnification_notes(card: ModelCard, diameter: float | None) -> tuple[str, ...]:
    """Say so where a model would see images magnified so much that it takes far longer.

    Parameters
    ----------
    card : ModelCard
        Says which sizes of objects the network knows.
    diameter : float, optional
        Of the objects, in px of the images; estimated when not given.
    """
    contract = card.input
    if diameter is None or contract.diameter is None or contract.diameter_range is None:
        return ()
    usual = contract.scale or 1.0
    scale = choose_scale(diameter, contract.diameter, contract.diameter_range, usual=usual)
    if scale <= _MAGNIFIED * usual:
        return ()
    asked = by_place(f"--diameter {diameter:g}", f"diameter={diameter:g}")
    return (
        f"With {asked} the model sees all images magnified {scale:.0f} times, which takes about "
        f"{(scale / usual) ** card.network.dimensions:,.0f} times as long. The diameter is that of "
        "a typical object, in pixels of the image.",
    )


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
    """

    def __init__(
        self, card: ModelCard, seen: Seen, find: Callable[[Seen, float], tuple[Table, _Extra]]
    ) -> None:
        self._card = card
        self._seen = seen
        self._find = find
        self._found: dict[float, tuple[Table, _Extra]] = {}

    def scale(self, diameter: float | None) -> float:
        """Return the network pixels per (lateral) pixel of the image.

        Parameters
        ----------
        diameter : float, optional
            Of the objects, in px of the image; estimated when not given.

        Returns
        -------
        float
            1 for a model that does not say which sizes it knows.

        Raises
        ------
        UsageError
            As `told_scale`.
        """
        contract = self._card.input
        if diameter is not None:
            return told_scale(self._card, diameter, self._seen.shape, usual=contract.scale or 1.0)
        if contract.diameter is None or contract.diameter_range is None:
            return 1.0
        return find_scale(
            self._sample,
            reference=contract.diameter,
            comfortable=contract.diameter_range,
            usual=contract.scale,
        )

    def whole(self, scale: float) -> tuple[Table, _Extra] | None:
        """Return what was found in the whole image, where that scale was tried on all of it."""
        return self._found.get(scale)

    def _sample(self, scale: float) -> Sample:
        """Return the objects of a sample at one scale."""
        size = self._seen.shape
        first = scale == (self._card.input.scale or 1.0)
        whole = first and math.prod(size) * scale ** len(size) <= WHOLE_PIXELS
        side = max(size) if whole else math.ceil(SAMPLE_SIDES[len(size)] / scale)
        part = self._seen.part(richest_window(self._seen.source, side))
        table, extra = self._find(part, scale)
        if part.shape == size:
            self._found[scale] = table, extra
        return Sample(table["area"], table["confidence"], math.prod(part.shape), len(size))
