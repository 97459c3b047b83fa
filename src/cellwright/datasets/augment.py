"""Drawing one random patch of a training example."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from skimage.measure import label

from cellwright._errors import UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, FloatArray, LabelArray
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.intensity import change_intensity
from cellwright.datasets.warp import Warp, smooth_bend
from cellwright.images.layers import agreed
from cellwright.images.read import IGNORE

Size: TypeAlias = tuple[int, int, int]
_SLIVER = 4  # pixels
_SCALE_LIMITS = (1 / 8, 8.0)


def augment(
    pixels: FloatArray,
    labels: LabelArray,
    patch_shape: tuple[int, ...],
    settings: Augmentation,
    rng: np.random.Generator,
    *,
    points: AnyArray | None = None,
    diameter: float | None = None,
    rgb: bool = False,
) -> tuple[FloatArray, LabelArray]:
    """Draw one random patch of an example.

    Parameters
    ----------
    pixels : ndarray, shape (C, [Z,] Y, X), float32
        Normalised intensities of the whole image.
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects, -1 ignored.
    patch_shape : tuple of int
        Size ([Z,] Y, X) of the patch. Where it exceeds the image, the image is mirrored.
    settings : Augmentation
        What may happen.
    rng : numpy.random.Generator
        Source of chance; the same state gives the same patch.
    points : ndarray, shape (N, 3), optional
        Positions (z, y, x) in pixels near which patches are preferably placed, such as one in
        each object; z is 0 in flat images.
    diameter : float, optional
        Median diameter of the objects in pixels, for `settings.diameter_range`.
    rgb : bool
        Whether the channels are red, green and blue.

    Returns
    -------
    pixels : ndarray, shape (C, *patch_shape), float32
    labels : ndarray, shape patch_shape, int32
        The nearest labels, still those of the source: an object that the patch's border cuts in
        two keeps one label until `separate_parts` gives each part its own.
    """
    flat = labels.ndim == 2
    volume, volume_labels = (pixels[:, None], labels[None]) if flat else (pixels, labels)
    warp = draw_warp(
        _size(volume_labels.shape), patch_shape, settings, rng, points=points, diameter=diameter
    )
    patch, patch_labels = warp.apply(volume, volume_labels)
    patch = change_intensity(patch, settings, rng, rgb)
    return (patch[:, 0], patch_labels[0]) if flat else (patch, patch_labels)


def separate_parts(labels: LabelArray) -> LabelArray:
    """Give every connected part of every object a label of its own.

    Pixels are connected along faces, edges and corners. Cropping can cut an object into parts
    that belong together only outside of the patch; a network that sees the patch cannot know,
    so each part becomes an object. Slivers of fewer than 4 pixels that the cut or the resampling
    left tell nothing about the object and are ignored.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects, -1 ignored.

    Returns
    -------
    ndarray, int32, the shape of `labels`
        0 background, 1..N parts, -1 ignored. Labels of slivers are left out, so there may be gaps.
    """
    ignored = labels == IGNORE
    parts: LabelArray = label(
        np.where(ignored, 0, labels), background=0, connectivity=labels.ndim
    ).astype(np.int32)
    slivers = _slivers(parts, labels)
    parts[ignored | slivers[parts]] = IGNORE
    return parts


def separate_layers(layers: LabelArray) -> LabelArray:
    """Give every connected part of every object in layers (L, [Z,] Y, X) a label of its own.

    As `separate_parts`; labels are unique over all layers.
    """
    parts = np.stack([separate_parts(layer) for layer in layers])
    highest = 0
    for layer in parts:
        layer[layer > 0] += highest
        highest = max(highest, int(layer.max(initial=0)))
    return agreed(parts)


def _slivers(parts: LabelArray, labels: LabelArray) -> BoolArray:
    """Return which parts are tiny and cut off: at the border, or one of several of an object."""
    tiny: BoolArray = np.bincount(parts.ravel()) < _SLIVER
    tiny[0] = False
    if not tiny.any():
        return tiny
    owners = np.zeros(tiny.size, np.int64)
    owners[parts] = labels
    owners[0] = 0
    _, of, counts = np.unique(owners, return_inverse=True, return_counts=True)
    cut: BoolArray = counts[of] > 1
    for axis in range(parts.ndim):
        for side in (0, -1):
            cut[parts.take(side, axis)] = True
    return tiny & cut


def draw_warp(
    source: Size,
    patch_shape: tuple[int, ...],
    settings: Augmentation,
    rng: np.random.Generator,
    *,
    points: AnyArray | None = None,
    diameter: float | None = None,
) -> Warp:
    """Draw where a patch comes from; `source` is (Z, Y, X), the rest as in `augment`."""
    size: Size = _size((1, *patch_shape) if len(patch_shape) == 2 else patch_shape)
    free = rng.random() < settings.free
    step = 1 / _draw_scale(settings, free, diameter, rng)
    mirrored = np.where(rng.random(3) < 0.5, -1.0, 1.0) if settings.flips else np.ones(3)
    turns = int(rng.integers(4)) if settings.quarter_turns else 0
    angle = np.deg2rad(rng.uniform(-settings.rotation, settings.rotation))
    strength = rng.uniform(0, settings.elastic)
    matrix = step * _turn(turns) @ np.diag(mirrored[1:])
    bend = np.empty((2, 0, 0), np.float32)
    if free:
        matrix = _rotation(angle) @ matrix
        if strength > 0:
            bend = smooth_bend(size[1:], settings.elastic_spacing, strength, rng)
    depth_step = float(mirrored[0]) * (step if source[0] > 1 else 1.0)
    covered = np.array(size) * (abs(depth_step), step, step)
    if turns % 2:
        covered = covered[[0, 2, 1]]
    centre = _draw_centre(source, covered, settings.foreground, points, rng)
    first = -(np.array(size) - 1) / 2
    to_corner = np.concatenate([[depth_step * first[0]], matrix @ first[1:]])
    # A patch that is not resampled must fall on whole pixels, or it would be blurred for nothing.
    z, y, x = (float(value) for value in np.round(centre + to_corner) - to_corner)
    return Warp(size, (z, y, x), matrix, depth_step, bend)


def _draw_scale(
    settings: Augmentation, free: bool, diameter: float | None, rng: np.random.Generator
) -> float:
    """Return the magnification of the patch."""
    low, high = settings.scale
    position = rng.random()
    chance = low * (high / low) ** position if free else 1.0
    scale = chance * settings.magnification
    if settings.diameter_range is not None and diameter:
        least, greatest = settings.diameter_range
        seen = diameter * settings.magnification
        if settings.reference_diameter is not None and not least <= seen <= greatest:
            seen = settings.reference_diameter
        scale = float(np.clip(chance * seen, least, greatest)) / diameter
    return float(np.clip(scale, *_SCALE_LIMITS))


def _draw_centre(
    source: Size,
    covered: DoubleArray,
    foreground: float,
    points: AnyArray | None,
    rng: np.random.Generator,
) -> DoubleArray:
    """Return the middle of a patch that covers `covered` pixels, inside of the image if it can."""
    near_object, chosen, shift = rng.random(), rng.random(), rng.random(3)
    sizes = np.array(source, np.float64)
    margin = np.minimum(covered, sizes) / 2
    # Half a pixel more on either side, so that rounding makes every whole position equally likely.
    centre = margin - 0.5 + shift * (sizes - 2 * margin + 1)
    if points is not None and len(points) and near_object < foreground:
        point = points[int(chosen * len(points))] + 0.5
        centre = np.clip(point + (shift - 0.5) * covered / 2, margin, sizes - margin)
    return np.asarray(centre - 0.5)


def _turn(quarters: int) -> DoubleArray:
    """Return the exact matrix of that many quarter turns."""
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    turn: DoubleArray = np.linalg.matrix_power(quarter, quarters)
    return turn


def _rotation(angle: float) -> DoubleArray:
    """Return the matrix of a rotation by `angle` in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix: DoubleArray = np.array([[cosine, -sine], [sine, cosine]])
    return matrix


def _size(shape: tuple[int, ...]) -> Size:
    """Return a shape of three axes, or say that it has not."""
    if len(shape) != 3:
        raise UsageError(f"Patches have 2 or 3 axes ([Z,] Y, X), not the shape {shape}.")
    return shape[0], shape[1], shape[2]
