"""Edits outlive whatever happens to the program, and nothing of the user's is lost."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellwright as cw
from cellwright._errors import FormatError, InputError, OutputError
from cellwright.images.read import read_labels
from cellwright.studio.annotation import Annotation
from cellwright.studio.journal import Journal
from cellwright.studio.project import find_project
from cellwright.studio.tools import Window


@pytest.fixture
def project(tmp_path):
    cw.write(tmp_path / "cells.tif", cw.Image(np.zeros((600, 700), np.uint8), "YX"))
    return find_project(tmp_path)


def opened(project):
    """Open the labels as a program does that knows only what is on the disk."""
    (item,) = project.items
    journal = Journal(project.journal)
    return Annotation(item, cw.read(item.path), journal, project.originals)


def put(annotation, y, x, value, size=4, who="Ada"):
    values = np.full((size, size), value, np.int32)
    return annotation.apply("test", lambda canvas, new: [Window((), y, x, values)], who=who)


def on_disk(project):
    return read_labels(project.items[0].labels)[0]


def originals(project):
    return sorted(path for path in project.originals.rglob("*") if path.is_file())


def test_undo_and_redo_go_all_the_way_also_after_a_restart(project):
    states = [opened(project).canvas[:, :]]
    rng = np.random.default_rng(0)
    for number in range(1, 12):
        annotation = opened(project)
        put(annotation, int(rng.integers(590)), int(rng.integers(690)), number)
        states.append(annotation.canvas[:, :])
    for state in reversed(states[:-1]):
        annotation = opened(project)
        assert annotation.undo(who="Ada").boxes
        np.testing.assert_array_equal(annotation.canvas[:, :], state)
    assert not opened(project).can_undo("Ada") and opened(project).undo(who="Ada").edit == 0
    for state in states[1:]:
        annotation = opened(project)
        annotation.redo(who="Ada")
        np.testing.assert_array_equal(annotation.canvas[:, :], state)
    assert not opened(project).can_redo("Ada")


def test_an_edit_after_undo_ends_what_could_be_done_again(project):
    annotation = opened(project)
    put(annotation, 1, 1, 1)
    annotation.undo(who="Ada")
    put(annotation, 9, 9, 2)
    assert not annotation.can_redo("Ada") and annotation.canvas[1, 1] == 0


def test_any_state_can_be_restored_and_that_taken_back(project):
    annotation = opened(project)
    first = put(annotation, 505, 505, 1, size=20).edit  # over the borders of chunks
    state = annotation.canvas[:, :]
    put(annotation, 500, 500, 2, size=20)
    annotation.undo(who="Ada")
    put(annotation, 0, 0, 3)
    put(annotation, 510, 510, 4, size=9)
    last = annotation.canvas[:, :]
    annotation.restore(first, who="Ada")
    np.testing.assert_array_equal(annotation.canvas[:, :], state)
    annotation.undo(who="Ada")
    np.testing.assert_array_equal(annotation.canvas[:, :], last)
    with pytest.raises(InputError, match="cannot go back"):
        annotation.restore(999, who="Ada")


def test_the_label_file_follows_and_is_found_again(project):
    annotation = opened(project)
    put(annotation, 5, 6, 70_000)
    assert not annotation.is_saved
    annotation.save()
    assert annotation.is_saved and on_disk(project)[5, 6] == 70_000
    again = opened(project)
    assert again.is_saved and again.canvas[5, 6] == 70_000 and again.largest == 70_000
    assert not originals(project)


def test_edits_that_were_not_saved_are_made_again(project):
    annotation = opened(project)
    put(annotation, 5, 6, 1)
    annotation.save()
    put(annotation, 50, 60, 2)
    again = opened(project)  # the first one never wrote its file
    assert again.canvas[5, 6] == 1 and again.canvas[50, 60] == 2 and not again.is_saved


@pytest.mark.parametrize("replaced", [False, True])
def test_ending_in_the_middle_of_a_save_loses_nothing(project, replaced, monkeypatch):
    annotation = opened(project)
    put(annotation, 5, 6, 1)
    annotation.save()
    put(annotation, 5, 6, 2)
    annotation.undo(who="Ada")
    put(annotation, 9, 9, 3)
    if replaced:
        monkeypatch.setattr(Journal, "end_save", lambda *_: None)
        annotation.save()
    else:
        annotation._journal.begin_save("cells", 99)
    again = opened(project)
    assert again.canvas[5, 6] == 1 and again.canvas[9, 9] == 3
    again.undo(who="Ada")
    assert again.canvas[9, 9] == 0


def test_labels_from_elsewhere_are_shown_and_copied_before_they_are_replaced(project):
    theirs = np.zeros((600, 700), np.uint16)
    theirs[20:30, 20:30] = 8
    path = project.items[0].labels
    cw.write_labels(path, theirs)
    content = path.read_bytes()
    annotation = opened(project)
    assert annotation.canvas[25, 25] == 8 and annotation.largest == 8 and annotation.is_saved
    annotation.save()
    assert path.read_bytes() == content  # looking changes nothing
    put(annotation, 0, 0, 9)
    annotation.save()
    (kept,) = originals(project)
    assert kept.read_bytes() == content and on_disk(project)[25, 25] == 8
    assert not annotation.remark  # the labels that were opened are no news
    put(annotation, 0, 0, 1)
    annotation.save()
    assert len(originals(project)) == 1


def test_a_change_by_another_program_ends_what_can_be_taken_back(project):
    annotation = opened(project)
    put(annotation, 5, 6, 1)
    annotation.save()
    theirs = on_disk(project)
    theirs[100:110, 100:110] = 4
    path = project.items[0].labels
    cw.write_labels(path, theirs, overwrite=True)
    os.utime(path, ns=(1, 1))
    again = opened(project)
    assert again.canvas[105, 105] == 4 and not again.can_undo("Ada") and again.is_saved
    put(again, 200, 200, 5)
    again.save()
    assert len(originals(project)) == 1
    third = opened(project)
    third.undo(who="Ada")
    assert third.canvas[200, 200] == 0 and third.canvas[105, 105] == 4 and not third.can_undo("Ada")


def test_a_change_by_another_program_while_it_is_open_is_copied(project):
    annotation = opened(project)
    put(annotation, 5, 6, 1)
    annotation.save()
    shutil.copy(project.items[0].labels, project.output / "theirs.tif")
    os.utime(project.output / "theirs.tif", ns=(1, 1))
    shutil.move(project.output / "theirs.tif", project.items[0].labels)
    assert not annotation.remark
    put(annotation, 5, 6, 2)
    annotation.save()
    (kept,) = originals(project)
    said = f"Another program wrote '{project.items[0].labels}' while it was open here."
    assert annotation.remark.startswith(said) and f"kept as '{kept}'" in annotation.remark


@pytest.mark.parametrize("ending", [".png", ".ome.tif", ".ome.zarr"])
def test_labels_of_another_format_are_moved_away(project, ending):
    path = project.items[0].labels.with_suffix(ending)
    labels = cw.Image(np.full((600, 700), 3, np.uint16), "YX")
    cw.write(path, labels) if ending != ".png" else cw.write_labels(path, labels.data)
    annotation = opened(project)
    put(annotation, 0, 0, 4)
    annotation.save()
    assert not path.exists() and len(list(project.originals.iterdir())) == 1
    assert on_disk(project)[5, 5] == 3 and on_disk(project)[0, 0] == 4
    put(annotation, 300, 300, 5)  # what it rested on is elsewhere now
    annotation.save()
    assert on_disk(project)[5, 5] == annotation.canvas[5:6, 5:6] == 3
    assert len(list(project.originals.iterdir())) == 1


def test_labels_that_do_not_fit_are_refused(project):
    cw.write_labels(project.items[0].labels, np.zeros((60, 70), np.uint16))
    with pytest.raises(FormatError, match=r"\(60, 70\)"):
        opened(project)


def test_the_journal_is_only_added_to(project):
    put(opened(project), 0, 0, 1)
    with sqlite3.connect(project.journal) as database:
        for change in ("DELETE FROM edits", "UPDATE patches SET y = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                database.execute(change)
    database.close()


def test_an_edit_that_cannot_be_written_is_not_made(project):
    annotation = opened(project)
    annotation._journal._db.execute("PRAGMA max_page_count = 1")
    noise = np.random.default_rng(0).integers(1, 1000, (512, 512), dtype=np.int32)
    with pytest.raises(OutputError, match="was not made"):
        annotation.apply("test", lambda canvas, new: [Window((), 0, 0, noise)], who="Ada")
    assert not annotation.canvas[:, :].any() and not annotation.can_undo("Ada")


def test_what_is_not_known_lasts_in_the_file_and_is_read_from_it(project):
    annotation = opened(project)
    put(annotation, 0, 0, 7)
    put(annotation, 300, 300, -1)
    annotation.save()
    assert on_disk(project)[301, 301] == -1 and on_disk(project)[1, 1] == 7
    project.journal.unlink()
    again = opened(project)  # as labels from elsewhere
    assert again.canvas[301, 301] == -1 and again.largest == 7
    put(again, 300, 300, 0)
    again.save()
    assert on_disk(project).min() == 0


def test_everybody_takes_back_their_own_edits_and_nobody_elses(project):
    annotation = opened(project)
    put(annotation, 10, 10, 1)
    put(annotation, 50, 50, 2, who="Bo")
    annotation.undo(who="Ada")
    assert annotation.canvas[11, 11] == 0 and annotation.canvas[51, 51] == 2
    assert not annotation.can_undo("Ada") and annotation.can_undo("Bo")
    again = opened(project)
    again.redo(who="Ada")
    assert again.canvas[11, 11] == 1 and not again.can_redo("Bo")


def test_what_others_drew_over_an_edit_stays_when_it_is_taken_back(project):
    annotation = opened(project)
    put(annotation, 10, 10, 1, size=10)
    put(annotation, 10, 10, 2, who="Bo", size=5)
    annotation.undo(who="Ada")
    expected = np.zeros((600, 700), np.int32)
    expected[10:15, 10:15] = 2
    np.testing.assert_array_equal(annotation.canvas[:, :], expected)
    np.testing.assert_array_equal(opened(project).canvas[:, :], expected)
    put(annotation, 10, 10, 3, who="Bo", size=5)
    annotation.redo(who="Ada")  # where Bo has drawn since, nothing is done again
    assert annotation.canvas[12, 12] == 3 and annotation.canvas[17, 17] == 1


def test_an_edit_of_which_nothing_is_left_is_passed_over(project):
    annotation = opened(project)
    put(annotation, 10, 10, 1)
    put(annotation, 90, 90, 2)
    put(annotation, 90, 90, 3, who="Bo")
    annotation.undo(who="Ada")
    assert annotation.canvas[91, 91] == 3 and annotation.canvas[11, 11] == 0
    again = opened(project)
    assert again.undo(who="Ada").edit == 0
    again.undo(who="Bo")
    again.undo(who="Ada")  # now something is left of it
    assert not again.canvas[:, :].any()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Ada", "Bo", "Cy"]),
            st.sampled_from(["draw", "undo", "redo"]),
            *(st.integers(0, 12), st.integers(1, 5)),
        ),
        max_size=25,
    )
)
@settings(max_examples=25, deadline=None)
def test_what_is_on_the_disk_is_what_is_seen_whatever_several_people_do(acts):
    with tempfile.TemporaryDirectory() as folder:
        cw.write(Path(folder) / "cells.tif", cw.Image(np.zeros((20, 20), np.uint8), "YX"))
        project = find_project(Path(folder))
        annotation = opened(project)
        for who, act, at, size in acts:
            if act == "draw":
                put(annotation, at, at, size, who=who, size=size)
            else:
                getattr(annotation, act)(who=who)
        again = opened(project)
        np.testing.assert_array_equal(again.canvas[:, :], annotation.canvas[:, :])
        for who in ("Ada", "Bo", "Cy"):
            assert again.can_undo(who) == annotation.can_undo(who)
            assert again.can_redo(who) == annotation.can_redo(who)


def test_objects_are_counted_for_who_drew_them(project):
    annotation = opened(project)
    journal = annotation._journal
    put(annotation, 10, 10, 1)
    put(annotation, 10, 13, 1)  # the same one
    put(annotation, 50, 50, 2, who="Bo")
    put(annotation, 90, 90, 3, who="Bo")
    annotation.undo(who="Bo")
    assert journal.drawn() == {"Ada": 1, "Bo": 1}
    annotation.redo(who="Bo")
    assert journal.drawn() == {"Ada": 1, "Bo": 2}
    assert [len(times) for times in journal.times().values()] == [2, 4]
