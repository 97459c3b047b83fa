"""UNet++ and the feature pyramid: what they join, and how far they see."""

import pytest
import torch

from cellwright.networks.cost import cost
from cellwright.networks.registry import network_from_dict
from networks.battery import NetworkBattery

SMALL = {"in_channels": 2, "out_channels": 3, "width": 8, "depth": 3, "convs_down": 1}
OPTIONS = [
    {},
    {"depth": 1},
    {"depth": 4, "stem": 1, "skip": "add"},
    {"block": "residual", "pooling": (2, (3, 1)), "convs_up": 2},
    {"dimensions": 3, "depth": 2, "stem": (1, 2, 2), "pooling": ((1, 2, 2),)},
]
PYRAMIDS = [{}, {"depth": 1}, {"kernel": 1, "stem": 1}, {"pooling": (2, (3, 1)), "stem": 4}]


class TestNestedUNet(NetworkBattery):
    @pytest.fixture(params=OPTIONS, ids=str)
    def description(self, request):
        return {"name": "nested"} | SMALL | request.param


class TestFeaturePyramid(NetworkBattery):
    @pytest.fixture(params=PYRAMIDS, ids=str)
    def description(self, request):
        return {"name": "fpn"} | SMALL | request.param


def test_the_triangle_has_a_node_for_each_level_and_column():
    network = network_from_dict({"name": "nested"} | SMALL | {"depth": 4})
    joined = [decoder.block[0][0].in_channels for decoder in network.decoders]
    c = network.config.channels  # the finest node of column 3 joins three skips and one below
    assert joined == [2 * c[0], 2 * c[1], 2 * c[2], 3 * c[0], 3 * c[1], 4 * c[0]]


def test_two_levels_are_a_plain_unet():
    options = SMALL | {"depth": 2, "skip": "concat"}
    nested = network_from_dict(options | {"name": "nested"}, seed=3).eval()
    unet = network_from_dict(options | {"name": "unet"}, seed=3).eval()
    pixels = torch.rand(1, 2, 16, 16)
    assert torch.equal(nested(pixels), unet(pixels))
    assert nested.halo == unet.halo and cost(nested) == cost(unet)


def test_pyramid_gives_maps_of_every_level():
    network = network_from_dict({"name": "fpn"} | SMALL).eval()
    levels = network.encode(torch.rand(1, 2, 32, 48))
    maps = network.pyramid(levels)
    assert [tuple(each.shape) for each in maps] == [(1, 8, 16, 24), (1, 8, 8, 12), (1, 8, 4, 6)]
    raised = [
        each.repeat_interleave(2**i, 2).repeat_interleave(2**i, 3) for i, each in enumerate(maps)
    ]
    torch.testing.assert_close(network.decode(levels), sum(raised))
