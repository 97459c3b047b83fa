"""Folders of the Cell Tracking Challenge: round trips, real movies, and broken ones."""

import tracemalloc

import numpy as np
import pytest

from cellwright._errors import FormatError, InputError
from cellwright.images.read import read_labels
from cellwright.images.write import write_labels
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import open_ctc, read_ctc, read_table, write_ctc
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import make_tracks
from tracking.toys import perfect


def test_a_toy_is_read_as_it_was_drawn(tmp_path):
    tracks = read_ctc(perfect().write(tmp_path), pixel_size=(0.5, 0.5), frame_interval=60.0)
    assert len(tracks) == 46 and tracks.frame_count == 10 and tracks.pixel_size == (0.5, 0.5)
    tracklets = find_tracklets(tracks)
    names = tracks.label[tracklets.first]
    parents = {int(names[child]): int(names[parent]) for parent, child in tracklets.links}
    assert parents == perfect().parents


@pytest.mark.data
@pytest.mark.parametrize("movie", ["ctc_sim_ilastik/01_GT", "ctc_gowt1_02_sparse/02_GT"])
def test_real_truths_come_back_bit_by_bit(movie, data_folder, tmp_path):
    files = open_ctc(data_folder / movie)
    write_ctc(tmp_path, read_ctc(data_folder / movie), files.frames())
    again = open_ctc(tmp_path)
    assert sorted(again.table.tolist()) == sorted(files.table.tolist())
    for before, after in zip(files.frames(), again.frames(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_labels_that_do_not_name_tracks_become_those_of_tracks(tmp_path):
    frames = np.zeros((3, 8, 20), np.int32)
    frames[0, 2:4, 2:4], frames[1, 2:4, 3:5], frames[2, 2:4, 2:4], frames[2, 2:4, 7:9] = 9, 4, 1, 2
    frames[1, 6, 15] = 7  # dust that was not tracked
    found = find_detections(frames)
    tracks = make_tracks(
        [0, 1, 2, 2], found.position[[0, 1, 3, 4]], [[0, 1], [1, 2], [1, 3]], label=[9, 4, 1, 2]
    )
    write_ctc(tmp_path, tracks, frames)
    assert open_ctc(tmp_path).table.tolist() == [[1, 0, 1, 0], [2, 2, 2, 1], [3, 2, 2, 1]]
    assert [np.unique(mask).tolist() for mask in open_ctc(tmp_path).frames()] == [
        [0, 1],
        [0, 1],
        [0, 2, 3],
    ]


def test_a_gap_begins_a_track_with_a_single_parent(tmp_path):
    frames = np.zeros((4, 6, 6), np.int32)
    frames[[0, 1, 3], 2:4, 2:4] = 1
    tracks = make_tracks([0, 1, 3], np.full((3, 2), 2.5), [[0, 1], [1, 2]], label=[1, 1, 1])
    write_ctc(tmp_path, tracks, frames)
    assert open_ctc(tmp_path).table.tolist() == [[1, 0, 1, 0], [2, 3, 3, 1]]
    assert read_ctc(tmp_path).edges.tolist() == tracks.edges.tolist()


def test_a_label_that_pauses_is_linked_across(tmp_path):
    for frame in range(4):
        mask = np.zeros((6, 6), np.uint16)
        mask[2:4, 2:4] = frame != 2
        write_labels(tmp_path / f"mask{frame:03}.tif", mask)
    (tmp_path / "res_track.txt").write_text("1 0 3 0\n")
    tracks = read_ctc(tmp_path)
    assert tracks.frame[tracks.edges].tolist() == [[0, 1], [1, 3]]


def test_volumes(tmp_path):
    frames = np.zeros((2, 4, 8, 8), np.int32)
    frames[:, 1:3, 2:4, 2:5] = 5
    tracks = make_tracks([0, 1], [[1.5, 2.5, 3.0]] * 2, [[0, 1]], label=[5, 5])
    write_ctc(tmp_path, tracks, frames)
    again = read_ctc(tmp_path)
    assert again.position.tolist() == tracks.position.tolist()
    assert again.edges.tolist() == [[0, 1]]


def test_movies_without_cells(tmp_path):
    write_ctc(tmp_path, make_tracks([], np.zeros((0, 2)), frame_count=2), np.zeros((2, 5, 5), int))
    assert len(read_ctc(tmp_path)) == 0 and read_ctc(tmp_path).frame_count == 2


def test_frames_that_do_not_fit_the_tracks_are_refused(tmp_path):
    tracks = make_tracks([0, 1], np.ones((2, 2)), label=[3, 3])
    full = np.full((3, 4, 4), 3, np.int32)
    with pytest.raises(InputError, match="1 label images for 2"):
        write_ctc(tmp_path, tracks, full[:1])
    with pytest.raises(InputError, match="3 label images or more for 2"):
        write_ctc(tmp_path, tracks, full)
    with pytest.raises(InputError, match="frame 1 has no object 3"):
        write_ctc(tmp_path, tracks, [full[0], 0 * full[0]])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("1 0 3\n", "Line 1"),
        ("1 0 3 0 0\n", "Line 1"),
        ("1 0 3 0\n\n2 0 x 0\n", "Line 3"),
        ("1 0 -3 0\n", "Line 1"),
        (f"{'9' * 4000} 0 3 0\n", "Line 1"),
        ("1 0 3 0\n1 4 5 0\n", "two lines for track 1"),
        ("0 0 3 0\n", "label 0"),
        ("1 3 0 0\n", "ends before it begins"),
        ("1 0 3 7\n", "7, which has no line"),
        ("1 0 3 1\n", "is there until frame 3"),
        ("1 0 3 2\n2 4 5 1\n", "there until"),
        ("1 0 3 0\n2 3 5 1\n", "there until frame 3"),
        ("\x00\xff", "Line 1"),
    ],
)
def test_impossible_tables_are_refused(table, message, tmp_path):
    path = tmp_path / "res_track.txt"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_table(path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("1 0 3 0\n", "has the label 2, which has no line"),
        ("1 0 3 0\n2 0 2 0\n", "track 2 is in frames 0 to 2; in the masks it is in frames 0 to 3"),
        ("1 0 3 0\n2 0 3 0\n3 0 3 0\n", "No mask has the label 3"),
    ],
)
def test_tables_that_contradict_the_masks_are_refused(table, message, tmp_path):
    mask = np.kron([[1, 0], [0, 2]], np.ones((3, 3))).astype(np.uint16)
    for frame in range(4):
        write_labels(tmp_path / f"mask{frame:03}.tif", mask)
    (tmp_path / "res_track.txt").write_text(table)
    with pytest.raises(FormatError, match=message):
        read_ctc(tmp_path)


def test_missing_frames_and_files_are_named(tmp_path):
    with pytest.raises(FormatError, match="neither"):
        open_ctc(tmp_path)
    folder = perfect().write(tmp_path)
    (folder / "mask004.tif").unlink()
    with pytest.raises(FormatError, match=r"lacks the masks of 1 frames.*mask004"):
        open_ctc(folder)
    for path in folder.glob("mask*.tif"):
        path.unlink()
    with pytest.raises(FormatError, match="no mask000"):
        open_ctc(folder)


def test_labels_from_a_data_base_need_no_table_of_all_numbers(tmp_path):
    labels = np.zeros((2, 20, 20), np.int32)
    labels[:, 2:6, 2:6], labels[:, 10:14, 10:14] = 2_000_000_000, 7
    labels[1, 16:, 16:] = 1_999_999_999  # without a row
    tracks = make_tracks(
        [0, 0, 1, 1], np.zeros((4, 2)), [[0, 2], [1, 3]], label=[7, 2_000_000_000] * 2
    )
    tracemalloc.start()
    write_ctc(tmp_path / "a", tracks, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6
    mask, _ = read_labels(tmp_path / "a" / "mask001.tif")
    assert len(np.unique(mask)) == 3
    assert (mask[16:, 16:] == 0).all() and (mask[2:6, 2:6] > 0).all()
