"""Conditions in words: what they mean, and what is said of those that mean nothing."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import UsageError
from cellwright.studio.review_filter import matches

TABLE = {
    "area": np.array([10.0, 200, 300, np.nan]),
    "class": np.array(["RBC", "WBC", "RBC", "red cell"]),
    "bbox-0": np.array([0, 1, 2, 3]),
    "excluded": np.array([False, True, False, False]),
    "mean of DAPI": np.array([1.0, 2, 3, 4]),
}


def found(condition):
    return np.flatnonzero(matches(condition, TABLE, TABLE.__getitem__)).tolist()


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("area > 100", [1, 2]),
        ("area>=200 and area<=200", [1]),
        ("area != 10", [1, 2, 3]),
        ("class = RBC", [0, 2]),
        ("class == 'red cell' or area < 1e2", [0, 3]),
        ("not class = RBC", [1, 3]),
        ("excluded", [1]),
        ("not excluded and class = RBC", [0, 2]),
        ("NOT (excluded OR area > 250)", [0, 3]),
        ("bbox-0 > 1", [2, 3]),
        ("bbox-0 > -1", [0, 1, 2, 3]),
        ("`mean of DAPI` <= 2", [0, 1]),
        ("excluded = no", [0, 2, 3]),
        ("class = RBC or class = WBC and area > 1000", [0, 2]),  # 'and' binds more tightly
    ],
)
def test_what_conditions_mean(condition, rows):
    assert found(condition) == rows


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("are > 5", "Is it area"),
        ("area", "compared with"),
        ("area >", "missing"),
        ("area > RBC", "'RBC' is none"),
        ("class > RBC", "= or !="),
        ("(area > 5", "not closed"),
        ("area > 5 area < 7", "'and' or 'or'"),
        ("area > 5 and", "too early"),
        ("5 > area", "no column"),
        ("area > 5; drop", "cannot be read at '; drop'. Write such as"),
        ("area ~ 5", "cannot be read at '~ 5'. Write such as"),
        ("not " * 100 + "excluded", "brackets"),
        ("(" * 100 + "excluded" + ")" * 100, "brackets"),
        ("excluded or " * 400 + "excluded", "characters"),
    ],
)
def test_what_is_wrong_is_said(condition, told):
    with pytest.raises(UsageError, match=told):
        found(condition)


@given(st.text(alphabet="area class<>=!()'\"`0.5-notdr\\\n", max_size=40))
def test_nonsense_is_refused_and_does_no_harm(condition):
    with suppress(UsageError):
        found(condition)
