"""Movies and tables that are not what they should be: what `cellwright track` says of them."""

import json

import numpy as np
import pytest
from tifffile import imwrite

from cellwright.images.image import Image
from cellwright.images.write import write_labels
from cellwright.measure.tables import read_csv, write_csv
from cellwright.tracking.formats.files import read_tracks
from cellwright.tracking.frames import Movie
from cellwright.tracking.tracks import make_tracks


def _movie():
    """Three cells in six frames."""
    labels = np.zeros((6, 64, 80), np.int32)
    for frame in range(6):
        labels[frame, 5:15, 5 + frame : 15 + frame] = 1
        labels[frame, 30:42, 40:52] = 2
        labels[frame, 50:60, 10 + 2 * frame : 20 + 2 * frame] = 3
    return labels


@pytest.fixture
def track(run, tmp_path):
    """Track labels as a folder of frames; returns what the program said."""

    def call(labels, names=None):
        folder = tmp_path / "frames"
        for number, frame in enumerate(labels):
            name = f"t{number}.tif" if names is None else names[number]
            write_labels(folder / name, frame, overwrite=True)
        return run("track", folder, "-o", tmp_path / "out", "--json")

    return call


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("t0 t1 t2 t5 t6 t7", "after 't2.tif' comes 't5.tif'"),
        ("t0_c1 t1_c1 t2_c1 t4_c1 t5_c1 t6_c1", "after 't2_c1.tif' comes 't4_c1.tif'"),
        ("a9 b2 c7 d1 e3 f4", "after 'a9.tif' comes 'b2.tif'"),
        ("t1 t01 t2 t3 t4 t5", "after 't01.tif' comes 't1.tif'"),
    ],
)
def test_numbers_that_do_not_count_are_told(track, names, said):
    found = track(_movie(), [f"{name}.tif" for name in names.split()])
    assert found.code == 0, found.error
    assert said in found.json["warnings"][0]


@pytest.mark.parametrize("names", ["t{}", "{}_of_6_c1", "2024{:030}", "s01_t{}"])
def test_numbers_that_count_are_not_remarked_on(track, names):
    found = track(_movie(), [f"{names.format(number)}.tif" for number in range(6)])
    assert found.code == 0 and found.json["warnings"] == []


@pytest.mark.parametrize("other", [np.s_[0, :-3], np.s_[:]], ids=["cut", "volume"])
def test_frames_of_different_size_are_refused_before_anything_is_written(track, tmp_path, other):
    write_labels(tmp_path / "frames" / "t9.tif", _movie()[other])
    refused = track(_movie())
    assert refused.code == 2
    assert "'t9.tif'" in refused.error and "one size" in refused.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("empty", "tracks", "gaps"), [([2], 3, 3), ([0, 5], 3, 0), ([3, 4, 5], 3, 0)]
)
def test_empty_frames_are_part_of_the_movie(track, empty, tracks, gaps):
    labels = _movie()
    labels[empty] = 0
    found = track(labels)
    assert found.code == 0, found.error
    assert (found.json["frames"], found.json["tracks"], found.json["gaps_closed"]) == (
        6,
        tracks,
        gaps,
    )
    assert any("empty" in warning for warning in found.json["warnings"])


def test_a_movie_without_objects_leaves_nothing_in_the_way(track, run, tmp_path):
    refused = track(0 * _movie())
    assert refused.code == 2 and "no object in any frame" in refused.error
    again = track(_movie())  # the same folders, other frames
    assert again.code == 0, again.error


@pytest.mark.parametrize("axes", ["TYX", "ZYX", "TZYX"])
def test_one_frame_is_no_movie_and_planes_may_be_frames(run, tmp_path, axes):
    labels = _movie()[:1] if axes == "TYX" else _movie()[(None,) * (len(axes) - 3)]
    write_labels(tmp_path / "one.tif", labels, like=Image(labels, axes))
    refused = run("track", tmp_path / "one.tif", "-o", tmp_path / "out")
    assert refused.code == 2 and "no time axis" in refused.error
    assert ("say --axes TYX" in refused.error) == ("Z" in axes)
    assert not (tmp_path / "out").exists()


def test_a_mask_is_refused_and_labels_that_are_there_twice_are_told(track, run, tmp_path):
    refused = track(255 * (_movie() > 0))
    assert refused.code == 2 and "does not tell objects apart" in refused.error
    labels = _movie()
    labels[labels == 3] = 1
    found = track(labels)
    assert found.code == 0, found.error
    assert found.json["warnings"][0].startswith("6 objects lie in several pieces, such as label 1")


FRAME = np.repeat(np.arange(4), 3)
POINTS = {"frame": FRAME, "y": np.tile([1.0, 20, 40], 4), "x": np.tile([1.0, 20, 40], 4)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frame": 0 * FRAME}, "in frame 0 only"),
        ({"frame": 1000 + 5 * FRAME}, "5 apart (1000, 1005 …)"),
        ({"frame": FRAME + (FRAME == 3) * 10**9}, "are these times?"),
        ({"frame": FRAME - 1}, "from -1 to 2"),
        ({"frame": FRAME + 0.5}, "whole numbers"),
        ({"label": 1 + 0 * FRAME}, "two detections of label 1"),
        ({"x": np.where(FRAME == 2, np.nan, 1.0)}, "not finite"),
        ({"y": np.tile(["1,5", "20", "40"], 4)}, "something else than numbers"),
        ({"frame": np.where(FRAME == 3, np.inf, FRAME)}, "whole numbers"),
        ({name: column[:0] for name, column in POINTS.items()}, "no point"),
    ],
)
def test_tables_that_are_no_movie_are_refused_before_anything_is_written(
    run, tmp_path, change, said
):
    write_csv(tmp_path / "points.csv", POINTS | change)
    refused = run("track", tmp_path / "points.csv", "-o", tmp_path / "out")
    assert refused.code == 2 and said in refused.error, refused.error
    assert not (tmp_path / "out").exists()


def test_columns_of_tables_from_elsewhere_are_kept_and_do_no_harm(run, tmp_path):
    others = {
        "t": FRAME * 60.0,
        "speed (µm/s)": FRAME * 2.0,
        ".hidden": FRAME,
        "area": np.tile(["12 px", "13 px", "14 px"], 4),
        "touches_border": np.where(FRAME == 0, "", "False"),
    }
    write_csv(tmp_path / "points.csv", POINTS | others)
    found = run("track", tmp_path / "points.csv", "-o", tmp_path / "out", "--trackmate", "--json")
    assert found.code == 0 and found.json["tracks"] == 3, found.error
    for name in ("tracks.csv", "tracks.geff"):
        assert set(others) <= set(read_tracks(tmp_path / "out" / name).properties)


@pytest.mark.parametrize(
    "lineage",
    [
        {"track": np.tile([1, 2, 3], 4), "parent": np.tile([2, 1, 0], 4)},
        {"ID": np.array([f"spot {number}" for number in range(12)])},
        {"ID": np.array([1, 1, 2] * 4)},
        {"TRACK_ID": np.where(FRAME == 2, np.nan, 1.0)},
    ],
)
def test_points_are_tracked_whatever_their_table_says_of_tracks(run, tmp_path, lineage):
    write_csv(tmp_path / "points.csv", POINTS | lineage)
    (tmp_path / "points_links.csv").write_text("address,title\nhttp://a.org,b\n", encoding="utf-8")
    found = run("track", tmp_path / "points.csv", "-o", tmp_path / "out", "--json")
    assert found.code == 0 and found.json["tracks"] == 3, found.error
    kept = read_tracks(tmp_path / "out" / "tracks.csv").properties
    assert set(lineage) - {"track", "parent"} == set(kept)


def test_points_of_one_plane_are_followed_in_two_dimensions(run, tmp_path):
    rng = np.random.default_rng(3)
    way = rng.uniform(0, 400, (20, 2)) + np.cumsum(rng.normal(0, 1, (30, 20, 2)), axis=0)
    points = {"FRAME": np.repeat(np.arange(30), 20), "POSITION_Y": way[..., 0].ravel(),
              "POSITION_X": way[..., 1].ravel()}  # fmt: skip
    found = {}
    for name, more in {"flat": {}, "plane": {"POSITION_Z": np.full(600, 7.0)}}.items():
        write_csv(tmp_path / f"{name}.csv", points | more)
        command = ("track", tmp_path / f"{name}.csv", "-o", tmp_path / name, "--no-divisions")
        found[name] = run(*command, "--trackmate", "--json")
        assert found[name].code == 0, found[name].error
    flat, plane = (found[name].json for name in ("flat", "plane"))
    assert plane["diffusion"] == flat["diffusion"] == pytest.approx(0.5, rel=0.3)
    assert plane["tracks"] == flat["tracks"] == 20
    assert "All points lie in one plane (z is 7)" in str(plane["warnings"])
    for name in ("tracks.csv", "tracks.geff"):
        tracks = read_tracks(tmp_path / "plane" / name)
        held = tracks.position[:, 0] if tracks.dimensions == 3 else tracks.properties["z"]
        assert (held == 7).all()
    volume = run(*command, "--overwrite", "--pixel-size", 1, "--plane-distance", 2, "--json")
    assert volume.code == 0 and "one plane" not in str(volume.json["warnings"])


def test_tables_of_trackmate_have_more_rows_above_their_numbers(run, tmp_path):
    lines = [
        "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,R",
        ",,,(quality),(micron),(micron),(micron),(sec),,(micron)",
    ]
    for frame in range(6):
        for spot in range(10):
            name, x = 10 * frame + spot, 20 * spot + frame
            lines.append(f"ID{name},{name},,{spot}.5,{x}.25,5.5,0,{2 * frame},{frame},2.5")
    (tmp_path / "spots.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = run("track", tmp_path / "spots.csv", "-o", tmp_path / "out", "--json")
    assert found.code == 0, found.error
    assert (found.json["tracks"], found.json["detections"]) == (10, 60)
    assert "--pixel-size 1" in str(found.json["warnings"])
    table = read_csv(tmp_path / "out" / "tracks.csv")
    assert table["x"][:2].tolist() == [0.25, 20.25] and table["QUALITY"][3] == 3.5
    command = ("track", tmp_path / "spots.csv", "-o", tmp_path / "um", "--pixel-size", 1, "--json")
    assert "POSITION_X" not in str(run(*command).json["warnings"])


def test_places_beside_a_size_are_said_to_be_taken_for_middles(run, tmp_path):
    frame = np.repeat(np.arange(6), 2)
    table = {"T": frame, "X": 10.0 + 3 * frame, "Y": np.tile([10.0, 60.0], 6),
             "Width": np.full(12, 8), "Height": np.full(12, 8)}  # fmt: skip
    write_csv(tmp_path / "boxes.csv", table)
    done = run("track", tmp_path / "boxes.csv", "-o", tmp_path / "out", "--json")
    assert done.code == 0 and done.json["tracks"] == 2
    assert "middle of each box" in done.json["warnings"][0]


@pytest.mark.parametrize("name", ["whole", "unsigned", "fractions", "partly known"])
def test_labels_may_be_of_any_type_of_number(run, tmp_path, name):
    labels = _movie()
    if name == "partly known":
        labels[:, :3] = -1
    dtype = {"unsigned": np.uint32, "fractions": np.float32}.get(name, np.int32)
    imwrite(tmp_path / "movie.tif", labels.astype(dtype), metadata={"axes": "TYX"})
    found = run("track", tmp_path / "movie.tif", "-o", tmp_path / "out", "--json")
    assert found.code == 0, found.error
    assert (found.json["tracks"], found.json["detections"]) == (3, 18)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["model"] is None


@pytest.mark.parametrize("value", [-2, 2**31])
def test_numbers_that_no_label_can_have_are_refused(run, tmp_path, value):
    labels = _movie().astype(np.int64)
    labels[2, 0, 0] = value
    dtype = np.int32 if value < 0 else np.uint32
    imwrite(tmp_path / "movie.tif", labels.astype(dtype), metadata={"axes": "TYX"})
    refused = run("track", tmp_path / "movie.tif", "-o", tmp_path / "out")
    assert refused.code == 2 and str(value) in refused.error, refused.error


def test_numbers_for_whether_objects_are_cut_off():
    points = make_tracks(
        FRAME,
        np.stack([POINTS["y"], POINTS["x"]], axis=1),
        properties={"touches_border": (FRAME == 3).astype(int), "area": 5.0 + np.arange(12)},
    )
    unknown = np.isnan(Movie(points).features(slice(None))).any(axis=1)
    assert unknown.tolist() == (FRAME == 3).tolist()


def test_results_that_lie_among_the_frames_are_none(track, run, tmp_path):
    frames = tmp_path / "frames"
    assert track(_movie()).code == 0
    command = ("track", frames, "-o", frames / "tracked", "--json")
    first, again = run(*command), run(*command)
    assert (first.code, again.code) == (0, 0), again.error
    assert first.json["detections"] == 18 and again.json["seconds"] == 0


def test_pins_that_cannot_be_read_are_told_before_anything_is_done(track, run, tmp_path):
    assert track(_movie()).code == 0
    write_csv(tmp_path / "pins.csv", {"pin": np.array(["forced"]), "source_frame": np.array([0])})
    command = ("track", tmp_path / "frames", "-o", tmp_path / "pinned")
    refused = run(*command, "--pins", tmp_path / "pins.csv")
    assert refused.code == 2 and "Pins are rows of source_frame" in refused.error
    assert not (tmp_path / "pinned").exists()


@pytest.mark.parametrize("planes", ["apart", "one", "none"])
def test_points_know_the_scale_that_their_table_tells(run, tmp_path, planes):
    frame = np.repeat(np.arange(4), 2)
    y, x = 5.0 + frame, np.tile([5.0, 40.0], 4)
    table = {"frame": frame, "y": y, "x": x, "y_um": y * 0.5, "x_um": x * 0.5}
    table["time_s"] = frame * 30.0
    if planes != "none":
        z = np.where(x > 20, 3.0, 8.0) if planes == "apart" else np.full(8, 3.0)
        table |= {"z": z, "z_um": z * 2.0}
    write_csv(tmp_path / "points.csv", table)
    result = run("track", tmp_path / "points.csv", "-o", tmp_path / "out", "--json")
    assert result.code == 0, result.error
    tracks = read_tracks(tmp_path / "out" / "tracks.geff")
    size = (2.0, 0.5, 0.5) if planes == "apart" else (0.5, 0.5)
    assert (tracks.pixel_size, tracks.frame_interval) == (size, 30.0)
    assert result.json["length_unit"] == "µm" and result.json["time_unit"] == "s"
    assert not any("Steps of z" in said for said in result.json["warnings"])
    said = ("--pixel-size", 1, "--frame-interval", 5)
    other = run("track", tmp_path / "points.csv", "-o", tmp_path / "other", *said)
    assert other.code == 0, other.error
    tracks = read_tracks(tmp_path / "other" / "tracks.geff")
    assert (tracks.pixel_size[-1], tracks.frame_interval) == (1.0, 5.0)
