"""Bright spots and dark holes within objects, so that networks do not take them for objects."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from cellwright._types import BoolArray, FloatArray, LabelArray
from cellwright.datasets.paste import bright

_MOST = 12  # spots in one object
_SPOT = (0.03, 0.11)  # sigma, in diameters of the object
_HOLE = (0.06, 0.16)
_HOLES = 0.25  # fraction of patches that get holes and not spots
_SPOT_LIGHT = (0.5, 8.0)  # of the light of the object itself
_HOLE_LIGHT = (0.3, 0.9)
_FLATTEST = 2.5  # how far above its top a spot is cut off
_EDGE = 2.0  # px within the outline over which spots fade
_SMALLEST = 30  # px; in smaller objects there is no room
_TOP = 99.8  # percentile that an exposure is made for


def add_foci(pixels: FloatArray, labels: LabelArray, rng: np.random.Generator) -> FloatArray:
    """Put bright spots, or dark holes, into some of the objects of a patch.

    Nuclei of mice show chromocentres, others nucleoli, speckles, foci of repair or labelled loci;
    where few annotated images have any, networks take each spot for an object. The brighter the
    spots are, the darker all else is shown: exposure and display follow what is brightest.

    Parameters
    ----------
    pixels : ndarray, shape (C, Z, Y, X), float32
        Normalised intensities, dark where nothing is.
    labels : ndarray, shape (Z, Y, X), int32
        0 background, 1..N objects, -1 ignored.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, float32
        New where anything was added; the patch itself where objects are not brighter than what is
        around them.
    """
    if not bright(pixels, labels):
        return pixels
    background = np.median(pixels[:, labels == 0], axis=1)
    holes = rng.random() < _HOLES
    share = rng.uniform(0.2, 1.0)
    changed = pixels.copy()
    for number, region in enumerate(find_objects(np.maximum(labels, 0)), 1):
        if region is None or rng.random() >= share:
            continue
        inside = labels[region] == number
        if np.count_nonzero(inside) < _SMALLEST:
            continue
        light = changed[:, *region]
        colour = light[:, inside].mean(1) - background
        pattern = _holes(inside, rng) if holes else _spots(inside, rng)
        light += colour[:, None, None, None] * pattern
    return changed if holes else _exposed(changed, pixels, rng)


def _spots(inside: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Return the light of spots in an object, in multiples of its own."""
    strength = np.exp(rng.uniform(*np.log(_SPOT_LIGHT)))
    return np.asarray(strength * _pattern(inside, _SPOT, rng), np.float32)


def _holes(inside: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Return what holes take away from the light of an object, as shares of it below 0."""
    depth = rng.uniform(*_HOLE_LIGHT)
    return np.asarray(-depth * _pattern(inside, _HOLE, rng), np.float32)


def _pattern(inside: BoolArray, sizes: tuple[float, float], rng: np.random.Generator) -> FloatArray:
    """Return round spots of up to 1 at random places within the mask, 0 outside of it."""
    places = np.argwhere(inside).astype(np.float32)
    diameter = 2 * np.sqrt(inside.any(0).sum() / np.pi)
    count = round(np.exp(rng.uniform(0, np.log(_MOST))))
    pattern = np.zeros(len(places), np.float32)
    for centre in places[rng.integers(len(places), size=count)]:
        sigma = diameter * rng.uniform(*sizes)
        squared = ((places - centre) ** 2).sum(1)
        top = rng.uniform(1, _FLATTEST)
        spot = np.minimum(1, top * np.exp(-squared / (2 * sigma**2))) * rng.uniform(0.4, 1)
        np.maximum(pattern, spot, out=pattern)
    # Padded, or an object that the patch cuts would have its edge there.
    depth = distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
    result = np.zeros(inside.shape, np.float32)
    result[inside] = pattern * np.minimum(depth[inside] / _EDGE, 1)
    return result


def _exposed(changed: FloatArray, before: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the patch less exposed, at most by as much as its brightest parts have gained."""
    gained = float(np.percentile(changed, _TOP)) / max(float(np.percentile(before, _TOP)), 1e-3)
    return changed * np.float32(max(gained, 1.0) ** -rng.uniform())
