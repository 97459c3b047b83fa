"""Bright spots, found without learning: where they are, how bright, and what is noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError, UsageError
from cellwright.methods.points import spots, subpixel
from cellwright.methods.points.spots import (
    detect_spots,
    find_spots,
    measure_noise,
    pixel_noise,
    spot_reach,
    spot_response,
    spot_widths,
)
from cellwright.metrics.points import match_points


def gaussians(shape, positions, width, height=100.0):
    """Return the sum of Gaussian spots at positions between the pixels."""
    grid = np.indices(shape).astype(float)
    image = np.zeros(shape)
    for position in positions:
        away = [axis - middle for axis, middle in zip(grid, position, strict=True)]
        image += height * np.exp(-sum((a / w) ** 2 for a, w in zip(away, width, strict=True)) / 2)
    return image


def positions_of(table):
    return np.stack([table[axis] for axis in "zyx" if axis in table], 1)


PLANE = ((64, 80), (1.5, 1.5))
VOLUME = ((24, 40, 40), (1.2, 1.5, 1.5))


@pytest.mark.parametrize(("shape", "width"), [PLANE, VOLUME])
@pytest.mark.parametrize(("fit", "error"), [("quadratic", 0.06), ("gaussian", 2e-3)])
def test_clean_spots_are_found_where_they_are_as_bright_as_they_are(shape, width, fit, error):
    rng = np.random.default_rng(4)
    cells = np.stack(np.meshgrid(*(np.arange(8, size - 7, 12) for size in shape)), -1)
    truth = cells.reshape(-1, len(shape)) + rng.uniform(-0.5, 0.5, (cells[..., 0].size, len(shape)))
    diameter = [2 * np.sqrt(len(shape)) * w for w in width]
    found = detect_spots(gaussians(shape, truth, width) + 20, diameter, fit=fit)
    matched = match_points(truth, positions_of(found), 1.0)
    assert matched.counts.f1 == 1 and matched.distance.max() < error
    assert found["intensity"] == pytest.approx(100, rel=0.1 if fit == "quadratic" else 1e-3)


@pytest.mark.parametrize("fit", ["quadratic", "gaussian"])
def test_noise_alone_holds_hardly_a_spot_and_bright_ones_stand_out(fit):
    rng = np.random.default_rng(0)
    noise = rng.normal(50, 4, (256, 256))
    assert len(detect_spots(noise, 4.0, fit=fit)["x"]) <= 1
    truth = rng.uniform(10, 246, (60, 2))
    found = detect_spots(noise + gaussians((256, 256), truth, (1.4, 1.4), 40.0), 4.0, fit=fit)
    counts = match_points(truth, positions_of(found), 2.0).counts
    assert counts.f1 > 0.95
    assert np.median(found["snr"]) == pytest.approx(10, rel=0.2)


def test_grey_values_have_no_unit_and_no_zero():
    rng = np.random.default_rng(1)
    image = rng.normal(0, 1, (96, 96)) + gaussians(
        (96, 96), rng.uniform(5, 90, (20, 2)), (1.4,) * 2
    )
    plain, scaled = detect_spots(image, 4.0), detect_spots(3000 + 20 * image, 4.0)
    for column in ("y", "x", "score", "snr"):
        assert plain[column] == pytest.approx(scaled[column], abs=0.02, rel=1e-3)
    assert 20 * plain["intensity"] == pytest.approx(scaled["intensity"], rel=1e-3)


def test_strongest_first_and_flat_or_tiny_images_are_empty():
    image = gaussians((40, 40), [(10, 10)], (1.4, 1.4), 50) + gaussians(
        (40, 40), [(30, 30)], (1.4, 1.4), 100
    )
    assert detect_spots(image, 4.0)["y"].round().tolist() == [30, 10]
    for empty in (np.full((30, 30), 7), np.zeros((1, 1)), np.zeros((1, 5, 5)), np.zeros((2, 1))):
        table = detect_spots(empty, 4.0)
        assert {len(column) for column in table.values()} == {0}
    assert list(table) == ["y", "x", "score", "intensity", "sigma", "snr"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.booleans())
def test_turning_the_image_turns_the_spots(seed, turns, mirrored):
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, (41, 41)) + gaussians(
        (41, 41), rng.uniform(0, 40, (9, 2)), (1.4,) * 2, 9
    )
    moved = np.rot90(image, turns)
    moved = moved[:, ::-1] if mirrored else moved
    here, there = (positions_of(detect_spots(np.ascontiguousarray(i), 4.0)) for i in (image, moved))
    if mirrored:
        there[:, 1] = 40 - there[:, 1]
    for _ in range(turns):
        there = np.stack([there[:, 1], 40 - there[:, 0]], 1)
    assert len(here) == len(there)
    assert match_points(here, there, 0.05).counts.true_positives == len(here)


def test_the_noise_of_a_pixel_is_found_below_structure():
    rng = np.random.default_rng(2)
    rows, columns = np.indices((200, 200))
    image = (rng.normal(0, 3, (200, 200)) + 5 * rows + 100 * (columns > 90)).astype(np.float32)
    assert pixel_noise(image) == pytest.approx(3, rel=0.05)


def test_noise_is_measured_in_all_columns(monkeypatch):
    image = np.random.default_rng(0).normal(100, 5, (20, 100, 100)).astype(np.float32)
    image[..., :8] = 0  # as where a volume was aligned
    everywhere = measure_noise([image], (1.5, 1.5, 1.5)).response
    monkeypatch.setattr(spots, "_SAMPLE", 1000)  # of 200,000: every 200th, of 100 columns
    assert measure_noise([image], (1.5, 1.5, 1.5)).response == pytest.approx(everywhere, rel=0.1)


def test_the_response_is_that_of_scipy():
    from scipy.ndimage import convolve1d

    from cellwright.images.filters import gaussian

    image = np.random.default_rng(0).random((6, 9, 8), np.float32)
    smooth = gaussian(image, (0.7, 1.5, 1.2))
    slow = sum(
        w**2 * convolve1d(smooth, [-1, 2, -1], axis, mode="reflect")
        for axis, w in enumerate((0.7, 1.5, 1.2))
    )
    assert np.allclose(spot_response(image, (0.7, 1.5, 1.2)), slow, atol=1e-6)


def test_the_top_of_a_quadratic_is_found_exactly():
    z, y, x = np.indices((7, 7, 7)) - 3.0
    dz, dy, dx = z - 0.2, y + 0.3, x - 0.1
    hill = -(dz**2 + 2 * dy**2 + dx**2 + 0.5 * dz * dy - 0.8 * dy * dx)
    top = subpixel.tops(hill.astype(np.float32), np.array([[3, 3, 3]]))
    assert top[0] == pytest.approx([3.2, 2.7, 3.1], abs=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_spots_at_the_side_stay_in_the_image(axis):
    place = [20.0, 20.0]
    place[axis] = 0.3
    image = gaussians((40, 40), [place], (1.4, 1.4))
    for fit in ("quadratic", "gaussian"):
        found = positions_of(detect_spots(image, 4.0, fit=fit))
        nearest = found[np.abs(found - place).sum(1).argmin()]
        assert np.abs(nearest - place).max() < 0.5 and found.min() >= -0.5


@pytest.mark.parametrize(
    ("pixels", "options", "error"),
    [
        (np.zeros(5), {}, InputError),
        (np.zeros((0, 5)), {}, InputError),
        (np.full((5, 5), np.nan), {}, InputError),
        (np.zeros((5, 5)), {"diameter": 0}, UsageError),
        (np.zeros((5, 5)), {"diameter": (4, 4, 4)}, UsageError),
        (np.zeros((5, 5)), {"threshold": 0}, UsageError),
        (np.zeros((5, 5)), {"fit": "cubic"}, UsageError),
    ],
)
def test_what_cannot_be_done_is_said(pixels, options, error):
    with pytest.raises(error):
        detect_spots(pixels, **{"diameter": 4.0, **options})


@pytest.mark.parametrize("width", [1.0, 1.4, 2.2])
def test_the_width_of_a_spot_is_fitted(width):
    image = gaussians((40, 40), [(20.3, 19.8)], (width, width), 60.0) + 7
    found = detect_spots(image, 4.0, fit="gaussian")
    assert found["sigma"][0] == pytest.approx(width, rel=0.02)
    assert found["intensity"][0] == pytest.approx(60, rel=0.02)


def test_dark_spots_are_bright_ones_upside_down():
    rng = np.random.default_rng(5)
    image = rng.normal(100, 1, (80, 80)) + gaussians(
        (80, 80), rng.uniform(5, 75, (9, 2)), (1.4,) * 2
    )
    bright, dark = detect_spots(image, 4.0), detect_spots(300 - image, 4.0, dark=True)
    for column, values in bright.items():
        assert dark[column] == pytest.approx(values, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("shape", [(120, 90), (30, 40, 44)])
@pytest.mark.parametrize("fit", ["quadratic", "gaussian"])
def test_spots_in_a_part_of_an_image_need_only_their_reach(shape, fit):
    rng = np.random.default_rng(6)
    axes = len(shape)
    places = rng.uniform(0, np.array(shape) - 1, (40, axes))
    image = rng.normal(0, 1, shape) + gaussians(shape, places, (1.3,) * axes, 12)
    image = image.astype(np.float32)
    widths = spot_widths(4.0, axes)
    noise = measure_noise([image], widths)
    whole = find_spots(image, widths, noise, fit=fit)
    reach = spot_reach(widths)[0]
    start, stop = shape[0] // 3, shape[0] // 2
    part = find_spots(image[start - reach : stop + reach], widths, noise, fit=fit)
    above = np.zeros(axes, int)
    above[0] = start - reach
    own = [(spots.peaks + shift)[:, 0] for spots, shift in ((whole, 0), (part, above))]
    own = [(rows >= start) & (rows < stop) for rows in own]
    assert own[0].sum() > 1
    np.testing.assert_array_equal(whole.peaks[own[0]], part.peaks[own[1]] + above)
    np.testing.assert_allclose(
        whole.positions[own[0]], part.positions[own[1]] + above, rtol=0, atol=1e-5
    )
    for name in ("scores", "heights", "sigmas"):
        np.testing.assert_allclose(
            getattr(whole, name)[own[0]], getattr(part, name)[own[1]], rtol=1e-4
        )
