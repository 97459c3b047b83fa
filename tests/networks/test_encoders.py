"""Residual encoders, under the decoder of the U-Net and under the feature pyramid."""

import pytest
import torch

from cellwright.networks.registry import ENCODERS, network_description, network_from_dict
from networks.battery import NetworkBattery

SMALL = {"in_channels": 2, "out_channels": 3, "width": 8, "depth": 2}
BLOCKS = [
    {"block": "residual", "convs_down": 3},
    {"block": "preactivation", "convs_down": (2, 4)},
    {"block": "preactivation", "norm": "none"},
    {"block": "bottleneck", "growth": 4.0},
    {"block": "preactivation_bottleneck", "activation": "silu"},
    {"block": "convnext"},
    {"block": "inverted", "stem": 4},
]


class TestEncoders(NetworkBattery):
    @pytest.fixture(
        params=[(name, encoder) for name in ("unet", "fpn") for encoder in ENCODERS],
        ids="-".join,
    )
    def description(self, request):
        name, encoder = request.param
        return network_description(name, encoder=encoder) | SMALL


class TestBlocks(NetworkBattery):
    @pytest.fixture(params=BLOCKS, ids=str)
    def description(self, request):
        return {"name": "unet", "downsampling": "convolution"} | SMALL | request.param


class TestVolumes(NetworkBattery):
    """Coarse Z: flat kernels and no pooling along it at the finest level."""

    @pytest.fixture(params=["resnet", "convnext"])
    def description(self, request):
        flat = {"dimensions": 3, "stem": (1, 2, 2), "kernel": ((1, 3, 3), 3)}
        description = network_description("fpn", encoder=request.param)
        return description | SMALL | flat | {"pooling": ((1, 2, 2),), "convs_down": 1}


@pytest.mark.parametrize("block", ["residual", "preactivation"])
def test_shortcuts_pass_around_every_two_layers(block):
    """Without any change learned, the encoder's level gives what it gets."""
    description = {"name": "unet", "block": block, "convs_down": 4} | SMALL | {"depth": 1}
    level = network_from_dict(description).eval().encoders[0]
    assert len(level) == 2
    with torch.no_grad():
        for weights in level.parameters():
            weights.zero_()
    x = torch.rand(1, 8, 6, 6)
    assert torch.equal(level(x), x)


def test_convnext_norm_looks_at_one_pixel():
    level = network_from_dict(network_description("unet", encoder="convnext") | SMALL)
    norm = level.eval().encoders[0][0].change[0][1]
    x = torch.rand(1, 8, 5, 5)
    changed = x.clone()
    changed[..., 2, 2] += 5 * torch.arange(8)
    moved = (norm(changed) != norm(x)).any(1)[0]
    assert moved.nonzero().tolist() == [[2, 2]]
    torch.testing.assert_close(norm(x).mean(1), torch.zeros(1, 5, 5), atol=1e-6, rtol=0)


def test_blocks_leave_their_input_as_it_is():
    """Skips hand the same maps to two users: no activation may work in place on them."""
    for block in ("residual", "preactivation", "bottleneck", "convnext", "inverted"):
        options = {"name": "unet", "block": block, "norm": "none"}
        level = network_from_dict(SMALL | options).eval().encoders[0]
        x = torch.randn(1, 8, 6, 6)
        before = x.clone()
        level(x)
        assert torch.equal(x, before), block
