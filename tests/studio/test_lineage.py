"""Tracks are linked, cut and given parents, as tools that read tracks understand it."""

import numpy as np
import pytest

import cellwright as cw
from cellwright._errors import UsageError
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.edits import lineage_of, track
from cellwright.studio.fields import Fields
from cellwright.studio.project import find_project
from cellwright.tracking.formats.files import read_tracks


@pytest.fixture
def sheet(tmp_path):
    """Two cells in six frames, labelled frame by frame without regard to who is who."""
    labels = np.zeros((6, 40, 60), np.int32)
    for t in range(6):
        labels[t, 5:12, 5 + 2 * t : 12 + 2 * t] = 1 if t < 3 else 2
        labels[t, 25:32, 40:47] = 3 if t < 4 else 4
    labels[4:, 15:20, 5:10] = 5
    cw.write(tmp_path / "images" / "m.ome.tif", cw.Image(labels.astype(np.uint8), "TYX"))
    cw.write_labels(tmp_path / "labels" / "m.tif", labels)
    desk = Desk(find_project(tmp_path), Assistant("nuclei"), "Ada")
    yield desk.sheet(0)
    desk.close()


def do(sheet, action, label, t, other=0):
    fields = {"action": action, "label": label, "t": t, "other": other}
    return track(sheet, Fields(fields), "Ada")


def at(sheet, y, x=None):
    """Return the labels along time of the cell at a row; the first one moves."""
    canvas = sheet.annotation.canvas
    return [int(canvas[t, y, 8 + 2 * t if x is None else x]) for t in range(6)]


def test_links_make_one_label_and_what_went_on_otherwise_is_a_track_of_its_own(sheet):
    do(sheet, "link", 1, 3, 2)
    assert at(sheet, 8) == [1] * 6
    do(sheet, "link", 3, 2, 1)  # wrong: the second cell is said to become the first
    assert at(sheet, 8) == [1, 1, 3, 3, 3, 3] and at(sheet, 28, 43) == [3, 3, 6, 6, 4, 4]
    sheet.annotation.undo(who="Ada")
    assert at(sheet, 8) == [1] * 6 and at(sheet, 28, 43) == [3, 3, 3, 3, 4, 4]


def test_a_mother_ends_where_her_daughters_begin(sheet):
    do(sheet, "link", 1, 3, 2)
    do(sheet, "divide", 1, 4, 5)
    assert at(sheet, 8) == [1, 1, 1, 1, 6, 6] and at(sheet, 17, 7)[4:] == [5, 5]
    with lineage_of(sheet) as lineage:
        assert lineage.parents == {5: 1, 6: 1}
        tree = lineage.family(6)
    assert [(one["label"], one["parent"], one["frames"]) for one in tree] == [
        (1, -1, [0, 1, 2, 3]),
        (5, 0, [4, 5]),
        (6, 0, [4, 5]),
    ]
    do(sheet, "cut", 1, 2)
    with lineage_of(sheet) as lineage:
        assert lineage.parents == {5: 7, 6: 7}  # daughters stay with what they come from
    do(sheet, "orphan", 5, 4)
    with lineage_of(sheet) as lineage:
        assert lineage.parents == {6: 7}


def test_what_is_said_is_a_table_of_tracks(sheet):
    table = sheet.item.labels.with_name("m_tracks.csv")
    sheet.annotation.save()
    assert not table.exists()  # nobody has said anything about tracks
    do(sheet, "link", 1, 3, 2)
    do(sheet, "divide", 1, 4, 5)
    sheet.annotation.save()
    tracks = read_tracks(table)
    assert len(tracks) == 14 and tracks.frame_count == 6
    mothers = np.flatnonzero(tracks.out_degree() == 2)
    assert [(tracks.frame[m], tracks.label[m]) for m in mothers] == [(3, 1)]
    first = tracks.position[(tracks.frame == 0) & (tracks.label == 1)]
    np.testing.assert_allclose(first, [[8, 8]])


def test_the_class_goes_with_a_track_and_with_what_is_cut_from_it(sheet):
    sheet.classes.add("live")
    changes = {1: 1}
    sheet.annotation.say("classify", lambda facts: facts.changes("class", changes), who="Ada")
    do(sheet, "cut", 1, 1)
    assert dict(sheet.annotation.facts["class"]) == {1: 1, 6: 1}


@pytest.mark.parametrize(
    ("action", "label", "t", "other"),
    [
        ("link", 1, 3, 1), ("link", 5, 1, 1), ("link", 1, 3, 9), ("link", 1, 1, 2),
        ("divide", 5, 3, 2), ("cut", 1, 0, 0), ("cut", 1, 4, 0), ("marry", 1, 1, 3),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(sheet, action, label, t, other):
    with pytest.raises(UsageError):
        do(sheet, action, label, t, other)
    assert sheet.annotation.history() == []


def test_tracks_from_elsewhere_are_taken_over_and_copied_before_they_are_replaced(sheet, tmp_path):
    do(sheet, "divide", 1, 4, 5)
    do(sheet, "divide", 3, 4, 2)
    sheet.annotation.save()
    theirs = sheet.item.labels.with_name("m_tracks.csv")
    text = theirs.read_text()
    theirs.write_text("".join(line for line in text.splitlines(True) if ",2,2," not in line))
    again = Desk(find_project(tmp_path), Assistant("nuclei"), "Ada")
    opened = again.sheet(0)
    with lineage_of(opened) as lineage:
        assert lineage.parents == {5: 1, 6: 3}  # 2 is no daughter any more
    do(opened, "orphan", 5, 4)
    opened.annotation.save()
    (kept,) = (tmp_path / ".cellwright" / "originals").glob("m_tracks-*.csv")
    assert ",5,5,1," in kept.read_text() and ",5,5,0," in theirs.read_text()
    again.close()
