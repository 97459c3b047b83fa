"""Objects get classes, which are ordinary tables that datasets are read from."""

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import UsageError
from cellwright.datasets.class_files import read_classes, with_classes
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.datasets.objects import count_classes, object_names
from cellwright.images.read import read_labels
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.edits import accept, edit
from cellwright.studio.fields import Fields
from cellwright.studio.lessons import annotated_parts, open_lesson, write_lesson
from cellwright.studio.levels import Place
from cellwright.studio.object_classes import ObjectClasses
from cellwright.studio.parts import divided
from cellwright.studio.project import find_project
from cellwright.studio.proposals import Found, Request


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        cw.write(tmp_path / "images" / f"{name}.tif", cw.Image(np.zeros((64, 90), np.uint8), "YX"))
    return tmp_path


@pytest.fixture
def open_desk(folder):
    """Open the project as a program does that knows only what is on the disk."""
    desks = []

    def start():
        while desks:
            desks.pop().close()
        desks.append(Desk(find_project(folder), Assistant("nuclei"), "Ada"))
        return desks[-1]

    yield start
    for desk in desks:
        desk.close()


def draw(desk, y, x, kind=0, number=0):
    """Paint an object and return its label."""
    points = [[y, x], [y, x + 8]]
    fields = {"tool": "brush", "points": points, "radius": 3, "class": kind}
    edit(desk.sheet(number), Fields(fields), "Ada")
    return int(desk.sheet(number).annotation.canvas[y, x])


def classify(desk, y, x, kind):
    fields = Fields({"tool": "classify", "point": [y, x], "class": kind})
    return edit(desk.sheet(0), fields, "Ada")


def kinds(desk, number=0):
    return dict(desk.sheet(number).annotation.facts["class"])


def test_what_is_drawn_and_clicked_is_learned_from_an_ordinary_dataset(open_desk, folder):
    desk = open_desk()
    live, dead = (desk.classes.add(name).id for name in ("live", "dead"))
    draw(desk, 10, 10, live)
    draw(desk, 30, 10, live)
    draw(desk, 50, 10)
    draw(desk, 10, 50, number=1)
    classify(desk, 30, 10, dead)
    open_desk()  # closes the first one
    dataset = with_classes(open_dataset(folder))
    (example,) = (one for one in dataset.examples if one.id == "a")
    assert count_classes(example, read_labels(example.label_file)[0]) == {"live": 1, "dead": 1}


def test_a_class_goes_with_its_object_and_comes_back_with_it(open_desk, folder):
    desk = open_desk()
    kind = desk.classes.add("live").id
    draw(desk, 30, 20, kind)
    sheet = desk.sheet(0)
    table = folder / "labels" / "classes.csv"
    sheet.annotation.save()
    assert read_classes(table) == {"a": {1: "live"}}
    edit(sheet, Fields({"tool": "delete", "point": [30, 20]}), "Ada")
    sheet.annotation.save()
    assert not table.exists()  # a table that names objects that there are not is refused
    sheet.annotation.undo(who="Ada")
    sheet.annotation.save()
    assert read_classes(table) == {"a": {1: "live"}}


def test_pieces_are_of_the_class_of_what_they_are_cut_from(open_desk):
    desk = open_desk()
    live, dead = (desk.classes.add(name).id for name in ("live", "dead"))
    draw(desk, 30, 20, live)
    cut = {"tool": "split", "points": [[20, 24], [40, 24]], "class": dead}
    edit(desk.sheet(0), Fields(cut), "Ada")
    assert kinds(desk) == {1: live, 2: live}
    assert draw(desk, 30, 60, dead) == 3 and kinds(desk)[3] == dead


def test_undo_redo_and_restore_know_classes_also_after_a_restart(open_desk):
    desk = open_desk()
    live, dead = (desk.classes.add(name).id for name in ("live", "dead"))
    draw(desk, 30, 20, live)
    then = classify(desk, 30, 20, dead).edit
    classify(desk, 30, 20, 0)
    desk = open_desk()
    assert kinds(desk) == {} and [one.name for one in desk.classes.all()] == ["live", "dead"]
    annotation = desk.sheet(0).annotation
    annotation.undo(who="Ada")
    assert kinds(desk) == {1: dead}
    annotation.undo(who="Ada")
    assert kinds(desk) == {1: live}
    annotation.redo(who="Ada")
    annotation.redo(who="Ada")
    assert kinds(desk) == {}
    annotation.restore(then, who="Ada")
    assert kinds(desk) == {1: dead}


def test_a_number_is_never_used_for_a_second_object(open_desk):
    desk = open_desk()
    draw(desk, 30, 20, desk.classes.add("live").id)
    edit(desk.sheet(0), Fields({"tool": "delete", "point": [30, 20]}), "Ada")
    desk = open_desk()
    assert draw(desk, 50, 20) == 2 and 2 not in kinds(desk)


def test_tables_from_elsewhere_are_taken_over_and_copied_before_they_are_replaced(
    open_desk, folder
):
    desk = open_desk()
    draw(desk, 10, 10)
    draw(desk, 30, 10)
    open_desk()
    table = folder / "labels" / "classes.csv"
    table.write_text("image;label;class\na.tif;2;dead, or not\nb.tif;1;live\n")
    desk = open_desk()
    (strange,) = [one.id for one in desk.classes.all() if one.name == "dead, or not"]
    assert kinds(desk) == {2: strange}
    classify(desk, 10, 10, strange)
    desk.sheet(0).annotation.save()
    assert read_classes(table) == {
        "a": {1: "dead, or not", 2: "dead, or not"},
        "b": {1: "live"},
    }
    (kept,) = (folder / ".cellwright" / "originals").glob("classes-*.csv")
    assert ";" in kept.read_text()
    assert kinds(open_desk()) == {1: strange, 2: strange}


def test_names_change_in_the_table_and_what_is_removed_is_of_no_class(serve, folder):
    client = serve(folder).client
    (made,) = client.done("/api/classes", {"name": "live"})
    client.done("/api/classes", {"name": "dead"})
    for y, kind in ((10, 1), (30, 2)):
        stroke = {"tool": "brush", "points": [[y, 20]], "radius": 4, "class": kind}
        assert client.done("/api/images/0/edits", stroke)["facts"] == [["class", kind, kind]]
    assert client.done("/api/images/0/classes")["counts"] == {"0": 0, "1": 1, "2": 1}
    table = folder / "labels" / "classes.csv"
    while not table.exists():
        pass
    client.done("/api/classes/change", {"class": 1, "name": "alive", "key": 2})
    assert read_classes(table) == {"a": {1: "alive", 2: "dead"}}
    (left,) = client.done("/api/classes/remove", {"class": 2})
    assert left == made | {"name": "alive", "key": 2}
    assert read_classes(table) == {"a": {1: "alive"}}
    assert client.done("/api/images/0/classes")["counts"] == {"0": 1, "1": 1}
    assert client("/api/images/0/edits", stroke)[0] == 400  # of a class that was removed
    assert client("/api/classes", {"name": "alive"})[0] == 400


def test_proposals_bring_their_classes(open_desk):
    desk = open_desk()
    sheet = desk.sheet(0)
    found = np.zeros((64, 90), np.int32)
    found[10:20, 10:20], found[30:40, 10:20] = 1, 2
    table = {
        "label": np.array([1, 2], np.int32),
        "confidence": np.ones(2),
        "class": np.array(["live", "dead"]),
    }
    whole = slice(0, 64), slice(0, 90)
    request = Request(Place(0, 0), (), whole, None)
    sheet.proposals("Ada").fill(request, Found(found, table, None), np.ones(2, bool))
    accept(sheet, Fields({"labels": [2]}), "Ada")
    accept(sheet, Fields({"labels": [1]}), "Ada")
    names = {label: desk.classes.name(kind) for label, kind in kinds(desk).items()}
    assert names == {1: "dead", 2: "live"}


def test_a_round_of_training_learns_the_classes_of_what_is_annotated(open_desk, tmp_path):
    desk = open_desk()
    live, dead = (desk.classes.add(name).id for name in ("live", "dead"))
    for number in range(2):
        draw(desk, 10, 10, live, number)
        draw(desk, 30, 10, dead, number)
        draw(desk, 50, 10, number=number)
        desk.journal.mark(desk.project.items[number].name, True)
    folder = tmp_path / "rounds" / "001"
    write_lesson(desk, divided(annotated_parts(desk)), folder, None)
    dataset = open_lesson(folder)
    assert dataset.classes == ("dead", "live")
    for example in dataset.examples:
        _, labels = load_example(example)
        names = object_names(example, labels)
        canvas = desk.sheet(0).annotation.canvas  # both images are drawn alike
        for label in np.unique(labels[labels > 0]):
            y, x = np.argwhere(labels == label)[0]
            kind = kinds(desk).get(int(canvas[y, x]))
            assert names[label] == (desk.classes.name(kind) if kind else "")


def test_names_colours_and_keys_are_checked(tmp_path):
    classes = ObjectClasses(tmp_path / "classes.json")
    first, second = classes.add("a"), classes.add("b")
    assert (first.key, second.key) == (1, 2) and first.colour != second.colour
    assert classes.change(2, key=1).key == 1 and classes.all()[0].key == 0
    for wrong in ({"name": " "}, {"name": "a"}, {"colour": "red"}, {"key": 10}):
        with pytest.raises(UsageError):
            classes.change(2, **wrong)
    classes.remove(1)
    assert ObjectClasses(tmp_path / "classes.json").all() == classes.all()
    assert classes.add("c").id == 3  # never 1 again: what was of it stays of none
