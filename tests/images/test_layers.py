"""Objects that overlap, in label images of several layers: there and back."""

import numpy as np
import pytest

from cellwright._errors import FormatError
from cellwright.images.image import Image
from cellwright.images.layers import (
    count_layers,
    flattened,
    layer_names,
    overlapping,
    read_layers,
)
from cellwright.images.read import read_labels
from cellwright.images.write import write
from cellwright.runs.segment.overlaps import write_layers

LAYERS = np.zeros((2, 8, 9), np.int32)
LAYERS[0, 1:5, 1:5] = 1
LAYERS[0, 6:, 6:] = 3
LAYERS[1, 3:7, 3:7] = 2


def layer_image(layers):
    names = layer_names(len(layers))
    return Image(layers, "CZYX"[-layers.ndim :] if layers.ndim == 4 else "CYX", channel_names=names)


@pytest.mark.parametrize("ending", ["tif", "ome.tif", "ome.zarr"])
def test_what_segment_writes_is_read_as_it_was(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    write_layers(path, {(): LAYERS}, Image(LAYERS[0], "YX"))
    assert count_layers(path) == 2
    np.testing.assert_array_equal(read_layers(path), LAYERS)
    np.testing.assert_array_equal(read_layers(path, axes="YX"), LAYERS)


def test_volumes_too(tmp_path):
    volume = np.stack([LAYERS, LAYERS], 1)
    write_layers(tmp_path / "a.tif", {(): volume}, Image(volume[0], "ZYX"))
    np.testing.assert_array_equal(read_layers(tmp_path / "a.tif"), volume)


def test_labels_without_layers_are_one(tmp_path):
    for path in (tmp_path / "a.tif", tmp_path / "a.png"):
        write(path, Image(LAYERS[0].astype(np.uint16), "YX"))
        assert count_layers(path) == 1
        np.testing.assert_array_equal(read_layers(path), LAYERS[:1])


def test_the_highest_number_has_the_pixel():
    flat = flattened(LAYERS)
    assert flat[3, 3] == 2 and flat[1, 1] == 1 and flat[7, 7] == 3
    assert flattened(np.full((2, 1, 1), -1, np.int32)) == -1


def test_what_is_not_known_is_so_in_all_layers(tmp_path):
    layers = LAYERS.copy()
    layers[0, 0] = layers[0, 6] = -1
    write(tmp_path / "a.tif", layer_image(layers))
    read = read_layers(tmp_path / "a.tif")
    assert (read[:, 0] == -1).all()
    assert (read[1, 6, 3:7] == 2).all() and (read[0, 6, 3:7] == 0).all()


def test_an_object_in_two_layers_is_refused(tmp_path):
    write(tmp_path / "a.tif", layer_image(np.where(LAYERS == 2, 1, LAYERS)))
    with pytest.raises(FormatError, match=r"a\.tif' has the object 1 in several layers"):
        read_layers(tmp_path / "a.tif")


def test_channels_of_an_image_are_no_layers(tmp_path):
    write(tmp_path / "a.tif", Image(LAYERS, "CYX", channel_names=("DAPI", "actin")))
    for read in (read_layers, read_labels):
        with pytest.raises(FormatError, match="2 channels"):
            read(tmp_path / "a.tif")


def test_outlines_along_each_other_do_not_overlap():
    first = np.zeros((20, 20), np.int32)
    first[2:10, 2:10] = 1
    for begin, expected in ((10, 0), (9, 0), (8, 2)):
        second = np.zeros_like(first)
        second[2:10, begin:16] = 2
        assert overlapping(np.stack([first, second])) == expected
