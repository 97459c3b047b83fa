"""Small pictures for reports: a contrast-stretched view and the outlines of the objects in it."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._files import atomic_path
from cellwright._types import AnyArray, BoolArray, LabelArray
from cellwright.images.image import Image

SIDE = 640
"""Longest side of a picture in a report, in pixels."""
SHRINK = 1.6
"""Objects stay recognisable down to this; a larger image is shown by a crop."""

# Vivid forms of Okabe and Ito's palette, which people of every colour vision tell apart.
SURE = (0, 205, 255)
UNSURE = (255, 150, 0)
TRUTH = (255, 235, 60)
# The same palette for channels.
CHANNEL_COLOURS = np.array(
    [[0, 114, 178], [0, 158, 115], [213, 94, 0], [204, 121, 167]], dtype=np.float32
)
UNSURE_BELOW = 0.5
TINT = 90
"""How opaque the colour of a class lies over the image, 0 to 255."""
# Of classes of pixels, in turn.
CLASS_COLOURS = (
    SURE,
    UNSURE,
    TRUTH,
    (225, 110, 255),
    (90, 230, 120),
    (255, 95, 85),
    (120, 140, 255),
)


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
    view, step = _view(image, window)
    small = labels[::step, ::step][: view.shape[0], : view.shape[1]]
    unsure = {label for label, value in (confidence or {}).items() if value < UNSURE_BELOW}
    return _framed(view, outlines(small, unsure))


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
    view, step = _view(image, window)
    small = classes[::step, ::step][: view.shape[0], : view.shape[1]]
    return _framed(view, tints(small))


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
    view, step = _view(image, window)
    corner = np.array([window.top, window.left] * 2)
    frames = draw_frames((boxes - corner) / step, classes + 1, view.shape[:2])
    colours = np.zeros((int(frames.max(initial=0)) + 1, 4), np.uint8)
    for number in range(len(colours) - 1):
        colours[number + 1] = (*class_colour(number), 255)
    return _framed(view, colours[frames])


def draw_frames(
    boxes: AnyArray, values: AnyArray, shape: tuple[int, ...], thickness: int = 2
) -> LabelArray:
    """Draw the sides of boxes, inside of them.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4)
        ``min_row, min_col, max_row, max_col`` in px.
    values : ndarray of int, shape (N,)
        What is drawn for each; later ones lie above.
    shape : tuple of int
        Size (Y, X).
    thickness : int
        Of a line, in px.

    Returns
    -------
    ndarray, shape (Y, X), int32
        0 elsewhere.
    """
    drawn = np.zeros(shape, np.int32)
    ends = np.clip(np.rint(boxes), 0, np.tile(shape, 2)).astype(int)
    for (top, left, bottom, right), value in zip(ends.tolist(), values.tolist(), strict=True):
        box = drawn[top:bottom, left:right]
        for axis_first in (box, box.T):
            axis_first[:thickness] = axis_first[-thickness:] = value
    return drawn


def tints(classes: AnyArray) -> AnyArray:
    """Return a transparent ``(Y, X, 4)`` picture in which every class has its colour."""
    count = int(classes.max(initial=0))
    colours = np.zeros((count + 1, 4), np.uint8)
    for number in range(count):
        colours[number + 1] = (*class_colour(number), TINT)
    edge = borders(classes.astype(np.int32))
    drawn = colours[classes]
    drawn[edge, 3] = 255
    return drawn


def class_colour(number: int) -> tuple[int, int, int]:
    """Return the colour of the class `number`, counted from 0 without the background."""
    return CLASS_COLOURS[number % len(CLASS_COLOURS)]


def write_side_by_side(path: Path, image: Image, labels: LabelArray) -> None:
    """Write a PNG that shows an image (axes YX or CYX), and beside it the outlines of `labels`."""
    from imagecodecs import png_encode

    view = as_rgb(image)
    drawn = outlines(labels, set())
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


def as_rgb(image: Image) -> AnyArray:
    """Return a contrast-stretched ``(Y, X, 3)`` uint8 view of an image with axes YX or CYX.

    Colour images keep their colours; other channels are stretched from their 0.5th to their
    99.8th percentile and added in colours of their own.
    """
    pixels = np.nan_to_num(image.to_numpy().astype(np.float32), posinf=0.0, neginf=0.0)
    planes = pixels[np.newaxis] if image.axes == "YX" else pixels
    if image.is_rgb:
        low, high = float(planes.min()), float(planes.max())
        stretched = np.stack([_stretch(plane, min(low, 0.0), high) for plane in planes])
        return _bytes(np.moveaxis(stretched, 0, -1))
    stretched = np.stack([_stretch(plane, *_limits(plane)) for plane in planes])
    if len(planes) == 1:
        return np.repeat(_bytes(stretched[0])[..., np.newaxis], 3, axis=-1)
    colours = CHANNEL_COLOURS[np.arange(len(planes)) % len(CHANNEL_COLOURS)] / 255.0
    return _bytes(np.clip(1.4 * np.einsum("cyx,ck->yxk", stretched, colours), 0, 1))


def shrink(pixels: AnyArray, step: int) -> AnyArray:
    """Return a ``(Y, X, C)`` picture made smaller by the mean over `step` × `step` pixels."""
    if step == 1:
        return pixels
    height, width = (size // step * step for size in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // step, step, width // step, step, -1)
    mean: AnyArray = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return mean


def outlines(labels: LabelArray, unsure: set[int]) -> AnyArray:
    """Return a transparent ``(Y, X, 4)`` picture with an outline inside of every object.

    It is two pixels wide, so that it still shows where a browser makes the picture smaller.
    """
    edge = thicken(borders(labels)) & (labels > 0)
    drawn = np.zeros((*labels.shape, 4), dtype=np.uint8)
    drawn[edge] = (*SURE, 255)
    if unsure:
        drawn[edge & np.isin(labels, list(unsure))] = (*UNSURE, 255)
    return drawn


def borders(labels: LabelArray) -> BoolArray:
    """Return the pixels of objects that touch another object or the background (4-connected)."""
    padded = np.pad(labels, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    differs = np.zeros(labels.shape, dtype=bool)
    for neighbour in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        differs |= neighbour != centre
    edge: BoolArray = differs & (centre > 0)
    return edge


def thicken(mask: BoolArray) -> BoolArray:
    """Return `mask` with the four neighbours of each of its pixels."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def jpeg_uri(pixels: AnyArray) -> str:
    """Return a ``(Y, X, 3)`` uint8 picture as a JPEG data URI."""
    from imagecodecs import jpeg8_encode

    return _uri("jpeg", jpeg8_encode(np.ascontiguousarray(pixels), level=82))


def png_uri(pixels: AnyArray) -> str:
    """Return a ``(Y, X, 3 or 4)`` uint8 picture as a PNG data URI."""
    from imagecodecs import png_encode

    return _uri("png", png_encode(np.ascontiguousarray(pixels), level=6))


def _view(image: Image, window: Window) -> tuple[AnyArray, int]:
    """Return the view of a window, and how many pixels of the image one of its pixels shows."""
    rows, columns = window.slices
    pixels = as_rgb(image.region(Y=rows, X=columns))
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    return shrink(pixels, step), step


def _framed(view: AnyArray, drawn: AnyArray) -> dict[str, Any]:
    """Return a view and what is drawn on it as a report holds them."""
    return {
        "view": jpeg_uri(view),
        "outlines": png_uri(drawn),
        "width": view.shape[1],
        "height": view.shape[0],
    }


def _uri(kind: str, encoded: bytes | bytearray) -> str:
    return f"data:image/{kind};base64,{b64encode(encoded).decode()}"


def _limits(plane: AnyArray) -> tuple[float, float]:
    low, high = np.percentile(plane, (0.5, 99.8))
    return float(low), float(high)


def _stretch(plane: AnyArray, low: float, high: float) -> AnyArray:
    stretched: AnyArray = np.clip((plane - low) / (high - low if high > low else 1.0), 0.0, 1.0)
    return stretched


def _bytes(pixels: AnyArray) -> AnyArray:
    return np.asarray(pixels * 255.0 + 0.5, dtype=np.float32).astype(np.uint8)


def _size(window: Window) -> tuple[int, int]:
    return window.height, window.width
