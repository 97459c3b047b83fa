"""Labels come to their files whatever happens to the images around them."""

import errno
import time

import numpy as np
import pytest

import cellwright as cw
from cellwright.images.read import read_labels
from cellwright.studio import saved_labels
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import MOST_OPEN, Desk
from cellwright.studio.project import find_project
from cellwright.studio.tools import Window


@pytest.fixture
def desk(tmp_path):
    for number in range(MOST_OPEN + 2):
        pixels = np.zeros((30, 40), np.uint8)
        cw.write(tmp_path / f"field_{number}.tif", cw.Image(pixels, "YX"))
    desk = Desk(find_project(tmp_path), Assistant("nuclei"), "Ada")
    yield desk
    desk.close()


def paint(desk, sheet, value):
    values = np.full((4, 4), value, np.int32)
    sheet.annotation.apply("test", lambda *_: [Window((), 2, 2, values)], who="Ada")
    desk.edited(sheet)


def wait_for(sheet, value):
    end = time.monotonic() + 60
    path = sheet.item.labels
    while not path.exists() or read_labels(path)[0][3, 3] != value:
        assert time.monotonic() < end, path
        time.sleep(0.05)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ValueError("torn")])
def test_one_file_that_fails_does_not_keep_others_from_being_written(
    desk, monkeypatch, capsys, error
):
    write, failed = saved_labels.write_labels, []

    def broken(path, *more, **options):
        if path.stem == "field_0" and not failed:
            failed.append(path)
            raise error
        write(path, *more, **options)

    monkeypatch.setattr(saved_labels, "write_labels", broken)
    paint(desk, desk.sheet(0), 1)
    paint(desk, desk.sheet(1), 2)
    wait_for(desk.sheet(1), 2)
    assert failed and "field_0" in capsys.readouterr().err
    paint(desk, desk.sheet(0), 3)  # the next edit tries again
    wait_for(desk.sheet(0), 3)


def test_an_image_that_was_closed_between_a_request_and_its_edit_is_written(desk):
    sheet = desk.sheet(0)
    for number in range(1, MOST_OPEN + 2):
        desk.sheet(number)
    assert sheet not in desk.sheets()
    paint(desk, sheet, 5)
    assert sheet in desk.sheets()
    wait_for(sheet, 5)
