"""Families: who comes from whom, and where everyone stands in the tree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.runs.track.drawings import draw_lineages
from cellwright.tracking.lineage import children_of, tree_rows
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import make_tracks


def twice_divided():
    """A cell that divides, and one of its daughters that divides again; another cell beside."""
    return make_tracks(
        frame=[0, 1, 1, 2, 2, 2, 0],
        label=[1, 1, 2, 1, 2, 3, 9],
        position=np.arange(14).reshape(7, 2),
        edges=[[0, 1], [0, 2], [1, 3], [1, 4], [2, 5]],
    )


def test_a_family_as_a_tree():
    tracks = twice_divided()
    tracklets = find_tracklets(tracks, cut=tracks.branches())
    children = children_of(tracklets)
    root = int(tracklets.of[0])
    rows = tree_rows(root, children)
    first, second = children[root]
    assert next(iter(rows)) == root and len(rows) == 5
    assert [rows[one] for one in children[first]] == [0.0, 1.0]
    assert rows[first] == 0.5 and rows[second] == 2.0 and rows[root] == 1.25
    assert children[int(tracklets.of[tracks.label == 9][0])] == []


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_no_two_leaves_share_a_row_and_lines_do_not_cross(mothers):
    children = [[] for _ in range(len(mothers) + 1)]
    for child, mother in enumerate(mothers, start=1):
        children[mother % child].append(child)
    rows = tree_rows(0, children)
    assert sorted(rows) == list(range(len(children)))
    leaves = [rows[one] for one in rows if not children[one]]
    assert sorted(leaves) == list(range(len(leaves)))
    for own in children:
        assert [rows[one] for one in own] == sorted(rows[one] for one in own)


def test_every_track_of_a_family_is_drawn():
    families = draw_lineages(twice_divided())
    assert families.drawing.count("<title>") == 5 and families.drawing.count("<path") == 9
    assert (families.shown, families.total) == (1, 1)
    assert families.caption.startswith("The only family")


@pytest.mark.parametrize(
    ("count", "said"), [(0, ""), (3, "All 3 families"), (40, "The 30 largest of 40 families")]
)
def test_it_is_said_which_families_are_shown_of_how_many(count, said):
    mothers = np.arange(count)
    tracks = make_tracks(
        frame=np.repeat([0, 1], [count, 2 * count]),
        position=np.zeros((3 * count, 2)),
        edges=np.column_stack([np.repeat(mothers, 2), count + np.arange(2 * count)]),
        frame_count=2,
    )
    families = draw_lineages(tracks)
    assert families.total == count
    assert not said or families.caption.startswith(said)
    assert families.drawing.count("<title>") == 3 * families.shown
