"""A network that looks into mirrors, with toy networks whose answers are known."""

import numpy as np
import pytest

from cellwright.inference.mirrors import MirroredNetwork
from cellwright.methods.mirrors import along, unmoved


class Toy:
    """Says the pixels, their gradient along each axis, and something that depends on the side."""

    stride, halo, bytes_per_pixel = (4, 4), (1, 1), 40

    def __call__(self, pixels):
        plane = pixels[:, 0]
        down, right = np.gradient(plane, axis=(1, 2))
        return np.stack([plane, down, right, np.roll(plane, 1, axis=1)], axis=1)


PIXELS = np.random.default_rng(0).random((2, 1, 8, 12), dtype=np.float32)
OUTPUTS = ("pixels", "row flow", "column flow")


def in_mirrors(network, outputs=OUTPUTS):
    return MirroredNetwork(network, [along(outputs, "row"), along(outputs, "column")])


def test_what_is_alike_in_every_mirror_stays():
    assert in_mirrors(Toy())(PIXELS)[:, :3] == pytest.approx(Toy()(PIXELS)[:, :3], abs=1e-6)


def test_what_is_not_is_averaged():
    above = np.roll(PIXELS[:, 0], 1, axis=1)
    below = np.roll(PIXELS[:, 0], -1, axis=1)
    assert in_mirrors(Toy())(PIXELS)[:, 3] == pytest.approx((above + below) / 2, abs=1e-6)


def test_vectors_that_are_not_turned_back_would_cancel():
    network = MirroredNetwork(Toy(), [unmoved(3), unmoved(3)])
    assert np.abs(network(PIXELS)[:, 1:3]).max() < 1e-6


def test_the_answer_to_a_mirror_image_is_the_mirror_image_of_the_answer():
    network = in_mirrors(Toy())
    turned = network(np.ascontiguousarray(PIXELS[:, :, ::-1]))[:, :, ::-1]
    assert turned[:, [0, 2, 3]] == pytest.approx(network(PIXELS)[:, [0, 2, 3]], abs=1e-6)
    assert turned[:, 1] == pytest.approx(-network(PIXELS)[:, 1], abs=1e-6)


def test_its_grid_is_that_of_the_network():
    network = in_mirrors(Toy())
    assert (network.stride, network.halo) == (Toy.stride, Toy.halo)
    assert network.bytes_per_pixel > Toy.bytes_per_pixel


def test_volumes_have_eight_mirrors():
    seen = []

    def network(pixels):
        seen.append(pixels.copy())
        return pixels

    volume = np.random.default_rng(1).random((1, 1, 2, 4, 4), dtype=np.float32)
    rules = [along(("pixels",), axis) for axis in ("plane", "row", "column")]
    assert MirroredNetwork(network, rules)(volume) == pytest.approx(volume, abs=1e-6)
    assert len({one.tobytes() for one in seen}) == len(seen) == 8
