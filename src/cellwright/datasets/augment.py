"""Random variations of a training example: the settings, and one patch drawn with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from skimage.measure import label

from cellwright._errors import UsageError
from cellwright._types import AnyArray, BoolArray, DoubleArray, FloatArray, LabelArray
from cellwright.datasets.intensity import change_intensity
from cellwright.datasets.warp import Warp, smooth_bend
from cellwright.images.read import IGNORE

Size: TypeAlias = tuple[int, int, int]
_SLIVER = 4  # pixels
_SCALE_LIMITS = (1 / 8, 8.0)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may happen to a patch, and how strongly.

    Volumes are turned and bent in the plane only, as their planes are often farther apart than
    their pixels. Intensities are changed after normalisation, so 1 is about the brightest value.

    Parameters
    ----------
    flips : bool
        Mirror each axis half of the time.
    quarter_turns : bool
        Turn by 0°, 90°, 180° or 270°.
    free : float
        Fraction of patches that are also rotated, scaled and bent. The others keep the exact
        pixels and outlines of the source.
    rotation : float
        Largest free rotation in degrees.
    scale : tuple of float
        Smallest and largest magnification, drawn log-uniformly.
    diameter_range : tuple of float, optional
        Bounds in pixels on the diameter of an example's median object after magnification: what
        would fall outside is magnified (or reduced) just so far that it does not. Applies to
        every patch.
    elastic : float
        Largest root-mean-square displacement of the elastic deformation in pixels.
    elastic_spacing : float
        Distance between its independent displacements in pixels.
    foreground : float
        Fraction of patches placed over an object; the others lie anywhere.
    gain, channel_gain : float
        Standard deviation of the logarithm of the factor on all channels, and on each alone.
    offset : float
        Standard deviation of what is added.
    gamma : tuple of float
        Smallest and largest exponent, drawn log-uniformly.
    noise, shot_noise : float
        Largest standard deviation of camera noise, largest variance of photon noise at 1.
    blurred, blur : float
        Fraction of patches that are blurred, and the largest sigma in pixels.
    stain : float
        Standard deviation of the logarithm of each stain's density, in colour images.
    inversion, channel_drop : float
        Fraction of patches turned negative, and with one channel (of several) set to 0.
    empty : float
        Fraction of patches that are replaced by what an image without objects looks like once
        it is normalised: noise, stretched to full contrast, on a slow background.

    Raises
    ------
    UsageError
        If a fraction is not between 0 and 1, or a range or size cannot be.
    """

    flips: bool = True
    quarter_turns: bool = True
    free: float = 0.7
    rotation: float = 180.0
    scale: tuple[float, float] = (0.7, 1.4)
    diameter_range: tuple[float, float] | None = None
    elastic: float = 1.5
    elastic_spacing: float = 32.0
    foreground: float = 0.8
    gain: float = 0.15
    channel_gain: float = 0.1
    offset: float = 0.05
    gamma: tuple[float, float] = (0.75, 1.35)
    noise: float = 0.06
    shot_noise: float = 0.01
    blurred: float = 0.2
    blur: float = 1.2
    stain: float = 0.15
    inversion: float = 0.0
    channel_drop: float = 0.0
    empty: float = 0.0

    def __post_init__(self) -> None:
        for name in ("free", "foreground", "blurred", "inversion", "channel_drop", "empty"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"Augmentation: '{name}' is a fraction from 0 to 1.")
        for name in ("scale", "diameter_range", "gamma"):
            bounds = getattr(self, name)
            if bounds is not None and not 0 < bounds[0] <= bounds[1]:
                raise UsageError(
                    f"Augmentation: '{name}' is {bounds}; give a positive lower bound and an "
                    "upper one that is not smaller."
                )
        if self.elastic_spacing < 4:
            raise UsageError("Augmentation: 'elastic_spacing' must be at least 4 pixels.")


_STANDARD = Augmentation()
_NONE = Augmentation(
    flips=False,
    quarter_turns=False,
    free=0.0,
    gain=0.0,
    channel_gain=0.0,
    offset=0.0,
    gamma=(1.0, 1.0),
    noise=0.0,
    shot_noise=0.0,
    blurred=0.0,
    stain=0.0,
)
STRENGTHS: dict[str, Augmentation] = {
    "none": _NONE,
    "light": replace(_NONE, flips=True, quarter_turns=True, gain=0.1, noise=0.03),
    "standard": _STANDARD,
    "strong": replace(
        _STANDARD,
        free=0.85,
        scale=(0.5, 2.0),
        elastic=3.0,
        gain=0.3,
        channel_gain=0.2,
        offset=0.1,
        gamma=(0.5, 2.0),
        noise=0.15,
        shot_noise=0.03,
        blurred=0.35,
        blur=2.0,
        stain=0.3,
        channel_drop=0.05,
    ),
}
"""Ready-made settings from ``"none"`` (random crops only) to ``"strong"``."""


def augmentation(strength: str) -> Augmentation:
    """Return the ready-made settings of that name; `UsageError` lists the names."""
    if strength not in STRENGTHS:
        raise UsageError(
            f"There is no augmentation strength '{strength}'; choose from {', '.join(STRENGTHS)}."
        )
    return STRENGTHS[strength]


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


def _slivers(parts: LabelArray, labels: LabelArray) -> BoolArray:
    """Return which parts are tiny and cut off: at the border, or one of several of an object."""
    tiny: BoolArray = np.bincount(parts.ravel()) < _SLIVER
    tiny[0] = False
    if not tiny.any():
        return tiny
    owners = np.zeros(tiny.size, np.int64)
    owners[parts] = labels
    owners[0] = 0
    cut = np.bincount(owners)[owners] > 1
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
    corner = centre + np.concatenate([[depth_step * first[0]], matrix @ first[1:]])
    # A patch that is not resampled must fall on whole pixels, or it would be blurred for nothing.
    z, y, x = (float(value) for value in centre + np.round(corner) - corner)
    return Warp(size, (z, y, x), matrix, depth_step, bend)


def _draw_scale(
    settings: Augmentation, free: bool, diameter: float | None, rng: np.random.Generator
) -> float:
    """Return the magnification of the patch."""
    low, high = settings.scale
    position = rng.random()
    scale = low * (high / low) ** position if free else 1.0
    if settings.diameter_range is not None and diameter:
        scale = float(np.clip(scale * diameter, *settings.diameter_range)) / diameter
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
    centre = margin + shift * (sizes - 2 * margin)
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
