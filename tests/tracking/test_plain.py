"""Links told by overlap, and by nearness alone."""

from functools import cache

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import InputError, UsageError
from cellwright.runs.track.run import track_movie
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.files import read_tracks
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.plain import Overlaps
from cellwright.tracking.tracks import make_tracks
from tracking.movies import divisions, edges, f1, nuclei

NONE = np.zeros((0, 2), int)


@cache
def _slow():
    """Return the label images of a movie whose nuclei stay over themselves, and true links."""
    sample = NucleiSimulation(size=(192, 192), diameter=16, density=0.2)
    _, labels, table = simulate_movie(sample, Motion(12, 2, 0.5, 15), 5)
    parents = dict(zip(table["label"].tolist(), table["parent"].tolist(), strict=True))
    last: dict[int, int] = {}
    truth = set()
    for row, label in enumerate(find_detections(labels).label.tolist()):
        before = last.get(label, last.get(parents[label]))
        if before is not None:
            truth.add((before, row))
        last[label] = row
    return np.stack(list(labels)), truth


def _bars():
    """One bar grows, the one beside it shrinks: the nearest centroid is that of the other."""
    frames = np.zeros((2, 64, 24), np.int32)
    frames[0, 2:22, 4:8], frames[0, 2:62, 10:14] = 1, 2
    frames[1, 2:60, 4:8], frames[1, 2:24, 10:14] = 5, 3
    return frames


def _names(frames, **options):
    """Return the links between labels of two frames."""
    tracks = cw.track(frames, **options)
    return {tuple(tracks.label[edge].tolist()) for edge in tracks.edges}


def test_a_link_goes_where_most_pixels_are_shared():
    assert _names(_bars(), by="overlap") == {(1, 5), (2, 3)}
    assert _names(_bars(), by="distance") == {(1, 3), (2, 5)}


def test_a_mother_is_shared_by_both_halves_and_by_no_neighbour():
    frames = np.zeros((2, 20, 40), np.int32)
    frames[0, 4:16, 4:16], frames[0, 4:16, 17:27] = 1, 2
    frames[1, 4:16, 4:10], frames[1, 4:16, 10:16], frames[1, 4:16, 15:27] = 7, 8, 9
    assert _names(frames, by="overlap") == {(1, 7), (1, 8), (2, 9)}
    alone = cw.track(frames, by="overlap", divisions=False, max_gap=0)
    assert alone.out_degree().max() == 1


def test_nuclei_that_stay_over_themselves_are_all_followed():
    labels, truth = _slow()
    found = edges(cw.track(labels, by="overlap"))
    assert f1(found, truth) > 0.995
    assert f1(divisions(found), divisions(truth)) > 0.95


def test_a_filament_shares_pixels_however_many_cells_are_nearer_by():
    """Its centroid moves far when one end grows, among cells that its outline does not touch."""
    frames = np.zeros((3, 120, 400), np.int32)
    for frame, end in zip(frames, (125, 395, 125), strict=True):
        for row in (40, 48, 66, 74):
            for col in range(20, 380, 12):
                frame[row : row + 6, col : col + 6] = 2 + row * 400 + col
        frame[58:61, 5:end] = 1
    tracks = cw.track(frames, by="overlap", merges=False)
    assert (np.diff(tracks.label[tracks.edges]) == 0).all()
    assert np.count_nonzero(tracks.label[tracks.edges[:, 0]] == 1) == 2
    short = cw.track(frames, by="overlap", merges=False, max_distance=50.0, max_gap=0)
    assert 1 not in short.label[short.edges]


def test_labels_are_names_and_nothing_else():
    labels, _ = _slow()
    rng = np.random.default_rng(0)
    renamed = np.zeros_like(labels)
    order = []
    for number, frame in enumerate(labels):
        present = np.unique(frame[frame > 0])
        names = rng.permutation(len(present)) + 1
        renamed[number][frame > 0] = names[np.searchsorted(present, frame[frame > 0])]
        order.append(names)
    before, after = cw.track(labels, by="overlap"), cw.track(renamed, by="overlap")
    offsets = before.frame_offsets()
    row = np.concatenate([offsets[n] + names - 1 for n, names in enumerate(order)])
    assert edges(after) == set(map(tuple, row[before.edges].tolist()))


def test_frames_may_come_one_by_one():
    labels, _ = _slow()
    assert edges(cw.track(iter(labels), by="overlap")) == edges(cw.track(labels, by="overlap"))


@pytest.mark.parametrize("by", ["overlap", "distance"])
def test_pins_are_honoured(by):
    labels, _ = _slow()
    detections = find_detections(labels)
    scorer = Overlaps.of(labels).scorer(detections) if by == "overlap" else None
    linking = start_linking(detections, LinkOptions(by=by), scorer=scorer)
    before = linking.tracks()
    frame = before.frame
    mother = np.flatnonzero(frame == 3)[0]
    forced = np.stack([np.full(2, mother), np.flatnonzero(frame == 4)[-2:]], axis=1)
    gone = before.edges[frame[before.edges[:, 0]] == 6][:3]
    after = edges(linking.pinned(forced, gone).tracks())
    assert set(map(tuple, forced.tolist())) <= after
    assert not set(map(tuple, gone.tolist())) & after
    assert edges(linking.pinned(NONE, NONE).tracks()) == edges(before)


def test_frames_may_come_in_one_buffer():
    frames = [np.zeros((30, 30), np.int32) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[5:15, 2 + 3 * number : 12 + 3 * number] = 1
        frame[20:28, 20 - 8 * number : 28 - 8 * number] = 2
    buffer = np.zeros((30, 30), np.int32)

    def told():
        for frame in frames:
            buffer[:] = frame
            yield buffer

    listed, reused = (cw.track(one, by="overlap") for one in (frames, told()))
    assert edges(listed) == edges(reused)


def test_a_cell_that_is_sent_elsewhere_does_not_divide_for_it():
    frames = np.zeros((3, 40, 40), np.int32)
    for number in range(3):
        frames[number, 5:15, 5:15] = 1
        frames[number, 5:15, 25:35] = 2
    frames[2, 25:35, 25:35] = 3
    detections = find_detections(frames)
    scorer = Overlaps.of(frames).scorer(detections)
    linking = start_linking(detections, LinkOptions(by="overlap"), scorer=scorer)
    forced = np.array([[2, 6]])  # 1 of frame 1 to 3 of frame 2
    found = edges(linking.pinned(forced, NONE).tracks())
    assert (2, 6) in found
    assert (2, 4) not in found


def test_nearness_alone_finds_no_more_than_the_model_of_the_movie():
    detections, truth = nuclei()
    near, model = (edges(link(detections, LinkOptions(by=by))) for by in ("distance", "model"))
    assert 0.8 < f1(near, truth) < f1(model, truth)
    short = link(detections, LinkOptions(by="distance", max_distance=3.0, max_gap=0, merges=False))
    ways = np.diff(detections.position[short.edges], axis=1)[:, 0]
    assert len(short.edges) and np.linalg.norm(ways, axis=1).max() < 4.5  # and the drift


def test_empty_frames_and_what_is_alone_are_no_matter():
    frames = np.zeros((4, 16, 16), np.int32)
    frames[0, 2:6, 2:6] = frames[3, 9:13, 9:13] = 1
    for by in ("overlap", "distance"):
        assert len(cw.track(frames, by=by, max_gap=0).edges) == 0
    frames[1, 3:7, 2:6] = 4
    for by in ("overlap", "distance"):
        assert edges(cw.track(frames, by=by, max_gap=0)) == {(0, 1)}


def test_points_have_no_outlines():
    with pytest.raises(UsageError, match="label images"):
        link(nuclei()[0], LinkOptions(by="overlap"))
    with pytest.raises(UsageError, match="by is one of model, overlap"):
        LinkOptions(by="colour")
    with pytest.raises(UsageError, match=r"no motion.*motion='directed'"):
        LinkOptions(by="distance", motion="directed")
    with pytest.raises(UsageError, match="both tell links"):
        cw.track(_bars(), by="distance", scorer="nuclei")
    with pytest.raises(InputError, match="all frames of a movie are of one size"):
        cw.track([_bars()[0], _bars()[0][:5]], by="overlap")


def test_frames_of_another_movie_are_refused():
    labels, _ = _slow()
    with pytest.raises(InputError, match="5 frames were watched"):
        Overlaps.of(labels[:5]).scorer(find_detections(labels))


def test_a_table_of_points_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "points.csv").write_text("frame,y,x\n0,1,1\n1,1,1\n")
    with pytest.raises(UsageError, match="outlines"):
        track_movie(tmp_path / "points.csv", tmp_path / "out", LinkOptions(by="overlap"))
    assert not (tmp_path / "out").exists()


def test_a_result_folder_is_that_of_python(tmp_path):
    labels, _ = _slow()
    for number, frame in enumerate(labels):
        cw.write_labels(tmp_path / "labels" / f"t{number:02}.tif", frame)
    done = track_movie(tmp_path / "labels", tmp_path / "out", LinkOptions(by="overlap"))
    found = read_tracks(done.folder / "tracks.geff")
    assert edges(found) == edges(cw.track(labels, by="overlap"))


def test_forced_links_win_over_those_of_spots_that_hardly_move():
    rng = np.random.default_rng(1)
    home, movers, position = rng.uniform(0, 300, (25, 2)), rng.uniform(0, 300, (4, 2)), []
    for _ in range(8):
        position.append(np.concatenate([home + rng.normal(0, 0.005, home.shape), movers]))
        movers = movers + rng.normal(0, 12, movers.shape)
    detections = make_tracks(np.repeat(np.arange(8), 29), np.concatenate(position))
    linking = start_linking(detections, LinkOptions(by="distance", divisions=False))
    for frame in range(7):
        for mover in range(25, 29):
            ways = np.linalg.norm(position[frame + 1] - position[frame][mover], axis=1)
            for target in np.argsort(ways)[:8].tolist():
                forced = np.array([[29 * frame + mover, 29 * (frame + 1) + target]])
                assert tuple(forced[0]) in edges(linking.pinned(forced, NONE).tracks())
