"""Tables, napari layers and the door to all formats."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import FormatError, InputError, UsageError
from cellwright.measure.tables import read_csv, write_csv, write_parquet
from cellwright.tracking.formats.files import WRITERS, read_tracks, write_tracks
from cellwright.tracking.formats.geff import write_geff
from cellwright.tracking.formats.napari import from_napari, to_napari
from cellwright.tracking.formats.table import (
    read_detections,
    read_table,
    tracks_from_tables,
    write_table,
)
from cellwright.tracking.tracklets import find_tracklets
from tracking.formats.battery import assert_same, lineage
from tracking.toys import perfect


@pytest.mark.parametrize("ending", list(WRITERS))
def test_the_ending_names_the_format(ending, tmp_path):
    path = tmp_path / f"tracks{ending}"
    write_tracks(path, lineage())
    assert_same(lineage(), read_tracks(path))


def test_paths_that_hold_no_tracks(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_tracks(tmp_path / "none.xml")
    with pytest.raises(InputError, match="no file of tracks"):
        read_tracks(tmp_path)
    with pytest.raises(UsageError, match="ends in none"):
        write_tracks(tmp_path / "a.png", lineage())
    with pytest.raises(UsageError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "a.png", lineage())
    assert len(read_tracks(perfect().write(tmp_path))) == 46


@pytest.mark.parametrize("dimensions", [2, 3])
def test_tables_carry_scale_and_time_in_units(dimensions, tmp_path):
    tracks = lineage(dimensions, pixel_size=(0.5,) * dimensions, frame_interval=60.0)
    write_table(tmp_path / "a.csv", tracks)
    header = (tmp_path / "a.csv").read_text().splitlines()[0].replace('"', "").split(",")
    assert {"frame", "label", "track", "parent", "y", "x_um", "time_s", "area"} <= set(header)
    again = read_table(tmp_path / "a.csv", pixel_size=(0.5,) * dimensions, frame_interval=60.0)
    assert_same(tracks, again)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_tables_that_are_written_in_parts_are_whole(ending, tmp_path, monkeypatch):
    tracks = lineage(2, pixel_size=(0.5, 0.5), frame_interval=60.0)
    write_table(tmp_path / f"once{ending}", tracks)
    monkeypatch.setattr(sys.modules[write_csv.__module__], "_ROWS", 3)
    write_table(tmp_path / f"parts{ending}", tracks)
    for name in ("once", "parts"):
        again = read_table(tmp_path / f"{name}{ending}", pixel_size=(0.5, 0.5), frame_interval=60.0)
        assert_same(tracks, again)


def test_one_table_alone_holds_all_but_mergers_and_edge_columns(tmp_path):
    tracks = perfect().tracks()
    write_table(tmp_path / "a.parquet", tracks)
    (tmp_path / "a_links.parquet").unlink()
    again = read_table(tmp_path / "a.parquet")
    assert again.edges.tolist() == tracks.edges.tolist()
    assert find_tracklets(again).links.tolist() == find_tracklets(tracks).links.tolist()


def test_tables_of_other_programs():
    table = {
        "frame": np.array([1.0, 0.0, 2.0]),
        "particle": np.array([3, 3, 3]),
        "y": np.array([5.0, 4.0, 6.0]),
        "x": np.array([1.0, 1.0, 1.0]),
        "mass": np.array([10, 20, 30]),
    }
    tracks = tracks_from_tables(table)
    assert tracks.edges.tolist() == [[0, 1], [1, 2]]
    assert tracks.properties["mass"].tolist() == [20, 10, 30]
    del table["particle"]
    assert not len(tracks_from_tables(table).edges)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": None}, "no column"),
        ({"frame": np.array([0, 0.5])}, "whole numbers"),
        ({"frame": np.array(["a", "b"])}, "whole numbers"),
        ({"x": np.array([1, np.nan])}, "not finite"),
        ({"track": np.array([1, 2]), "parent": np.array([0, 7])}, "parent 7"),
        ({"track": np.array([1, 2]), "parent": np.array([2, 1])}, "forward"),
        ({"track": np.array([1, 1]), "frame": np.array([2, 2])}, "forward"),
    ],
)
def test_tables_that_cannot_be_tracks_are_refused(change, message):
    table = {"frame": np.array([0, 1]), "y": np.ones(2), "x": np.ones(2)} | change
    with pytest.raises(InputError, match=message):
        tracks_from_tables({name: one for name, one in table.items() if one is not None})


def test_links_to_nowhere_are_refused(tmp_path):
    write_table(tmp_path / "a.csv", lineage())
    links = (tmp_path / "a_links.csv").read_text().replace("\n0,1,1,1", "\n0,9,1,1")
    (tmp_path / "a_links.csv").write_text(links)
    with pytest.raises(FormatError, match=r"label 9 in frame 0.*'a_links\.csv'.*take them away"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_lies_beside_a_table_is_taken_only_where_it_holds_its_links(ending, tmp_path):
    tracks = perfect().tracks()
    path, beside = tmp_path / f"a.{ending}", tmp_path / f"a_links.{ending}"
    write_table(path, tracks)
    write = {"csv": write_csv, "parquet": write_parquet}[ending]
    write(beside, {"from": np.array([1]), "to": np.array([2])})
    assert read_table(path).edges.tolist() == tracks.edges.tolist()


def _cut(table):
    return table | {"track": np.where(table["frame"] > 0, 50 + table["track"], table["track"])}


def _joined(table):
    return table | {"track": np.ones_like(table["track"]), "parent": 0 * table["parent"]}


def _orphaned(table):
    return table | {"parent": 0 * table["parent"]}


def _unnamed(table):
    return {name: column for name, column in table.items() if name != "label"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_cut, "contradict each other: see label"),
        (_joined, "contradict each other: see label"),
        (_orphaned, "contradict each other: see label"),
        (_unnamed, "no column 'label'"),
    ],
)
def test_links_of_a_table_that_was_changed_since_are_refused(change, said, tmp_path):
    write_table(tmp_path / "a.csv", lineage())
    write_csv(tmp_path / "a.csv", change(read_csv(tmp_path / "a.csv")))
    with pytest.raises(FormatError, match=rf"{said}.*'a_links\.csv'.*take them away"):
        read_table(tmp_path / "a.csv")


def test_tracks_may_be_numbered_otherwise_than_by_us(tmp_path):
    write_table(tmp_path / "a.csv", lineage())
    table = read_csv(tmp_path / "a.csv")
    parent = np.where(table["parent"] > 0, 70 - table["parent"], 0)
    write_csv(tmp_path / "a.csv", table | {"track": 70 - table["track"], "parent": parent})
    assert_same(lineage(), read_table(tmp_path / "a.csv"))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_napari_layers(dimensions):
    tracks = lineage(dimensions, pixel_size=(0.5,) * dimensions)
    layer = to_napari(tracks)
    data, graph = layer["data"], layer["graph"]
    assert data.shape == (10, 2 + dimensions) and (np.diff(data[:, 0]) >= 0).all()
    assert layer["scale"] == (1.0, *(0.5,) * dimensions)
    assert sorted(map(len, graph.values())) == [1, 1, 2]  # two daughters, one merger
    gap = data[:, 0] == data[data[:, 1] == 4, 0]
    assert data[gap, 1].tolist() == [0, 1, 4]
    again = from_napari(data, graph, layer["features"], pixel_size=tracks.pixel_size)
    assert sorted(again.properties["area"]) == sorted(tracks.properties["area"])
    names, other = tracks.properties["area"], again.properties["area"]
    assert sorted(map(tuple, names[tracks.edges])) == sorted(map(tuple, other[again.edges]))


def test_labels_and_links_come_back_from_napari_for_joining_with_measurements():
    tracks = lineage(label=[7, 3, 5, 2, 9, 4, 8, 1, 6, 2], frame_interval=60.0)
    layer = to_napari(tracks)
    scale = {"pixel_size": tracks.pixel_size, "frame_interval": tracks.frame_interval}
    again = from_napari(layer["data"], layer["graph"], layer["features"], **scale)
    assert_same(replace(tracks, edge_properties={}), again)
    assert again.frame_interval == 60.0


def test_napari_layers_that_are_none():
    with pytest.raises(InputError, match="shape"):
        from_napari(np.zeros((3, 3)))
    with pytest.raises(InputError, match="whole"):
        from_napari(np.full((1, 4), 0.5))
    with pytest.raises(InputError, match="links track 4"):
        from_napari(np.array([[1, 0, 0, 0]]), {1: [4]})


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_tables_that_are_read_again_know_their_scale(dimensions, ending, tmp_path):
    size = (0.65, 0.325, 0.1083)[-dimensions:]
    tracks = lineage(dimensions, pixel_size=size, frame_interval=0.04)
    write_table(tmp_path / f"a{ending}", tracks)
    again = read_table(tmp_path / f"a{ending}")
    assert_same(tracks, again)
    assert (again.pixel_size, again.frame_interval) == (size, 0.04)


def test_columns_that_are_no_multiple_of_positions_tell_no_scale():
    table = {
        "frame": np.array([0, 1, 2]),
        "y": np.array([1.0, 2.0, 3.0]),
        "x": np.array([0.0, 0.0, 0.0]),
        "y_um": np.array([1.0, 2.0, 4.0]),
        "x_um": np.array([0.0, 0.0, 0.0]),
        "time_s": np.array([0.0, 10.0, 35.0]),
    }
    tracks = tracks_from_tables(table)
    assert (tracks.pixel_size, tracks.frame_interval) == (None, None)
    table |= {"y_um": table["y"] / 2, "x_um": np.ones(3), "time_s": np.array(["a", "b", "c"])}
    assert tracks_from_tables(table).pixel_size is None


def test_a_graph_of_napari_may_hold_numbers_of_numpy():
    data = [[0, 0, 1, 1], [0, 1, 1, 1], [1, 2, 1, 1], [2, 2, 3, 3]]
    tracks = from_napari(data, {1: np.int64(0), 2: [0]})
    assert tracks.divides().tolist() == [False, True, False, False]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dates_beside_points_are_texts(ending, tmp_path):
    times = np.array(["2024-01-01T10:00:00", "2024-01-01T10:05:00"], "datetime64[s]")
    columns = {"frame": np.array([0, 1]), "y": np.zeros(2), "x": np.zeros(2), "when": times}
    write = write_csv if ending == "csv" else write_parquet
    write(tmp_path / f"a.{ending}", columns)
    tracks = read_detections(tmp_path / f"a.{ending}")
    assert tracks.properties["when"].dtype.kind == "U"
    assert "10:05:00" in tracks.properties["when"][1]
    write_geff(tmp_path / "a.geff", tracks)  # as every run of `cellwright track` does
