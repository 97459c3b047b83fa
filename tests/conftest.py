"""Fixtures for all tests."""

import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

# What fails in shared batteries and helpers tells its values, too, as in the tests themselves.
pytest.register_assert_rewrite(
    *(each.name for each in Path(__file__).parent.iterdir() if each.is_dir())
)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real microscopy data; tests that use it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CELLWRIGHT_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"the development data are not at {folder} (set CELLWRIGHT_DATA)")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20_26)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold a slow test, so that none of several workers ends with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CELLWRIGHT_REQUIRE_DATA is set, a skipped test of real data is a failed one."""
    report = yield
    required = os.environ.get("CELLWRIGHT_REQUIRE_DATA") and item.get_closest_marker("data")
    if required and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although CELLWRIGHT_REQUIRE_DATA is set: {report.longrepr}"
    return report
