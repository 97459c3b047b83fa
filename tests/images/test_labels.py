"""Label images keep every value, whoever wrote them and however large they are."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellwright._errors import AxesError, FormatError, OutputError
from cellwright.images.image import Image
from cellwright.images.omezarr import label_names
from cellwright.images.read import read, read_labels
from cellwright.images.sink import LabelSink, open_label_sink
from cellwright.images.write import write, write_labels

LIKE = Image(
    np.zeros((2, 40, 50), np.uint8), "CYX", pixel_size=(0.5, 0.25), channel_names=("a", "b")
)
FORMATS = [".tif", ".ome.tif", ".png", ".ome.zarr"]


def random_labels(rng: np.random.Generator, largest: int = 500) -> np.ndarray:
    labels = rng.integers(0, largest, (40, 50), dtype=np.int32)
    labels[0, 0] = largest
    return labels


@pytest.mark.parametrize("suffix", FORMATS)
def test_labels_round_trip(tmp_path: Path, rng: np.random.Generator, suffix: str) -> None:
    labels, path = random_labels(rng), tmp_path / f"labels{suffix}"
    write_labels(path, labels, like=LIKE)
    back, axes = read_labels(path)
    np.testing.assert_array_equal(back, labels)
    assert (axes, back.dtype) == ("YX", np.int32)
    if suffix != ".png":
        assert read(path).pixel_size == pytest.approx(LIKE.pixel_size)


def test_what_are_no_whole_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="float64, not integers"):
        write_labels(tmp_path / "labels.tif", np.full((4, 5), 0.5))
    write_labels(tmp_path / "mask.tif", np.ones((4, 5), bool))
    assert read_labels(tmp_path / "mask.tif")[0].all()


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_type_is_the_smaller_one_that_holds_all(
    tmp_path: Path, rng: np.random.Generator, largest: int, dtype: type
) -> None:
    labels = random_labels(rng, largest)
    write_labels(tmp_path / "labels.tif", labels)
    assert tifffile.imread(tmp_path / "labels.tif").dtype == dtype
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.tif")[0], labels)


@pytest.mark.parametrize("ngff", ["0.4", "0.5"])
def test_labels_join_their_image_in_a_store(
    tmp_path: Path, rng: np.random.Generator, ngff: str
) -> None:
    store, labels = tmp_path / "image.ome.zarr", random_labels(rng)
    write(store, LIKE, ngff=ngff)
    for name in ("nuclei", "cells"):
        write_labels(store / "labels" / name, labels, like=LIKE)
    with pytest.raises(OutputError, match="exists"):
        write_labels(store / "labels" / "cells", labels)
    write_labels(store / "labels" / "nuclei", labels + 1, like=LIKE, overwrite=True)
    assert label_names(store) == ("cells", "nuclei")
    np.testing.assert_array_equal(read_labels(store / "labels" / "nuclei")[0], labels + 1)
    np.testing.assert_array_equal(read(store).to_numpy(), LIKE.data)


def test_whole_fractions_grey_rgb_and_ignore_are_read(tmp_path: Path) -> None:
    labels = np.arange(-1, 19).reshape(4, 5)
    tifffile.imwrite(tmp_path / "float.tif", labels.astype(np.float32))
    np.testing.assert_array_equal(read_labels(tmp_path / "float.tif")[0], labels)
    grey = np.repeat(np.abs(labels)[..., None], 3, axis=-1).astype(np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", grey, photometric="rgb")
    np.testing.assert_array_equal(read_labels(tmp_path / "rgb.tif")[0], np.abs(labels))


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((4, 5), 0.5, np.float32), "fractions"),
        (np.full((4, 5), np.nan, np.float32), "fractions"),
        (np.full((4, 5), -2, np.int16), "values from -2"),
        (np.full((4, 5), 2**31, np.uint32), "values from 2147483648"),
        (np.eye(4, 3, dtype=np.uint8)[:, None].repeat(5, 1), "colour-coded"),
    ],
)
def test_what_is_no_label_image_is_refused(
    tmp_path: Path, pixels: np.ndarray, message: str
) -> None:
    photometric = "rgb" if pixels.ndim == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "wrong.tif", pixels, photometric=photometric)
    with pytest.raises(FormatError, match=rf"wrong\.tif.*{message}"):
        read_labels(tmp_path / "wrong.tif")


def test_what_would_change_labels_is_not_written(tmp_path: Path) -> None:
    labels = np.ones((40, 50), np.int32)
    with pytest.raises(OutputError, match="JPEG"):
        write_labels(tmp_path / "labels.jpg", labels)
    with pytest.raises(OutputError, match="not -1"):
        write_labels(tmp_path / "labels.tif", -labels)
    with pytest.raises(OutputError, match="uint32"):
        write_labels(tmp_path / "labels.png", labels * 70_000)
    with pytest.raises(AxesError, match="do not fit"):
        write_labels(tmp_path / "labels.tif", labels[None], like=LIKE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("shape", [(40, 50), (6, 40, 50)])
def test_sink_is_an_array_that_may_live_on_disk(
    tmp_path: Path, rng: np.random.Generator, on_disk: bool, shape: tuple[int, ...]
) -> None:
    scratch = tmp_path / "scratch"
    scratch.touch()
    expected = np.zeros(shape, np.int32)
    table = np.r_[0, rng.permutation(99) + 1]
    with LabelSink(shape, scratch if on_disk else None) as sink:
        for _ in range(20):
            y, x = rng.integers(0, 30, 2)
            region = (..., slice(y, y + 17), slice(x, x + 15))[3 - len(shape) :]
            region = tuple(slice(1, 5) if part is ... else part for part in region)
            values = rng.integers(0, 100, expected[region].shape, dtype=np.int32)
            sink[region] = np.maximum(sink[region], values)
            expected[region] = np.maximum(expected[region], values)
        np.testing.assert_array_equal(sink[(slice(None),) * len(shape)], expected)
        sink.save(tmp_path / "labels.tif", relabel=table)
        sink.save(tmp_path / "labels.ome.zarr")
    assert scratch.exists() != on_disk
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.tif")[0], table[expected])
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.ome.zarr")[0], expected)


def test_large_sink_uses_a_scratch_file_and_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellwright.images.sink.IN_MEMORY_PIXELS", 100)
    with pytest.raises(RuntimeError, match="interrupted"), open_label_sink((20, 20), tmp_path):
        assert list(tmp_path.iterdir())
        raise RuntimeError("interrupted")
    assert not list(tmp_path.iterdir())


def test_sink_needs_a_folder_that_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellwright.images.sink.IN_MEMORY_PIXELS", 100)
    with pytest.raises(OutputError, match="scratch"):
        open_label_sink((20, 20), tmp_path / "absent")
