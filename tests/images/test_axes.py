"""What the axes of an image are: known, given, or asked for."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellwright._errors import AxesError
from cellwright.images.image import AXES
from cellwright.images.read import read
from cellwright.images.scene import Scene, arrange

STACK = np.arange(5 * 16 * 17, dtype=np.uint16).reshape(5, 16, 17)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK, metadata=None)
    return path


def test_stack_without_metadata_asks_for_axes(stack: Path) -> None:
    with pytest.raises(AxesError, match=r"stack\.tif.*5 × 16 × 17.*argument axes='ZYX'"):
        read(stack)


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "CYX", "tyx"])
def test_given_axes_name_the_stack(stack: Path, axes: str) -> None:
    image = read(stack, axes=axes)
    assert image.axes == axes.upper()
    np.testing.assert_array_equal(image.data, STACK)


def test_given_axes_are_those_of_the_file(stack: Path) -> None:
    image = read(stack, axes="YXC")
    assert (image.axes, image.shape) == ("CYX", (17, 5, 16))
    np.testing.assert_array_equal(image.data, STACK.transpose(2, 0, 1))


@pytest.mark.parametrize("axes", ["YX", "TZYX", "ZZX", "ZYQ", "ZCT"])
def test_given_axes_that_do_not_fit_are_refused(stack: Path, axes: str) -> None:
    with pytest.raises(AxesError, match=r"stack\.tif"):
        read(stack, axes=axes)


def test_given_axes_may_name_singletons_or_not(tmp_path: Path) -> None:
    path = tmp_path / "single.tif"
    tifffile.imwrite(path, STACK[None, :, None], imagej=True, metadata={"axes": "TZCYX"})
    for axes in ("ZYX", "ZYX".lower()):
        assert read(path, axes=axes).axes == "ZYX"
    assert read(path).axes == "ZYX"


def test_samples_that_are_no_colour_are_channels(tmp_path: Path) -> None:
    pixels = np.zeros((16, 17, 3), np.uint8)
    tifffile.imwrite(tmp_path / "grey.tif", pixels, photometric="minisblack", planarconfig=1)
    tifffile.imwrite(tmp_path / "rgb.tif", pixels, photometric="rgb")
    grey, rgb = read(tmp_path / "grey.tif"), read(tmp_path / "rgb.tif")
    assert (grey.axes, grey.shape, grey.is_rgb) == ("CYX", (3, 16, 17), False)
    assert (rgb.axes, rgb.shape, rgb.is_rgb) == ("CYX", (3, 16, 17), True)


@given(st.permutations(AXES), st.data())
def test_any_order_is_brought_to_tczyx(order: list[str], data: st.DataObject) -> None:
    sizes = {axis: data.draw(st.integers(1, 3), axis) for axis in order}
    pixels = np.arange(np.prod(list(sizes.values()))).reshape(tuple(sizes.values()))
    image = arrange(Scene(pixels, "".join(order)), Path("any"), "any", None)
    kept = [axis for axis in AXES if sizes[axis] > 1 or axis in "YX"]
    expected = pixels.transpose([order.index(axis) for axis in AXES])
    assert image.axes == "".join(kept)
    np.testing.assert_array_equal(image.data, expected.reshape([sizes[axis] for axis in kept]))
