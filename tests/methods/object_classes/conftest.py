import pytest

from cellwright.images.normalise import Normalisation
from cellwright.models.card import InputContract, ModelCard, NetworkFacts


@pytest.fixture
def card_of():
    """Make the card of a model of objects from its method and the parameters of its readout."""

    def make(method, readout):
        return ModelCard(
            "toy",
            "1.0.0",
            "A toy.",
            "instances",
            method,
            readout,
            NetworkFacts({}, (4, 4), (5, 5), 100),
            InputContract(("grey",), Normalisation(), 20.0, (10.0, 30.0)),
        )

    return make
