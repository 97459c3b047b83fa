"""Labels to offsets."""

import numpy as np
import pytest

from cellwright.methods.offsets import geometry


def disc(size, centre, radius):
    """Return one disc as a label."""
    rows, columns = np.indices((size, size))
    inside = np.hypot(rows - centre[0], columns - centre[1]) <= radius
    return inside.astype(np.int32)


def test_round_object_points_to_its_centroid():
    labels = disc(40, (20, 20), 9)
    centre, area = geometry.centres(labels, 1)
    assert centre[0] == pytest.approx((20, 20))
    assert area[0] == (labels > 0).sum()
    offsets = geometry.offsets_to_centres(labels, centre)
    assert offsets[:, 13, 24].tolist() == [7, -4]
    assert not offsets[:, labels == 0].any()


def test_centre_of_a_bent_object_lies_on_it():
    labels = np.zeros((30, 30), np.int32)
    labels[5:25, 5:8] = 1
    labels[22:25, 5:25] = 1
    centre, _ = geometry.centres(labels, 1)
    assert labels[tuple(centre[0].astype(int))] == 1


def test_missing_label_has_no_area():
    labels = np.zeros((5, 5), np.int32)
    labels[2, 2] = 3
    _, areas = geometry.centres(labels, 3)
    assert areas.tolist() == [0, 0, 1]
