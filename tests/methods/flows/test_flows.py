"""Targets beside slow references; objects that are hard; parameters that cut off bad ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright._errors import UsageError
from cellwright.methods.flows import dynamics, geometry
from cellwright.methods.flows.readout import DistanceFlowsReadout, FlowsReadout
from cellwright.methods.registry import new_readout
from cellwright.metrics.matching import match

BENT = np.zeros((1, 20, 24), np.int32)
BENT[0, 3:8, 2:20] = 1
BENT[0, 8:16, 14:20] = 1
BENT[0, 3:12, 20:24] = 2  # touches the first and the side of the image
SNAKE = np.zeros((1, 33, 34), np.int32)  # so little heat comes to its end that it takes doubles
SNAKE[0, 1:32:2, 1:33] = 4
SNAKE[0, 2:32:4, 31:33] = 4
SNAKE[0, 4:32:4, 1:3] = 4
BLOCKS = np.zeros((8, 11, 12), np.int32)
BLOCKS[1:6, 2:9, 2:7] = 3
BLOCKS[2:8, 3:8, 7:11] = 1


def perfect_maps(labels, readout):
    """Return what a perfect network would say about labels ([Z,] Y, X)."""
    volume = labels if labels.ndim == 3 else labels[None]
    flows = readout.flows_of(np.ascontiguousarray(volume))[3 - labels.ndim :]
    logit = np.where(labels > 0, 6.0, -6.0)
    flows = flows.reshape(labels.ndim, *labels.shape)
    return np.concatenate([logit[None], readout.unit * flows]).astype(np.float32)


@pytest.mark.parametrize("labels", [BENT, BLOCKS, SNAKE])
def test_heat_rises_as_in_a_plain_simulation(labels):
    flows = geometry.diffusion_flows(labels)
    kernel = np.ones([3 if size > 1 else 1 for size in labels.shape])
    for number in np.unique(labels[labels > 0]):
        inside = labels == number
        places = np.argwhere(inside)
        centre = tuple(places[((places - places.mean(0)) ** 2).sum(1).argmin()])
        heat = np.zeros(labels.shape)
        for _ in range(2 * (np.ptp(places, 0) + 2).sum()):
            heat[centre] += 1
            heat = inside * ndimage.convolve(heat, kernel, mode="constant") / kernel.size
        padded = np.pad(heat, 1)
        rise = [np.roll(padded, -1, axis) - np.roll(padded, 1, axis) for axis in range(3)]
        rise = np.stack(rise)[:, 1:-1, 1:-1, 1:-1]
        steepness = np.linalg.norm(rise, axis=0)
        rise[:, steepness < 1e-9 * heat] = 0  # only rounding errors
        expected = rise / np.maximum(steepness, 1e-300)
        assert np.allclose(flows[:, inside], expected[:, inside], atol=1e-4)
    assert not flows[:, labels <= 0].any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 19, 23), (9, 10, 11)]))
def test_distance_is_that_to_the_nearest_pixel_of_anything_else(seed, shape):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((2, *shape)), 2)
    labels = ((noise[0] > -0.02) * (1 + (noise[1] > 0))).astype(np.int32)
    found = geometry.distance_to_edge(labels)
    places = np.argwhere(labels >= 0)
    for place in places[:: max(1, len(places) // 60)]:
        own = labels[tuple(place)]
        others = np.argwhere(labels != own)
        if own == 0:
            assert found[tuple(place)] == 0
        elif len(others):
            nearest = np.sqrt(((others - place) ** 2).sum(1).min())
            assert found[tuple(place)] == pytest.approx(nearest)


def test_hops_repeated_are_hops_one_by_one():
    rng = np.random.default_rng(0)
    pixels = np.flatnonzero(rng.random(500) < 0.4).astype(np.int32)
    target = np.arange(500).astype(np.int32)
    target[pixels] = rng.integers(0, 500, len(pixels))
    expected = pixels.copy()
    for times in range(12):
        assert np.array_equal(dynamics.repeat(target.copy(), pixels, times), expected)
        expected = target[expected]


def test_pixels_of_a_plane_move_as_in_a_volume_of_one_plane():
    rng = np.random.default_rng(1)
    steps = ndimage.gaussian_filter(rng.standard_normal((30, 40, 2)), (3, 3, 0)).astype(np.float32)
    steps /= np.linalg.norm(steps, axis=-1, keepdims=True)
    foreground = rng.random((30, 40)) < 0.8
    in_volume = np.zeros((1, 30, 40, 3), np.float32)
    in_volume[0, ..., 1:] = steps
    flat = dynamics.hops_in_plane(foreground, steps)
    assert (flat == dynamics.hops_in_volume(foreground[None], in_volume)).mean() > 0.999
    moved = np.stack(np.divmod(flat, 40)) - np.indices((30, 40)).reshape(2, -1)
    assert np.abs(moved).max() == dynamics.HOP


def test_long_bent_objects_that_touch_stay_apart_and_whole():
    rows, columns = np.indices((90, 200))
    wave = 45 + 18 * np.sin(columns / 22)
    labels = np.zeros((90, 200), np.int32)
    for number, shift in enumerate((-10, 0, 10), 1):
        labels[(np.abs(rows - wave - shift) < 5) & (np.abs(columns - 100) < 90)] = number
    readout = new_readout("flows-distance", 2, 70.0)
    assert isinstance(readout, DistanceFlowsReadout)
    found = readout.decode(perfect_maps(labels, readout))
    assert match(labels, found.labels, 0.9).counts.true_positives == 3 == len(found.anchors)


def test_small_and_large_objects_in_one_image():
    rows, columns = np.indices((140, 200))
    labels = (np.hypot(rows - 70, columns - 65) < 60).astype(np.int32)
    for number, row in enumerate(range(10, 130, 12), 2):
        labels[np.hypot(rows - row, columns - 150) < 3.2] = number
    readout = FlowsReadout.suited_to(2, 120.0)
    found = readout.decode(perfect_maps(labels, readout))
    assert match(labels, found.labels, 0.9).counts.true_positives == 11 == len(found.anchors)


def test_objects_whose_flows_do_not_fit_their_shape_are_dropped():
    labels = np.zeros((60, 110), np.int32)
    rows, columns = np.indices(labels.shape)
    for number, column in enumerate((28, 80), 1):
        labels[np.hypot(rows - 30, columns - column) < 18] = number
    maps = perfect_maps(labels, FlowsReadout())
    maps[1:, :, :54] = -0.6 * maps[1:, ::-1, 53::-1][::-1][::-1]  # still inwards, but short
    lenient, strict = FlowsReadout(), FlowsReadout(flow_error=0.05)
    error = lenient.evidence_names.index("flow error")
    found = lenient.decode(maps)
    assert found.evidence[0, error] > 0.1 > 0.01 > found.evidence[1, error]
    assert len(strict.decode(maps).anchors) == 1


def test_parts_cut_off_from_the_centre_teach_no_flow():
    labels = np.zeros((1, 20, 40), np.int32)
    labels[0, 5:15, 2:20] = labels[0, 5:15, 30:34] = 1
    flows = geometry.diffusion_flows(labels)
    assert not flows[:, 0, 5:15, 30:34].any()
    assert np.linalg.norm(flows[:, 0, 5:15, 2:8], axis=0) == pytest.approx(1, abs=1e-5)


def test_middle_lines_are_for_planes():
    with pytest.raises(UsageError, match="'flows' instead"):
        new_readout("flows-distance", 3, 30.0)
