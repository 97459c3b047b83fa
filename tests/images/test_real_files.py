"""Files that others made."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from cellwright._errors import AxesError
from cellwright.images import tiff
from cellwright.images.find import find_images
from cellwright.images.omezarr import label_names
from cellwright.images.read import list_scenes, read, read_labels

pytestmark = pytest.mark.data


def test_multi_series_ome_tiff(data_folder: Path) -> None:
    path = data_folder / "formats" / "multiseries.ome.tiff"
    scenes = list_scenes(path)
    assert len(scenes) == 6
    assert scenes[0].endswith("_761")
    with tifffile.TiffFile(path) as file:
        for number, scene in enumerate(scenes):
            image = read(path, scene=scene)
            assert image.axes == "CYX"
            assert image.pixel_size == pytest.approx((0.65, 0.65))
            np.testing.assert_array_equal(image.data, file.series[number].asarray())


def test_ome_zarr_stores(data_folder: Path) -> None:
    found = find_images([data_folder / "formats" / "ome_zarr_v3"])
    axes = {image.path.name: read(image.path).axes for image in found}
    assert axes == {
        "image-03.zarr": "ZYX",
        "input9.zarr": "ZYX",
        "input10.zarr": "CYX",
        "input13.zarr": "YX",
    }
    for image in found:
        expected = zarr.open_array(str(image.path / "0"), mode="r")[:]
        np.testing.assert_array_equal(read(image.path).to_numpy(), expected)
    assert label_names(found[-1].path) == ()


def test_whole_slide_is_read_in_regions(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = data_folder / "wsi" / "cmu-1-small-region.svs"
    whole = read(path)
    assert (whole.axes, whole.shape, whole.is_rgb) == ("CYX", (3, 2967, 2220), True)
    assert whole.pixel_size == pytest.approx((0.499, 0.499))
    monkeypatch.setattr(tiff, "EAGER_BYTES", 0)
    region = read(path).region(y=slice(1000, 1300), x=slice(2000, 2220))
    np.testing.assert_array_equal(region.data, whole.data[:, 1000:1300, 2000:])


@pytest.mark.parametrize("folder", ["dsb2018/images", "em_sstem/raw"])
def test_plain_planes(data_folder: Path, folder: str) -> None:
    for found in find_images([data_folder / folder])[:20]:
        image = read(found.path)
        assert image.axes == ("CYX" if image.is_rgb else "YX")
        assert image.pixel_size is None
        assert 0 < image.to_numpy().mean() < 255


def test_volumes_without_metadata_ask_for_axes(data_folder: Path) -> None:
    for found in find_images([data_folder / "nuclei3d" / "images"]):
        with pytest.raises(AxesError, match="axes='ZYX'"):
            read(found.path)
        image = read(found.path, axes="ZYX")
        labels, axes = read_labels(data_folder / "nuclei3d/labels" / found.path.name, axes="ZYX")
        assert (image.axes, axes) == ("ZYX", "ZYX")
        assert labels.shape == image.shape
        assert labels.max() >= 2
