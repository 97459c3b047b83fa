"""Tracking what was detected: results of ``cellwright detect``, tables of objects and of boxes."""

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import InputError
from cellwright.measure.tables import write_csv
from cellwright.models.spots import SpotSettings
from cellwright.runs.detect.run import detect
from cellwright.runs.track.run import track_movie
from cellwright.tracking.formats.files import read_tracks

FRAMES = 5


def _boxes(names="t{:03}.png", **extra):
    """Return boxes around three cells that move; the last one is missing from frame 2."""
    rows = [(t, cell) for t in range(FRAMES) for cell in range(3) if (t, cell) != (2, 2)]
    frame, cell = np.array(rows).T
    row, col = 20.0 + 40 * cell + 2 * frame, 30.0 + 3 * frame
    return {
        "image": np.array([names.format(t) for t in frame.tolist()]),
        "min_row": row,
        "min_col": col,
        "max_row": row + 10 + cell,
        "max_col": col + 12,
        **extra,
    }


def _tracks(table, folder, name="boxes.csv"):
    write_csv(folder / name, table)
    return read_tracks(track_movie(folder / name, folder / "out").folder / "tracks.geff")


def _cells(tracks):
    """Return the number of links that keep to one cell, by where they are."""
    rows = np.round((tracks.position[:, 0] - 2 * tracks.frame - 24) / 40)
    return int((rows[tracks.edges[:, 0]] == rows[tracks.edges[:, 1]]).sum())


def test_boxes_are_followed_by_their_middles_through_the_images_that_names_number(tmp_path):
    tracks = _tracks(_boxes(), tmp_path)
    assert tracks.frame_count == FRAMES and len(tracks) == 14
    assert _cells(tracks) == len(tracks.edges) == 11
    first = tracks.position[(tracks.frame == 0)]
    assert sorted(first.tolist()) == [[24.5, 35.5], [65.0, 35.5], [105.5, 35.5]]
    assert sorted(tracks.properties["area"][tracks.frame == 0]) == [120, 132, 144]


def test_an_image_without_boxes_is_a_frame_all_the_same(tmp_path):
    table = _boxes()
    kept = table["image"] != "t003.png"
    tracks = _tracks({name: column[kept] for name, column in table.items()}, tmp_path)
    assert np.unique(tracks.frame).tolist() == [0, 1, 2, 4]


def test_other_programs_call_the_sides_and_the_class_otherwise(tmp_path):
    table = _boxes()
    names = {"image": "filename", "min_row": "ymin", "min_col": "xmin", "max_row": "ymax",
             "max_col": "xmax"}  # fmt: skip
    table = {names[name]: column for name, column in table.items()}
    tracks = _tracks(table | {"label": np.full(14, "cell")}, tmp_path)
    assert len(tracks.edges) == 11


def test_boxes_may_be_told_by_a_corner_and_their_size(tmp_path):
    table = _boxes()
    low, high = table.pop("max_row"), table.pop("max_col")
    sized = {
        "image": table["image"],
        "bb_left": table["min_col"],
        "bb_top": table["min_row"],
        "bb_width": high - table["min_col"],
        "bb_height": low - table["min_row"],
    }
    tracks = _tracks(sized, tmp_path)
    assert len(tracks.edges) == 11
    assert sorted(tracks.position[tracks.frame == 0].tolist())[0] == [24.5, 35.5]


@pytest.mark.parametrize("names", ["z_min y_min x_min z_max y_max x_max", "skimage"])
def test_boxes_of_volumes_are_followed_in_their_planes(tmp_path, names):
    # Two boxes above each other change places from frame to frame but for their planes.
    frame, plane = np.repeat(np.arange(6), 2), np.tile([10.0, 50.0], 6)
    across = 20.0 + 3 * ((frame + (plane > 20)) % 2)
    low = np.stack([plane, across, across])
    sides = np.concatenate([low, low + np.array([[4], [12], [12]])])
    called = [f"bbox-{k}" for k in range(6)] if names == "skimage" else names.split()
    tracks = _tracks({"frame": frame, **dict(zip(called, sides, strict=True))}, tmp_path)
    assert tracks.dimensions == 3
    assert len(tracks.edges) == 10
    source, target = tracks.edges.T
    assert (tracks.position[source, 0] == tracks.position[target, 0]).all()
    assert set(tracks.properties["area"]) == {4 * 12 * 12}


def test_a_box_that_ends_nowhere_along_z_is_refused(tmp_path):
    with pytest.raises(InputError, match="only one side along z"):
        _tracks(_boxes(zmin=np.zeros(14)), tmp_path)


@pytest.mark.parametrize("names", ["abc{:c}.png", "x{0}_y{0}.png", "{0}00000000000000000000.png"])
def test_images_that_count_no_frames_are_refused(tmp_path, names):
    table = _boxes()
    frame = [int(name[1:4]) for name in table["image"]]
    table["image"] = np.array([names.format(65 + t) for t in frame])
    with pytest.raises(InputError, match="do not count the frames"):
        _tracks(table, tmp_path)


def test_objects_of_two_movies_are_refused(tmp_path):
    with pytest.raises(InputError, match="several movies"):
        _tracks(_boxes(frame=np.arange(14)), tmp_path)


def test_a_movie_of_one_image_for_each_frame_is_one_movie(tmp_path):
    frame = np.array([int(name[1:4]) for name in _boxes()["image"]])
    assert len(_tracks(_boxes(frame=frame), tmp_path).edges) == 11


def test_sides_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(InputError, match="'min_row' tells a side of boxes, but holds no numbers"):
        _tracks(_boxes() | {"min_row": np.full(14, "high")}, tmp_path)


def test_numbers_of_images_may_be_long(tmp_path):
    assert len(_tracks(_boxes("20261123000000000000{:03}.png"), tmp_path).edges) == 11


def test_a_class_is_kept_beside_labels_in_words_and_corners_may_be_swapped(tmp_path):
    table = _boxes(label=np.full(14, "cell"), **{"class": np.full(14, "mitotic")})
    table |= {"min_row": table["max_row"], "max_row": table["min_row"]}
    tracks = _tracks(table, tmp_path)
    assert set(tracks.properties["class"].tolist()) == {"mitotic"}
    assert tracks.properties["area"].min() == 120


@pytest.fixture
def spots(tmp_path):
    """Return a movie of two spots that move."""
    y, x = np.mgrid[:64, :64]
    frames = [
        sum(np.exp(-((y - 20 - 20 * n) ** 2 + (x - 15 - 3 * t) ** 2) / 8) for n in range(2))
        for t in range(FRAMES)
    ]
    noise = np.random.default_rng(0).normal(0, 0.01, (FRAMES, 64, 64))
    pixels = (1000 * (np.stack(frames) + noise) + 100).astype(np.uint16)
    cw.write(tmp_path / "movie.ome.tif", cw.Image(pixels, "TYX"))
    for number, frame in enumerate(pixels):
        cw.write(tmp_path / "frames" / f"f{number:02}.tif", cw.Image(frame, "YX"))
    return tmp_path


@pytest.mark.parametrize("source", ["movie.ome.tif", "frames"])
def test_a_result_of_detect_is_followed(spots, source):
    found = detect(spots / source, spots / "found", spots=SpotSettings(5)).folder
    tracks = read_tracks(track_movie(found, spots / "tracks").folder / "tracks.geff")
    assert len(tracks) == 2 * FRAMES and len(tracks.edges) == 2 * (FRAMES - 1)
    assert np.allclose(np.sort(tracks.position[:2, 0]), [20, 40], atol=0.3)


def test_frames_without_objects_keep_the_numbers_of_the_others(tmp_path):
    y, x = np.mgrid[:64, :64]
    for number in range(9):
        spot = 1000 * np.exp(-((y - 30) ** 2 + (x - 20 - 3 * number) ** 2) / 8)
        noise = np.random.default_rng(number).normal(100, 5, x.shape)
        pixels = (noise + spot * (2 <= number <= 7)).astype(np.uint16)
        cw.write(tmp_path / "frames" / f"f{number:02}.tif", cw.Image(pixels, "YX"))
    found = detect(tmp_path / "frames", tmp_path / "found", spots=SpotSettings(5)).folder
    tracks = read_tracks(track_movie(found, tmp_path / "tracks").folder / "tracks.geff")
    assert tracks.frame.tolist() == [2, 3, 4, 5, 6, 7] and len(tracks.edges) == 5


def test_objects_of_measured_labels_are_followed(tmp_path):
    labels = np.zeros((3, 40, 40), np.int32)
    for number in range(3):
        labels[number, 5:12, 5 + number : 12 + number] = 1
        labels[number, 25:33, 20:28] = 2
    tables = [cw.measure(frame) for frame in labels]
    table = {
        name: np.concatenate([np.asarray(one[name]) for one in tables])
        for name in ("label", "area", "centroid-0", "centroid-1", "bbox-0")
    }
    tracks = _tracks(table | {"frame": np.repeat(np.arange(3), 2)}, tmp_path, "objects.csv")
    assert len(tracks.edges) == 4
    assert tracks.properties["area"].tolist() == [49, 64] * 3
