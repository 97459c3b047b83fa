"""Families: who comes from whom, and where everyone stands in the tree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.runs.track.drawings import draw_lineages
from cellwright.tracking.formats.table import tracks_to_tables
from cellwright.tracking.lineage import children_of, lineage_table, tree_rows
from cellwright.tracking.summary import summarise
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import PROBABILITY, make_tracks


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


def test_cells_live_on_over_gaps_where_tracks_end():
    # A cell that is missing in frame 1, divides, and one daughter is missing in frame 4.
    tracks = make_tracks(
        frame=[0, 2, 3, 3, 5, 0],
        label=[1, 1, 1, 2, 1, 7],
        position=np.arange(12).reshape(6, 2),
        edges=[[0, 1], [1, 2], [1, 3], [3, 4]],
    )
    table = lineage_table(tracks)
    detections, _ = tracks_to_tables(tracks)
    named = dict(zip(zip(table["frame"], table["label"], strict=True), table["cell"], strict=True))
    mother, first, second, other = (named[key] for key in [(0, 1), (3, 1), (3, 2), (0, 7)])
    assert named[2, 1] == mother and named[5, 1] == second
    assert len({mother, first, second, other}) == 4
    assert len(set(detections["track"])) == 6  # two of which go on after a gap
    assert set(table["cell"]) <= set(detections["track"])
    assert sorted(set(table["cell"])) == sorted(summarise(tracks).track.tolist())
    by_cell = dict(zip(table["cell"], table["mother"], strict=True))
    assert by_cell == {mother: 0, first: mother, second: mother, other: 0}
    assert set(table["family"][table["cell"] != other]) == {mother}
    assert dict(zip(table["cell"], table["generation"], strict=True))[second] == 1


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_every_family_begins_with_its_first_cell(mothers):
    frame, edges = [0], []
    for child, wanted in enumerate(mothers, start=1):
        mother = wanted % child
        frame.append(frame[mother] + 1)
        edges.append((mother, child))
    again = np.arange(len(frame))
    tracks = make_tracks(frame, np.column_stack([again, again]), edges)
    table = lineage_table(tracks)
    assert len(set(table["family"])) == 1
    mother = dict(zip(table["cell"], table["mother"], strict=True))
    for cell, generation in zip(table["cell"], table["generation"], strict=True):
        steps = 0
        while mother[cell]:
            cell, steps = mother[cell], steps + 1
        assert steps == generation and cell == table["family"][0]


def test_doubtful_links_are_a_share_of_all_links():
    tree = make_tracks(
        frame=[0, 1, 1, 2, 2, 2, 2],
        position=np.random.default_rng(0).uniform(0, 50, (7, 2)),
        edges=[[0, 1], [0, 2], [1, 3], [1, 4], [2, 5], [2, 6]],
        edge_properties={PROBABILITY: np.array([0.5, 0.9, 0.9, 0.9, 0.9, 0.9])},
    )
    summary = summarise(tree)
    assert summary.links == summary.to_json()["links"] == 6
    assert any("1 of 6 links" in warning for warning in summary.warnings())
