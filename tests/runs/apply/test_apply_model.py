import pytest

import cellwright as cw


def test_nothing_to_do_and_nobody_to_do_it_are_told_as_such(tmp_path):
    with pytest.raises(cw.InputError, match="No images were given"):
        cw.segment([], tmp_path / "out")
    with pytest.raises(cw.UsageError, match="jobs must be a whole number, 1 or more, not 0"):
        cw.segment("cells.tif", tmp_path / "out", jobs=0)
    assert not (tmp_path / "out").exists()
