"""Wrong calls from Python are told in words, before anything is read or written."""

from pathlib import Path

import numpy as np
import pytest

import cellwright as cw

PLANE = np.zeros((4, 5))
WRONG = {
    "pixels in a list": (lambda out: cw.Image([[1, 2]], "YX"), "an array, not a list"),
    "axes as a number": (lambda out: cw.Image(PLANE, 2), "letters, such as 'CYX', not 2"),
    "one pixel size": (lambda out: cw.Image(PLANE, "YX", pixel_size=0.5), "for each of the axes"),
    "one text of names": (
        lambda out: cw.Image(np.zeros((3, 4, 5)), "CYX", channel_names="RGB"),
        "channel names are several",
    ),
    "spots as a number": (lambda out: cw.detect(["a.tif"], out, spots=4), "SpotSettings"),
    "pixels to segment": (lambda out: cw.segment(PLANE, out), r"path.*shape \(4, 5\).*in memory"),
    "no output": (lambda out: cw.segment("a.tif", None), "output must be a path.*not None"),
    "a dictionary": (lambda out: cw.segment("a.tif", out, options={}), "SegmentOptions.*a dict"),
    "a text of a number": (lambda out: cw.SegmentOptions(threshold="0.5"), "must be a number"),
    "a channel between two": (lambda out: cw.SegmentOptions(channel=1.5), "name or the number"),
    "nothing to read": (lambda out: cw.read(None), "path must be a path"),
    "write, swapped": (lambda out: cw.write(PLANE, out), "path must be a path"),
    "a model without a name": (lambda out: cw.load_model(None), "model must be a path"),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told(tmp_path: Path, call, said) -> None:
    with pytest.raises(cw.CellwrightError, match=said):
        call(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_channel_is_all_channels() -> None:
    assert cw.SegmentOptions(channel=None).channel == ()
    assert cw.SegmentOptions(channel=0).channel == ("0",)
