import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.inference.resample import Grid, resample_labels, resample_region

sizes = st.integers(1, 40)
scales = st.floats(0.1, 5)


def whole(image, grids):
    spans = [(0, grid.network) for grid in grids]
    return resample_region(image, (0,) * len(grids), grids, spans)


def averaged(line, count):
    """The mean of each of `count` equal stretches of a line, by brute force."""
    fine = np.repeat(line, count)
    return fine.reshape(count, len(line)).mean(axis=1)


@given(size=st.integers(2, 40), data=st.data())
def test_shrinking_averages_areas(size, data):
    count = data.draw(st.integers(1, size - 1))
    line = np.random.default_rng(size).random(size)
    grids = (Grid(size, count), Grid(1, 1))
    np.testing.assert_allclose(
        whole(line[None, :, None], grids)[0, :, 0], averaged(line, count), rtol=1e-5
    )


@given(size=st.integers(2, 40), factor=st.floats(1.01, 5))
def test_enlarging_interpolates_between_pixel_centres(size, factor):
    grid = Grid.at_scale(size, factor)
    line = np.random.default_rng(size).random(size)
    place = (np.arange(grid.network) + 0.5) * size / grid.network - 0.5
    expected = np.interp(place, np.arange(size), line)
    seen = whole(line[None, None, :], (Grid(1, 1), grid))[0, 0]
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@given(rows=sizes, columns=sizes, scale=scales, data=st.data())
def test_a_region_is_part_of_the_whole_to_the_last_bit(rows, columns, scale, data):
    grids = Grid.at_scale(rows, scale), Grid.at_scale(columns, scale)
    image = np.random.default_rng(0).random((2, rows, columns), dtype=np.float32)
    spans = []
    for grid in grids:
        start = data.draw(st.integers(0, grid.network - 1))
        spans.append((start, data.draw(st.integers(start + 1, grid.network))))
    (top, bottom), (left, right) = (
        grid.image_span(*span) for grid, span in zip(grids, spans, strict=True)
    )
    assert 0 <= top < bottom <= rows and 0 <= left < right <= columns
    part = resample_region(image[:, top:bottom, left:right], (top, left), grids, spans)
    np.testing.assert_array_equal(part, whole(image, grids)[:, slice(*spans[0]), slice(*spans[1])])


def test_scale_one_is_the_image_itself_uncopied():
    image = np.arange(12, dtype=np.uint16).reshape(1, 3, 4)
    grids = Grid.at_scale(3, 1.0), Grid.at_scale(4, 1.0)
    seen = whole(image, grids)
    assert seen.dtype == np.uint16 and np.shares_memory(seen, image)


def voted(labels, grids):
    """Labels on the image grid, pixel by pixel."""
    result = np.zeros([grid.image for grid in grids], np.int32)
    for pixel in np.ndindex(result.shape):
        votes = {}
        for label, weight in _neighbours(labels, grids, pixel):
            votes[label] = votes.get(label, 0) + weight
        most = max(votes.values())
        result[pixel] = min(label for label, v in votes.items() if v >= most - 1e-12)
    return result


def _neighbours(labels, grids, pixel):
    places = [
        np.clip((at + 0.5) * grid.network / grid.image - 0.5, 0, grid.network - 1)
        for at, grid in zip(pixel, grids, strict=True)
    ]
    for index, label in np.ndenumerate(labels):
        weight = np.prod(np.maximum(0, 1 - np.abs(np.subtract(index, places))))
        if weight > 0:
            yield int(label), weight


@given(
    size=st.lists(st.integers(1, 12), min_size=2, max_size=2)
    | st.lists(st.integers(1, 5), min_size=3, max_size=3),
    scale=st.floats(0.3, 3),
)
def test_labels_follow_the_linear_vote(size, scale):
    grids = [Grid.at_scale(length, scale) for length in size]
    shape = [grid.network for grid in grids]
    labels = np.random.default_rng(size[0]).integers(0, 4, shape).astype(np.int32)
    back = resample_labels(labels, 0, grids, (0, size[0]))
    np.testing.assert_array_equal(back, voted(labels, grids))


def test_a_volume_is_resampled_along_each_axis_as_a_line_is():
    line = np.random.default_rng(0).random(9).astype(np.float32)
    for axis, count in ((1, 4), (2, 4), (3, 4), (1, 17), (3, 17)):
        volume = np.ones((2, 9, 9, 9), np.float32) * line.reshape(-1, *(1,) * (3 - axis))
        grids = [Grid(9, count if one == axis else 9) for one in (1, 2, 3)]
        expected = whole(line[None, :, None], (Grid(9, count), Grid(1, 1)))[0, :, 0]
        seen = np.moveaxis(whole(volume, grids), axis, -1)
        np.testing.assert_allclose(seen, np.broadcast_to(expected, seen.shape), rtol=1e-6)


@given(size=st.integers(1, 60), scale=scales, data=st.data())
def test_rows_that_are_ready_do_not_need_more_of_the_network(size, scale, data):
    grid = Grid.at_scale(size, scale)
    known = data.draw(st.integers(0, grid.network))
    ready = grid.ready(known)
    assert grid.ready(grid.network) == size
    if ready > 0:
        lower, weight = grid.neighbours(0, ready)
        needed = np.where(weight > 0, lower + 1, lower)
        assert needed.max() < known


def test_a_disc_keeps_its_shape_on_the_way_there_and_back():
    y, x = np.ogrid[:100, :100]
    disc = ((y - 49.5) ** 2 + (x - 49.5) ** 2 < 30**2).astype(np.float32)[None]
    for scale in (0.5, 1.5):
        grids = Grid.at_scale(100, scale), Grid.at_scale(100, scale)
        back = resample_labels((whole(disc, grids)[0] > 0.5).astype(np.int32), 0, grids, (0, 100))
        assert back.sum() == pytest.approx(disc.sum(), rel=0.02)
        assert ((back > 0) != (disc[0] > 0)).mean() < 0.01
