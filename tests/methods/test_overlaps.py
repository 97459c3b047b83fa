"""Shapes that overlap, from maps that tell them: whole, and better than what labels can show."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from cellwright.inference.apply import find_instances
from cellwright.inference.overlaps import Covered, layered
from cellwright.inference.view import View
from cellwright.methods.embeddings.readout import EmbeddingsReadout
from cellwright.methods.masks.geometry import TERMS
from cellwright.methods.masks.readout import MasksReadout
from cellwright.methods.overlaps import connected
from cellwright.methods.stars.readout import StarsReadout
from inference.toys import identity

SHAPE = (150, 170)
RADIUS = 16
CENTRES = [(40, 40), (52, 58), (40, 76), (100, 60), (104, 84), (110, 130)]
"""A row of three in which the middle one overlaps both, a pair, and one alone."""
GRID = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)


def disc(centre):
    return ((GRID - np.array(centre)[:, None, None]) ** 2).sum(0) <= RADIUS**2


TRUTH = np.stack([disc(centre) for centre in CENTRES])


def peaks():
    """Logits of which every centre is a peak, later ones higher."""
    logits = np.full(SHAPE, -9.0, np.float32)
    for n, (y, x) in enumerate(CENTRES):
        logits[y, x] = 4 + n / 10
    return logits


def star_maps():
    readout = StarsReadout(overlap=0.5)
    rays = np.full((readout.rays, *SHAPE), RADIUS / readout.unit, np.float32)
    return readout, np.concatenate([peaks()[None], rays])


def mask_maps():
    """Masks that fall off with the square of the distance, in boxes around the discs."""
    readout = MasksReadout(overlap=0.6, visible=0.3)
    boxes = np.full((4, *SHAPE), np.log((RADIUS + 0.5) / readout.unit), np.float32)
    prototypes = np.zeros((readout.prototypes, *SHAPE), np.float32)
    weights = np.zeros((readout.prototypes + TERMS, *SHAPE), np.float32)
    steep = 4.0
    weights[readout.prototypes] = steep
    weights[[-1, -3]] = -steep * (readout.unit / RADIUS) ** 2
    return readout, np.concatenate([peaks()[None], boxes, prototypes, weights])


def embedding_maps():
    """Pixels of one disc point to its centre, those of two or more between the centres."""
    readout = EmbeddingsReadout(bandwidth=14.0, longest=32)
    count = np.maximum(TRUTH.sum(0), 1)
    offsets = np.stack(
        [
            np.sum([own * (c[axis] - GRID[axis]) for own, c in zip(TRUTH, CENTRES, strict=True)], 0)
            / count
            for axis in range(2)
        ]
    )
    logits = np.where(TRUTH.any(0), 1.0, -9.0)
    for n, centre in enumerate(CENTRES):
        logits[centre] = 4 + n / 10
    return readout, np.concatenate(
        [logits[None], offsets / readout.unit, np.zeros((2, *SHAPE))]
    ).astype(np.float32)


MAPS = {"stars": star_maps, "masks": mask_maps, "embeddings": embedding_maps}


def masks_of(labels):
    """Return the shapes in labels or layers of them, one mask each."""
    flat = labels.reshape((-1, *SHAPE))
    return [(flat == label).any(0) for label in range(1, int(labels.max()) + 1)]


def precision(found, threshold):
    """Return TP / (TP + FP + FN) of masks that may overlap."""
    overlap = np.array([[(a & b).sum() / (a | b).sum() for b in TRUTH] for a in found])
    right = int((overlap[linear_sum_assignment(-overlap)] >= threshold).sum())
    return right / (len(found) + len(TRUTH) - right)


class Same:
    """A network whose maps are its input."""

    stride, halo, bytes_per_pixel = (1, 1), (0, 0), 500

    def __call__(self, pixels):
        return pixels


def run(readout, maps, scales=(1.0, 1.0), **options):
    labels = np.zeros([round(size / scales[0]) for size in SHAPE], np.int32)
    covered = Covered(readout.covered)
    find_instances(
        View.at_scales(maps, scales, identity, np.tile([0.0, 1.0], (len(maps), 1))),
        Same(),
        readout,
        sink=labels,
        covered=covered,
        **options,
    )
    return labels, covered.rows


@pytest.mark.parametrize("method", MAPS)
def test_whole_shapes_are_nearer_to_a_truth_that_overlaps(method):
    labels, covered = run(*MAPS[method]())
    layers = layered(labels, covered)
    assert 2 <= len(layers) <= 3
    flat, whole = masks_of(labels), masks_of(layers)
    assert len(flat) == len(whole) == len(CENTRES)
    assert precision(whole, 0.85) == 1.0 > precision(flat, 0.85)
    assert all((own <= all_of).all() for own, all_of in zip(flat, whole, strict=True))


@pytest.mark.parametrize("method", MAPS)
def test_what_is_covered_does_not_depend_on_the_tiles(method):
    readout, maps = MAPS[method]()
    labels, covered = run(readout, maps)
    tiled = run(readout, maps, tile=32, memory=1)
    np.testing.assert_array_equal(tiled[0], labels)
    assert set(map(tuple, tiled[1].tolist())) == set(map(tuple, covered.tolist()))
    assert len(covered) > 100


def test_shapes_come_back_at_the_scale_of_the_image():
    readout, maps = star_maps()
    small = layered(*run(readout, maps))
    large = layered(*run(readout, maps.repeat(2, 1).repeat(2, 2), scales=(0.5, 0.5)))
    sizes = [np.bincount(layers.ravel())[1:] for layers in (small, large)]
    np.testing.assert_allclose(sizes[1] / 4, sizes[0], rtol=0.05)


def test_objects_in_a_pile_lie_in_layers_of_their_own():
    labels = np.array([[1, 1, 2, 3, 0]], np.int32)
    covered = np.array([[1, 0, 2], [1, 0, 3], [2, 0, 3], [3, 0, 4]])
    layers = layered(labels, covered)
    assert layers.tolist() == [[[1, 1, 1, 1, 0]], [[0, 0, 2, 2, 0]], [[0, 0, 0, 3, 3]]]
    assert layered(labels, covered[:0]).tolist() == [labels.tolist()]
    assert layered(np.zeros_like(labels), covered[:0]).shape == (1, 1, 5)


def test_pixels_that_are_not_connected_with_the_object_are_left_out():
    labels = np.array([[1, 1, 2, 2, 2, 3]], np.int32)
    covered = np.array([[0, 0, 2], [0, 0, 4], [2, 0, 4]])
    assert connected(labels, covered).tolist() == [[0, 0, 2], [2, 0, 4]]
