from functools import cache

import numpy as np
import pytest

from cellwright.simulation.movies import Motion, merge_touching, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.doubt import KINDS, link_kinds
from cellwright.tracking.formats.ctc import read_ctc, write_ctc
from cellwright.tracking.formats.files import read_tracks, write_tracks
from cellwright.tracking.formats.napari import to_napari
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.metrics.evaluate import score_tracks
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.summary import summarise
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import PROBABILITY, SHARED, make_tracks
from tracking.movies import edges, nuclei


@cache
def _merged():
    """Detections of which some hold two cells, those cells, and the labels."""
    sample = NucleiSimulation(size=(256, 256), diameter=16, density=0.3, condensed=0)
    frames, labels, _ = simulate_movie(sample, Motion(20, 3, 0.5, 40), seed=5)
    merged, hidden = merge_touching(labels, 0.15, 2, seed=1)
    return find_detections(list(merged), list(frames)), hidden, merged


def _holding(detections, hidden):
    """Which detections hold two cells."""
    held = hidden["frame"] * 100_000 + hidden["label"]
    return np.isin(detections.frame * 100_000 + detections.label, held)


def _kept(tracks, hidden):
    """Share of the cells hidden inside the field whose track goes on after they were hidden."""
    ways = tracks.unshared()
    of = find_tracklets(ways, ways.branches()).of
    seen = {
        (label, frame): row
        for row, (label, frame) in enumerate(
            zip(tracks.label.tolist(), tracks.frame.tolist(), strict=True)
        )
    }
    border = tracks.properties["touches_border"]
    same = []
    for cell in np.unique(hidden["cell"]).tolist():
        gone = hidden["frame"][hidden["cell"] == cell]
        host = hidden["label"][hidden["cell"] == cell]
        for frame, other in zip(gone.tolist(), host.tolist(), strict=True):
            before, after = seen.get((cell, frame - 1)), seen.get((cell, frame + 1))
            if (
                None not in (before, after)
                and not border[[before, after, seen[other, frame]]].any()
            ):
                same.append(of[before] == of[after])
    return np.mean(same), len(same)


def test_cells_that_are_one_object_for_a_while_come_out_as_themselves():
    detections, hidden, _ = _merged()
    holds = _holding(detections, hidden)
    without = link(detections, LinkOptions(merges=False))
    tracks = link(detections)
    share, count = _kept(tracks, hidden)
    assert count > 30
    assert share > 0.75 > 0.4 > _kept(without, hidden)[0]
    assert (tracks.divides() & holds).sum() < 0.3 * (without.divides() & holds).sum()
    hosts = tracks.edges[tracks.shared_links() & (tracks.in_degree()[tracks.edges[:, 1]] > 1), 1]
    assert np.mean(holds[hosts]) > 0.95
    assert summarise(tracks).merges == len(hosts)


def test_nothing_merges_where_all_cells_are_apart():
    detections, _ = nuclei()
    assert SHARED not in link(detections).edge_properties
    assert edges(link(detections)) == edges(link(detections, LinkOptions(merges=False)))


def test_detections_that_a_person_has_pinned_merge_with_none():
    detections, _, _ = _merged()
    linking = start_linking(detections)
    tracks = linking.tracks()
    source, target = tracks.edges[tracks.shared_links()][0]
    plain = tracks.edges[(tracks.edges[:, 1] == target) & ~tracks.shared_links()]
    pinned = linking.pinned(plain, np.zeros((0, 2), np.int64)).tracks()
    assert not pinned.shared_links()[(pinned.edges == [source, target]).all(1)].any()


def _meeting():
    """Cells 1 and 2 are one object in frames 1 and 2; the other one of each pair is plain."""
    return make_tracks(
        frame=[0, 0, 1, 2, 3, 3],
        position=[[0, 0], [9, 0], [4, 0], [4, 1], [0, 2], [9, 2]],
        edges=[[0, 2], [1, 2], [2, 3], [3, 4], [3, 5]],
        edge_properties={
            SHARED: [False, True, False, True, False],
            PROBABILITY: [1.0, 0.9, 1.0, 0.8, 1.0],
        },
    )


def test_each_cell_has_its_own_way_through_an_object_of_two():
    tracks = _meeting()
    assert not tracks.divides().any()
    ways = tracks.unshared()
    assert ways.edges.tolist() == [[0, 2], [1, 4], [2, 3], [3, 5]]
    assert ways.edge_properties[PROBABILITY].tolist() == [1.0, 0.8, 1.0, 1.0]
    assert len(find_tracklets(ways, ways.branches())) == 2
    kinds = np.array(KINDS)[link_kinds(tracks)].tolist()
    assert kinds == ["merger", "merger", "link", "separation", "separation"]
    assert (summarise(tracks).merges, summarise(tracks).divisions, summarise(tracks).gaps) == (
        1, 0, 0,
    )  # fmt: skip


def test_a_cell_that_is_not_seen_again_ends_where_it_merged():
    tracks = make_tracks(
        [0, 0, 1], [[0, 0], [9, 0], [4, 0]], [[0, 2], [1, 2]],
        edge_properties={SHARED: [False, True]},
    )  # fmt: skip
    assert tracks.unshared().edges.tolist() == [[0, 2]]


@pytest.mark.parametrize("name", ["tracks.csv", "tracks.parquet", "tracks.geff", "tracks.xml"])
def test_files_of_graphs_tell_merges_from_divisions(tmp_path, name):
    write_tracks(tmp_path / name, _meeting())
    again = read_tracks(tmp_path / name)
    assert again.edges.tolist() == _meeting().edges.tolist()
    assert again.unshared().edges.tolist() == _meeting().unshared().edges.tolist()
    assert not again.divides().any()


def test_in_the_format_of_the_challenge_the_other_cell_has_a_gap(tmp_path):
    tracks = _meeting()
    frames = np.zeros((4, 12, 4), np.uint8)
    for frame, label, (y, x) in zip(tracks.frame, tracks.label, tracks.position, strict=True):
        frames[frame, int(y), int(x)] = label
    write_ctc(tmp_path, tracks, frames)
    again = read_ctc(tmp_path)
    assert again.out_degree().max() == again.in_degree().max() == 1
    gap = again.frame[again.edges[:, 1]] - again.frame[again.edges[:, 0]] == 3
    assert gap.sum() == 1
    assert to_napari(tracks)["graph"] == {}


def test_scores_are_those_of_the_ways_of_the_cells():
    truth = _meeting()
    assert score_tracks(truth, truth)["LNK"] == 1
    wrong = truth.with_edges(truth.edges[[0, 2, 3, 4]])
    assert score_tracks(wrong, truth)["divisions"][0]["precision"] == 0


def test_pairs_that_touch_are_merged_and_nothing_else():
    labels = np.zeros((4, 12, 12), np.int32)
    labels[:, 2:6, 2:6], labels[:, 2:6, 6:10], labels[:, 9:11, 2:6] = 1, 2, 3
    labels[3] = 0
    merged, hidden = merge_touching(labels, 1.0, 2, seed=0)
    assert not (hidden["frame"] == 0).any()  # nobody was apart before
    assert set(zip(hidden["label"].tolist(), hidden["cell"].tolist(), strict=True)) == {(1, 2)}
    assert ((merged > 0) == (labels > 0)).all()
    assert (merged[labels == 3] == 3).all()
    for frame in range(4):
        assert (2 in merged[frame]) == (frame not in hidden["frame"] and frame < 3)


def test_divisions_whose_daughters_vanish_are_called_invented():
    rows, links = [], []
    for cell in range(6):
        y = 20.0 * cell
        rows += [(frame, y + 5, 5 * frame + 0.1 * cell) for frame in range(9)]
        links += [(9 * cell + frame, 9 * cell + frame + 1) for frame in range(8)]
    for cell in range(1, 5):
        rows.append((4, 20.0 * cell + 9, 20.0))  # a piece that is there for one frame
        links.append((9 * cell + 3, len(rows) - 1))
    frame, y, x = np.array(rows).T
    tracks = make_tracks(frame.astype(int), np.stack([y, x], axis=1), links)
    summary = summarise(tracks)
    assert (summary.divisions, summary.vanished) == (4, 4)
    assert any("invented" in warning for warning in summary.warnings())
    detections, _ = nuclei()
    assert not any("invented" in warning for warning in summarise(link(detections)).warnings())
