"""What is compared when nobody says what."""

import pytest

from cellwright._errors import UsageError
from cellwright.methods.registry import LEARNERS, find_method
from cellwright.runs.compare.candidates import (
    default_methods,
    default_networks,
    make_candidates,
)
from cellwright.runs.compare.run import _refuse_mixed
from cellwright.runs.train.boxes import BOX_NETWORK


def test_methods_for_volumes_work_in_volumes():
    methods = default_methods("instances", (), 3)
    for method in set(methods) - set(LEARNERS):
        find_method(method).readout_class().suited_to(3, 20.0)
    assert set(methods) & set(LEARNERS)


@pytest.mark.parametrize("task", ["boxes", "points", "classes"])
def test_tasks_with_one_method_have_several_networks(task):
    made = make_candidates(default_methods(task, (), 2), default_networks(task, 40))
    assert len({one.network for one in made if one.network}) == 2
    assert len({one.name for one in made}) == len(made)


def test_boxes_begin_with_the_network_that_training_takes():
    first, _ = make_candidates(("boxes",), default_networks("boxes", 40))
    assert first.settings["network"] == BOX_NETWORK


@pytest.mark.parametrize(
    "methods", [("boxes", "stars"), ("points", "boxes"), ("boxes", "pixels"), ("classes", "stars")]
)
def test_methods_that_find_different_things_are_refused(methods):
    with pytest.raises(UsageError, match="cannot be compared with each other"):
        _refuse_mixed(methods)


@pytest.mark.parametrize("methods", [(), ("boxes",), ("classes", "pixels"), ("stars", "classical")])
def test_methods_that_find_the_same_are_compared(methods):
    _refuse_mixed(methods)
