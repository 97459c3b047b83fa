import numpy as np
import pytest

import cellwright as cw


def test_nothing_to_do_and_nobody_to_do_it_are_told_as_such(tmp_path):
    with pytest.raises(cw.InputError, match="No images were given"):
        cw.segment([], tmp_path / "out")
    with pytest.raises(cw.UsageError, match="jobs must be a whole number, 1 or more, not 0"):
        cw.segment("cells.tif", tmp_path / "out", jobs=0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("diameter", "noted"), [(1, True), (12, False), (None, False)])
def test_who_lets_images_be_magnified_is_told_what_that_takes(tmp_path, diameter, noted):
    cw.write(tmp_path / "a.tif", cw.Image(np.zeros((40, 40), np.uint8), "YX"))
    options = cw.SegmentOptions(diameter=diameter)
    notes = cw.segment(tmp_path / "a.tif", tmp_path / "out", options=options).notes
    assert any("diameter=1 the model sees all images magnified" in note for note in notes) == noted
    assert len(notes) == noted


def test_the_wait_is_told_before_it_begins(tmp_path, monkeypatch, capsys):
    cw.write(tmp_path / "a.tif", cw.Image(np.zeros((40, 40), np.uint8), "YX"))
    monkeypatch.setenv("CELLWRIGHT_PROGRESS", "1")
    cw.segment(tmp_path / "a.tif", tmp_path / "out", options=cw.SegmentOptions(diameter=1))
    assert capsys.readouterr().err.startswith("Note: With diameter=1 the model sees all images")
