"""What lies over an image in a picture, and the image itself as people see it."""

import math
from collections.abc import Mapping

import numpy as np

from cellwright._types import AnyArray, BoolArray, LabelArray
from cellwright.images.image import Image

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
# Of classes, in turn.
CLASS_COLOURS = (
    SURE,
    UNSURE,
    TRUTH,
    (225, 110, 255),
    (90, 230, 120),
    (255, 95, 85),
    (120, 140, 255),
)


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


def outlines(labels: LabelArray, colours: Mapping[int, tuple[int, int, int]]) -> AnyArray:
    """Return a transparent ``(Y, X, 4)`` picture with an outline inside of every object.

    It is two pixels wide, so that it still shows where a browser makes the picture smaller.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
    colours : mapping of int to tuple
        Colours of single objects; of all others `SURE`.
    """
    edge = thicken(borders(labels)) & (labels > 0)
    drawn = np.zeros((*labels.shape, 4), dtype=np.uint8)
    drawn[edge] = (*SURE, 255)
    for colour in dict.fromkeys(colours.values()):
        own = [label for label, one in colours.items() if one == colour]
        drawn[edge & np.isin(labels, own)] = (*colour, 255)
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


def draw_marks(positions: AnyArray, shape: tuple[int, ...], radius: float) -> LabelArray:
    """Return numbered discs, or balls, around points; their borders are rings.

    Parameters
    ----------
    positions : ndarray, shape (N, D)
        ([z,] y, x) in px.
    shape : tuple of int
        ([Z,] Y, X).
    radius : float
        In px; at least 2, so that a ring has a middle.

    Returns
    -------
    ndarray, shape `shape`, int32
    """
    radius = max(radius, 2.0)
    drawn = np.zeros(shape, np.int32)
    offsets = np.indices((2 * math.ceil(radius) + 1,) * len(shape)) - math.ceil(radius)
    disc = offsets[:, (offsets**2).sum(0) <= radius**2].T
    for number, centre in enumerate(np.rint(np.asarray(positions)).astype(int), 1):
        pixels = centre + disc
        inside = ((pixels >= 0) & (pixels < np.array(shape))).all(1)
        drawn[tuple(pixels[inside].T)] = number
    return drawn


def _limits(plane: AnyArray) -> tuple[float, float]:
    low, high = np.percentile(plane, (0.5, 99.8))
    return float(low), float(high)


def _stretch(plane: AnyArray, low: float, high: float) -> AnyArray:
    stretched: AnyArray = np.clip((plane - low) / (high - low if high > low else 1.0), 0.0, 1.0)
    return stretched


def _bytes(pixels: AnyArray) -> AnyArray:
    return np.asarray(pixels * 255.0 + 0.5, dtype=np.float32).astype(np.uint8)
