"""Which pixels propose an outline, and that they are few whatever the maps say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from cellwright.methods.stars import shapes
from cellwright.methods.stars.proposals import stand_out
from cellwright.methods.stars.rays import star
from cellwright.methods.stars.readout import StarsReadout

LONGEST = {2: 40, 3: 12}  # px
SIDES = {2: (160, 320), 3: (32, 64)}


def plainly_stands_out(scores, centre, radius, anisotropy):
    """Return whether no pixel in the box around a centre is better, looking at all of them."""
    z, y, x = centre
    planes = int(radius / anisotropy)
    low = np.maximum([z - planes, y - radius, x - radius], 0)
    box = scores[low[0] : z + planes + 1, low[1] : y + radius + 1, low[2] : x + radius + 1]
    best = np.argmax(box)  # of equal ones the first
    return tuple(low + np.unravel_index(best, box.shape)) == (z, y, x)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 2.5]), st.integers(2, 50))
def test_nothing_better_is_near_what_stands_out(seed, anisotropy, values):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, values, (9, 16, 12)).astype(np.float32)  # many are equal
    centres = np.argwhere(scores >= values - 2)
    radii = rng.integers(0, 7, len(centres)).astype(np.int32)
    expected = [
        plainly_stands_out(scores, centre, radius, anisotropy)
        for centre, radius in zip(centres, radii, strict=True)
    ]
    assert stand_out(scores, centres, radii, anisotropy).tolist() == expected


def hostile(kind, readout, shape, seed=0):
    """Return maps of which every pixel is an object, some with outlines made to do harm."""
    rng = np.random.default_rng(seed)
    far = readout.longest / readout.unit
    rays = (readout.rays, *shape)
    distances = {
        "long": np.full(rays, far),
        "short": np.full(rays, 2 / readout.unit),
        "any": rng.uniform(0, far, rays),
        "of all sizes": np.ones(rays)
        * np.geomspace(1 / readout.unit, far, 64)[rng.integers(0, 64, shape)],
        "spikes": np.where(rng.random(rays) < 1 / readout.rays, far, 0),
    }[kind]
    logits = 9 + rng.standard_normal(shape)
    return np.concatenate([logits[None], distances]).astype(np.float32)


def work(readout, maps):
    """Return how many runs are drawn and how many pairs of shapes can overlap, per pixel."""
    dimensions = maps.ndim - 1
    volume = maps if dimensions == 3 else maps[:, None]
    centres, _, distances = readout._proposals(np.ascontiguousarray(volume), dimensions)
    directions, facets = star(dimensions, readout.rays, 1.0)
    runs, _ = shapes.runs_of(distances, directions, facets, readout.longest)
    far = distances.max(1)
    apart = pdist(centres, "chebyshev")
    pairs = 0
    for n in range(len(centres) - 1):  # a row of the condensed matrix at a time
        start = n * len(centres) - n * (n + 1) // 2
        pairs += (apart[start : start + len(centres) - n - 1] <= far[n] + far[n + 1 :]).sum()
    return np.array([len(runs), pairs]) / maps[0].size


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("kind", ["long", "short", "any", "of all sizes", "spikes"])
def test_work_is_bounded_and_linear_whatever_the_maps_say(dimensions, kind):
    readout = StarsReadout(rays=16, longest=LONGEST[dimensions])
    small, large = (
        work(readout, hostile(kind, readout, (side,) * dimensions)) for side in SIDES[dimensions]
    )
    assert (large <= [2, 15]).all(), "more than a few operations per pixel"
    # Twice, since at the sides there are fewer neighbours; all pairs would be 4 or 8 times more.
    assert (large <= 2 * small + 0.01).all(), "grows faster than the number of pixels"


@pytest.mark.parametrize("dimensions", [2, 3])
def test_where_every_pixel_is_certain_the_first_wins(dimensions):
    readout = StarsReadout(rays=16, longest=6, unit=1.0)
    found = readout.decode(np.full((17, *(20,) * dimensions), 6, np.float32))
    assert found.anchors.tolist() == [[0] * dimensions]
