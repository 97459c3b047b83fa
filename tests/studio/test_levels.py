"""Levels of reduction, whatever the file has."""

import numpy as np

import cellwright as cw
from cellwright._errors import InputError
from cellwright.images.image import Image
from cellwright.studio.label_files import SmallerCopies
from cellwright.studio.levels import COARSEST, Levels, Place
from cellwright.studio.pictures import thumbnail
from cellwright.studio.review_desk import ReviewDesk
from cellwright.studio.review_open import open_result
from cellwright.studio.serve import look_ahead

from .reviewing import segmented

ALL = slice(None), slice(None)


class Counted:
    """A source that counts the pixels that were read of it."""

    def __init__(self, pixels):
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype
        self.read = 0

    def __getitem__(self, key):
        found = self.pixels[key]
        self.read += found.size
        return found


def test_the_whole_image_is_read_once_for_all_that_shows_it_as_a_whole():
    pixels = np.random.default_rng(0).integers(0, 1000, (2, 4 * COARSEST, 4 * COARSEST), np.uint16)
    source = Counted(pixels)
    levels = Levels(Image(source, "ZYX"))
    for place in (Place(z=0), Place(z=1)):
        for level, by in ((2, 4), (1, 2)):
            whole = levels.region(level, 0, place, *ALL)
            mean = pixels[place.z].reshape(len(whole), by, len(whole), by).mean((1, 3))
            assert np.abs(whole - mean).max() <= 1
            part = levels.region(level, 0, place, slice(5, 9), slice(7, 20))
            assert np.array_equal(part, whole[5:9, 7:20])
        assert levels.histogram(0, place).highest == levels.region(2, 0, place, *ALL).max()
    assert source.read == pixels.size


def test_the_first_image_is_read_while_the_browser_starts(tmp_path):
    desk = ReviewDesk(open_result(segmented(tmp_path)), "Ada")
    look_ahead(desk.plate)
    (tmp_path / "images" / "field_0.tif").unlink()
    assert thumbnail(desk.plate(0))

    def gone(number):
        raise InputError("gone")

    look_ahead(gone)  # the page is told when it asks
    desk.close()


def test_smaller_copies_of_labels_stand_for_every_nth_pixel(tmp_path):
    labels = np.zeros((4200, 4125), np.int32)
    for number in range(300):  # squares of 16 px on a grid of 100
        y, x = (100 * part + 16 for part in divmod(number, 20))
        labels[y : y + 16, x : x + 16] = number + 1
    cw.write_labels(tmp_path / "labels.ome.tif", labels)
    source = Counted(labels)
    copies = SmallerCopies(source, tmp_path / "labels.ome.tif")
    for step in (1, 2, 8, 16):
        part = slice(step // 2, 4160, step), slice(step // 2 + 3 * step, 4112, step)
        source.read = 0
        found = copies[part]
        assert found.shape == labels[part].shape
        assert (source.read == 0) == (step > 1)
        assert set(np.unique(found)) == set(np.unique(labels[part]))
        assert (found != labels[part]).mean() < 0.02  # which pixel of a block: half a one off
    assert copies[5, 100:140:1].shape == (40,)
    assert copies[3:3, ::8].shape == (0, 516)
