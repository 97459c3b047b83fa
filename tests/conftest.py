"""Fixtures for all tests."""

import os
from pathlib import Path

import numpy as np
import pytest


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
