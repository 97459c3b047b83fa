import builtins
import sys

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import FormatError, InputError, OutputError, UsageError
from cellwright.measure.tables import (
    concatenate,
    read_csv,
    read_parquet,
    to_pandas,
    write_csv,
    write_parquet,
)

TABLE = {
    "image": np.array(["001", 'a "b", c\nd', "zoë 核"]),
    "label": np.array([1, 2, 2**40]),
    "area": np.array([0.1, np.nan, 1e-17 / 3]),
    "touches_border": np.array([True, False, True]),
}


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column)
        assert found[name].dtype.kind == column.dtype.kind


@pytest.mark.parametrize(("write", "read"), [(write_csv, read_csv), (write_parquet, read_parquet)])
def test_a_table_comes_back_as_it_was(tmp_path, write, read):
    path = tmp_path / "new" / "objects"
    write(path, TABLE)
    assert_same(read(path), TABLE)
    assert [p.name for p in path.parent.iterdir()] == ["objects"]


@given(values=st.lists(st.floats(), min_size=1))
def test_every_float_survives_csv(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("floats") / "t.csv"
    write_csv(path, {"label": np.arange(len(values)), "x": np.array(values)})
    np.testing.assert_array_equal(read_csv(path)["x"].astype(float), values)


def test_csv_is_plain_text(tmp_path):
    write_csv(tmp_path / "t.csv", {"label": np.array([1, 2]), "x": np.array([0.1, np.nan])})
    assert (tmp_path / "t.csv").read_bytes() == b'"label","x"\n1,0.1\n2,\n'


def test_texts_do_not_become_formulas(tmp_path):
    names = np.array(["=1+1", "+x", "-x", "@x", "'=x", "'plain", "a=b"])
    write_csv(tmp_path / "t.csv", {"image": names})
    cells = [line.strip('"') for line in (tmp_path / "t.csv").read_text().splitlines()[1:]]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert read_csv(tmp_path / "t.csv")["image"].tolist() == names.tolist()


def test_other_programs_read_the_csv(tmp_path):
    import pandas

    write_csv(tmp_path / "t.csv", TABLE)
    frame = pandas.read_csv(tmp_path / "t.csv", dtype={"image": str})
    assert_same(
        {name: frame[name].to_numpy() for name in list(TABLE)[1:]}, dict(list(TABLE.items())[1:])
    )
    assert frame["image"].tolist() == TABLE["image"].tolist()


@pytest.mark.parametrize(("write", "read"), [(write_csv, read_csv), (write_parquet, read_parquet)])
def test_a_table_without_rows_keeps_its_columns(tmp_path, write, read):
    write(tmp_path / "t", {name: column[:0] for name, column in TABLE.items()})
    table = read(tmp_path / "t")
    assert list(table) == list(TABLE)
    assert all(column.size == 0 for column in table.values())


def test_tables_of_different_channels_are_stacked():
    other = {"label": np.array([5]), "intensity_mean-DAPI": np.array([2.5])}
    stacked = concatenate([TABLE, other])
    assert list(stacked) == [*TABLE, "intensity_mean-DAPI"]
    assert stacked["label"].tolist() == [1, 2, 2**40, 5]
    assert stacked["image"][3] == ""
    assert np.isnan(stacked["intensity_mean-DAPI"][:3]).all()
    assert np.isnan(stacked["touches_border"][3])
    assert_same(concatenate([TABLE]), TABLE)
    assert concatenate([]) == {}


def test_tables_that_contradict_each_other_are_refused():
    with pytest.raises(InputError, match="label"):
        concatenate([TABLE, {"label": np.array(["one"])}])


def test_ragged_columns_are_refused(tmp_path):
    with pytest.raises(InputError, match="differ in length"):
        write_csv(tmp_path / "t.csv", {"a": np.zeros(2), "b": np.zeros(3)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [read_csv, read_parquet])
@pytest.mark.parametrize("content", [b"", b"a,b\n1\n2,3,4\n"])
def test_broken_files_are_named(tmp_path, read, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="broken"):
        read(path)
    with pytest.raises(InputError, match=r"no file .*missing"):
        read(tmp_path / "missing")


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "twice.csv").write_text("label,area,label\n1,2,3\n")
    with pytest.raises(FormatError, match=r"twice\.csv.*several columns 'label'"):
        read_csv(tmp_path / "twice.csv")


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        write_csv(tmp_path / "file" / "t.csv", TABLE)


def test_pandas_is_named_when_it_is_missing(monkeypatch):
    assert to_pandas(TABLE)["label"].tolist() == TABLE["label"].tolist()
    real = builtins.__import__

    def without_pandas(name, *args):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(UsageError, match=r"cellwright\[notebook\]"):
        to_pandas(TABLE)


@pytest.mark.parametrize(("separator", "called"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_of_another_country_is_refused_with_the_cure(tmp_path, separator, called):
    path = tmp_path / "points.csv"
    path.write_text(f"frame{separator}y{separator}x\n0{separator}1,5{separator}2\n")
    with pytest.raises(FormatError, match=rf"separated by {called}\. Save it with commas"):
        read_csv(path)


@pytest.mark.parametrize(("write", "read"), [(write_csv, read_csv), (write_parquet, read_parquet)])
def test_a_table_of_several_parts_comes_back_as_it_was(tmp_path, monkeypatch, write, read):
    monkeypatch.setattr(sys.modules[write.__module__], "_ROWS", 3)
    table = {
        "frame": np.arange(8),
        "area": np.array([1.5, np.nan, 3, 4, np.nan, 6, 7, 8]),
        "class": np.array(["a", "", "longer", "=b", "c", "d", "e", "f"]),
    }
    before = pyarrow.total_allocated_bytes()
    write(tmp_path / "table", table)
    back = read(tmp_path / "table")
    for name, column in table.items():
        np.testing.assert_array_equal(back[name], column)
    assert pyarrow.total_allocated_bytes() <= before  # nothing that only Arrow can give back


def test_what_the_first_rows_do_not_tell_of_a_csv_is_found(tmp_path):
    rows = 200_000  # more than are read at a time
    path = tmp_path / "table.csv"
    late = "".join(f"{row},{row},\n" for row in range(rows))
    path.write_text(f"frame,x,note\n{late}{rows},0.5,seen\n")
    table = read_csv(path)
    assert table["frame"].dtype == np.int64 and table["frame"][-1] == rows
    assert table["x"][-2:].tolist() == [rows - 1, 0.5]
    assert table["note"][0] == "" and table["note"][-1] == "seen"
