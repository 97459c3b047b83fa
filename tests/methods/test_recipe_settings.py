import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from cellwright._errors import UsageError
from cellwright.methods.recipe_settings import BALANCED, check_recipe, new_recipe, recipe_settings
from cellwright.methods.registry import (
    BOX_METHODS,
    CLASS_METHODS,
    METHODS,
    POINT_METHODS,
    find_method,
)
from cellwright.methods.stars.readout import StarsReadout
from cellwright.methods.watershed.readout import WatershedReadout

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
    found = find_method(method)
    recipe = new_recipe(method, found.readout_class()(), check_recipe(method, written))
    assert recipe == found.recipe_class()(found.readout_class()())


def test_what_is_written_is_what_may_be_given_in_python():
    in_writing = {"terms": "focal + 0.5*dice", "class_weights": "1,5"}
    in_python = {"terms": {"focal": 1.0, "dice": 0.5}, "class_weights": (1.0, 5.0)}
    assert check_recipe("classes", in_writing) == in_python == check_recipe("classes", in_python)
    assert check_recipe("classes", {"class_weights": BALANCED}) == {"class_weights": BALANCED}
    assert check_recipe("boundary", {"gap_weight": "10", "seam": 2.0}) == {
        "gap_weight": 10.0,
        "seam": 2,
    }


def test_what_the_maps_mean_is_set_in_the_readout():
    settings = check_recipe("watershed", {"relief": "nearness", "object_weight": "0"})
    recipe = new_recipe("watershed", WatershedReadout(travel=99), settings)
    assert recipe.readout == WatershedReadout(travel=99, relief="nearness")
    assert (recipe.object_weight, recipe.seam_weight) == (0.0, 2.0)
    stars = new_recipe("stars", StarsReadout(), check_recipe("stars", {"rays": 64}))
    assert len(stars.readout.outputs) == 65
    with pytest.raises(UsageError, match="no relief 'hills'"):
        new_recipe("watershed", WatershedReadout(), {"relief": "hills"})


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
        ("watershed", {"relief": 3}, "must be a word"),
        ("watershed", {"threshold": 0.4}, "no 'threshold'"),
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


def test_a_recipe_with_a_setting_that_nobody_can_write_is_told_to_who_writes_it(monkeypatch):
    @dataclass(frozen=True)
    class Recipe:
        readout: WatershedReadout
        smooth: bool = False

    monkeypatch.setattr("cellwright.methods.registry.Method.recipe_class", lambda self: Recipe)
    with pytest.raises(TypeError, match="of the kind bool, but int, float, str"):
        check_recipe("watershed", {"smooth": "1"})


def test_the_documents_name_every_setting_and_its_default():
    table = (Path(__file__).parents[2] / "docs/python.md").read_text(encoding="utf-8")
    for method in ALL:
        lines = re.findall(rf"^\| `{method}` \| (.*) \|$", table, re.MULTILINE)
        assert len(lines) == 1, f"docs/python.md lists no settings, or several, of '{method}'"
        (line,) = lines
        named = dict(re.findall(r"`(\w+)` \(([^)]*)\)", line))
        with pytest.raises(UsageError) as refused:
            check_recipe(method, {"nothing": 0})
        has = str(refused.value).partition("It has ")[2].removesuffix(".")
        assert has == ", ".join(f"{name} ({default})" for name, default in named.items())
