"""Simulated spots: as bright as they should be, and where they are said to be."""

from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.simulation.optics import Optics
from cellwright.simulation.spots import SpotSimulation, simulate_spots

QUIET = Optics(blur=1.5, haze=0.0, shading=0.0, photons=1e6, background=0.0, read_noise=0.0)


@pytest.mark.parametrize("size", [(41, 41), (25, 41, 41)])
def test_a_spot_is_centred_where_it_is_said_to_be_and_as_bright(size):
    image, (position,) = simulate_spots(
        SpotSimulation(size=size, count=1, border=11.0, optics=QUIET), seed=3
    )
    share = image / image.sum(dtype=float)
    assert position == pytest.approx([(axis * share).sum() for axis in np.indices(size)], abs=0.01)
    assert image.max() == pytest.approx(0.3 * (2**16 - 1), rel=0.2)


def test_the_seed_decides():
    settings = SpotSimulation(size=(32, 32), count=4, brightness_variation=0.5)
    first, second = simulate_spots(settings, 7), simulate_spots(settings, 7)
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()
    assert (first[1] != simulate_spots(settings, 8)[1]).all()


def test_spots_keep_their_distance():
    settings = SpotSimulation(size=(64, 64), count=20, apart=8.0)
    positions = simulate_spots(settings, 0)[1]
    distance = np.hypot.reduce(positions[:, None] - positions[None], 2) + 99 * np.eye(20)
    assert distance.min() >= 8
    with pytest.raises(UsageError, match="no room"):
        simulate_spots(replace(settings, apart=40.0), 0)


@pytest.mark.parametrize(
    "wrong",
    [{"size": (8,)}, {"count": -1}, {"border": 40.0}, {"optics": replace(QUIET, blur=0.0)}],
)
def test_what_cannot_be_simulated_is_said(wrong):
    with pytest.raises(UsageError):
        SpotSimulation(**{"size": (64, 64), **wrong})
