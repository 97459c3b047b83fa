"""Every format that is read and written keeps the promises of `conformance`."""

from typing import ClassVar

import pytest

from cellwright.images import tiff
from images.conformance import FormatConformance


class TestTiff(FormatConformance):
    suffix = ".tif"


class TestUncompressedTiff(FormatConformance):
    suffix = ".tif"
    options: ClassVar = {"compression": "none"}


class TestOmeTiff(FormatConformance):
    suffix = ".ome.tif"


class TestOmeZarr05(FormatConformance):
    suffix = ".ome.zarr"
    options: ClassVar = {"compression": "zstd"}


class TestOmeZarr04(FormatConformance):
    suffix = ".ome.zarr"
    options: ClassVar = {"ngff": "0.4"}


class TestPng(FormatConformance):
    suffix = ".png"
    keeps_metadata = False
    axes = ("YX",)
    dtypes = ("uint8", "uint16")


class LazyTiff(FormatConformance):
    """Reads region by region what is small enough to be read at once."""

    suffix = ".tif"

    @pytest.fixture(autouse=True)
    def lazy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tiff, "EAGER_BYTES", 0)


class TestLazyCompressedTiff(LazyTiff):
    pass


class TestLazyUncompressedTiff(LazyTiff):
    options: ClassVar = {"compression": "none"}


class TestLazyOmeTiff(LazyTiff):
    suffix = ".ome.tif"
