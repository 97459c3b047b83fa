"""The graph of detections: order, derived arrays, tracklets, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError
from cellwright.tracking.links import Links, Parents
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import PARENT, make_tracks

# a: 0 1 2 divides into b: 3 4 and c: 3 5 (a gap at 4, bridged); d: 0 … 3 merges with b at 4.
FRAME = [0, 1, 2, 3, 4, 3, 5, 0, 1, 2, 3]
LINKS = [(0, 1), (1, 2), (2, 3), (2, 5), (3, 4), (5, 6), (7, 8), (8, 9), (9, 10), (10, 4)]


def example(seed=None, **changes):
    """The tracks drawn above, their arrays shuffled."""
    order = np.arange(11) if seed is None else np.random.default_rng(seed).permutation(11)
    rank = np.argsort(order)
    given_ = {
        "frame": np.array(FRAME)[order],
        "label": (np.arange(11) + 1)[order],
        "position": np.arange(22.0).reshape(11, 2)[order],
        "edges": rank[np.array(LINKS)],
        "properties": {"area": np.arange(11)[order] * 10},
        "edge_properties": {"probability": np.linspace(0, 1, 10)},
    }
    return make_tracks(**(given_ | changes))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_given_does_not_matter(seed):
    tracks, shuffled = example(), example(seed)
    for name in ("frame", "label", "position", "edges"):
        assert (getattr(tracks, name) == getattr(shuffled, name)).all()
    assert (tracks.properties["area"] == 10 * (tracks.label - 1)).all()
    assert (shuffled.properties["area"] == tracks.properties["area"]).all()
    assert (np.diff(tracks.frame) >= 0).all()
    named = {tuple(pair) for pair in tracks.label[tracks.edges].tolist()}
    assert named == {(a + 1, b + 1) for a, b in LINKS}


def test_derived_arrays_say_what_the_edges_say():
    tracks = example(3)
    offsets, (entering, rows) = tracks.outgoing(), tracks.incoming()
    for detection in range(len(tracks)):
        leaving = tracks.edges[offsets[detection] : offsets[detection + 1]]
        assert (leaving[:, 0] == detection).all() and len(leaving) == tracks.out_degree()[detection]
        into = tracks.edges[rows[entering[detection] : entering[detection + 1]]]
        assert (into[:, 1] == detection).all() and len(into) == tracks.in_degree()[detection]
    assert offsets[-1] == entering[-1] == len(tracks.edges)
    starts = tracks.frame_offsets()
    assert np.diff(starts).tolist() == [2, 2, 2, 3, 1, 1]


def test_tracklets_end_at_divisions_mergers_and_gaps():
    tracks = example(5)
    tracklets = find_tracklets(tracks)
    runs = {tuple(tracks.label[tracklets.of == k]) for k in range(len(tracklets))}
    assert runs == {(1, 2, 3), (8, 9, 10, 11), (4,), (5,), (6,), (7,)}
    assert (np.diff(tracklets.begin) >= 0).all()
    assert (tracklets.begin == tracks.frame[tracklets.first]).all()
    assert (tracklets.end == tracks.frame[tracklets.last]).all()
    mother = tracklets.of[tracks.label == 3][0]
    assert tracklets.child_counts()[mother] == 2
    merged = tracklets.of[tracks.label == 5][0]
    assert tracklets.parent_counts()[merged] == 2 and tracklets.parents()[mother] == -1
    names = tracks.label[tracklets.last[tracklets.links[:, 0]]]
    assert sorted(names) == [3, 3, 4, 6, 11]


def test_a_new_track_may_begin_where_nothing_happens():
    pair = {"frame": [0, 1], "position": np.ones((2, 3)), "edges": [[0, 1]]}
    assert len(find_tracklets(make_tracks(**pair))) == 1
    cut = make_tracks(**pair, edge_properties={PARENT: [True]})
    assert find_tracklets(cut).links.tolist() == [[0, 1]]


def test_other_links_on_the_same_detections():
    tracks = example().with_edges([[3, 4], [0, 2]], {"probability": [0.5, 0.25]})
    assert tracks.edges.tolist() == [[0, 2], [3, 4]]
    assert tracks.edge_properties["probability"].tolist() == [0.25, 0.5]


def test_movies_without_detections_are_movies():
    tracks = make_tracks([], np.zeros((0, 2)), frame_count=7)
    assert len(tracks) == 0 and tracks.frame_offsets().tolist() == [0] * 8
    assert len(find_tracklets(tracks)) == 0


def test_positions_in_micrometres():
    tracks = make_tracks([0], [[2, 4, 6]], pixel_size=(2.0, 0.5, 0.5), frame_interval=60.0)
    assert tracks.position_um.tolist() == [[4, 2, 3]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edges": [[1, 0]]}, "forward"),
        ({"edges": [[0, 7]]}, "forward"),
        ({"edges": [[0, 99]]}, "outside"),
        ({"edges": [[0, -1]]}, "outside"),
        ({"edges": [[0, 1], [0, 1]], "edge_properties": {}}, "twice"),
        ({"edges": [[0.0, 1.0]]}, "whole numbers"),
        ({"label": [1] * 11}, "two detections of label 1"),
        ({"label": np.arange(11)}, "from 1"),
        ({"frame": [-1, *FRAME[1:]]}, "beyond"),
        ({"frame": np.array(FRAME) + 0.5}, "whole numbers"),
        ({"frame": [2**33, *FRAME[1:]]}, "beyond"),
        ({"frame_count": 5}, "5 frames"),
        ({"position": np.zeros((11, 4))}, "shape"),
        ({"position": np.full((11, 2), np.nan)}, "not finite"),
        ({"properties": {"area": [1, 2]}}, "'area'"),
        ({"edge_properties": {"probability": [1.0]}}, "'probability'"),
        ({"pixel_size": (1.0,)}, "pixel size"),
        ({"pixel_size": (1.0, -1.0)}, "pixel size"),
        ({"frame_interval": 0.0}, "interval"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(changes, message):
    if "edges" in changes:
        changes = {"edge_properties": {}} | changes
    with pytest.raises(InputError, match=message):
        example(**changes)


def test_links_that_are_in_order_are_not_copied():
    tracks = example()
    again = tracks.with_edges(tracks.edges, tracks.edge_properties)
    assert np.shares_memory(again.edges, tracks.edges)
    assert tracks.with_edges(tracks.edges[::-1]).edges.tolist() == tracks.edges.tolist()


def test_links_kept_by_where_they_lead_come_by_where_they_begin():
    parents = Parents.none(len(FRAME))
    links = np.array([pair for pair in LINKS if pair != (10, 4)])[::-1]
    parents.put(Links(links, np.arange(len(links)) / 10))
    found = parents.links()
    assert found.edges.tolist() == sorted(links.tolist())
    known = dict(zip(map(tuple, links.tolist()), np.arange(len(links)) / 10, strict=True))
    assert found.probability.tolist() == [known[tuple(pair)] for pair in found.edges.tolist()]


@pytest.mark.parametrize("frames", [[0, 0, 1, 1, 1, 3], [1, 0, 1, 3, 0, 1]])
def test_labels_that_nobody_gave_count_in_each_frame(frames):
    tracks = make_tracks(frames, np.zeros((6, 2)))
    assert tracks.frame.tolist() == sorted(frames)
    assert tracks.label.tolist() == [1, 2, 1, 2, 3, 1]


def test_tracks_are_shown_without_their_numbers():
    tracks = make_tracks(
        [0, 1], np.zeros((2, 2)), [[0, 1]], properties={"area": [3, 4]}, pixel_size=(0.5, 0.5)
    )
    told = "pixel_size=(0.5, 0.5), properties=['area']"
    assert repr(tracks) == f"Tracks(2 detections in 2 frames, 1 link, 2D, {told})"
