"""Whoever adds a method, a network or a reader learns from its shared tests what is wrong."""

import importlib

import pytest

BATTERIES = (
    "methods.battery",
    "networks.battery",
    "images.conformance",
    "tracking.formats.battery",
)


@pytest.mark.parametrize("name", BATTERIES)
def test_a_failure_in_a_shared_battery_tells_its_values(name):
    pytest.importorskip("torch")
    # The name by which pytest reaches what rewrote the assertions of a module.
    assert "@pytest_ar" in vars(importlib.import_module(name)), "its assertions are bare"
