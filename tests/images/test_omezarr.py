"""OME-Zarr: versions, levels, series, plates, and metadata that are wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import FormatError, InputError, OutputError, UsageError
from cellwright.images.image import Image
from cellwright.images.read import list_scenes, read
from cellwright.images.write import write

IMAGE = Image(np.arange(20, dtype=np.uint16).reshape(4, 5), "YX", pixel_size=(0.5, 0.25))


def metadata(store: Path) -> dict:
    return json.loads((store / ".zattrs").read_text())


def change(store: Path, **attributes: object) -> None:
    (store / ".zattrs").write_text(json.dumps(metadata(store) | attributes))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write(tmp_path / "image.ome.zarr", IMAGE, ngff="0.4")
    return tmp_path / "image.ome.zarr"


@pytest.mark.parametrize("ngff", ["0.4", "0.5"])
def test_levels_halve_and_say_their_pixel_size(tmp_path: Path, ngff: str) -> None:
    pixels = np.arange(1100 * 20, dtype=np.float32).reshape(1100, 20)
    write(tmp_path / "long.zarr", Image(pixels, "YX", pixel_size=(0.5, 0.5)), ngff=ngff)
    small = read(tmp_path / "long.zarr", level=1)
    assert (small.shape, small.pixel_size) == ((550, 10), (1.0, 1.0))
    expected = pixels.reshape(550, 2, 10, 2).mean((1, 3))
    np.testing.assert_allclose(small.to_numpy(), expected, rtol=1e-6)
    with pytest.raises(InputError, match="2 resolution levels"):
        read(tmp_path / "long.zarr", level=2)


def test_series_and_plates_have_scenes(tmp_path: Path, store: Path) -> None:
    series, plate = tmp_path / "series.zarr", tmp_path / "plate.zarr"
    for target in (series / "0", series / "1", plate / "A" / "2" / "0"):
        shutil.copytree(store, target)
    (series / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    (plate / ".zattrs").write_text('{"plate": {"wells": [{"path": "A/2"}]}}')
    (plate / "A" / "2" / ".zattrs").write_text('{"well": {"images": [{"path": "0"}]}}')
    assert list_scenes(series) == ("0", "1")
    assert list_scenes(plate) == ("A_2_0",)
    np.testing.assert_array_equal(read(series, scene="1").to_numpy(), IMAGE.data)
    np.testing.assert_array_equal(read(plate).to_numpy(), IMAGE.data)


def test_unknown_unit_is_no_pixel_size(store: Path) -> None:
    multiscale = metadata(store)["multiscales"][0]
    for axis in multiscale["axes"]:
        axis.pop("unit")
    change(store, multiscales=[multiscale])
    assert read(store).pixel_size is None


def test_units_without_a_scale_are_no_pixel_size(store: Path) -> None:
    multiscale = metadata(store)["multiscales"][0]
    multiscale["datasets"][0]["coordinateTransformations"] = [{"type": "identity"}]
    change(store, multiscales=[multiscale])
    assert read(store).pixel_size is None


def test_scale_of_the_whole_image_counts_too(store: Path) -> None:
    multiscale = metadata(store)["multiscales"][0]
    multiscale["coordinateTransformations"] = [{"type": "scale", "scale": [2, 3]}]
    change(store, multiscales=[multiscale])
    assert read(store).pixel_size == (1.0, 0.75)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"axes": None}, "does not name its axes"),
        ({"axes": [{"name": "x"}]}, "names 1 axes"),
        ({"datasets": [{"path": "../../other"}]}, "not inside"),
        ({"datasets": [{"path": "7"}]}, "is missing"),
        ({"datasets": []}, "0 resolution levels"),
    ],
)
def test_wrong_metadata_are_named(store: Path, edit: dict, message: str) -> None:
    change(store, multiscales=[metadata(store)["multiscales"][0] | edit])
    with pytest.raises(InputError, match=message):
        read(store)


def test_zarr_without_ome_metadata_and_broken_json(store: Path) -> None:
    (store / ".zattrs").write_text("{}")
    with pytest.raises(FormatError, match="without OME-Zarr metadata"):
        read(store)
    (store / ".zattrs").write_text('{"multiscales": ')
    with pytest.raises(FormatError, match="damaged"):
        read(store)


def test_unknown_choices_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"0\.4 or 0\.5"):
        write(tmp_path / "image.zarr", IMAGE, ngff="0.3")
    with pytest.raises(UsageError, match="LZW"):
        write(tmp_path / "image.zarr", IMAGE, compression="lzw")
    assert not list(tmp_path.iterdir())


def test_failed_write_leaves_the_old_store(store: Path) -> None:
    class Broken:
        shape, dtype = (4, 5), np.dtype(np.uint8)

        def __getitem__(self, key: object) -> np.ndarray:
            raise ValueError("no pixels")

    with pytest.raises(ValueError, match="no pixels"):
        write(store, Image(Broken(), "YX"), overwrite=True)
    np.testing.assert_array_equal(read(store).to_numpy(), IMAGE.data)
    assert [entry.name for entry in store.parent.iterdir()] == [store.name]


def test_failed_rename_puts_the_old_store_back(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(13, "in use")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", fail_for_new)
    with pytest.raises(OutputError, match="in use"):
        write(store, Image(np.zeros((2, 2), np.uint8), "YX"), overwrite=True)
    np.testing.assert_array_equal(read(store).to_numpy(), IMAGE.data)
