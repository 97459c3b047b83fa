"""Small pictures for reports: a view of an image, and what was found drawn over it."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._files import atomic_path
from cellwright._types import AnyArray, LabelArray
from cellwright.images.image import Image
from cellwright.reports.drawing import (
    UNSURE,
    UNSURE_BELOW,
    as_rgb,
    class_colour,
    draw_frames,
    outlines,
    shrink,
    tints,
)

SIDE = 640
"""Longest side of a picture in a report, in pixels."""
SHRINK = 1.6
"""Objects stay recognisable down to this; a larger image is shown by a crop."""
_SMALL = 256
"""Smaller pictures are enlarged, so that lines one pixel wide stay thin beside their objects."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an image that a picture shows, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and the columns."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def picture(
    image: Image, labels: LabelArray, window: Window, confidence: dict[int, float] | None = None
) -> dict[str, Any]:
    """Make the picture of one image for a report.

    Parameters
    ----------
    image : Image
        Axes ``"YX"`` or ``"CYX"``; only the window is read.
    labels : (height, width) array
        The objects within `window`.
    window : Window
        What to show.
    confidence : dict, optional
        Confidence of each label: outlines of those below `UNSURE_BELOW` are orange.

    Returns
    -------
    dict
        ``view`` (a JPEG as a data URI), ``outlines`` (a transparent PNG as a data URI), ``width``
        and ``height`` of both in pixels.
    """
    view, scale = _view(image, window)
    shown = _scaled(labels, scale)
    unsure = [label for label, value in (confidence or {}).items() if value < UNSURE_BELOW]
    return framed(view, outlines(shown, dict.fromkeys(unsure, UNSURE)))


def kinds_picture(
    image: Image, labels: LabelArray, window: Window, kinds: Mapping[int, int]
) -> dict[str, Any]:
    """Make the picture of one image whose objects are of several classes.

    Parameters
    ----------
    image, labels, window
        As for `picture`.
    kinds : mapping of int to int
        Number of the class of each label, from 0, that gives its colour.

    Returns
    -------
    dict
        As `picture`.
    """
    view, scale = _view(image, window)
    shown = _scaled(labels, scale)
    colours = {label: class_colour(number) for label, number in kinds.items()}
    return framed(view, outlines(shown, colours))


def class_picture(image: Image, classes: AnyArray, window: Window) -> dict[str, Any]:
    """Make the picture of one image of which the class of every pixel is known.

    Parameters
    ----------
    image : Image
        Axes ``"YX"`` or ``"CYX"``; only the window is read.
    classes : (height, width) array
        Number of the class of every pixel within `window`; 0 is left clear.
    window : Window
        What to show.

    Returns
    -------
    dict
        As `picture`; ``outlines`` tints every class in its colour.
    """
    view, scale = _view(image, window)
    return framed(view, tints(_scaled(classes, scale)))


def box_picture(image: Image, boxes: AnyArray, classes: AnyArray, window: Window) -> dict[str, Any]:
    """Make the picture of one image with boxes in it.

    Parameters
    ----------
    image : Image
        Axes ``"YX"`` or ``"CYX"``; only the window is read.
    boxes : ndarray, shape (N, 4)
        ``min_row, min_col, max_row, max_col`` in px of the image.
    classes : ndarray of int, shape (N,)
        Number of the class of each, from 0, that gives its colour.
    window : Window
        What to show.

    Returns
    -------
    dict
        As `picture`; ``outlines`` are the frames.
    """
    view, scale = _view(image, window)
    corner = np.array([window.top, window.left] * 2)
    frames = draw_frames((boxes - corner) * scale, classes + 1, view.shape[:2])
    colours = np.zeros((int(frames.max(initial=0)) + 1, 4), np.uint8)
    for number in range(len(colours) - 1):
        colours[number + 1] = (*class_colour(number), 255)
    return framed(view, colours[frames])


def write_side_by_side(path: Path, image: Image, labels: LabelArray) -> None:
    """Write a PNG that shows an image (axes YX or CYX), and beside it the outlines of `labels`."""
    from imagecodecs import png_encode

    view = as_rgb(image)
    drawn = outlines(labels, {})
    outlined = np.where(drawn[..., 3:] > 0, drawn[..., :3], view)
    with atomic_path(path) as temporary:
        temporary.write_bytes(png_encode(np.concatenate([view, outlined], axis=1)))


def choose_window(height: int, width: int, centres: AnyArray) -> Window:
    """Choose what to show of an image: all of it, or the part that holds most objects.

    Parameters
    ----------
    height, width : int
        Size of the image in pixels.
    centres : (N, 2) array
        Row and column of each object.

    Returns
    -------
    Window
    """
    side = int(SHRINK * SIDE)
    if max(height, width) <= side:
        return Window(0, 0, height, width)
    shown = Window(0, 0, min(side, height), min(side, width))
    if len(centres) == 0:
        return Window((height - shown.height) // 2, (width - shown.width) // 2, *_size(shown))
    bins = [
        np.arange(0, size + step, step)
        for size, step in ((height, shown.height), (width, shown.width))
    ]
    counts, _, _ = np.histogram2d(centres[:, 0], centres[:, 1], bins=bins)
    row, column = np.unravel_index(int(np.argmax(counts)), counts.shape)
    top = min(int(row) * shown.height, height - shown.height)
    left = min(int(column) * shown.width, width - shown.width)
    return Window(top, left, *_size(shown))


def framed(view: AnyArray, drawn: AnyArray) -> dict[str, Any]:
    """Return a view and what is drawn on it as a report holds them."""
    return {
        "view": jpeg_uri(view),
        "outlines": _png_uri(drawn),
        "width": view.shape[1],
        "height": view.shape[0],
    }


def jpeg_uri(pixels: AnyArray, level: int = 82) -> str:
    """Return a ``(Y, X, 3)`` uint8 picture as a JPEG data URI, of a quality up to 100."""
    from imagecodecs import jpeg8_encode

    return _uri("jpeg", jpeg8_encode(np.ascontiguousarray(pixels), level=level))


def _png_uri(pixels: AnyArray) -> str:
    """Return a ``(Y, X, 3 or 4)`` uint8 picture as a PNG data URI."""
    from imagecodecs import png_encode

    return _uri("png", png_encode(np.ascontiguousarray(pixels), level=6))


def _view(image: Image, window: Window) -> tuple[AnyArray, float]:
    """Return the view of a window, and how many of its pixels show one pixel of the image."""
    rows, columns = window.slices
    pixels = as_rgb(image.region(Y=rows, X=columns))
    longest = max(pixels.shape[:2])
    step = max(1, -(-longest // SIDE))
    if step > 1:
        return shrink(pixels, step), 1 / step
    times = max(1, _SMALL // longest)
    return _scaled(pixels, times), times


def _scaled(pixels: AnyArray, scale: float) -> AnyArray:
    """Return pixels (Y, X, ...) at the scale of a view, none of them mixed with others."""
    if scale < 1:
        step = round(1 / scale)
        rows, columns = (size // step for size in pixels.shape[:2])
        small: AnyArray = pixels[::step, ::step][:rows, :columns]
        return small
    return pixels.repeat(round(scale), axis=0).repeat(round(scale), axis=1)


def _uri(kind: str, encoded: bytes | bytearray) -> str:
    return f"data:image/{kind};base64,{b64encode(encoded).decode()}"


def _size(window: Window) -> tuple[int, int]:
    return window.height, window.width
