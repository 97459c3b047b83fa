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


@pytest.mark.parametrize("options", [SegmentOptions, DetectOptions])
def test_numbers_out_of_range_are_refused_before_any_image_is_read(options):
    for threshold in (-0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match=f"confidence between 0 and 1, not {threshold}"):
            options(threshold=threshold)
    for diameter in (0, -3, math.inf):
        with pytest.raises(UsageError, match=f"1 px or more, not {diameter}"):
            options(diameter=diameter)
    for size in (-1, math.nan):
        with pytest.raises(UsageError, match=f"0 px or more, not {size}"):
            SegmentOptions(min_size=size)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0, ("0",)), ("DAPI", ("DAPI",)), (["DAPI", 1], ("DAPI", "1")), ((), ())],
)
def test_a_channel_may_stand_alone_even_the_first(given, kept):
    assert SegmentOptions(channel=given).channel == DetectOptions(channel=given).channel == kept


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
