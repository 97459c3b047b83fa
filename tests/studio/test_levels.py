"""Levels of reduction, whatever the file has."""

import numpy as np

from cellwright._errors import InputError
from cellwright.images.image import Image
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
    pixels = np.random.default_rng(0).integers(0, 1000, (2, 2 * COARSEST, 2 * COARSEST), np.uint16)
    source = Counted(pixels)
    levels = Levels(Image(source, "ZYX"))
    for z in (0, 1):
        mean = pixels[z].reshape(COARSEST, 2, COARSEST, 2).mean((1, 3))
        assert np.abs(levels.region(1, 0, Place(z=z), *ALL) - mean).max() <= 0.5
        assert (
            levels.histogram(0, Place(z=z)).highest == levels.region(1, 0, Place(z=z), *ALL).max()
        )
        part = levels.region(1, 0, Place(z=z), slice(5, 9), slice(7, 20))
        assert np.array_equal(part, levels.region(1, 0, Place(z=z), *ALL)[5:9, 7:20])
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
