"""GEFF: round trips, what other writers do differently, and broken groups."""

import json
import shutil

import numpy as np
import pytest
import zarr

from cellwright._errors import FormatError, InputError
from cellwright.tracking.formats.geff import read_geff, write_geff
from cellwright.tracking.tracks import make_tracks
from tracking.formats.battery import assert_same, lineage


@pytest.mark.parametrize("dimensions", [2, 3])
def test_everything_comes_back(dimensions, tmp_path):
    scale = (2.0, 0.5, 0.25)[-dimensions:]
    tracks = lineage(dimensions, pixel_size=scale, frame_interval=30.0)
    tracks.properties["name"] = np.array([f"cell {i}" for i in range(10)])
    tracks.properties["dividing"] = np.arange(10) == 0
    write_geff(tmp_path / "a.geff", tracks)
    again = read_geff(tmp_path / "a.geff")
    assert_same(tracks, again)
    assert again.pixel_size == scale and again.frame_interval == 30.0 and again.frame_count == 6
    write_geff(tmp_path / "a.geff", again)  # replaces the first
    assert_same(tracks, read_geff(tmp_path / "a.geff"))


def test_tracks_without_detections_or_links(tmp_path):
    for name, tracks in (
        ("none", make_tracks([], np.zeros((0, 2)), frame_count=4)),
        ("unlinked", make_tracks([0, 1], np.ones((2, 3)))),
    ):
        write_geff(tmp_path / f"{name}.geff", tracks)
        again = read_geff(tmp_path / f"{name}.geff")
        assert_same(tracks, again)
        assert again.frame_count == tracks.frame_count and again.dimensions == tracks.dimensions


@pytest.mark.parametrize("version", [2, 3])
def test_a_foreign_group(version, tmp_path):
    """Axes in another order and in µm and s, names of our own, gaps in columns, several values."""
    group = zarr.open_group(str(tmp_path / "f.zarr"), mode="w", zarr_format=version)
    columns = {
        "POSITION_X": np.array([1.0, 2.0, 3.0]),
        "POSITION_Y": np.array([4.0, 5.0, 6.0]),
        "POSITION_T": np.array([0.0, 300.0, 900.0]),
        "score": np.array([1, 2, 3]),
        "box": np.arange(6.0).reshape(3, 2),
    }
    nodes, edges = group.create_group("nodes"), group.create_group("edges")
    nodes.create_array("ids", data=np.array([30, 10, 20], np.uint32))
    edges.create_array("ids", data=np.array([[30, 10], [10, 20]], np.uint32))
    properties = nodes.create_group("props")
    for name, values in columns.items():
        properties.create_group(name).create_array("values", data=values)
    properties["score"].create_array("missing", data=np.array([False, True, False]))
    axes = [("POSITION_X", "space", "micrometer"), ("POSITION_Y", "space", "micrometer")]
    axes.append(("POSITION_T", "time", "second"))
    group.attrs["geff"] = {
        "geff_version": "1.1.3",
        "directed": True,
        "axes": [dict(zip(("name", "type", "unit"), axis, strict=True)) for axis in axes],
        "node_props_metadata": {
            name: {"identifier": name, "dtype": str(c.dtype)} for name, c in columns.items()
        }
        | {"outline": {"identifier": "outline", "dtype": "float64", "varlength": True}},
        "edge_props_metadata": {},
    }
    tracks = read_geff(tmp_path / "f.zarr")
    assert tracks.frame.tolist() == [0, 1, 3] and tracks.frame_interval == 300
    assert tracks.position.tolist() == [[4, 1], [5, 2], [6, 3]] and tracks.pixel_size == (1, 1)
    assert tracks.edges.tolist() == [[0, 1], [1, 2]]
    assert tracks.properties["id"].tolist() == [30, 10, 20]
    np.testing.assert_array_equal(tracks.properties["score"], [1, np.nan, 3])
    assert tracks.properties["box-1"].tolist() == [1, 3, 5]


def spoil(path, change):
    attributes = path / ".zattrs"
    content = json.loads(attributes.read_text())
    change(content["geff"])
    attributes.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda geff: geff.update(geff_version="2.0"), "GEFF 2.0"),
        (lambda geff: geff.pop("geff_version"), "unknown"),
        (lambda geff: geff.update(directed=False), "undirected"),
        (lambda geff: geff.update(axes=None), "axes"),
        (lambda geff: geff.update(axes=geff["axes"][:2]), "1 of space"),
        (lambda geff: geff["axes"][1].update(name="q"), r"\['q'\]"),
        (lambda geff: geff["node_props_metadata"].update(q={"dtype": "int8"}), "damaged"),
        (lambda geff: geff.update(node_props_metadata=[]), "no table"),
        (lambda geff: geff["extra"]["cellwright"].update(frame_count=2), "2 frames"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(change, message, tmp_path):
    write_geff(tmp_path / "a.geff", lineage())
    spoil(tmp_path / "a.geff", change)
    with pytest.raises(FormatError, match=message):
        read_geff(tmp_path / "a.geff")


def test_damaged_groups_are_refused(tmp_path):
    with pytest.raises(FormatError, match="no Zarr group"):
        read_geff(tmp_path / "nothing.geff")
    zarr.open_group(str(tmp_path / "other.zarr"), mode="w")
    with pytest.raises(FormatError, match="without GEFF"):
        read_geff(tmp_path / "other.zarr")
    path = tmp_path / "a.geff"
    for array, value, message in (
        ("edges/ids", [5, 77], "not there"),
        ("edges/ids", [5, 0], "forward"),
        ("nodes/ids", 3, "same identifier"),
        ("nodes/props/t/values", -1, "beyond"),
        ("nodes/props/y/values", np.nan, "not finite"),
    ):
        write_geff(path, lineage())
        zarr.open_group(str(path))[array][0] = value
        with pytest.raises(FormatError, match=message):
            read_geff(path)
    write_geff(path, lineage())
    shutil.rmtree(path / "nodes" / "ids")
    with pytest.raises(FormatError, match="damaged"):
        read_geff(path)


def test_columns_of_any_name_come_back(tmp_path):
    tracks = lineage()
    for number, name in enumerate(
        ("t", "label", "tracklet", "µm/s", "µm_s", "..", ".", "", "a\\b")
    ):
        tracks.properties[name] = np.arange(len(tracks)) + number
    tracks.edge_properties["by/hand"] = np.arange(len(tracks.edges))
    write_geff(tmp_path / "a.geff", tracks)
    assert_same(tracks, read_geff(tmp_path / "a.geff"))


def test_columns_that_the_format_cannot_hold_are_refused(tmp_path):
    waves = make_tracks([0], [[1.0, 2.0]], properties={"wave": np.array([1j])})
    with pytest.raises(InputError, match="column 'wave'"):
        write_geff(tmp_path / "a.geff", waves)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_times_in_hours_are_frames_in_any_precision(precision, tmp_path):
    frames = np.repeat(np.arange(289), 2)
    path = tmp_path / "a.geff"
    write_geff(path, make_tracks(frames, np.zeros((578, 2))))
    group = zarr.open_group(str(path), mode="r+")
    facts = dict(group.attrs["geff"])
    facts["axes"][0]["unit"] = "hour"
    group.attrs["geff"] = facts
    del group["nodes/props/t/values"]
    group["nodes/props/t"].create_array("values", data=(frames * 5 / 60).astype(precision))
    again = read_geff(path)
    assert (again.frame == frames).all() and again.frame_interval == pytest.approx(300, rel=1e-5)
