"""Labels to distances along rays, and back to pixels."""

import numpy as np
import pytest

from cellwright.methods.stars import geometry, rays, shapes


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
    distances = geometry.distances_along(labels, directions)
    centre = tuple(size // 2 for size in labels.shape)
    outline = np.ascontiguousarray(distances[(slice(None), *centre)][None])
    runs, first = shapes.runs_of(outline, directions, facets, 20)
    again = np.zeros_like(labels)
    for z, y, left, right in runs[first[0] : first[1]]:
        again[centre[0] + z, centre[1] + y, centre[2] + left : centre[2] + right + 1] = 1
    assert (again & labels).sum() >= least * (again | labels).sum()


@pytest.mark.parametrize(("dimensions", "anisotropy"), [(2, 1.0), (3, 1.0), (3, 2.5)])
def test_distances_are_those_of_a_walk_in_small_steps(dimensions, anisotropy):
    labels = ball(dimensions, 8)
    labels[:, :, 12:] *= 2  # two halves that touch
    directions, _ = rays.star(dimensions, 24, anisotropy)
    distances = geometry.distances_along(labels, directions)
    assert not distances[:, labels == 0].any()
    steps = np.arange(0, 40, 0.05)
    errors = []
    for place in np.argwhere(labels)[::29]:
        ways = place + steps[:, None, None] * directions
        inside = np.ones(ways.shape[:2], bool)
        pixels = np.floor(ways + 0.5).astype(int)
        for axis, size in enumerate(labels.shape):
            inside &= (pixels[..., axis] >= 0) & (pixels[..., axis] < size)
        pixels = np.minimum(np.maximum(pixels, 0), np.array(labels.shape) - 1)
        inside &= labels[tuple(np.moveaxis(pixels, -1, 0))] == labels[tuple(place)]
        walked = steps[np.argmin(inside, 0)]
        errors.append(np.abs(distances[(slice(None), *place)] - walked))
    # Lines of pixels lie up to half a pixel beside the ray, which matters where it grazes.
    assert np.median(errors) < 0.3 and np.quantile(errors, 0.9) < 1.5


@pytest.mark.parametrize("seed", range(3))
def test_the_pixels_of_a_polygon_are_those_whose_centre_is_inside(seed):
    from skimage.measure import points_in_poly

    distances = np.random.default_rng(seed).uniform(1, 12, (3, 16)).astype(np.float32)
    directions, facets = rays.star(2, 16, 1.0)
    runs, first = shapes.runs_of(distances, directions, facets, 12)
    grid = np.argwhere(np.ones((25, 25), bool)) - 12
    for n in range(3):
        corners = (distances[n][:, None] * directions)[:, 1:]
        inside = {tuple(p) for p in grid[points_in_poly(grid, corners)].tolist()}
        found = {
            (y, x)
            for _, y, left, right in runs[first[n] : first[n + 1]].tolist()
            for x in range(left, right + 1)
        }
        assert found == inside


@pytest.mark.parametrize("seed", range(3))
def test_the_pixels_of_a_polyhedron_are_those_within_one_of_its_cones(seed):
    distances = np.random.default_rng(seed).uniform(2, 8, (2, 24)).astype(np.float32)
    directions, facets = rays.star(3, 24, 1.0)
    runs, first = shapes.runs_of(distances, directions, facets, 8)
    grid = np.argwhere(np.ones((17, 17, 17), bool)) - 8
    for n in range(2):
        corners = (distances[n][:, None] * directions).astype(float)[facets]
        shares = np.einsum("pi,fij->pfj", grid, np.linalg.inv(corners))
        inside = ((shares >= 0).all(2) & (shares.sum(2) <= 1)).any(1)
        inside |= (grid == 0).all(1)
        found = {
            (z, y, x)
            for z, y, left, right in runs[first[n] : first[n + 1]].tolist()
            for x in range(left, right + 1)
        }
        assert found == {tuple(p) for p in grid[inside].tolist()}


def test_rays_into_the_unknown_say_so():
    labels = ball(2, 8)
    labels[:, :, :9] = -1
    directions, _ = rays.star(2, 4, 1.0)
    distances = geometry.distances_along(labels, directions)
    assert distances[2, 0, 10, 10] == -1 and distances[0, 0, 10, 10] > 0
