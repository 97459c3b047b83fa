"""Boxes and points are facts with a journal, and tables that training reads."""

import tracemalloc

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import UsageError
from cellwright.datasets.boxes import load_boxes, read_boxes
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.points import load_points, read_points
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.fields import Fields
from cellwright.studio.marks import find_marks, mark, offered
from cellwright.studio.project import find_project


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        cw.write(tmp_path / "images" / f"{name}.tif", cw.Image(np.zeros((64, 90), np.uint8), "YX"))
    return tmp_path


@pytest.fixture
def open_desk():
    """Open a project as a program does that knows only what is on the disk."""
    desks = []

    def start(folder):
        while desks:
            desks.pop().close()
        desks.append(Desk(find_project(folder), Assistant("nuclei"), "Ada"))
        return desks[-1]

    yield start
    for desk in desks:
        desk.close()


def put(desk, about, *points, image=0, **more):
    fields = {"about": about, "points": [list(point) for point in points]} | more
    return mark(desk.sheet(image), Fields(fields), "Ada").facts[0].number


def marks(desk, about, image=0):
    return dict(desk.sheet(image).annotation.facts[about])


def test_boxes_are_an_ordinary_dataset(open_desk, folder):
    desk = open_desk(folder)
    red = desk.classes.add("red, or so").id
    put(desk, "box", (20, 30), (10.126, 12), **{"class": red})
    second = put(desk, "box", (-5, 50), (30, 999))  # cut at the edge
    put(desk, "box", (40, 40), (50, 50), image=1)
    put(desk, "box", (0, 45), (30, 90), number=second)
    open_desk(folder)
    dataset = open_dataset(folder)
    assert dataset.task == "boxes" and not (folder / "labels").exists()
    boxes = load_boxes(dataset.examples[0])
    np.testing.assert_allclose(boxes.corners, [[10.13, 12, 20, 30], [0, 45, 30, 90]])
    assert boxes.names.tolist() == ["red, or so", "object"]
    assert len(load_boxes(dataset.examples[1])) == 1


def test_points_are_an_ordinary_dataset_whose_numbers_are_centres_of_pixels(open_desk, tmp_path):
    cw.write(tmp_path / "v.ome.tif", cw.Image(np.zeros((5, 40, 50), np.uint8), "ZYX"))
    desk = open_desk(tmp_path)
    assert offered(desk.sheet(0)) == ["point"]
    put(desk, "point", (10.5, 20.25), z=3)
    open_desk(tmp_path)
    (example,) = open_dataset(tmp_path).examples
    np.testing.assert_allclose(load_points(example, (5, 40, 50)).positions, [[3, 10, 19.75]])


def test_marks_are_taken_back_and_done_again_also_after_a_restart(open_desk, folder):
    desk = open_desk(folder)
    kind = desk.classes.add("live").id
    number = put(desk, "point", (5, 6))
    then = mark(desk.sheet(0), Fields({"about": "point", "number": number, "class": kind}), "Ada")
    mark(desk.sheet(0), Fields({"about": "point", "number": number, "remove": True}), "Ada")
    assert marks(desk, "point") == {}
    desk = open_desk(folder)
    annotation = desk.sheet(0).annotation
    annotation.undo(who="Ada")
    assert marks(desk, "point") == {number: {"at": [5, 6], "class": kind}}
    annotation.undo(who="Ada")
    assert marks(desk, "point")[number]["class"] == 0
    annotation.redo(who="Ada")
    annotation.redo(who="Ada")
    assert marks(desk, "point") == {}
    annotation.restore(then.edit, who="Ada")
    assert marks(desk, "point")[number]["class"] == kind
    annotation.save()
    assert read_points(folder / "points.csv").points["a.tif"].names.tolist() == ["live"]
    annotation.undo(who="Ada")
    annotation.save()
    assert not (folder / "points.csv").exists()


def test_tables_from_elsewhere_are_corrected_and_keep_what_is_not_touched(open_desk, folder):
    table = folder / "boxes.csv"
    table.write_text(
        "filename,cls,split,xmin,ymin,xmax,ymax\n"
        "a.tif,red,train,1,2,11.5,12\na.tif,white,train,20,20,40,40\nb.tif,red,val,3,3,9,9\n"
    )
    before = read_boxes(table)
    desk = open_desk(folder)
    assert {one.name for one in desk.classes.all()} == {"red", "white"}
    first, second = sorted(marks(desk, "box"))
    desk.sheet(0).annotation.save()
    assert read_boxes(table) is before  # looking changes nothing
    mark(desk.sheet(0), Fields({"about": "box", "number": second, "remove": True}), "Ada")
    desk.sheet(0).annotation.save()
    after = read_boxes(table)
    np.testing.assert_array_equal(after.boxes["a.tif"].corners, [[2, 1, 12, 11.5]])
    np.testing.assert_array_equal(after.boxes["b.tif"].corners, before.boxes["b.tif"].corners)
    assert after.splits == before.splits
    (kept,) = (folder / ".cellwright" / "originals").glob("boxes-*.csv")
    assert "xmin" in kept.read_text()
    assert sorted(marks(open_desk(folder), "box")) == [first]


def test_what_no_table_can_say_is_refused(open_desk, folder, tmp_path):
    desk = open_desk(folder)
    for wrong in (
        {"about": "star", "points": [[1, 1]]},
        {"about": "point", "points": [[1, 1], [2, 2]]},
        {"about": "point", "points": [[64, 1]]},
        {"about": "box", "points": [[1, 1], [1.5, 9]]},
        {"about": "box", "number": 7, "remove": True},
        {"about": "point", "points": [[1, 1]], "class": 4},
    ):
        with pytest.raises(UsageError):
            mark(desk.sheet(0), Fields(wrong), "Ada")
    assert desk.sheet(0).annotation.history() == []
    movie = tmp_path / "movie"
    cw.write(movie / "m.ome.tif", cw.Image(np.zeros((3, 40, 50), np.uint8), "TYX"))
    desk = open_desk(movie)
    assert offered(desk.sheet(0)) == []
    with pytest.raises(UsageError, match="frame"):
        put(desk, "point", (1, 1))


def test_what_a_model_finds_is_marked_once(open_desk, folder, monkeypatch):
    desk = open_desk(folder)
    table = {
        **{f"bbox-{i}": np.array([v, 30 + v]) for i, v in enumerate((1.0, 2.0, 11.0, 14.0))},
        "centroid-0": np.array([5.5, 35.5]),
        "centroid-1": np.array([7.5, 37.5]),
        "class": np.array(["red", "object"]),
    }
    monkeypatch.setattr(desk.assistant, "detect", lambda image, channel: table)
    put(desk, "box", (31, 32), (41, 43))
    for about in ("box", "point"):
        for _ in range(2):
            find_marks(desk.sheet(0), desk.assistant, Fields({"about": about}), "Ada")
    assert [one["at"] for one in marks(desk, "box").values()] == [[31, 32, 41, 43], [1, 2, 11, 14]]
    (first, second) = marks(desk, "point").values()
    assert first == {"at": [6, 8], "class": 1} and second == {"at": [36, 38], "class": 0}
    desk.sheet(0).annotation.undo(who="Ada")
    assert marks(desk, "point") == {}


def test_thousands_that_are_found_again_are_marked_once_and_take_little_memory(
    open_desk, tmp_path, monkeypatch
):
    count = 6000
    cw.write(tmp_path / "large.tif", cw.Image(np.zeros((3000, 3000), np.uint8), "YX"))
    desk = open_desk(tmp_path)
    corners = np.random.default_rng(0).permutation(300 * 300)[:count]
    low = 10.0 * np.stack(np.divmod(corners, 300), axis=1)
    table = {f"bbox-{i}": v for i, v in enumerate(np.concatenate([low, low + 8], axis=1).T)}
    table |= {f"centroid-{i}": low[:, i] + 3.5 for i in range(2)}
    monkeypatch.setattr(desk.assistant, "detect", lambda image, channel: table)
    for about in ("box", "point"):
        fields = Fields({"about": about})
        assert len(find_marks(desk.sheet(0), desk.assistant, fields, "Ada").facts) == count
        tracemalloc.start()
        again = find_marks(desk.sheet(0), desk.assistant, fields, "Bo")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert again.facts == () and most < 200e6
