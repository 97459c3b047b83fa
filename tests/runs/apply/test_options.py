import math
from pathlib import Path

import pytest

from cellwright import CompareOptions, DetectOptions, SegmentOptions, TrainOptions, UsageError
from cellwright.runs.train_scorer.run import ScorerOptions


@pytest.mark.parametrize("options", [SegmentOptions, DetectOptions])
def test_what_would_be_taken_for_something_else_is_refused(options):
    with pytest.raises(UsageError, match="max, mean, each, not 'sum'"):
        options(z="sum")
    for size in (0.0, -0.5, math.nan, 1e-30, 1e7):
        with pytest.raises(UsageError, match=f"in µm, from 1e-06 to 1e.06, not {size}"):
            options(pixel_size=size)
    for side in (1, 63, 64.5):
        with pytest.raises(
            UsageError, match=f"tile must be a whole number, 64 or more, not {side}"
        ):
            options(tile=side)
    assert options(z="max", pixel_size=0.5, tile=64).z == "max"


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


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 0} for name in ("steps", "minutes", "batch_size", "patch", "diameter")),
        *({name: math.nan} for name in ("minutes", "learning_rate", "weight_decay", "diameter")),
        *({name: "ten"} for name in ("steps", "seed", "learning_rate", "stage_rate", "patch")),
        *({name: 1.5} for name in ("steps", "seed", "frozen_stages", "batch_size", "stage_rate")),
        *(
            {name: 3}
            for name in ("axes", "name", "method", "start_from", "strength", "network", "recipe")
        ),
        {"seed": None},
        {"seed": -1},
        {"steps": True},
        {"minutes": math.inf},
        {"weight_decay": -0.1},
        {"stage_rate": 0},
        {"patch": 15},
        {"strength": "huge"},
        {"method": "wotershed"},
        {"network": {"name": "unett"}},
        {"network": {"width": "wide"}},
        {"steps": 5, "minutes": 1.0},
    ],
    ids=str,
)
def test_options_of_a_training_are_refused_where_they_are_made(wrong):
    with pytest.raises(UsageError, match="width" if "width" in str(wrong) else next(iter(wrong))):
        TrainOptions(**wrong)


def test_a_model_to_start_from_may_be_a_path():
    assert TrainOptions(start_from=Path("models/a")).start_from == str(Path("models/a"))


@pytest.mark.parametrize("minutes", [0, -1, math.inf, math.nan, True, "ten"])
def test_a_comparison_has_an_end(minutes):
    with pytest.raises(UsageError, match="minutes must be a number above 0"):
        CompareOptions(minutes=minutes)


@pytest.mark.parametrize("name", ["methods", "networks"])
def test_what_is_compared_are_names(name):
    for wrong in (3, None, (3,), (["unet"],), "unet"):
        with pytest.raises(UsageError, match=name):
            CompareOptions(**{name: wrong})
    assert CompareOptions(methods=["flows", "stars"]).methods == ("flows", "stars")


@pytest.mark.parametrize("wrong", [{"steps": "a"}, {"simulated": 1.5}, {"seed": None}, {"name": 3}])
def test_options_of_a_scorer_are_refused_where_they_are_made(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ScorerOptions(**wrong)
