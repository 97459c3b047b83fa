import re
from pathlib import Path

import pytest

from cellwright._errors import UsageError
from cellwright.methods.recipe_settings import BALANCED, check_recipe, recipe_settings
from cellwright.methods.registry import (
    BOX_METHODS,
    CLASS_METHODS,
    METHODS,
    POINT_METHODS,
    find_method,
)

ALL = [*METHODS, *CLASS_METHODS, *BOX_METHODS, *POINT_METHODS]


@pytest.mark.parametrize("method", ALL)
def test_defaults_in_writing_make_the_recipe_that_there_is_without_them(method):
    defaults = recipe_settings(method)
    assert defaults
    written = {
        name: "+".join(f"{weight}*{one}" for one, weight in default.items())
        if isinstance(default, dict)
        else str(default)
        for name, default in defaults.items()
        if default is not None
    }
    recipe = find_method(method).recipe_class()
    assert recipe(**check_recipe(method, written)) == recipe()


def test_what_is_written_is_what_may_be_given_in_python():
    in_writing = {"terms": "focal + 0.5*dice", "class_weights": "1,5"}
    in_python = {"terms": {"focal": 1.0, "dice": 0.5}, "class_weights": (1.0, 5.0)}
    assert check_recipe("classes", in_writing) == in_python == check_recipe("classes", in_python)
    assert check_recipe("classes", {"class_weights": BALANCED}) == {"class_weights": BALANCED}
    assert check_recipe("boundary", {"gap_weight": "10", "seam": 2.0}) == {
        "gap_weight": 10.0,
        "seam": 2,
    }


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("boundary", {"gap_wieght": 1}, r"no 'gap_wieght'.*mean 'gap_weight'.*gap_width \(5\)"),
        ("boundary", {"gap_weight": -1}, "gap_weight in the recipe must be a number from 0 on"),
        ("boundary", {"gap_weight": "ten"}, "not 'ten'"),
        ("boundary", {"gap_weight": True}, "not True"),
        ("boundary", {"gap_weight": None}, "not None"),
        ("boundary", {"gap_weight": float("nan")}, "not nan"),
        ("boundary", {"seam": 1.5}, "whole number"),
        ("boundary", {"readout": None}, "no 'readout'"),
        ("classes", {"terms": {}}, "a sum such as"),
        ("classes", {"terms": ["dice"]}, "a sum such as"),
        ("classes", {"terms": "2*dice+x*focal"}, "weight of 'focal'"),
        ("classes", {"class_weights": 3}, "a number for each class"),
        ("classes", {"class_weights": "1,much"}, "class_weights in the recipe must be a number"),
        ("star", {}, "stars"),
    ],
)
def test_what_is_no_setting_is_refused(method, settings, message):
    with pytest.raises(UsageError, match=f"(?s){message}"):
        check_recipe(method, settings)


def test_the_documents_name_every_setting_and_its_default():
    table = (Path(__file__).parents[2] / "docs/python.md").read_text(encoding="utf-8")
    for method in ALL:
        (line,) = re.findall(rf"^\| `{method}` \| (.*) \|$", table, re.MULTILINE)
        named = dict(re.findall(r"`(\w+)` \(([^)]*)\)", line))
        with pytest.raises(UsageError) as refused:
            check_recipe(method, {"nothing": 0})
        has = str(refused.value).partition("It has ")[2].removesuffix(".")
        assert has == ", ".join(f"{name} ({default})" for name, default in named.items())
