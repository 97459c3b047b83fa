"""The readout that a card names."""

from __future__ import annotations

from cellwright._errors import ModelError
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.methods.readout import Readout
from cellwright.models.card import ModelCard

READOUTS = {"offsets": OffsetsReadout}


def readout_of(card: ModelCard) -> Readout:
    """Return the readout of a model with its parameters.

    Raises
    ------
    ModelError
        If the method is unknown to this version, or has no such parameter.
    """
    if card.method not in READOUTS:
        raise ModelError(
            f"The model '{card.name}' uses the method '{card.method}', which this version of "
            f"Cellwright does not have ({', '.join(READOUTS)}). Update Cellwright."
        )
    try:
        return READOUTS[card.method](**card.readout)
    except TypeError as error:
        raise ModelError(f"The readout of the model '{card.name}' is broken: {error}.") from error
