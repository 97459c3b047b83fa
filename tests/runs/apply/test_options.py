import math

import pytest

from cellwright import CompareOptions, DetectOptions, SegmentOptions, TrainOptions, UsageError


@pytest.mark.parametrize("options", [SegmentOptions, DetectOptions])
def test_what_would_be_taken_for_something_else_is_refused(options):
    with pytest.raises(UsageError, match="max, mean, each, not 'sum'"):
        options(z="sum")
    for size in (0.0, -0.5, math.nan):
        with pytest.raises(UsageError, match=f"a length in µm, not {size}"):
            options(pixel_size=size)
    assert options(z="max", pixel_size=0.5).z == "max"


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="one of tif, ome-zarr, not 'png'"):
        SegmentOptions(format="png")


@pytest.mark.parametrize("name", ["steps", "minutes", "batch_size", "patch", "diameter"])
def test_nothing_is_not_taken_for_not_given(name):
    with pytest.raises(UsageError, match=f"{name} of a training must be above 0, not 0"):
        TrainOptions(**{name: 0})


def test_a_comparison_has_an_end():
    for minutes in (0, -1, math.inf, math.nan):
        with pytest.raises(UsageError, match="minutes of a comparison"):
            CompareOptions(minutes=minutes)
