"""The readout that a card names."""

from __future__ import annotations

from cellwright._errors import ModelError
from cellwright.methods.readout import Readout
from cellwright.methods.registry import METHODS
from cellwright.models.card import ModelCard


def readout_of(card: ModelCard) -> Readout:
    """Return the readout of a model with its parameters.

    Raises
    ------
    ModelError
        If the method is unknown to this version, or has no such parameter.
    """
    if card.method not in METHODS:
        raise ModelError(
            f"The model '{card.name}' uses the method '{card.method}', which this version of "
            f"Cellwright does not have ({', '.join(METHODS)}). Update Cellwright."
        )
    try:
        readout: Readout = METHODS[card.method].readout_class()(**card.readout)
    except TypeError as error:
        raise ModelError(f"The readout of the model '{card.name}' is broken: {error}.") from error
    return readout
