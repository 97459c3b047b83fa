"""What every format of tracks has to carry there and back."""

import numpy as np
import pytest

from cellwright.tracking.tracks import make_tracks


def lineage(dimensions=2, **more):
    """A division, a merger, a gap and a cell alone, in frames 0 to 4 of 6."""
    frame = [0, 1, 1, 2, 2, 3, 0, 1, 4, 3]
    edges = [[0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 5], [6, 7], [7, 8]]
    position = np.random.default_rng(5).uniform(0, 50, (10, dimensions))
    columns = {"area": np.arange(10, 20), "mean": np.linspace(0.1, 1, 10)}
    return make_tracks(
        frame,
        position,
        edges,
        properties=columns,
        edge_properties={"probability": np.linspace(0.5, 0.9, 8)},
        **({"frame_count": 6} | more),
    )


def assert_same(tracks, other, columns=True):
    assert tracks.frame.tolist() == other.frame.tolist()
    assert tracks.label.tolist() == other.label.tolist()
    assert other.position == pytest.approx(tracks.position, abs=1e-9)
    assert tracks.edges.tolist() == other.edges.tolist()
    if columns:
        for ours, theirs in (
            (tracks.properties, other.properties),
            (tracks.edge_properties, other.edge_properties),
        ):
            assert set(ours) == set(theirs)
            for name, column in ours.items():
                np.testing.assert_array_equal(theirs[name], column, err_msg=name)
