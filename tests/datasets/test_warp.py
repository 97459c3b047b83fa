import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from cellwright.datasets.warp import Warp, smooth_bend
from datasets.dataset_builders import discs

NO_BEND = np.empty((2, 0, 0), np.float32)


def plane_warp(shape, centre, matrix, bend=NO_BEND):
    return Warp((1, *shape), (0.0, *centre), np.array(matrix, float), 1.0, bend)


def slow_warp(pixels, labels, warp):
    """Warp with SciPy: the same map, evaluated point by point."""
    z, y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in warp.shape), indexing="ij")
    if warp.bend.size:
        y, x = y + warp.bend[0], x + warp.bend[1]
    m = warp.matrix
    points = [
        warp.centre[0] + warp.depth_step * z,
        warp.centre[1] + m[0, 0] * y + m[0, 1] * x,
        warp.centre[2] + m[1, 0] * y + m[1, 1] * x,
    ]
    patch = [map_coordinates(c, points, order=1, mode="reflect") for c in pixels]
    nearest = [np.floor(p + 0.5).astype(int) for p in points]
    folded = []
    for index, size in zip(nearest, labels.shape, strict=True):
        index = index % (2 * size)
        folded.append(np.where(index < size, index, 2 * size - 1 - index))
    return np.stack(patch), labels[tuple(folded)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_equals_the_slow_reference(seed, flat):
    rng = np.random.default_rng(seed)
    source = (1 if flat else 5, 23, 31)
    shape = (1 if flat else 4, 17, 20)
    pixels = rng.random((2, *source), dtype=np.float32)
    labels = rng.integers(0, 9, source).astype(np.int32)
    bend = smooth_bend(shape[1:], 6, 1.0, rng)
    matrix = rng.uniform(-1, 1, (2, 2))
    matrix *= rng.uniform(0.5, 1.4) / np.sqrt(max(abs(np.linalg.det(matrix)), 1e-3))
    matrix *= 1.4 / max(1.4, np.sqrt(abs(np.linalg.det(matrix))))
    centre = tuple(rng.uniform(0, n - 1) for n in source)
    warp = Warp(shape, (0.0, *centre[1:]) if flat else centre, matrix, 1.0, bend)
    expected, expected_labels = slow_warp(pixels, labels, warp)
    patch, patch_labels = warp.apply(pixels, labels)
    np.testing.assert_allclose(patch, expected, atol=2e-5)
    # A point that lies between two pixels to the last bit may go either way.
    assert (patch_labels != expected_labels).mean() < 1e-3


def test_region_holds_all_that_the_patch_needs():
    rng = np.random.default_rng(1)
    pixels = rng.random((1, 1, 80, 90), dtype=np.float32)
    labels = rng.integers(0, 9, (1, 80, 90)).astype(np.int32)
    for _ in range(40):
        angle, step = rng.uniform(0, 6), rng.uniform(0.3, 3)
        turn = step * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centre = rng.uniform(0, 79, 2)
        warp = plane_warp((24, 30), centre, turn, smooth_bend((24, 30), 8, 2.0, rng))
        region = warp.region((1, 80, 90))
        part = warp.apply(pixels[:, *region], labels[region], tuple(side.start for side in region))
        whole = warp.apply(pixels, labels)
        np.testing.assert_allclose(part[0], whole[0], atol=1e-5)
        assert (part[1] != whole[1]).mean() < 1e-3


@pytest.mark.parametrize("matrix", [[[1, 0], [0, 1]], [[-1, 0], [0, 1]], [[0, -1], [1, 0]]])
def test_flips_and_turns_move_pixels_without_changing_them(matrix):
    pixels = np.random.default_rng(0).random((1, 1, 20, 20), dtype=np.float32)
    labels = np.arange(400, dtype=np.int32).reshape(1, 20, 20)
    patch, patch_labels = plane_warp((20, 20), (9.5, 9.5), matrix).apply(pixels, labels)
    assert sorted(patch.ravel()) == sorted(pixels.ravel())
    assert sorted(patch_labels.ravel()) == list(range(400))


def test_beyond_the_border_the_image_is_mirrored():
    row = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    warp = plane_warp((1, 12), (0, 1.5), np.eye(2))
    patch, labels = warp.apply(row, row[0].astype(np.int32))
    assert patch[0, 0, 0].tolist() == [3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0]
    assert labels[0, 0].tolist() == patch[0, 0, 0].tolist()


def test_shrinking_averages_instead_of_aliasing():
    noise = np.random.default_rng(0).standard_normal((1, 1, 256, 256)).astype(np.float32)
    labels = np.zeros((1, 256, 256), np.int32)
    patch, _ = plane_warp((60, 60), (127.5, 127.5), 4 * np.eye(2)).apply(noise, labels)
    assert patch.std() < 0.3  # one sample of four would keep a deviation of 1
    smooth = gaussian_filter(noise, (0, 0, 20, 20))
    patch, _ = plane_warp((60, 60), (127.5, 127.5), 4 * np.eye(2)).apply(smooth, labels)
    blocks = smooth[0, 0, 8:248, 8:248].reshape(60, 4, 60, 4).mean((1, 3))
    np.testing.assert_allclose(patch[0, 0], blocks, atol=1e-5)


def test_bend_has_the_stated_size_and_is_smooth():
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_bend((128, 96), 16, 3.0, rng) for _ in range(20)])
    assert fields.shape == (20, 2, 128, 96)
    assert abs(np.sqrt((fields**2).mean()) - 3.0) < 0.2
    assert np.abs(np.diff(fields, axis=-1)).max() < 1.5


def test_volume_is_turned_in_the_plane_only():
    labels = np.stack([discs((40, 40)) * 0 + z for z in range(6)]).astype(np.int32)
    pixels = labels[None].astype(np.float32)
    matrix = np.array([[0.6, -0.8], [0.8, 0.6]])
    patch, patch_labels = Warp((6, 40, 40), (2.5, 19.5, 19.5), matrix, -1.0, NO_BEND).apply(
        pixels, labels
    )
    for z in range(6):
        assert (patch_labels[z] == 5 - z).all() and np.allclose(patch[0, z], 5 - z, atol=1e-5)
