"""What is no tracks, path or table is refused in words, not by a traceback from inside."""

import re

import numpy as np
import pandas
import pytest

import cellwright as cw
from cellwright._words import in_terminal
from cellwright.runs.track.hypotheses import Segmentations
from cellwright.runs.track.run import track_movie
from cellwright.runs.track.timelapse import MovieOptions
from cellwright.tracking.detections import find_detections
from cellwright.tracking.doubt import doubtful_links
from cellwright.tracking.formats.napari import from_napari, to_napari
from cellwright.tracking.formats.table import (
    detections_from_table,
    tracks_from_tables,
    tracks_to_tables,
)
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.summary import summarise

FRAMES, PLACES = [0, 1, 1], [[5, 5], [3, 5], [7, 5]]
TABLE = pandas.DataFrame({"frame": [0, 1], "y": [1.0, 2.0], "x": [2.0, 3.0]})


def good():
    return cw.make_tracks(FRAMES, PLACES, [[0, 1], [0, 2]])


def refused(call, *arguments, says, **options):
    with pytest.raises((cw.UsageError, cw.InputError), match=re.escape(says)):
        call(*arguments, **options)


@pytest.mark.parametrize("call", [link, start_linking])
@pytest.mark.parametrize(("value", "named"), [(None, "None"), ("a.csv", "'a.csv'"), (TABLE, "an")])
def test_only_tracks_are_linked(call, value, named):
    refused(
        call,
        value,
        says=f"detections must be Tracks, as cellwright.track, read_tracks and "
        f"make_tracks return them, not {named}",
    )


@pytest.mark.parametrize("value", [3, {"divisions": False}])
def test_options_are_no_dictionary(value):
    refused(link, good(), value, says="options must be")


@pytest.mark.parametrize("call", [to_napari, summarise, tracks_to_tables, doubtful_links])
@pytest.mark.parametrize("value", [None, "a.csv", TABLE])
def test_only_tracks_are_told_of(call, value):
    refused(call, value, says="tracks must be Tracks")


@pytest.mark.parametrize("value", [None, 3, [1]])
def test_tracks_are_read_from_and_written_to_paths(value, tmp_path):
    refused(cw.read_tracks, value, says="path must be a path")
    refused(cw.write_tracks, value, good(), says="path must be a path")
    refused(track_movie, value, tmp_path / "out", says="source must be a path")
    refused(track_movie, tmp_path / "a.csv", value, says="output must be a path")
    refused(track_movie, tmp_path / "a.csv", tmp_path / "out", 3, says="options must be")


@pytest.mark.parametrize("ending", ["csv", "parquet", "geff", "xml"])
def test_only_tracks_are_written(ending, tmp_path):
    path = tmp_path / f"out.{ending}"
    for value in (None, "a.csv", TABLE):
        refused(cw.write_tracks, path, value, says="tracks must be Tracks")
    assert not path.exists()


def test_tracks_or_their_paths_are_scored():
    refused(cw.score_tracks, None, good(), says="result must be Tracks or the path of some")
    refused(cw.score_tracks, good(), TABLE, says="truth must be Tracks or the path of some")
    refused(cw.score_tracks, good(), good(), radius="5", says="radius must be a number")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"position": "abc"}, "The positions ('abc') are not rows of numbers"),
        ({"position": [[1, 2], [1], [3, 4]]}, "The positions (a list) are not rows of numbers"),
        ({"position": None}, "do not fit"),
        ({"position": [[1, 2], [np.nan, 2], [3, 4]]}, "is not finite"),
        ({"position": [[1, 2], [1e160, 2], [3, 4]]}, "is no place in an image"),
        ({"frame": "abc"}, "The frames are not a row of whole numbers"),
        ({"label": 3}, "The labels are not a row of whole numbers"),
        ({"properties": 3}, "properties must be columns by name"),
        ({"properties": [1]}, "properties must be columns by name"),
        ({"edge_properties": 5}, "edge_properties must be columns by name"),
        ({"frame_count": "3"}, "frame_count must be a whole number"),
        ({"frame_count": 2.5}, "frame_count must be a whole number"),
        ({"pixel_size": 0.5}, "pixel_size must be one number in µm for each axis"),
        ({"pixel_size": "ab"}, "pixel_size must be one number in µm for each axis"),
        ({"pixel_size": ("a", 1)}, "pixel_size[0] must be a number"),
        ({"frame_interval": "a"}, "frame_interval must be a number"),
    ],
)
def test_tracks_are_made_of_numbers(options, says):
    refused(cw.make_tracks, **({"frame": FRAMES, "position": PLACES} | options), says=says)


def test_tracks_themselves_hold_arrays():
    refused(cw.Tracks, [0], [1], [[1, 2]], [], says="frame must be an array, not a list")
    refused(cw.Tracks, None, None, None, None, says="cellwright.make_tracks makes Tracks of lists")


@pytest.mark.parametrize("value", [None, 3])
def test_detections_are_found_in_frames(value):
    refused(find_detections, value, says="labels must be the frames of a movie")
    if value is not None:
        refused(find_detections, [np.eye(4, dtype=int)], value, says="images must be the frames")


@pytest.mark.parametrize("call", [tracks_from_tables, detections_from_table])
def test_tables_have_columns(call):
    assert len(call(TABLE)) == 2
    for value in (None, 3):
        refused(call, value, says="must be columns by name")
    refused(call, "a.csv", says="must be columns by name")
    refused(call, TABLE.drop(columns="x"), says="has no column ['x']")


def test_layers_of_napari_are_rows_of_numbers():
    refused(from_napari, "a", says="Rows of a tracks layer are numbers")
    refused(from_napari, [[1, 0, 1, 2]], 3, says="graph must be the parents of each track")


@pytest.mark.parametrize("what", ["frames", "labels", "edges"])
def test_lists_of_different_lengths_are_no_array(what):
    lists = {"frames": FRAMES, "labels": [1, 1, 2], "edges": [[0, 1], [0, 2]]}
    frames, labels, edges = (
        [1, [2, 3]] if name == what else value for name, value in lists.items()
    )
    said = f"The {what} are rows of different lengths"
    refused(cw.make_tracks, frames, PLACES, edges, label=labels, says=said)


def test_sizes_in_an_array_are_sizes():
    sized = cw.make_tracks(FRAMES, PLACES, pixel_size=np.array([0.5, 0.5]))
    assert sized.pixel_size == (0.5, 0.5)
    assert len(link(sized).edges) == 1
    refused(cw.make_tracks, FRAMES, PLACES, pixel_size=[1, [2, 3]], says="pixel_size[1] must be a")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"channel": 1.5}, "channel must be the name or the number of one"),
        ({"axes": 3}, "axes must be a text"),
        ({"pixel_size": 0}, "pixel_size must be a number above 0, not 0"),
        ({"pixel_size": 1, "plane_distance": "2"}, "plane_distance must be a number above 0"),
        ({"frame_interval": float("nan")}, "frame_interval must be a number above 0, not nan"),
        ({"plane_distance": 2.0}, "also give the argument pixel_size"),
    ],
)
def test_what_is_said_of_a_movie_makes_sense(arguments, says):
    refused(MovieOptions, **arguments, says=says)


def test_one_channel_and_one_segmentation_may_stand_alone(tmp_path):
    assert MovieOptions(channel=0).channel == ("0",)
    assert MovieOptions(channel=None).channel == ()
    assert Segmentations(folders=tmp_path).folders == (tmp_path,)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": 3}, "model must be a path"),
        ({"folders": 3}, "folders must be a path or a list of paths, not 3"),
        ({"scales": "no"}, "scales must be True or False, not 'no'"),
    ],
)
def test_segmentations_are_paths(arguments, says):
    refused(Segmentations, **arguments, says=says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"movie": {"axes": "TYX"}}, "movie must be cellwright.runs.track.timelapse.MovieOptions"),
        ({"movie": np.zeros((2, 3))}, "not an array of shape (2, 3)"),
        ({"options": np.zeros((2, 3))}, "options must be"),
        ({"options": 0}, "options must be"),
        ({"model": np.zeros((2, 3))}, "model must be a path"),
    ],
)
def test_a_run_is_asked_for_with_options(tmp_path, arguments, says):
    source = tmp_path / "movie.tif"
    cw.write(source, cw.Image(np.ones((2, 8, 8), np.int32), "TYX"))
    refused(track_movie, source, tmp_path / "out", **arguments, says=says)
    assert not (tmp_path / "out").exists()


def test_options_are_named_as_they_are_given(tmp_path):
    (tmp_path / "points.csv").write_text("frame,y,x\n0,1,2\n1,1,2\n")
    flat = {"movie": MovieOptions(pixel_size=1.0, plane_distance=2.0)}
    arguments = (tmp_path / "points.csv", tmp_path / "out")
    refused(track_movie, *arguments, **flat, says="leave out the argument plane_distance.")
    with in_terminal():
        refused(track_movie, *arguments, **flat, says="leave out --plane-distance.")
    axes = MovieOptions(axes="TYX")
    refused(track_movie, *arguments, movie=axes, says="leave out the argument axes.")
