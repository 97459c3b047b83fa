"""Small pictures of objects, cut out of their images."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, FloatArray
from cellwright.studio.levels import Place
from cellwright.studio.review_desk import Plate, ReviewDesk
from cellwright.studio.review_results import ALL

MOST_CROPS = 120
SIZES = range(24, 257)  # px
_ROOM = 1.5
"""What is shown around an object of the usual size, in its diameters; those larger get less."""
_LEAST_ROOM = 1.15
_USUAL = 0.75  # of the objects are of at most the usual size
_SMALLEST = 16.0  # px
_OUTLINE = (255, 214, 64)
_OTHERS = ((0.25, 0.55, 1.0), (0.24, 0.86, 0.35), (1.0, 0.31, 0.66), (1.0, 0.82, 0.25))
"""Of channels, in images that have others than those for which colours were given."""

Colour = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""


def crops(
    desk: ReviewDesk, rows: Sequence[int], size: int, colours: Sequence[Colour | None]
) -> bytes:
    """Return objects side by side, all but the largest at the same scale.

    Parameters
    ----------
    desk : ReviewDesk
    rows : sequence of int
        Of the table of objects.
    size : int
        Height, and width of each, in px.
    colours : sequence of Colour or None
        In which the channels are shown, of images that have as many; None for those that are not.

    Returns
    -------
    bytes
        A PNG.

    Raises
    ------
    UsageError
        If there are too many, or the size is out of range.
    """
    from PIL import Image as Picture

    if not 0 < len(rows) <= MOST_CROPS or size not in SIZES:
        raise UsageError(
            f"Ask for 1 to {MOST_CROPS} crops of {SIZES.start} to {SIZES.stop - 1} px at a time."
        )
    desk.check_rows(rows)
    usual = _usual_extent(desk)
    strip = np.zeros((size, size * len(rows), 3), np.uint8)
    for number, row in enumerate(rows):
        strip[:, number * size : (number + 1) * size] = _crop(desk, row, size, usual, colours)
    data = io.BytesIO()
    Picture.fromarray(strip).save(data, "PNG", compress_level=1)
    return data.getvalue()


def _usual_extent(desk: ReviewDesk) -> float:
    box = desk.result.places.box
    return max(_SMALLEST, float(np.quantile((box[:, 2:] - box[:, :2]).max(axis=1), _USUAL)))


def _crop(
    desk: ReviewDesk, row: int, size: int, usual: float, colours: Sequence[Colour | None]
) -> AnyArray:
    """Return the picture of an object, shape (size, size, 3), uint8."""
    places = desk.result.places
    plate = desk.plate(int(places.image[row]))
    box = places.box[row]
    extent = float((box[2:] - box[:2]).max())
    side = max(_ROOM * usual, _LEAST_ROOM * extent)
    first, last = places.depth[row]
    z = 0 if first == ALL else round((first + last) / 2)
    place = Place(max(0, int(places.frame[row])), z)
    level = min(len(plate.levels) - 1, max(0, math.floor(math.log2(side / size))))
    middle = (box[:2] + box[2:]) / 2
    start = np.round((middle - side / 2) / 2**level).astype(int)
    window = start[0], start[1], max(1, round(side / 2**level))
    pixels = _resized(_composed(plate, place, level, window, colours), size)
    if plate.canvas is not None:
        _outline(pixels, plate, place, level, window, int(places.label[row]))
    elif desk.result.shape == "boxes":
        corners = (box.reshape(2, 2) / 2**level - window[:2]) * size / window[2]
        (top, left), (bottom, right) = np.clip(np.round(corners), 0, size - 1).astype(int)
        pixels[[top, bottom], left : right + 1] = _OUTLINE
        pixels[top : bottom + 1, [left, right]] = _OUTLINE
    return pixels


def _composed(
    plate: Plate,
    place: Place,
    level: int,
    window: tuple[int, int, int],
    colours: Sequence[Colour | None],
) -> FloatArray:
    """Return a window in the colours of its channels, shape (Y, X, 3), 0 to 1."""
    top, left, side = window
    height, width = plate.levels.size(level)
    rows = slice(max(0, top), max(0, min(height, top + side)))
    columns = slice(max(0, left), max(0, min(width, left + side)))
    found = np.zeros((side, side, 3), np.float32)
    inner = found[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    for channel in range(plate.levels.image.sizes.get("C", 1)):
        colour = _colour(plate, channel, colours)
        if colour is None:
            continue
        contrast = plate.contrast(channel, place)
        with plate.reading:
            values = plate.levels.region(level, channel, place, rows, columns).astype(np.float32)
        scaled = (values - contrast.black) / (contrast.white - contrast.black)
        inner += np.clip(np.nan_to_num(scaled), 0, 1)[..., np.newaxis] * np.array(
            colour, np.float32
        )
    return np.minimum(found, 1)


def _colour(plate: Plate, channel: int, colours: Sequence[Colour | None]) -> Colour | None:
    about = plate.levels.image
    if about.is_rgb:
        red, green, blue = np.eye(3)[channel].tolist()
        return red, green, blue
    count = about.sizes.get("C", 1)
    if count != len(colours):  # they are those of images of another kind
        colours = [] if count == 1 else _OTHERS
    return colours[channel] if channel < len(colours) else (1.0, 1.0, 1.0)


def _resized(pixels: FloatArray, size: int) -> AnyArray:
    from PIL import Image as Picture

    picture = Picture.fromarray((pixels * 255 + 0.5).astype(np.uint8))
    return np.array(picture.resize((size, size), Picture.Resampling.BILINEAR))


def _outline(
    drawn: AnyArray,
    plate: Plate,
    place: Place,
    level: int,
    window: tuple[int, int, int],
    label: int,
) -> None:
    """Draw the outline of an object on its picture."""
    assert plate.canvas is not None
    size, (top, left, side) = len(drawn), window
    at = (np.arange(size) + 0.5) * side / size
    step = 2**level
    height, width = plate.canvas.shape[-2:]
    rows, columns = (np.floor((one + at) * step).astype(int) for one in (top, left))
    inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    rows, columns = rows[(rows >= 0) & (rows < height)], columns[(columns >= 0) & (columns < width)]
    if not len(rows) or not len(columns):
        return
    box = slice(rows[0], rows[-1] + 1, step), slice(columns[0], columns[-1] + 1, step)
    labels = plate.canvas[(*plate.index(place), *box)]
    near = np.ix_((rows - rows[0]) // step, (columns - columns[0]) // step)
    own = np.zeros((size + 2, size + 2), bool)
    own[1:-1, 1:-1][inside] = labels[near] == label
    core = own[:-2, 1:-1] & own[2:, 1:-1] & own[1:-1, :-2] & own[1:-1, 2:]
    drawn[own[1:-1, 1:-1] & ~core] = _OUTLINE
