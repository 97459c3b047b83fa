"""Mixed-scale dense networks."""

import pytest

from cellwright._errors import UsageError
from cellwright.networks.cost import cost
from cellwright.networks.registry import network_from_dict
from networks.battery import NetworkBattery

SMALL = {"name": "msd", "in_channels": 2, "out_channels": 3, "width": 2, "depth": 3}
OPTIONS = [
    {"in_channels": 1, "out_channels": 1},
    {"stem": 1, "width": 8, "dilations": (1, 3), "norm": "channel"},
    {"dimensions": 3, "stem": (1, 2, 2), "dilations": (1, (1, 2, 2), (1, 4, 4))},
]


class TestMixedScaleDense(NetworkBattery):
    @pytest.fixture(params=OPTIONS, ids=str)
    def description(self, request):
        return SMALL | request.param


def test_parameters_of_the_paper_by_hand():
    """One channel per layer: layer i has 9 i weights; the head reads all of them."""
    paper = {"stem": 1, "width": 1, "depth": 100, "dilations": tuple(range(1, 11)), "norm": "none"}
    network = network_from_dict(SMALL | paper | {"in_channels": 1, "out_channels": 2})
    layers = sum(9 * (i + 1) + 1 for i in range(100))
    assert cost(network).parameters == (9 + 1) + layers + (101 * 2 + 2)
    assert network.halo == (1 + 10 * 55, 1 + 10 * 55)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dilations": []}, "'dilations' must be at least one number"),
        ({"dilations": [[1, 2, 3]]}, "'dilations' must be one number, or 2,"),
        ({"depth": 0}, "'depth' must be at least 1"),
        ({"block": "plain"}, "no option 'block'"),
    ],
)
def test_wrong_options_are_explained(change, message):
    with pytest.raises(UsageError, match=message):
        network_from_dict(SMALL | change)
