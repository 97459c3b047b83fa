"""Labels to distances along rays, and back to pixels."""

import numpy as np
import pytest

from cellwright.methods.stars import geometry, rays, shapes
from cellwright.methods.watershed.geometry import squared_distances


def ball(dimensions, radius):
    """Return a disc in one plane, or a ball, in the middle of a volume."""
    side = 2 * radius + 5
    shape = (1 if dimensions == 2 else side, side, side)
    away = [axis - size // 2 for axis, size in zip(np.indices(shape), shape, strict=True)]
    return (sum(a**2 for a in away) <= radius**2).astype(np.int32)


@pytest.mark.parametrize(("dimensions", "count", "least"), [(2, 32, 0.95), (3, 96, 0.85)])
def test_a_ball_comes_back_from_its_rays(dimensions, count, least):
    labels = ball(dimensions, 8)
    directions, facets = rays.star(dimensions, count, 1.0)
    distances = geometry.distances_along(labels, squared_distances(labels, 1.0), directions)
    centre = tuple(size // 2 for size in labels.shape)
    outline = np.ascontiguousarray(distances[(slice(None), *centre)][None])
    runs, first = shapes.runs_of(outline, directions, facets, 20)
    again = np.zeros_like(labels)
    for z, y, left, right in runs[first[0] : first[1]]:
        again[centre[0] + z, centre[1] + y, centre[2] + left : centre[2] + right + 1] = 1
    assert (again & labels).sum() >= least * (again | labels).sum()


def test_rays_into_the_unknown_say_so():
    labels = ball(2, 8)
    labels[:, :, :9] = -1
    directions, _ = rays.star(2, 4, 1.0)
    distances = geometry.distances_along(labels, squared_distances(labels, 1.0), directions)
    assert distances[2, 0, 10, 10] == -1 and distances[0, 0, 10, 10] > 0


def test_of_equal_neighbours_the_first_is_a_candidate():
    scores = np.zeros((1, 5, 5), np.float32)
    scores[0, 2, 1:4] = 1
    assert shapes.candidates(scores, 0.5).tolist() == [[0, 2, 1]]
