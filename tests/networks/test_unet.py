"""The U-Net family: every option passes the battery, and the options do what they say."""

import pytest
import torch

from cellwright._errors import InputError, UsageError
from cellwright.networks.cost import cost
from cellwright.networks.registry import network_from_dict
from networks.battery import NetworkBattery

SMALL = {"name": "unet", "in_channels": 2, "out_channels": 3, "width": 8, "depth": 3}
OPTIONS = [
    {},
    {"stem": 1},
    {"stem": 4, "depth": 2},
    {"depth": 1},
    {"in_channels": 1, "out_channels": 1, "skip": "concat", "convs_up": 2},
    {"block": "residual", "activation": "leaky_relu"},
    {"block": "residual", "convs_down": 1, "growth": 2.0},
    {"block": "dense", "convs_down": 3, "activation": "silu"},
    {"block": "separable", "activation": "gelu"},
    {"block": "dilated", "convs_down": 3, "convs_up": 2},
    {"norm": "instance"},
    {"norm": "group"},
    {"norm": "group", "block": "dense"},
    {"norm": "none", "dropout": 0.5},
    {"pooling": (2, (3, 1))},
    {"kernel": 5, "convs_down": (1, 2, 1)},
    {"downsampling": "convolution", "norm": "channel"},
    {"dimensions": 3, "depth": 2},
    {"dimensions": 3, "stem": (1, 2, 2), "pooling": ((1, 2, 2), 2), "skip": "concat"},
    {"dimensions": 3, "depth": 2, "stem": 1, "block": "separable", "norm": "instance"},
]


class TestUNet(NetworkBattery):
    @pytest.fixture(params=OPTIONS, ids=str)
    def description(self, request):
        return SMALL | request.param


def test_channels_grow_in_multiples_of_eight():
    config = network_from_dict(SMALL | {"width": 32, "growth": 1.5, "depth": 4}).config
    assert config.channels == (32, 48, 72, 112)


def test_halo_of_a_single_level_by_hand():
    """Two 3-px convolutions after a 3-px stem, all at half resolution: 3 coarse pixels."""
    network = network_from_dict(SMALL | {"depth": 1})
    assert network.stride == (2, 2)
    assert network.halo == (7, 7)  # 3 patches of 2 px, and the rest of the pixel's own patch


def test_cost_of_a_single_level_by_hand():
    network = network_from_dict(SMALL | {"depth": 1, "norm": "none"})
    stem, convolutions, head = 2 * 36 * 8, 2 * 72 * 8, 8 * 3 * 4
    assert cost(network).gflop_per_megapixel == pytest.approx(
        2 * (stem + convolutions + head) / 4 / 1e3
    )
    biases = 8 + 2 * 8 + 3
    assert cost(network).parameters == stem + convolutions + head + biases


def test_usual_sizes_stay_cheap():
    usual = {"name": "unet", "in_channels": 1, "out_channels": 3}
    assert cost(network_from_dict(usual | {"width": 16})).gflop_per_megapixel < 8
    assert cost(network_from_dict(usual | {"width": 32})).gflop_per_megapixel < 30


def test_sizes_that_do_not_fit_are_refused():
    network = network_from_dict(SMALL)
    with pytest.raises(InputError, match=r"\(24, 20\) px.*multiples of \(8, 8\)"):
        network(torch.rand(1, 2, 24, 20))


def test_dropout_acts_in_training_only():
    network = network_from_dict(SMALL | {"dropout": 0.5, "norm": "none"})
    pixels = torch.rand(1, 2, 16, 16)
    assert not torch.equal(network.train()(pixels), network(pixels))
    assert torch.equal(network.eval()(pixels), network(pixels))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "vnet"}, "no network 'vnet'.*unet"),
        ({"widht": 8}, "no option 'widht'.*width"),
        ({"block": "plane"}, "'block' must be one of plain, residual"),
        ({"dimensions": 4}, "'dimensions' must be one of 2, 3, not 4"),
        ({"depth": 0}, "'depth' must be at least 1, not 0"),
        ({"pooling": [2]}, "'pooling' must be 2 factors for depth 3"),
        ({"pooling": [2, [1, 2, 2]]}, "'pooling' must be one number, or 2,"),
        ({"stem": 0}, "'stem' must be one number"),
        ({"kernel": 4}, "'kernel' must be odd, not 4"),
        ({"kernel": [3, 3]}, "'kernel' must be one size, or 3 for depth 3"),
        ({"convs_down": [2, 2]}, "'convs_down' must be at least 1, for all 3 or each"),
        ({"downsampling": "mean"}, "'downsampling' must be one of max, convolution"),
        ({"dropout": 1.0}, "'dropout' must be from 0 to below 1"),
    ],
)
def test_wrong_options_are_explained(change, message):
    with pytest.raises(UsageError, match=message):
        network_from_dict(SMALL | change)


def test_missing_channels_are_named():
    with pytest.raises(UsageError, match="needs 'in_channels' and 'out_channels'"):
        network_from_dict({"name": "unet"})
